#include "controller/database_status.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>

static const char *const phase_names[] = {
    [DATABASE_PHASE_NONE] = "",
    [DATABASE_PHASE_PENDING] = "Pending",
    [DATABASE_PHASE_CREATING] = "Creating",
    [DATABASE_PHASE_READY] = "Ready",
    [DATABASE_PHASE_ERROR] = "Error",
    [DATABASE_PHASE_DELETING] = "Deleting",
};

static const char *const condition_names[CONDITION_COUNT] = {
    [CONDITION_READY] = "Ready",
    [CONDITION_RECONCILING] = "Reconciling",
    [CONDITION_STALLED] = "Stalled",
    [CONDITION_SECRET_READY] = "SecretReady",
    [CONDITION_DATABASE_READY] = "DatabaseReady",
    [CONDITION_USER_READY] = "UserReady",
    [CONDITION_PRIVILEGES_READY] = "PrivilegesReady",
    [CONDITION_CREDENTIALS_VERIFIED] = "CredentialsVerified",
};

static const char *const value_names[] = {
    [CONDITION_UNKNOWN] = "Unknown",
    [CONDITION_FALSE] = "False",
    [CONDITION_TRUE] = "True",
};

/* Every string member with its key; the second table is the object connectionInfo. */
struct string_field {
    const char *key;
    size_t offset;
};

#define FIELD(key, member)                            \
    {                                                 \
        key, offsetof(struct database_status, member) \
    }

static const struct string_field top_fields[] = {
    FIELD("message", message),
    FIELD("actualUsername", actual_username),
    FIELD("actualSecretName", actual_secret_name),
    FIELD("secretARN", secret_arn),
    FIELD("secretRegion", secret_region),
    FIELD("secretVersion", secret_version),
    FIELD("secretFormatVersion", secret_format_version),
    FIELD("serverIdentity", server_identity),
    FIELD("lastHandledReconcileAt", last_handled_reconcile),
    FIELD("lastHandledPasswordReset", last_password_reset),
    FIELD("transferTo", transfer_to),
};

static const struct string_field info_fields[] = {
    FIELD("host", info_host),
    FIELD("database", info_database),
    FIELD("username", info_username),
    FIELD("engine", info_engine),
};

static char **member_at(struct database_status *status, const struct string_field *field)
{
    return (char **)(void *)((char *)status + field->offset);
}

static const char *text_at(const struct database_status *status, const struct string_field *field)
{
    return *(char *const *)(const void *)((const char *)status + field->offset);
}

void database_status_release(struct database_status *status)
{
    for (size_t i = 0; i < array_length(top_fields); i++)
        free(*member_at(status, &top_fields[i]));
    for (size_t i = 0; i < array_length(info_fields); i++)
        free(*member_at(status, &info_fields[i]));
    json_decref(status->managed_tags);
    json_decref(status->applied_privileges);
    *status = (struct database_status){0};
}

/* The index of a text in a table of names, or `otherwise`. */
static size_t find_name(const char *const *names, size_t count, const char *text, size_t otherwise)
{
    for (size_t i = 0; text != NULL && i < count; i++) {
        if (strcmp(names[i], text) == 0)
            return i;
    }
    return otherwise;
}

static void copy_text(char *target, size_t size, const char *text)
{
    if (text == target)
        return; /* the value that is there is set again */
    /* A text that does not fit came from somebody else's status and is only compared. */
    if (snprintf(target, size, "%s", text != NULL ? text : "") >= (int)size)
        memcpy(target + size - 4, "...", 4);
}

static void parse_conditions(const json_t *items, struct database_status *status)
{
    const json_t *item;
    size_t i;

    json_array_foreach(items, i, item) {
        size_t type = find_name(condition_names, CONDITION_COUNT, document_string(item, "type"),
                                CONDITION_COUNT);
        struct condition *condition;

        if (type == CONDITION_COUNT)
            continue;
        condition = &status->conditions[type];
        condition->value =
            (enum condition_value)find_name(value_names, array_length(value_names),
                                            document_string(item, "status"), CONDITION_UNKNOWN);
        copy_text(condition->reason, sizeof condition->reason, document_string(item, "reason"));
        copy_text(condition->message, sizeof condition->message, document_string(item, "message"));
        copy_text(condition->last_transition, sizeof condition->last_transition,
                  document_string(item, "lastTransitionTime"));
        condition->observed_generation = document_integer(item, "observedGeneration", 0);
    }
}

static void parse_fields(const json_t *object, const struct string_field *fields, size_t count,
                         struct database_status *status)
{
    for (size_t i = 0; i < count; i++)
        *member_at(status, &fields[i]) = mem_strdup_or_null(document_string(object, fields[i].key));
}

