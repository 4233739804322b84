/*
 * The settings of the process, which AWS knows as environment variables.  A seam, so that nothing
 * here calls getenv() itself.
 */
#ifndef AWS_SETTINGS_H
#define AWS_SETTINGS_H

#include "base/error.h"

#include <stdbool.h>

/* Reads a setting by name; NULL or "" = not set. */
typedef const char *(*aws_setting_fn)(void *context, const char *name);

/* Borrowed; constant for the life of the process. */
struct aws_settings {
    aws_setting_fn read;
    void *context;
};

/* NULL when it is not set or empty; borrowed. */
const char *aws_setting(const struct aws_settings *settings, const char *name);
/* The first of the two that is set. */
const char *aws_setting_either(const struct aws_settings *settings, const char *name,
                               const char *second_name);

/* Texts of settings and of profiles; `where` names the variable or the place in messages.  NULL
 * leaves the value alone. */
bool aws_setting_parse_switch(const char *where, const char *text, bool *ret_value,
                              struct error *err) must_check;
bool aws_setting_parse_number(const char *where, const char *text, unsigned least, unsigned most,
                              unsigned *ret_value, struct error *err) must_check;

#endif
