#include "aws/secrets_manager.h"

#include "aws/operations.h"
#include "base/document.h"
#include "base/memory.h"

#include <string.h>

struct secrets_manager {
    struct aws_json_client *client;
};

struct secrets_manager *secrets_manager_new(const struct secrets_manager_options *options)
{
    struct aws_json_client_options client = {
        .service = "secretsmanager",
        .transport = options->transport,
        .credentials = options->credentials,
        .clock = options->clock,
        .random = options->random,
        .cancellation = options->cancellation,
        .metrics = options->metrics,
        .endpoint_url = options->endpoint_url,
        .endpoints = options->endpoints,
        .attempts_limit = options->attempts_limit,
        .ca_file = options->ca_file,
        .user_agent = options->user_agent,
        .report_throttling = options->report_throttling,
        .report_context = options->report_context,
    };
    struct secrets_manager *manager = mem_alloc(sizeof *manager);

    manager->client = aws_json_client_new(&client);
    return manager;
}

void secrets_manager_free(struct secrets_manager *manager)
{
    if (manager == NULL)
        return;
    aws_json_client_free(manager->client);
    free(manager);
}

void secret_description_release(struct secret_description *description)
{
    free(description->arn);
    free(description->name);
    free(description->description);
    free(description->current_version);
    free(description->canonical_version);
    free(description->pending_version);
    free(description->previous_version);
    free(description->owning_service);
    free(description->primary_region);
    json_decref(description->tags);
    *description = (struct secret_description){0};
}

/* The input of every operation on one secret. */
static json_t *make_input(const struct secrets_manager_target *target)
{
    json_t *input = json_object();

    document_set_string(input, "SecretId", target->id);
    return input;
}

static bool call(struct secrets_manager *manager, const struct secrets_manager_target *target,
                 enum aws_operation operation, const json_t *input, json_t **ret_output,
                 struct error *err)
{
    struct aws_json_call request = {
        .operation = aws_operation_name(operation),
        .region = target->region,
        .subject = target->id,
        .input = input,
        .input_is_secret = json_object_get(input, "SecretString") != NULL,
    };

    return aws_json_client_call(manager->client, &request, ret_output, err);
}

static bool fail_unexpected(const struct secrets_manager_target *target,
                            enum aws_operation operation, const char *what, struct error *err)
{
    return error_set(err, ERROR_INTERNAL, "UnexpectedAnswer", "AWS %s of '%s' in %s: %s",
                     aws_operation_name(operation), target->id, target->region, what);
}

/* --- Reading --------------------------------------------------------------------------------- */

/* AWS lists tags as [{"Key": k, "Value": v}]; here they are an object. */
static json_t *read_tags(const json_t *list)
{
    json_t *tags = json_object();
    const json_t *item;
    size_t i;

    json_array_foreach(list, i, item) {
        const char *key = document_string(item, "Key");
        const char *value = document_string(item, "Value");

        if (key != NULL)
            json_object_set_new(tags, key, json_string(value != NULL ? value : ""));
    }
    return tags;
}

static json_t *write_tags(const json_t *tags)
{
    json_t *list = json_array();
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)tags, key, value)
        json_array_append_new(list, json_pack("{s:s,s:O}", "Key", key, "Value", value));
    return list;
}

/* The version that carries a label in {"<version>": ["<label>", ...]}; NULL = none. */
static char *find_version(const json_t *versions, const char *label)
{
    const char *version;
    json_t *labels;

    json_object_foreach((json_t *)(uintptr_t)versions, version, labels) {
        if (document_array_has(labels, label))
            return mem_strdup(version);
    }
    return NULL;
}

bool secrets_manager_describe(struct secrets_manager *manager,
                              const struct secrets_manager_target *target,
                              struct secret_description *ret_description, struct error *err)
{
    auto_json json_t *input = make_input(target);
    auto_json json_t *output = NULL;
    const json_t *versions, *deleted;
    const char *arn, *description;

    if (!call(manager, target, AWS_DESCRIBE_SECRET, input, &output, err))
        return false;
    arn = document_string(output, "ARN");
    if (arn == NULL)
        return fail_unexpected(target, AWS_DESCRIBE_SECRET, "the answer names no ARN", err);
    versions = document_at(output, "VersionIdsToStages", NULL);
    deleted = document_at(output, "DeletedDate", NULL);
    description = document_string(output, "Description");
    *ret_description = (struct secret_description){
        .arn = mem_strdup(arn),
        .name = mem_strdup_or_null(document_string(output, "Name")),
        .description = mem_strdup(description != NULL ? description : ""),
        .current_version = find_version(versions, SECRETS_MANAGER_LABEL_CURRENT),
        .canonical_version = find_version(versions, SECRETS_MANAGER_LABEL_CANONICAL),
        .pending_version = find_version(versions, SECRETS_MANAGER_LABEL_PENDING),
        .previous_version = find_version(versions, SECRETS_MANAGER_LABEL_PREVIOUS),
        .owning_service = mem_strdup_or_null(document_string(output, "OwningService")),
        .primary_region = mem_strdup_or_null(document_string(output, "PrimaryRegion")),
        .tags = read_tags(document_at(output, "Tags", NULL)),
        .scheduled_for_deletion = deleted != NULL,
    };
    return true;
}

/* Seconds since 1970 with a fraction; what is no time of the next thousand years is not known. */
static int64_t read_date(const json_t *date)
{
    double seconds = json_number_value(date);

    return seconds > 0 && seconds < 32503680000.0 ? (int64_t)seconds : 0;
}

bool secrets_manager_get_value(struct secrets_manager *manager,
                               const struct secrets_manager_target *target, const char *version_id,
                               const char *label, struct secret *ret_value, int64_t *ret_created_s,
                               struct error *err)
{
    auto_json json_t *input = make_input(target);
    auto_json json_t *output = NULL;
    const json_t *value;