void database_status_parse(const json_t *object, struct database_status *ret_status)
{
    const json_t *json = document_at(object, "status", NULL);
    const json_t *info = document_at(json, "connectionInfo", NULL);
    const json_t *tags = document_at(json, "managedTags", NULL);
    const json_t *privileges = document_at(json, "appliedPrivileges", NULL);

    *ret_status = (struct database_status){
        .phase =
            (enum database_phase)find_name(phase_names, array_length(phase_names),
                                           document_string(json, "phase"), DATABASE_PHASE_NONE),
        .observed_generation = document_integer(json, "observedGeneration", 0),
        .database_created = document_boolean(json, "databaseCreated", false),
        .user_created = document_boolean(json, "userCreated", false),
        .secret_created = document_boolean(json, "secretCreated", false),
        .database_missing_generation = document_integer(json, "databaseMissingGeneration", 0),
        .info_port = document_integer(info, "port", 0),
        .managed_tags = json_is_array(tags) ? json_deep_copy(tags) : NULL,
        .applied_privileges = json_is_array(privileges) ? json_deep_copy(privileges) : NULL,
    };
    parse_fields(json, top_fields, array_length(top_fields), ret_status);
    parse_fields(info, info_fields, array_length(info_fields), ret_status);
    parse_conditions(document_at(json, "conditions", NULL), ret_status);
}

static json_t *render_conditions(const struct database_status *status)
{
    json_t *items = json_array();

    for (size_t i = 0; i < CONDITION_COUNT; i++) {
        const struct condition *condition = &status->conditions[i];
        json_t *item;

        if (condition->last_transition[0] == '\0')
            continue;
        item = json_object();
        document_set_string(item, "type", condition_names[i]);
        document_set_string(item, "status", value_names[condition->value]);
        document_set_string(item, "reason", condition->reason);
        document_set_string(item, "message", condition->message);
        document_set_string(item, "lastTransitionTime", condition->last_transition);
        json_object_set_new(item, "observedGeneration",
                            json_integer(condition->observed_generation));
        json_array_append_new(items, item);
    }
    return items;
}

static void render_fields(const struct database_status *status, const struct string_field *fields,
                          size_t count, json_t *object)
{
    for (size_t i = 0; i < count; i++)
        document_set_string(object, fields[i].key, text_at(status, &fields[i]));
}

json_t *database_status_render(const struct database_status *status)
{
    json_t *json = json_object();
    json_t *info = json_object();

    if (status->phase != DATABASE_PHASE_NONE)
        document_set_string(json, "phase", phase_names[status->phase]);
    json_object_set_new(json, "conditions", render_conditions(status));
    json_object_set_new(json, "observedGeneration", json_integer(status->observed_generation));
    json_object_set_new(json, "databaseCreated", json_boolean(status->database_created));
    json_object_set_new(json, "userCreated", json_boolean(status->user_created));
    json_object_set_new(json, "secretCreated", json_boolean(status->secret_created));
    render_fields(status, top_fields, array_length(top_fields), json);
    render_fields(status, info_fields, array_length(info_fields), info);
    if (status->info_port > 0)
        json_object_set_new(info, "port", json_integer(status->info_port));
    if (json_object_size(info) > 0)
        json_object_set(json, "connectionInfo", info);
    json_decref(info);
    if (status->database_missing_generation > 0)
        json_object_set_new(json, "databaseMissingGeneration",
                            json_integer(status->database_missing_generation));
    if (json_array_size(status->applied_privileges) > 0)
        json_object_set_new(json, "appliedPrivileges", json_deep_copy(status->applied_privileges));
    if (json_array_size(status->managed_tags) > 0)
        json_object_set_new(json, "managedTags", json_deep_copy(status->managed_tags));
    return json;
}

void database_status_set(char **member, const char *text)
{
    char *copy = mem_strdup_or_null(text);

    free(*member);
    *member = copy;
}

void database_status_set_condition(struct database_status *status, enum condition_type type,
                                   enum condition_value value, const char *reason,
                                   const char *message, const struct timesource *timesource)
{
    struct condition *condition = &status->conditions[type];

    if (condition->value != value || condition->last_transition[0] == '\0')
        timestamp_render_seconds(timesource_realtime_us(timesource), condition->last_transition);
    condition->value = value;
    condition->observed_generation = status->observed_generation;
    copy_text(condition->reason, sizeof condition->reason, reason);
    copy_text(condition->message, sizeof condition->message, message);
}
