#include "controller/secret_reading.h"

#include "base/memory.h"
#include "base/strbuf.h"
#include "payload/canonical.h"

#include <string.h>

static bool read_canonical(const json_t *canonical, struct credentials *ret_credentials)
{
    auto_json json_t *documented = canonical_documented(canonical);
    auto_strbuf struct strbuf text = STRBUF_ERASING;
    auto_secret struct secret value = {0};
    struct error err;

    document_render(documented, true, &text);
    secret_take_strbuf(&value, &text);
    if (!payload_parse(&value, ret_credentials, &err))
        return false;
    ret_credentials->format_version = PAYLOAD_FORMAT_TEMPLATE;
    return true;
}

/* All of the documented keys: nobody has a template in mind. */
static bool is_complete(const struct credentials *credentials)
{
    return strcmp(credentials->format_version, PAYLOAD_FORMAT_DOCUMENTED) == 0 &&
           credentials->host != NULL && credentials->port != 0 && credentials->database != NULL &&
           credentials->username != NULL;
}

/* Whether the template comes before a known format, when there is one. */
static bool prefers_template(const struct secret_reading *reading,
                             const struct credentials *documented)
{
    if (reading->program == NULL || reading->ownership == OWNERSHIP_NONE)
        return false;
    if (documented == NULL)
        return true;
    return reading->ownership != OWNERSHIP_PREDECESSOR && !is_complete(documented);
}

/* Somebody else's value.  What it names besides the password is what the canonical JSON names;
 * where there is none it names nothing. */
static bool read_by_template(const struct secret_reading *reading,
                             struct credentials *ret_credentials, struct error *err)
{
    auto_credentials struct credentials known = {0};
    bool has_names = reading->canonical != NULL && read_canonical(reading->canonical, &known) &&
                     known.host != NULL && known.database != NULL && known.username != NULL;
    auto_secret struct secret password = {0};
    bool agrees;

    if (!template_find_password(reading->program, reading->value,
                                has_names ? &known : reading->target, reading->driver,
                                reading->engine, &password, &agrees, err))
        return false;
    *ret_credentials = known;
    known = (struct credentials){0};
    secret_copy(&ret_credentials->password, &password);
    ret_credentials->format_version = PAYLOAD_FORMAT_TEMPLATE;
    return true;
}

/* Nothing could be read: `err` says why the documented format could not. */
static bool refuse(const struct secret_reading *reading, struct error *err)
{
    if (reading->ownership == OWNERSHIP_NONE ||
        (reading->program == NULL && reading->canonical == NULL))
        return false;
    return error_set(
        err, ERROR_INVALID, NULL,
        "its current value holds no password where %s%s: put the former value back "
        "(move the label AWSCURRENT to its version), or store {\"DB_PASSWORD\": \"...\"} in it",
        reading->program != NULL ? "spec.secretTemplate puts it, nor under the key DB_PASSWORD"
                                 : "the documented format has it",
        reading->canonical != NULL ? ", and was not made from the version labelled dbuo-canonical"
                                   : "");
}

bool secret_reading_run(const struct secret_reading *reading, struct credentials *ret_credentials,
                        struct error *err)
{
    auto_credentials struct credentials documented = {0};
    bool is_documented;
    struct error ignored;

    if (reading->ownership != OWNERSHIP_NONE &&
        canonical_describes(reading->canonical, reading->value) &&
        read_canonical(reading->canonical, ret_credentials))
        return true;
    is_documented = payload_parse(reading->value, &documented, err);
    if (prefers_template(reading, is_documented ? &documented : NULL) &&
        read_by_template(reading, ret_credentials, &ignored))
        return true;
    if (!is_documented)
        return refuse(reading, err);
    *ret_credentials = documented;
    documented = (struct credentials){0};
    return true;
}
