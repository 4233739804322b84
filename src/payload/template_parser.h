/*
 * From the source of a template to its program.
 */
#ifndef PAYLOAD_TEMPLATE_PARSER_H
#define PAYLOAD_TEMPLATE_PARSER_H

#include "base/error.h"
#include "payload/template_program.h"

#include <stdbool.h>
#include <stddef.h>

/* Fills an empty program; INVALID with line:column of what is not of the language, and then the
 * program holds a part.  The text must be UTF-8 without NUL. */
bool template_parser_run(const char *text, size_t length, struct secret_template *program,
                         struct error *err) must_check;

#endif
