#include "controller/secret_changes.h"

#include "base/memory.h"
#include "base/strbuf.h"
#include "controller/plan.h"
#include "controller/transfer.h"
#include "payload/canonical.h"
#include "payload/template.h"

#include <string.h>
#include <strings.h>

/* --- Tags ------------------------------------------------------------------------------------ */

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
    if (input->made_user && !input->facts->engine.marks_users && !ownership_made_user(present))
        document_set_string(*ret_set, TAG_CREATED, TAG_CREATED_USER);
    if (ownership_is_transferred(present, input->owner))
        json_array_append_new(*ret_remove, json_string(TAG_TRANSFER_TO));
    else
        transfer_add_tag_changes(input, *ret_set, *ret_remove);
    if (document_string(present, TAG_DELETING) != NULL)
        json_array_append_new(*ret_remove, json_string(TAG_DELETING));
    json_array_foreach(managed, i, item) {
        const char *text = json_string_value(item);

        /* A key of our own was never the spec's, whatever the status says. */
        if (text != NULL && json_object_get(wanted, text) == NULL &&
            document_string(present, text) != NULL && !document_array_has(*ret_remove, text) &&
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

static void make_wanted(const struct plan_input *input, const struct credentials *stored,
                        struct credentials *ret_wanted)
{
    const struct database_spec *spec = &input->database->spec;
    const struct engine_host *host = choose_host(input, stored);

    *ret_wanted = (struct credentials){
        .host = mem_strdup(host->host),
        .port = host->port,
        .database = mem_strdup(spec->database_name),
        .username = mem_strdup(spec->username),
        .document = json_incref(stored->document),
    };
    secret_copy(&ret_wanted->password, &stored->password);
}

void secret_changes_render(const struct plan_input *input, const struct credentials *stored,
                           struct secret *ret_value)
{
    const char *engine = input->database->spec.engine;
    auto_credentials struct credentials wanted = {0};

    make_wanted(input, stored, &wanted);
    payload_render(&wanted, engine_driver_find(engine), engine, ret_value);
}

bool secret_changes_render_template(const struct plan_input *input,
                                    const struct credentials *stored, struct secret *ret_value,
                                    struct error *err)
{
    const struct database_spec *spec = &input->database->spec;
    auto_credentials struct credentials wanted = {0};

    if (spec->secret_template == NULL)
        return true;
    make_wanted(input, stored, &wanted);
    return template_render(spec->secret_template, &wanted, engine_driver_find(spec->engine),
                           spec->engine, ret_value, err) ||
           error_wrap(err, "spec.secretTemplate");
}

/* --- Versions to write ----------------------------------------------------------------------- */

void secret_rewrite_release(struct secret_rewrite *rewrite)
{
    secret_release(&rewrite->canonical);
    secret_release(&rewrite->value);
}

static json_t *parse_rendered(const struct secret *value)
{
    json_t *document = NULL;
    struct error err;

    return document_parse(secret_reveal(value), value->length, &document, &err) ? document : NULL;
}

/* The documented format: the order of keys and white space do not matter. */
static void plan_documented(const struct plan_input *input, struct secret_rewrite *rewrite)
{
    const struct credentials *stored = &input->facts->secret.credentials;
    auto_secret struct secret wanted = {0};
    auto_json json_t *document = NULL;

    secret_changes_render(input, stored, &wanted);
    document = parse_rendered(&wanted);
    if (strcmp(stored->format_version, PAYLOAD_FORMAT_TEMPLATE) == 0 ||
        !json_equal(document, stored->document))
        secret_copy(&rewrite->value, &wanted);
}

/* The canonical JSON that describes the templated value, unless it is there.  It goes on describing
 * the current value for as long as that one is current. */
static void plan_canonical(const struct plan_input *input, const struct secret *value,
                           struct secret_rewrite *rewrite)
{
    const struct secret_facts *secret = &input->facts->secret;
    bool keeps_current = canonical_describes(secret->canonical, &secret->value);
    auto_secret struct secret documented = {0};
    auto_json json_t *wanted = NULL, *present = NULL, *canonical = NULL;
    auto_strbuf struct strbuf text = STRBUF_ERASING;

    secret_changes_render(input, &secret->credentials, &documented);
    wanted = parse_rendered(&documented);
    present = secret->canonical != NULL ? canonical_documented(secret->canonical) : NULL;
    if (canonical_describes(secret->canonical, value) && json_equal(wanted, present))
        return;
    canonical = canonical_make(wanted, value, keeps_current ? &secret->value : NULL);
    document_render(canonical, true, &text);
    secret_take_strbuf(&rewrite->canonical, &text);
}

bool secret_changes_plan(const struct plan_input *input, struct secret_rewrite *ret_rewrite,
                         struct error *err)
{
    const struct secret_facts *secret = &input->facts->secret;
    auto_secret struct secret wanted = {0};

    if (input->database->spec.secret_template == NULL) {
        plan_documented(input, ret_rewrite);
        return true;
    }
    if (!secret_changes_render_template(input, &secret->credentials, &wanted, err))
        return false;
    plan_canonical(input, &wanted, ret_rewrite);
    if (!secret_equals(&wanted, &secret->value))
        secret_copy(&ret_rewrite->value, &wanted);
    return true;
}

bool secret_changes_plan_reset(const struct plan_input *input,
                               const struct credentials *credentials,
                               struct secret_rewrite *ret_rewrite, struct error *err)
{
    auto_secret struct secret documented = {0};
    auto_json json_t *wanted = NULL, *canonical = NULL;
    auto_strbuf struct strbuf text = STRBUF_ERASING;

    secret_changes_render(input, credentials, &documented);
    if (input->database->spec.secret_template == NULL) {
        secret_copy(&ret_rewrite->value, &documented);
        return true;
    }
    if (!secret_changes_render_template(input, credentials, &ret_rewrite->value, err))
        return false;
    wanted = parse_rendered(&documented);
    canonical = canonical_make(wanted, &ret_rewrite->value, NULL);
    document_render(canonical, true, &text);
    secret_take_strbuf(&ret_rewrite->canonical, &text);
    return true;
}

bool secret_changes_is_current(const struct plan_input *input)
{
    auto_secret_rewrite struct secret_rewrite rewrite = {0};
    struct error err;

    return secret_changes_plan(input, &rewrite, &err) && secret_is_empty(&rewrite.canonical) &&
           secret_is_empty(&rewrite.value);
}
