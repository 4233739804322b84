/*
 * What a template computes with, and its functions: a table of names, counts of arguments and
 * kinds of results.
 */
#ifndef PAYLOAD_TEMPLATE_FUNCTIONS_H
#define PAYLOAD_TEMPLATE_FUNCTIONS_H

#include "base/strbuf.h"

#include <stdint.h>

enum template_kind {
    TEMPLATE_TEXT,
    TEMPLATE_NUMBER,
    TEMPLATE_JSON, /* text that is one JSON value */
};

/* {0} is the empty text. */
struct template_value {
    enum template_kind kind;
    int64_t number;    /* of a number */
    const char *bytes; /* of the others: borrowed, or the content of `own`; NULL if empty */
    size_t length;
    struct strbuf own; /* erasing */
};

void template_value_release(struct template_value *value);
#define auto_template_value run_at_scope_end(template_value_release)
/* As it is printed. */
void template_value_append(const struct template_value *value, struct strbuf *buf);

enum { TEMPLATE_ARGUMENTS_LIMIT = 2 };

struct template_function {
    const char *name;
    size_t argument_count;
    /* The kind of the result for arguments of these kinds; TEMPLATE_TEXT when that depends on
     * their values. */
    enum template_kind (*kind_of_result)(const enum template_kind *arguments);
    /* May take the content of the arguments, which are released afterwards. */
    void (*call)(struct template_value *arguments, struct template_value *ret_value);
};

/* NULL when there is none of this name. */
const struct template_function *template_function_find(const char *name, size_t length);
/* The names of all, for messages. */
#define TEMPLATE_FUNCTION_NAMES "json, urlquery, urlpart and default"

/* application/x-www-form-urlencoded. */
void template_append_form(struct strbuf *buf, const char *bytes, size_t length);

#endif
