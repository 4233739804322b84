/*
 * Finding the password in what a template made, by running the template with two made-up passwords
 * and comparing (see template.h).
 */
#ifndef PAYLOAD_TEMPLATE_READING_H
#define PAYLOAD_TEMPLATE_READING_H

#include "base/document.h"
#include "base/error.h"
#include "base/secret.h"
#include "payload/template_machine.h"

#include <stdbool.h>
#include <stddef.h>

/* The documents that a template makes of two made-up passwords.  {0} is empty. */
struct template_probes {
    json_t *first, *second;
};

void template_probes_release(struct template_probes *probes);
#define auto_template_probes run_at_scope_end(template_probes_release)

/* Runs the program twice; the password in `values` is not used.  INVALID when it makes no JSON
 * object, or none in which a string holds the password so that it can be read. */
bool template_probes_run(const struct secret_template *program,
                         const struct template_values *values, struct template_probes *ret_probes,
                         struct error *err) must_check;

/* What a document of that template holds as the password; *ret_agrees is false when two strings
 * say different things.  False when no string could be read; the outputs are untouched then. */
bool template_probes_find(const struct template_probes *probes, const json_t *stored,
                          struct secret *ret_password, bool *ret_agrees) must_check;

/* The output of a template as a JSON object; INVALID when it is none. */
bool template_output_parse(const struct strbuf *output, json_t **ret_object, struct error *err)
    must_check;

#endif
