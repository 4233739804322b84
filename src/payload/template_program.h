/*
 * A compiled template: instructions of a machine with a small stack of values.
 */
#ifndef PAYLOAD_TEMPLATE_PROGRAM_H
#define PAYLOAD_TEMPLATE_PROGRAM_H

#include "base/strbuf.h"
#include "payload/template_functions.h"

#include <stddef.h>
#include <stdint.h>

enum template_field {
    TEMPLATE_DB_HOST,
    TEMPLATE_DB_PORT,
    TEMPLATE_DB_NAME,
    TEMPLATE_DB_USERNAME,
    TEMPLATE_DB_PASSWORD,
    TEMPLATE_DATABASE_URL,
    TEMPLATE_ENGINE,
};

enum template_operation {
    TEMPLATE_OUTPUT_CONSTANT, /* appends text of the template to the output */
    TEMPLATE_PUSH_FIELD,
    TEMPLATE_PUSH_CONSTANT,
    TEMPLATE_PUSH_NUMBER,
    TEMPLATE_CALL,          /* the arguments, last on top, become the result */
    TEMPLATE_CALL_PIPED,    /* likewise, but the last argument is below the others */
    TEMPLATE_PRINT,         /* pops a value to the output */
    TEMPLATE_PRINT_ESCAPED, /* likewise, as a part of a JSON string */
};

struct template_instruction {
    enum template_operation operation;
    union {
        enum template_field field;
        int64_t number;
        const struct template_function *function;
        struct {
            size_t offset, length;
        } constant; /* in `constants` */
    };
};

enum {
    TEMPLATE_NESTING_LIMIT = 16, /* parentheses in parentheses */
    /* At most one argument waits in each pair of parentheses, then come those of the innermost. */
    TEMPLATE_STACK_LIMIT = TEMPLATE_NESTING_LIMIT + TEMPLATE_ARGUMENTS_LIMIT,
};

struct secret_template {
    struct strbuf constants;
    struct template_instruction *instructions;
    size_t count, capacity;
};

#endif
