/*
 * Allow-lists of options: NAMESPACE=PATTERN,NAMESPACE=PATTERN,... where '*' stands for any
 * characters on both sides.  An ARN needs a pattern that begins with "arn:", or '*' alone.
 * Immutable after parsing.
 */
#ifndef CONTROLLER_ALLOW_LIST_H
#define CONTROLLER_ALLOW_LIST_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct allow_entry;

/* {0} allows everything. */
struct allow_list {
    struct allow_entry *entries;
    size_t count;
};

/* NULL and "" = no list.  INVALID names the entry that is no NAMESPACE=PATTERN. */
bool allow_list_parse(const char *text, struct allow_list *ret_list, struct error *err) must_check;
void allow_list_release(struct allow_list *list);

/* True when there is no list, or an entry for the namespace whose pattern fits. */
bool allow_list_allows(const struct allow_list *list, const char *namespace_name, const char *value)
    must_check;

#endif
