#include "controller/tenant_rules.h"

#include "base/memory.h"
#include "base/strbuf.h"
#include "controller/allow_list.h"
#include "controller/ownership.h"

#include <string.h>

#define IN_NAMES "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_+=.@!-"
#define REASON   "NotAllowed"

enum { TAG_KEY_LIMIT = 128, TAG_VALUE_LIMIT = 256 };

struct tenant_rules {
    char *prefix; /* NULL = none */
    struct allow_list admin_secrets;
    struct allow_list regions;
    json_t *tags; /* object */
    char *kms_key_id;
};

/* --- Reading the options --------------------------------------------------------------------- */

static const char *or_null(const char *text)
{
    return text != NULL && text[0] != '\0' ? text : NULL;
}

/* The placeholder that a text begins with; *ret_value is what stands for it. */
static size_t find_placeholder(const char *text, const struct database *database,
                               const char **ret_value)
{
    const struct {
        const char *word;
        const char *value;
    } placeholders[] = {
        {"{namespace}", database->namespace_name},
        {"{name}", database->name},
    };

    for (size_t i = 0; i < array_length(placeholders); i++) {
        size_t length = strlen(placeholders[i].word);

        *ret_value = placeholders[i].value;
        if (strncmp(text, placeholders[i].word, length) == 0)
            return length;
    }
    return 0;
}

/* A name ends at its '/', so that the space of team is not a part of that of team-a. */
static bool check_prefix(const char *prefix, struct error *err)
{
    const struct database nobody = {0};
    const char *ignored;

    while (*prefix != '\0') {
        size_t length = find_placeholder(prefix, &nobody, &ignored);

        if (length > 0 && prefix[length] != '/')
            return error_set(err, ERROR_INVALID, NULL,
                             "--secret-name-prefix: '%.*s' must be followed by a '/', or one "
                             "tenant's names would begin as another's",
                             (int)length, prefix);
        if (length == 0)
            length = strspn(prefix, IN_NAMES);
        if (length == 0)
            return error_set(err, ERROR_INVALID, NULL,
                             "--secret-name-prefix may hold letters, digits, / _ + = . @ ! -, "
                             "{namespace} and {name}");
        prefix += length;
    }
    return true;
}

static bool add_tag(json_t *tags, const char *text, size_t length, struct error *err)
{
    auto_free char *key = mem_strndup(text, length);
    char *value = strchr(key, '=');

    if (value == NULL || value == key)
        return error_set(err, ERROR_INVALID, NULL, "--required-tags: '%s' is not key=value", key);
    *value++ = '\0';
    if (strlen(key) > TAG_KEY_LIMIT || strlen(value) > TAG_VALUE_LIMIT)
        return error_set(err, ERROR_INVALID, NULL,
                         "--required-tags: a key may have %d characters, a value %d", TAG_KEY_LIMIT,
                         TAG_VALUE_LIMIT);
    if (strcmp(key, TAG_MANAGED_BY) == 0 || strncasecmp(key, "aws:", 4) == 0 ||
        strncmp(key, TAG_RESERVED_PREFIX, strlen(TAG_RESERVED_PREFIX)) == 0)
        return error_set(err, ERROR_INVALID, NULL,
                         "--required-tags: the tag '%s' is reserved: rename it", key);
    if (json_object_get(tags, key) != NULL)
        return error_set(err, ERROR_INVALID, NULL, "--required-tags: '%s' is there twice", key);
    if (json_object_set_new(tags, key, json_string(value)) != 0)
        return error_set(err, ERROR_INVALID, NULL, "--required-tags is not UTF-8");
    return true;
}

static bool parse_tags(const char *text, json_t *tags, struct error *err)
{
    while (text != NULL && text[0] != '\0') {
        size_t length = strcspn(text, ",");

        if (!add_tag(tags, text, length, err))
            return false;
        text += length + (text[length] == ',' ? 1 : 0);
    }
    return true;
}

static bool parse(const struct tenant_rules_options *options, struct tenant_rules *rules,
                  struct error *err)
{
    rules->tags = json_object();
    rules->prefix = mem_strdup_or_null(or_null(options->secret_name_prefix));
    rules->kms_key_id = mem_strdup_or_null(or_null(options->kms_key_id));
    if (rules->prefix != NULL && !check_prefix(rules->prefix, err))
        return false;
    if (!allow_list_parse(options->allowed_admin_secrets, &rules->admin_secrets, err))
        return error_wrap(err, "--allowed-admin-secrets");
    if (!allow_list_parse(options->allowed_regions, &rules->regions, err))
        return error_wrap(err, "--allowed-regions");
    return parse_tags(options->required_tags, rules->tags, err);
}

