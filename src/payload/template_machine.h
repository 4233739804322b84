/*
 * Runs the program of a template.
 */
#ifndef PAYLOAD_TEMPLATE_MACHINE_H
#define PAYLOAD_TEMPLATE_MACHINE_H

#include "base/error.h"
#include "base/secret.h"
#include "engine/engine.h"
#include "payload/payload.h"
#include "payload/template_program.h"

#include <stdbool.h>
#include <stddef.h>

/* What the fields mean; borrowed.  Host, database and username are given. */
struct template_values {
    const struct credentials *credentials;
    const struct engine_driver *driver;
    const char *engine;
};

/* Appends the output to an erasing buffer; INVALID (it then holds a part) when a value is not
 * text, when the output is larger than the limit, or when its functions make much more. */
bool template_machine_run(const struct secret_template *program,
                          const struct template_values *values, size_t limit_bytes,
                          struct strbuf *output, struct error *err) must_check;

#endif
