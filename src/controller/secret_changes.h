/*
 * What a secret that is there should be changed to: its tags and its content.  The password in it
 * is never changed.  What people added is kept in the documented format; the output of a template
 * replaces everything.  Pure.
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

/* What a secret with these stored credentials should be in the documented format, with the keys
 * that somebody added. */
void secret_changes_render(const struct plan_input *input, const struct credentials *stored,
                           struct secret *ret_value);
/* What spec.secretTemplate makes of them, keys that somebody added not included; empty without a
 * template.  INVALID when it cannot be rendered with these names. */
bool secret_changes_render_template(const struct plan_input *input,
                                    const struct credentials *stored, struct secret *ret_value,
                                    struct error *err) must_check;

/* The versions to write, the canonical one first; an empty one is not to be written. */
struct secret_rewrite {
    struct secret canonical; /* under SECRETS_MANAGER_LABEL_CANONICAL */
    struct secret value;     /* becomes current */
};

void secret_rewrite_release(struct secret_rewrite *rewrite);
#define auto_secret_rewrite run_at_scope_end(secret_rewrite_release)

/* From the facts: with a template its output and the canonical JSON beside it, otherwise the
 * documented JSON.  INVALID as above. */
bool secret_changes_plan(const struct plan_input *input, struct secret_rewrite *ret_rewrite,
                         struct error *err) must_check;
/* The same for other credentials than those that are stored, of which nothing stays. */
bool secret_changes_plan_reset(const struct plan_input *input,
                               const struct credentials *credentials,
                               struct secret_rewrite *ret_rewrite, struct error *err) must_check;
/* True when nothing is to be written. */
bool secret_changes_is_current(const struct plan_input *input) must_check;

#endif
