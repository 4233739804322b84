/*
 * What a secret that is there should be changed to: its tags and its content.  The password in it
 * is never changed, and what people added is kept.  Pure.
 */
#ifndef CONTROLLER_SECRET_CHANGES_H
#define CONTROLLER_SECRET_CHANGES_H

#include "base/document.h"
#include "base/secret.h"

#include <stdbool.h>

struct credentials;
struct plan_input;

/* The tags to set (object) and the keys to remove (array) so that the secret carries what the
 * spec says; either may be empty.  Foreign tags are left alone. */
void secret_changes_of_tags(const struct plan_input *input, json_t **ret_set, json_t **ret_remove);

/* True when the stored value is what it should be: the documented keys with the target's names, the
 * server's address and the stored password. */
bool secret_changes_is_current(const struct plan_input *input) must_check;
/* What a secret with these stored credentials should be, with the keys that somebody added. */
void secret_changes_render(const struct plan_input *input, const struct credentials *stored,
                           struct secret *ret_value);

#endif