bool tenant_rules_parse(const struct tenant_rules_options *options, struct tenant_rules **ret_rules,
                        struct error *err)
{
    struct tenant_rules *rules = mem_alloc(sizeof *rules);

    if (!parse(options, rules, err)) {
        tenant_rules_free(rules);
        return false;
    }
    *ret_rules = rules;
    return true;
}

void tenant_rules_free(struct tenant_rules *rules)
{
    if (rules == NULL)
        return;
    free(rules->prefix);
    allow_list_release(&rules->admin_secrets);
    allow_list_release(&rules->regions);
    json_decref(rules->tags);
    free(rules->kms_key_id);
    free(rules);
}

/* --- Completing a resource ------------------------------------------------------------------- */

static char *make_prefix(const struct tenant_rules *rules, const struct database *database)
{
    const char *rest = rules->prefix != NULL ? rules->prefix : "";
    struct strbuf prefix = {0};

    while (*rest != '\0') {
        const char *value;
        size_t length = find_placeholder(rest, database, &value);

        if (length > 0)
            strbuf_append_text(&prefix, value);
        else
            strbuf_append_char(&prefix, *rest);
        rest += length > 0 ? length : 1;
    }
    return strbuf_detach(&prefix);
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), end_length = strlen(end);

    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

void tenant_rules_place_secret(const struct tenant_rules *rules, struct database *database,
                               const struct database_status *status)
{
    struct database_spec *spec = &database->spec;
    auto_free char *prefix = NULL;
    auto_free char *path = NULL;

    if (spec->secret_name_given)
        return;
    prefix = make_prefix(rules, database);
    path = take(spec->secret_name);
    /* A default that changed moves nothing. */
    if (status->secret_arn != NULL && status->actual_secret_name != NULL &&
        ends_with(status->actual_secret_name, path))
        spec->secret_name = mem_strdup(status->actual_secret_name);
    else
        spec->secret_name = mem_printf("%s%s", prefix, path);
}

bool tenant_rules_add_tags(const struct tenant_rules *rules, struct database *database,
                           struct failure *ret_failure)
{
    struct database_spec *spec = &database->spec;
    const char *key;
    json_t *value;

    json_object_foreach(rules->tags, key, value) {
        const char *given = document_string(spec->tags, key);

        if (given != NULL && strcmp(given, json_string_value(value)) != 0)
            return failure_set(ret_failure, ERROR_INVALID, REASON,
                               "--required-tags of this operator gives every secret the tag '%s' "
                               "with the value '%s': remove it from spec.awsSecretsManager.tags, "
                               "or give it this value",
                               key, json_string_value(value));
        if (spec->tags == NULL)
            spec->tags = json_object();
        json_object_set(spec->tags, key, value);
    }
    return true;
}

/* --- The rules ------------------------------------------------------------------------------- */

bool tenant_rules_check_secret(const struct tenant_rules *rules, const struct database *database,
                               struct failure *ret_failure)
{
    const char *name = database->spec.secret_name;
    auto_free char *prefix = make_prefix(rules, database);
    size_t length = strlen(prefix);

    if (strncmp(name, prefix, length) == 0 && (length == 0 || name[length] != '\0'))
        return true;
    return failure_set(ret_failure, ERROR_INVALID, REASON,
                       "--secret-name-prefix of this operator wants the secret's name to begin "
                       "with '%s', which '%s' does not: set spec.secretName to '%s%s', where the "
                       "password moves with it",
                       prefix, name, prefix, name + (name[0] == '/' ? 1 : 0));
}

bool tenant_rules_check_admin(const struct tenant_rules *rules, const struct database *database,
                              struct failure *ret_failure)
{
    const char *name = database->spec.connection.name;

    if (allow_list_allows(&rules->admin_secrets, database->namespace_name, name))
        return true;
    return failure_set(ret_failure, ERROR_INVALID, REASON,
                       "--allowed-admin-secrets of this operator does not let namespace '%s' use "
                       "the AWS secret '%.512s': name one that it allows in "
                       "spec.connectionStringAWSSecretRef.secretName, or have it added",
                       database->namespace_name, name);
}

bool tenant_rules_check_region(const struct tenant_rules *rules, const struct database *database,
                               const char *region, const char *what, struct failure *ret_failure)
{
    if (allow_list_allows(&rules->regions, database->namespace_name, region))
        return true;
    return failure_set(ret_failure, ERROR_INVALID, REASON,
                       "--allowed-regions of this operator does not let namespace '%s' use the "
                       "region '%s' for %s: choose one that it allows, or have it added",
                       database->namespace_name, region, what);
}

const char *tenant_rules_kms_key(const struct tenant_rules *rules)
{
    return rules->kms_key_id;
}
