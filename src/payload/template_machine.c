#include "payload/template_machine.h"

#include "payload/template_literal.h"

#include <assert.h>
#include <string.h>

/* All results of functions together may be so many times larger than the output: a chain of calls
 * must not cost more than it is worth. */
enum { WORK_FACTOR = 4 };

struct machine {
    const struct secret_template *program;
    const struct template_values *values;
    size_t limit_bytes;
    size_t work_bytes; /* what functions have made so far */
    struct strbuf *output;
    struct template_value stack[TEMPLATE_STACK_LIMIT];
    size_t depth;
};

static void machine_release(struct machine *machine)
{
    while (machine->depth > 0)
        template_value_release(&machine->stack[--machine->depth]);
}

#define auto_machine run_at_scope_end(machine_release)

static bool fail_too_large(const struct machine *machine, struct error *err)
{
    return error_set(err, ERROR_INVALID, NULL, "it makes more than %zu bytes",
                     machine->limit_bytes);
}

/* Counts what was made on the way to the output. */
static bool charge(struct machine *machine, size_t length, struct error *err)
{
    machine->work_bytes += length;
    if (length > machine->limit_bytes)
        return fail_too_large(machine, err);
    if (machine->work_bytes / WORK_FACTOR > machine->limit_bytes)
        return error_set(err, ERROR_INVALID, NULL, "its functions make more than %zu bytes",
                         WORK_FACTOR * machine->limit_bytes);
    return true;
}

/* Pushes a value whose content is borrowed. */
static struct template_value *push(struct machine *machine, const char *bytes, size_t length)
{
    struct template_value *value = &machine->stack[machine->depth];

    assert(machine->depth < TEMPLATE_STACK_LIMIT);
    machine->depth++;
    *value = (struct template_value){.kind = TEMPLATE_TEXT, .bytes = bytes, .length = length};
    return value;
}

static void push_number(struct machine *machine, int64_t number)
{
    struct template_value *value = push(machine, NULL, 0);

    value->kind = TEMPLATE_NUMBER;
    value->number = number;
}

static bool push_text(struct machine *machine, const char *name, const char *bytes, size_t length,
                      struct error *err)
{
    if (!template_is_text(bytes, length))
        return error_set(err, ERROR_INVALID, NULL, "the value of %s is not UTF-8 text", name);
    push(machine, bytes, length);
    return true;
}

static bool push_url(struct machine *machine, struct error *err)
{
    const struct template_values *values = machine->values;
    auto_strbuf struct strbuf url = STRBUF_ERASING;

    payload_append_url(&url, values->credentials, values->driver);
    if (!push_text(machine, ".DatabaseURL", strbuf_text(&url), url.length, err))
        return false;
    machine->stack[machine->depth - 1].own = url; /* the same bytes, now owned */
    url = STRBUF_ERASING;
    return charge(machine, machine->stack[machine->depth - 1].length, err);
}

static bool push_field(struct machine *machine, enum template_field field, struct error *err)
{
    const struct credentials *credentials = machine->values->credentials;
    const char *engine = machine->values->engine;

    switch (field) {
    case TEMPLATE_DB_HOST:
        return push_text(machine, ".DBHost", credentials->host, strlen(credentials->host), err);
    case TEMPLATE_DB_PORT:
        push_number(machine, credentials->port);
        return true;
    case TEMPLATE_DB_NAME:
        return push_text(machine, ".DBName", credentials->database, strlen(credentials->database),
                         err);
    case TEMPLATE_DB_USERNAME:
        return push_text(machine, ".DBUsername", credentials->username,
                         strlen(credentials->username), err);
    case TEMPLATE_DB_PASSWORD:
        return push_text(machine, ".DBPassword", secret_reveal(&credentials->password),
                         credentials->password.length, err);
    case TEMPLATE_DATABASE_URL:
        return push_url(machine, err);
    case TEMPLATE_ENGINE:
        break;
    }
    return push_text(machine, ".Engine", engine, strlen(engine), err);
}

/* Moves the lowest of `count` values to the top: arguments are in order then. */
static void rotate(struct template_value *values, size_t count)
{
    struct template_value lowest = values[0];

    memmove(values, values + 1, (count - 1) * sizeof *values);
    values[count - 1] = lowest;
}

static bool call(struct machine *machine, const struct template_function *function, bool is_piped,
                 struct error *err)
{
    struct template_value *arguments, result = {0};

    assert(machine->depth >= function->argument_count);
    arguments = &machine->stack[machine->depth - function->argument_count];
    if (is_piped)
        rotate(arguments, function->argument_count);
    function->call(arguments, &result);
    for (size_t i = 0; i < function->argument_count; i++)
        template_value_release(&machine->stack[--machine->depth]);
    machine->stack[machine->depth++] = result;
    return charge(machine, result.length, err);
}

static void print(struct machine *machine, bool is_escaped)
{
    auto_template_value struct template_value value = {0};
    auto_strbuf struct strbuf text = STRBUF_ERASING;

    assert(machine->depth > 0);
    value = machine->stack[--machine->depth];
    template_value_append(&value, &text);
    if (is_escaped)
        strbuf_append_json_escaped(machine->output, strbuf_text(&text), text.length);
    else
        strbuf_append(machine->output, strbuf_text(&text), text.length);
}

static bool step(struct machine *machine, const struct template_instruction *instruction,
                 struct error *err)
{
    const char *constants = strbuf_text(&machine->program->constants);

    switch (instruction->operation) {
    case TEMPLATE_OUTPUT_CONSTANT:
        strbuf_append(machine->output, constants + instruction->constant.offset,
                      instruction->constant.length);
        break;
    case TEMPLATE_PUSH_FIELD:
        return push_field(machine, instruction->field, err);
    case TEMPLATE_PUSH_CONSTANT:
        push(machine, constants + instruction->constant.offset, instruction->constant.length);
        break;
    case TEMPLATE_PUSH_NUMBER:
        push_number(machine, instruction->number);
        break;
    case TEMPLATE_CALL:
        return call(machine, instruction->function, false, err);
    case TEMPLATE_CALL_PIPED:
        return call(machine, instruction->function, true, err);
    case TEMPLATE_PRINT:
        print(machine, false);
        break;
    case TEMPLATE_PRINT_ESCAPED:
        print(machine, true);
        break;
    }
    return machine->output->length <= machine->limit_bytes || fail_too_large(machine, err);
}

bool template_machine_run(const struct secret_template *program,
                          const struct template_values *values, size_t limit_bytes,
                          struct strbuf *output, struct error *err)
{
    auto_machine struct machine machine = {
        .program = program,
        .values = values,
        .limit_bytes = limit_bytes,
        .output = output,
    };

    for (size_t i = 0; i < program->count; i++) {
        if (!step(&machine, &program->instructions[i], err))
            return false;
    }
    assert(machine.depth == 0);
    return true;
}
