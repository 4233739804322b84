/*
 * Which credentials a stored secret holds, by whatever is there: the current value, which may be
 * documented, made by a template or written by a person, and the canonical JSON beside it.  Pure;
 * a proof of login decides whether the password is right.
 */
#ifndef CONTROLLER_SECRET_READING_H
#define CONTROLLER_SECRET_READING_H

#include "base/document.h"
#include "base/error.h"
#include "base/secret.h"
#include "controller/ownership.h"
#include "payload/payload.h"
#include "payload/template.h"

#include <stdbool.h>

struct secret_reading {
    const struct secret *value;            /* the current one */
    const json_t *canonical;               /* NULL = none */
    const struct secret_template *program; /* of the spec; NULL = none */
    const struct credentials *target;      /* host, port, database and user of the spec */
    const struct engine_driver *driver;
    const char *engine;       /* the word of the spec */
    enum ownership ownership; /* of the secret */
};

/*
 * The first that applies:
 *   1. the canonical JSON, when it describes the current value;
 *   2. the documented format, when it is complete;
 *   3. what stands where the template puts the password, with the names of the canonical JSON;
 *   4. any documented or old format that holds a password.
 * The template is somebody's who may not own the secret: of one that carries the predecessor's mark
 * only it reads last (4 before 3, so that names count), of an unmarked one it reads nothing, nor
 * does a canonical JSON.  INVALID otherwise: says what is wrong and how to get out, never quotes
 * the value.
 */
bool secret_reading_run(const struct secret_reading *reading, struct credentials *ret_credentials,
                        struct error *err) must_check;

#endif
