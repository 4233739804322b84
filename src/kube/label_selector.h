/*
 * Label selectors in the words of kubectl: "shard=2,tier in (a,b),!paused".  The API server filters
 * lists and watches by the text; a single object that was read is compared here.
 *
 * Known are =, ==, !=, in, notin, KEY and !KEY; what asks for another value (!=, notin) is also met
 * by an object without the label.  Immutable after parsing, so thread-safe.
 */
#ifndef KUBE_LABEL_SELECTOR_H
#define KUBE_LABEL_SELECTOR_H

#include "base/error.h"

#include <jansson.h>

#include <stdbool.h>

struct label_selector;

/* INVALID says what is wrong with the text. */
bool label_selector_parse(const char *text, struct label_selector **ret_selector, struct error *err)
    must_check;
void label_selector_free(struct label_selector *selector);

/* The text that it was parsed from. */
const char *label_selector_text(const struct label_selector *selector);
/* True when the object's labels meet every requirement. */
bool label_selector_matches(const struct label_selector *selector, const json_t *object);

#endif
