#include "controller/secret_changes.h"

#include "base/memory.h"
#include "controller/plan.h"

#include <string.h>
#include <strings.h>

/* --- Tags ------------------------------------------------------------------------------------ */

static bool array_has(const json_t *array, const char *text)
{
    const json_t *item;
    size_t i;

    json_array_foreach(array, i, item) {
        if (json_is_string(item) && strcmp(json_string_value(item), text) == 0)
            return true;
    }
    return false;
}

void secret_changes_of_tags(const struct plan_input *input, json_t **ret_set, json_t **ret_remove)
{
    const json_t *present = input->facts->secret.description.tags;
    const json_t *managed = input->status->managed_tags;
    auto_json json_t *wanted = ownership_make_tags(&input->database->spec, input->owner);
    json_t *value, *item;
    const char *key;
    size_t i;

    *ret_set = json_object();
    *ret_remove = json_array();
    json_object_foreach(wanted, key, value) {
        const char *now = document_string(present, key);

        if (now == NULL || strcmp(now, json_string_value(value)) != 0)
            json_object_set(*ret_set, key, value);
    }
    if (ownership_is_transferred(present, input->owner))
        json_array_append_new(*ret_remove, json_string(TAG_TRANSFER_TO));
    json_array_foreach(managed, i, item) {
        const char *text = json_string_value(item);

        /* A key of our own was never the spec's, whatever the status says. */
        if (text != NULL && json_object_get(wanted, text) == NULL &&
            document_string(present, text) != NULL && !array_has(*ret_remove, text) &&
            strncmp(text, TAG_RESERVED_PREFIX, strlen(TAG_RESERVED_PREFIX)) != 0)
            json_array_append(*ret_remove, item);
    }
}

/* --- Content --------------------------------------------------------------------------------- */

static bool names_host(const struct credentials *stored, const struct engine_host *host)
{
    return stored->host != NULL && strcasecmp(stored->host, host->host) == 0 &&
           stored->port == host->port;
}

/* The address that is stored stays as long as the admin connection names it; otherwise it is the
 * one that answered. */
static const struct engine_host *choose_host(const struct plan_input *input,
                                             const struct credentials *stored)
{
    for (size_t i = 0; i < input->server->host_count; i++) {
        if (names_host(stored, &input->server->hosts[i]))
            return &input->server->hosts[i];
    }
    return &input->server->hosts[input->facts->engine.host_index];
}

void secret_changes_render(const struct plan_input *input, const struct credentials *stored,
                           struct secret *ret_value)
{
    const struct database_spec *spec = &input->database->spec;
    const struct engine_host *host = choose_host(input, stored);
    auto_credentials struct credentials wanted = {
        .host = mem_strdup(host->host),
        .port = host->port,
        .database = mem_strdup(spec->database_name),
        .username = mem_strdup(spec->username),
        .document = json_incref(stored->document),
    };

    secret_copy(&wanted.password, &stored->password);
    payload_render(&wanted, engine_driver_find(spec->engine), spec->engine, ret_value);
}

bool secret_changes_is_current(const struct plan_input *input)
{
    const struct credentials *stored = &input->facts->secret.credentials;
    auto_secret struct secret wanted = {0};
    auto_json json_t *document = NULL;
    struct error err;

    secret_changes_render(input, stored, &wanted);
    return document_parse(secret_reveal(&wanted), wanted.length, &document, &err) &&
           json_equal(document, stored->document);
}
