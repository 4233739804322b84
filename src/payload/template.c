#include "payload/template.h"

#include "base/memory.h"
#include "payload/template_literal.h"
#include "payload/template_machine.h"
#include "payload/template_parser.h"
#include "payload/template_reading.h"

/* Runs it on made-up values, so that what would never work is refused with the spec. */
static bool try_program(const struct secret_template *program, struct error *err)
{
    auto_template_probes struct template_probes probes = {0};
    char host[] = "db.example.com", database[] = "database", username[] = "username";
    const struct credentials credentials = {
        .host = host, .port = 5432, .database = database, .username = username};
    const struct template_values values = {&credentials, &engine_postgres, "postgres"};

    return template_probes_run(program, &values, &probes, err);
}

bool template_parse(const char *text, size_t length, struct secret_template **ret_template,
                    struct error *err)
{
    auto_template struct secret_template *program = mem_alloc(sizeof *program);

    if (length > TEMPLATE_SIZE_LIMIT)
        return error_set(err, ERROR_INVALID, NULL, "it is longer than %d bytes",
                         TEMPLATE_SIZE_LIMIT);
    if (!template_is_text(text, length))
        return error_set(err, ERROR_INVALID, NULL, "it is not UTF-8 text");
    if (!template_parser_run(text, length, program, err) || !try_program(program, err))
        return false;
    *ret_template = take(program);
    return true;
}

void template_free(struct secret_template *program)
{
    if (program == NULL)
        return;
    strbuf_release(&program->constants);
    free(program->instructions);
    free(program);
}

bool template_render(const struct secret_template *program, const struct credentials *credentials,
                     const struct engine_driver *driver, const char *engine,
                     struct secret *ret_value, struct error *err)
{
    const struct template_values values = {credentials, driver, engine};
    auto_strbuf struct strbuf output = STRBUF_ERASING;
    auto_template_probes struct template_probes probes = {0};
    auto_secret struct secret read = {0};
    auto_json json_t *object = NULL;
    bool agrees = false;

    if (secret_is_empty(&credentials->password))
        return error_set(err, ERROR_INVALID, NULL, "there is no password to put in");
    if (!template_machine_run(program, &values, TEMPLATE_OUTPUT_LIMIT, &output, err) ||
        !template_output_parse(&output, &object, err) ||
        !template_probes_run(program, &values, &probes, err))
        return false;
    if (!template_probes_find(&probes, object, &read, &agrees) || !agrees ||
        !secret_equals(&read, &credentials->password))
        return error_set(err, ERROR_INVALID, NULL,
                         "the password could not be read back from what it makes");
    secret_take_strbuf(ret_value, &output);
    return true;
}

bool template_find_password(const struct secret_template *program, const struct secret *stored,
                            const struct credentials *around, const struct engine_driver *driver,
                            const char *engine, struct secret *ret_password, bool *ret_agrees,
                            struct error *err)
{
    const struct template_values values = {around, driver, engine};
    auto_template_probes struct template_probes probes = {0};
    auto_json json_t *object = NULL;

    if (!document_parse(secret_reveal(stored), stored->length, &object, err) ||
        !json_is_object(object))
        return error_set(err, ERROR_INVALID, NULL, "its value is not a JSON object");
    if (!template_probes_run(program, &values, &probes, err))
        return false;
    if (!template_probes_find(&probes, object, ret_password, ret_agrees))
        return error_set(err, ERROR_INVALID, NULL,
                         "it holds no password where spec.secretTemplate puts it");
    return true;
}