    document_set_string(input, "VersionId", version_id);
    if (version_id == NULL)
        document_set_string(input, "VersionStage", label);
    if (!call(manager, target, AWS_GET_SECRET_VALUE, input, &output, err))
        return false;
    value = document_at(output, "SecretString", NULL);
    if (!json_is_string(value))
        return error_set(err, ERROR_INVALID, "BinarySecret",
                         "secret '%s' holds binary data instead of text: store the JSON as text",
                         target->id);
    secret_set(ret_value, json_string_value(value), json_string_length(value));
    if (ret_created_s != NULL)
        *ret_created_s = read_date(document_at(output, "CreatedDate", NULL));
    return true;
}

/* --- Writing --------------------------------------------------------------------------------- */

/* Without a value the service would make a secret or a version that is empty. */
static bool set_value(json_t *input, const struct secrets_manager_target *target, const char *token,
                      const struct secret *value, struct error *err)
{
    json_t *text = json_stringn(secret_reveal(value), value->length);

    if (text == NULL)
        return error_set(err, ERROR_INVALID, "ValueNotText",
                         "the value for secret '%s' is not UTF-8", target->id);
    document_set_string(input, "ClientRequestToken", token);
    json_object_set_new(input, "SecretString", text);
    return true;
}

bool secrets_manager_create(struct secrets_manager *manager,
                            const struct secrets_manager_target *target,
                            const struct secret_creation *creation, char **ret_arn,
                            struct error *err)
{
    auto_json json_t *input = json_object();
    auto_json json_t *output = NULL;
    const char *arn;

    document_set_string(input, "Name", target->id);
    document_set_string(input, "Description", creation->description);
    document_set_string(input, "KmsKeyId", creation->kms_key_id);
    if (json_object_size(creation->tags) > 0)
        json_object_set_new(input, "Tags", write_tags(creation->tags));
    if (!set_value(input, target, creation->token, creation->value, err) ||
        !call(manager, target, AWS_CREATE_SECRET, input, &output, err))
        return false;
    arn = document_string(output, "ARN");
    if (arn == NULL)
        return fail_unexpected(target, AWS_CREATE_SECRET, "the answer names no ARN", err);
    *ret_arn = mem_strdup(arn);
    return true;
}

bool secrets_manager_put_value(struct secrets_manager *manager,
                               const struct secrets_manager_target *target, const char *token,
                               const struct secret *value, const char *label, struct error *err)
{
    auto_json json_t *input = make_input(target);
    auto_json json_t *output = NULL;

    if (!set_value(input, target, token, value, err))
        return false;
    if (label != NULL)
        json_object_set_new(input, "VersionStages", json_pack("[s]", label));
    if (!call(manager, target, AWS_PUT_SECRET_VALUE, input, &output, err))
        return false;
    /* An old token is "success" too, and leaves the label where it was. */
    if (!document_array_has(json_object_get(output, "VersionStages"),
                            label != NULL ? label : SECRETS_MANAGER_LABEL_CURRENT))
        return fail_unexpected(target, AWS_PUT_SECRET_VALUE,
                               "the label did not move to the new version", err);
    return true;
}

bool secrets_manager_move_label(struct secrets_manager *manager,
                                const struct secrets_manager_target *target, const char *label,
                                const char *from_version, const char *to_version, struct error *err)
{
    auto_json json_t *input = make_input(target);

    document_set_string(input, "VersionStage", label);
    document_set_string(input, "RemoveFromVersionId", from_version);
    document_set_string(input, "MoveToVersionId", to_version);
    if (call(manager, target, AWS_UPDATE_SECRET_VERSION_STAGE, input, NULL, err))
        return true;
    /* The service calls a label that is elsewhere an invalid parameter. */
    if (error_has_code(err, "InvalidParameterException"))
        err->kind = ERROR_CONFLICT;
    return false;
}

bool secrets_manager_set_description(struct secrets_manager *manager,
                                     const struct secrets_manager_target *target, const char *token,
                                     const char *description, struct error *err)
{
    auto_json json_t *input = make_input(target);

    document_set_string(input, "ClientRequestToken", token);
    document_set_string(input, "Description", description);
    return call(manager, target, AWS_UPDATE_SECRET, input, NULL, err);
}

bool secrets_manager_tag(struct secrets_manager *manager,
                         const struct secrets_manager_target *target, const json_t *tags,
                         struct error *err)
{
    auto_json json_t *input = make_input(target);

    json_object_set_new(input, "Tags", write_tags(tags));
    return call(manager, target, AWS_TAG_RESOURCE, input, NULL, err);
}

bool secrets_manager_untag(struct secrets_manager *manager,
                           const struct secrets_manager_target *target, const json_t *keys,
                           struct error *err)
{
    auto_json json_t *input = make_input(target);

    json_object_set_new(input, "TagKeys", json_deep_copy(keys));
    return call(manager, target, AWS_UNTAG_RESOURCE, input, NULL, err);
}

bool secrets_manager_restore(struct secrets_manager *manager,
                             const struct secrets_manager_target *target, struct error *err)
{
    auto_json json_t *input = make_input(target);

    return call(manager, target, AWS_RESTORE_SECRET, input, NULL, err);
}

bool secrets_manager_delete(struct secrets_manager *manager,
                            const struct secrets_manager_target *target,
                            unsigned recovery_window_days, struct error *err)
{
    auto_json json_t *input = make_input(target);

    json_object_set_new(input, "RecoveryWindowInDays", json_integer(recovery_window_days));
    return call(manager, target, AWS_DELETE_SECRET, input, NULL, err);
}
