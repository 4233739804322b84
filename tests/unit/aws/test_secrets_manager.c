#include "aws/secrets_manager.h"
#include "base/document.h"
#include "base/memory.h"
#include "client_fixture.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

#define ENDPOINT "https://secretsmanager.eu-west-1.amazonaws.com"
#define TOKEN    "11111111-2222-4333-8444-555555555555"

struct state {
    struct client_fixture fixture;
    struct secrets_manager *manager;
    struct secret value; /* "canary": must never be in a message */
    json_t *tags;
};

static const struct secrets_manager_target target = {"eu-west-1", "app/db"};

static struct secrets_manager *make_manager(struct client_fixture *fixture,
                                            const char *endpoint_url)
{
    return secrets_manager_new(&(struct secrets_manager_options){
        .transport = scripted_transport_seam(fixture->transport),
        .credentials = &fixture->credentials.provider,
        .clock = &fixture->aws_clock,
        .random = &fixture->random.source,
        .cancellation = fixture->cancellation,
        .metrics = fixture->metrics,
        .endpoint_url = endpoint_url,
        .ca_file = "/etc/ca.pem",
        .user_agent = "tests/1",
    });
}

static int set_up(void **context)
{
    struct state *state = mem_alloc(sizeof *state);

    client_fixture_init(&state->fixture);
    state->manager = make_manager(&state->fixture, NULL);
    secret_set_text(&state->value, "{\"password\":\"canary\"}");
    state->tags = json_pack("{s:s,s:s}", "owner", "db-1", "empty", "");
    *context = state;
    return 0;
}

static int tear_down(void **context)
{
    struct state *state = *context;

    secrets_manager_free(state->manager);
    secret_release(&state->value);
    json_decref(state->tags);
    client_fixture_release(&state->fixture);
    free(state);
    return 0;
}

static void expect(struct state *state, const struct scripted_exchange *exchange)
{
    scripted_transport_expect(state->fixture.transport, exchange);
}

static void expect_answer(struct state *state, const char *answer)
{
    expect(state, &(struct scripted_exchange){.answer = answer});
}

static void expect_refusal(struct state *state, const char *code)
{
    char answer[128];

    snprintf(answer, sizeof answer, "{\"__type\":\"%s\",\"message\":\"canary\"}", code);
    expect(state, &(struct scripted_exchange){.status = 400, .answer = answer});
}

/* ---- every operation ---- */

static bool describe(struct state *state, struct error *err)
{
    auto_secret_description struct secret_description description = {0};

    return secrets_manager_describe(state->manager, &target, &description, err);
}

static bool get_value(struct state *state, struct error *err)
{
    auto_secret struct secret value = {0};

    return secrets_manager_get_value(state->manager, &target, NULL, NULL, &value, NULL, err);
}

static bool create(struct state *state, struct error *err)
{
    const struct secret_creation creation = {
        .token = TOKEN,
        .value = &state->value,
        .description = "of db-1",
        .tags = state->tags,
        .kms_key_id = "alias/k",
    };
    auto_free char *arn = NULL;

    return secrets_manager_create(state->manager, &target, &creation, &arn, err);
}

static bool put_value(struct state *state, struct error *err)
{
    return secrets_manager_put_value(state->manager, &target, TOKEN, &state->value, NULL, err);
}

static bool move_label(struct state *state, struct error *err)
{
    return secrets_manager_move_label(state->manager, &target, "AWSCURRENT", "v1", "v2", err);
}

static bool set_description(struct state *state, struct error *err)
{
    return secrets_manager_set_description(state->manager, &target, TOKEN, "of db-1", err);
}

static bool tag(struct state *state, struct error *err)
{
    return secrets_manager_tag(state->manager, &target, state->tags, err);
}

static bool untag(struct state *state, struct error *err)
{
    auto_json json_t *keys = json_pack("[s,s]", "a", "b");

    return secrets_manager_untag(state->manager, &target, keys, err);
}

static bool restore(struct state *state, struct error *err)
{
    return secrets_manager_restore(state->manager, &target, err);
}

static bool delete_after_a_week(struct state *state, struct error *err)
{
    return secrets_manager_delete(state->manager, &target, 7, err);
}

/* The bodies are compared byte by byte: also their order shall be the same in each attempt. */
static const struct operation {
    const char *name;
    bool (*run)(struct state *state, struct error *err);
    const char *body;
    const char *answer; /* the smallest that is a success */
} operations[] = {
    {"DescribeSecret", describe, "{\"SecretId\":\"app/db\"}", "{\"ARN\":\"arn\"}"},
    {"GetSecretValue", get_value, "{\"SecretId\":\"app/db\"}", "{\"SecretString\":\"\"}"},
    {"CreateSecret", create,
     "{\"Name\":\"app/db\",\"Description\":\"of db-1\",\"KmsKeyId\":\"alias/k\",\"Tags\":[{\"Key\":"
     "\"owner\",\"Value\":\"db-1\"},{\"Key\":\"empty\",\"Value\":\"\"}],\"ClientRequestToken\":"
     "\"" TOKEN "\",\"SecretString\":\"{\\\"password\\\":\\\"canary\\\"}\"}",
     "{\"ARN\":\"arn\"}"},
    {"PutSecretValue", put_value,
     "{\"SecretId\":\"app/db\",\"ClientRequestToken\":\"" TOKEN
     "\",\"SecretString\":\"{\\\"password\\\":\\\"canary\\\"}\"}",
     "{\"VersionStages\":[\"AWSCURRENT\"]}"},
    {"UpdateSecretVersionStage", move_label,
     "{\"SecretId\":\"app/db\",\"VersionStage\":\"AWSCURRENT\",\"RemoveFromVersionId\":\"v1\","
     "\"MoveToVersionId\":\"v2\"}",
     "{}"},
    {"UpdateSecret", set_description,
     "{\"SecretId\":\"app/db\",\"ClientRequestToken\":\"" TOKEN "\",\"Description\":\"of db-1\"}",
     "{}"},
    {"TagResource", tag,
     "{\"SecretId\":\"app/db\",\"Tags\":[{\"Key\":\"owner\",\"Value\":\"db-1\"},{\"Key\":\"empty\","
     "\"Value\":\"\"}]}",
     ""},
    {"UntagResource", untag, "{\"SecretId\":\"app/db\",\"TagKeys\":[\"a\",\"b\"]}", ""},
    {"RestoreSecret", restore, "{\"SecretId\":\"app/db\"}", "{}"},
    {"DeleteSecret", delete_after_a_week, "{\"SecretId\":\"app/db\",\"RecoveryWindowInDays\":7}",
     "{}"},
};

static void test_each_operation_sends_its_request(void **context)
{
    struct state *state = *context;

    for (size_t i = 0; i < array_length(operations); i++) {
        struct error err = {0};
        char name[64];

        snprintf(name, sizeof name, "secretsmanager.%s", operations[i].name);
        expect(state, &(struct scripted_exchange){.method = "POST",
                                                  .url = ENDPOINT,
                                                  .headers = {{"X-Amz-Target", name}},
                                                  .body = operations[i].body,
                                                  .answer = operations[i].answer});
        if (!operations[i].run(state, &err))
            fail_msg("%s: %s", operations[i].name, err.message);
    }
}

static void test_repetition_of_an_operation_is_the_same_request(void **context)
{
    struct state *state = *context;

    for (size_t i = 0; i < array_length(operations); i++) {
        struct error lost, err = {0};

        error_set(&lost, ERROR_UNAVAILABLE, "Reset", "lost");
        expect(state,
               &(struct scripted_exchange){.body = operations[i].body,
                                           .status = 400,
                                           .answer = "{\"__type\":\"ThrottlingException\"}"});
        expect(state, &(struct scripted_exchange){.body = operations[i].body, .failure = lost});
        expect(state, &(struct scripted_exchange){.body = operations[i].body,
                                                  .answer = operations[i].answer});
        if (!operations[i].run(state, &err))
            fail_msg("%s: %s", operations[i].name, err.message);
    }
}

static void test_refusals_are_kinds_and_name_operation_secret_and_region(void **context)
{
    static const struct {
        const char *code;
        enum error_kind kind;
    } rows[] = {
        {"ResourceNotFoundException", ERROR_NOT_FOUND},
        {"ResourceExistsException", ERROR_CONFLICT},
        {"InvalidRequestException", ERROR_CONFLICT},
        {"ValidationException", ERROR_INVALID},
        {"AccessDeniedException", ERROR_DENIED},
        {"LimitExceededException", ERROR_DENIED},
        {"EncryptionFailure", ERROR_DENIED},
    };
    struct state *state = *context;

    for (size_t i = 0; i < array_length(operations) * array_length(rows); i++) {
        const struct operation *operation = &operations[i / array_length(rows)];
        const char *code = rows[i % array_length(rows)].code;
        struct error err = {0};
        char begin[128];

        snprintf(begin, sizeof begin, "AWS %s of 'app/db' in eu-west-1: ", operation->name);
        expect_refusal(state, code);
        if (operation->run(state, &err) || err.kind != rows[i % array_length(rows)].kind ||
            strcmp(err.code, code) != 0 || strncmp(err.message, begin, strlen(begin)) != 0)
            fail_msg("%s, %s: %s, %s", operation->name, code, error_kind_name(err.kind),
                     err.message);
    }
}

static void test_value_is_never_in_a_message(void **context)
{
    static bool (*const writers[])(struct state * state, struct error * err) = {create, put_value};
    static const char *const codes[] = {"InvalidParameterException", "ValidationException",
                                        "SerializationException", "NeverHeardOfException",
                                        "InvalidSignatureException"};
    static const char *const answers[] = {"canary", "{\"x\":\"canary\"}", "[\"canary\"]"};
    struct state *state = *context;

    for (size_t i = 0; i < array_length(writers); i++) {
        struct error err = {0};

        for (size_t j = 0; j < array_length(codes); j++) {
            expect_refusal(state, codes[j]);
            assert_false(writers[i](state, &err));
            assert_null(strstr(err.message, "canary"));
        }
        for (size_t j = 0; j < array_length(answers); j++) {
            expect_answer(state, answers[j]);
            assert_false(writers[i](state, &err));
            assert_int_equal(err.kind, ERROR_INTERNAL);
            assert_null(strstr(err.message, "canary"));
        }
    }
}

static void test_options_reach_the_transport(void **context)
{
    struct state *state = *context;
    struct error err = {0};

    secrets_manager_free(state->manager);
    state->manager = make_manager(&state->fixture, "http://localhost:4566");
    expect(state, &(struct scripted_exchange){.url = "http://localhost:4566",
                                              .headers = {{"User-Agent", "tests/1"},
                                                          {"X-Amz-Security-Token", "first-token"},
                                                          {"X-Amz-Date", "20260304T050607Z"}}});
    assert_true(restore(state, &err));

    assert_string_equal(scripted_transport_request(state->fixture.transport, 0)->tls->ca_file,
                        "/etc/ca.pem");
    client_fixture_expect_metric(&state->fixture,
                                 "operation=\"RestoreSecret\",outcome=\"ok\"} 1\n");
}

/* ---- describing ---- */

static void test_description_is_read(void **context)
{
    struct state *state = *context;
    auto_secret_description struct secret_description description = {0};
    struct error err = {0};

    expect_answer(state,
                  "{\"ARN\":\"arn:aws:secretsmanager:eu-west-1:1:secret:app/db-AbCdEf\","
                  "\"Name\":\"app/db\",\"Description\":\"d\",\"OwningService\":\"rds\","
                  "\"PrimaryRegion\":\"us-east-1\",\"DeletedDate\":1.7726E9,"
                  "\"Tags\":[{\"Key\":\"a\",\"Value\":\"1\"},{\"Key\":\"b\"},{\"Value\":\"c\"},7],"
                  "\"VersionIdsToStages\":{\"v0\":[],\"v1\":[\"AWSPREVIOUS\",\"dbuo-canonical\"],"
                  "\"v2\":[\"other\",\"AWSCURRENT\"],\"v3\":[\"dbuo-pending\"],\"v4\":null},"
                  "\"RotationEnabled\":false,\"New\":{}}");
    assert_true(secrets_manager_describe(state->manager, &target, &description, &err));

    assert_string_equal(description.arn, "arn:aws:secretsmanager:eu-west-1:1:secret:app/db-AbCdEf");
    assert_string_equal(description.name, "app/db");
    assert_string_equal(description.description, "d");
    assert_string_equal(description.owning_service, "rds");
    assert_string_equal(description.primary_region, "us-east-1");
    assert_string_equal(description.current_version, "v2");
    assert_string_equal(description.canonical_version, "v1");
    assert_string_equal(description.pending_version, "v3");
    assert_true(description.scheduled_for_deletion);
    assert_int_equal(json_object_size(description.tags), 2);
    assert_string_equal(document_string(description.tags, "a"), "1");
    assert_string_equal(document_string(description.tags, "b"), "");
}

static void test_absent_members_are_empty(void **context)
{
    static const char nulls[] =
        "{\"ARN\":\"arn\",\"Name\":null,\"Description\":null,\"OwningService\":null,"
        "\"PrimaryRegion\":null,\"DeletedDate\":null,\"Tags\":null,\"VersionIdsToStages\":null}";
    static const char *const answers[] = {
        "{\"ARN\":\"arn\"}",
        nulls,
        "{\"ARN\":\"arn\",\"Tags\":[],\"VersionIdsToStages\":{}}",
    };
    struct state *state = *context;

    for (size_t i = 0; i < array_length(answers); i++) {
        auto_secret_description struct secret_description description = {0};
        struct error err = {0};

        expect_answer(state, answers[i]);
        assert_true(secrets_manager_describe(state->manager, &target, &description, &err));
        assert_null(description.name);
        assert_string_equal(description.description, "");
        assert_null(description.owning_service);
        assert_null(description.primary_region);
        assert_null(description.current_version);
        assert_null(description.canonical_version);
        assert_null(description.pending_version);
        assert_false(description.scheduled_for_deletion);
        assert_int_equal(json_object_size(description.tags), 0);
        assert_true(json_is_object(description.tags));
    }
}

static void test_description_without_arn_is_a_broken_peer(void **context)
{
    static const char *const answers[] = {"{}", "", "{\"ARN\":7}", "{\"ARN\":null}"};
    struct state *state = *context;

    for (size_t i = 0; i < array_length(answers); i++) {
        struct secret_description description = {0};
        struct error err = {0};

        expect_answer(state, answers[i]);
        assert_false(secrets_manager_describe(state->manager, &target, &description, &err));
        assert_null(description.tags);
        assert_int_equal(err.kind, ERROR_INTERNAL);
        assert_string_equal(err.message,
                            "AWS DescribeSecret of 'app/db' in eu-west-1: the answer names no ARN");
    }
}

static void test_released_description_is_empty(void **context maybe_unused)
{
    struct secret_description description = {.arn = mem_strdup("a"), .tags = json_object()};

    secret_description_release(&description);
    secret_description_release(&description);

    assert_null(description.arn);
    assert_null(description.tags);
}

/* ---- reading values ---- */

static void test_value_is_asked_for_by_version_or_label(void **context)
{
    static const struct {
        const char *version, *label, *body;
    } rows[] = {
        {NULL, NULL, "{\"SecretId\":\"app/db\"}"},
        {NULL, "dbuo-pending", "{\"SecretId\":\"app/db\",\"VersionStage\":\"dbuo-pending\"}"},
        {"v1", NULL, "{\"SecretId\":\"app/db\",\"VersionId\":\"v1\"}"},
        {"v1", "dbuo-pending", "{\"SecretId\":\"app/db\",\"VersionId\":\"v1\"}"},
    };
    struct state *state = *context;

    for (size_t i = 0; i < array_length(rows); i++) {
        auto_secret struct secret value = {0};
        int64_t created_s = -1;
        struct error err = {0};

        expect(state, &(struct scripted_exchange){
                          .body = rows[i].body,
                          .answer = "{\"CreatedDate\":1.7e9,\"SecretString\":\"p\\u00e4ss\"}"});
        assert_true(secrets_manager_get_value(state->manager, &target, rows[i].version,
                                              rows[i].label, &value, &created_s, &err));
        assert_string_equal(secret_reveal(&value), "p\xc3\xa4ss");
        assert_int_equal(created_s, 1700000000);
    }
}

static void test_a_date_that_is_none_is_not_known(void **context)
{
    static const char *const dates[] = {"null", "\"today\"", "-5", "1e300", "{}"};
    struct state *state = *context;

    for (size_t i = 0; i < array_length(dates); i++) {
        auto_secret struct secret value = {0};
        char answer[80];
        int64_t created_s = -1;
        struct error err = {0};

        snprintf(answer, sizeof answer, "{\"CreatedDate\":%s,\"SecretString\":\"x\"}", dates[i]);
        expect_answer(state, answer);
        assert_true(secrets_manager_get_value(state->manager, &target, NULL, NULL, &value,
                                              &created_s, &err));
        assert_int_equal(created_s, 0);
    }
}

static void test_binary_secret_is_refused_and_outputs_stay(void **context)
{
    static const char *const answers[] = {
        "{\"VersionId\":\"v1\",\"SecretBinary\":\"Y2FuYXJ5\"}",
        "{\"VersionId\":\"v1\",\"SecretString\":null}",
        "{\"VersionId\":\"v1\",\"SecretString\":{\"x\":\"canary\"}}",
    };
    struct state *state = *context;

    for (size_t i = 0; i < array_length(answers); i++) {
        auto_secret struct secret value = {0};
        int64_t created_s = -1;
        struct error err = {0};

        secret_set_text(&value, "before");
        expect_answer(state, answers[i]);
        assert_false(secrets_manager_get_value(state->manager, &target, NULL, NULL, &value,
                                               &created_s, &err));
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_string_equal(err.code, "BinarySecret");
        assert_non_null(strstr(err.message, "app/db"));
        assert_null(strstr(err.message, "canary"));
        assert_null(strstr(err.message, "Y2FuYXJ5"));
        assert_string_equal(secret_reveal(&value), "before");
        assert_int_equal(created_s, -1);
    }
}

/* ---- writing values ---- */

static void test_created_secret_has_the_arn_of_the_answer(void **context)
{
    const struct secret_creation creation = {.token = TOKEN, .value = &((struct secret){0})};
    struct state *state = *context;
    auto_free char *arn = NULL;
    struct error err = {0};

    expect(state, &(struct scripted_exchange){
                      .body = "{\"Name\":\"app/db\",\"ClientRequestToken\":\"" TOKEN
                              "\",\"SecretString\":\"\"}",
                      .answer = "{\"ARN\":\"arn:1\",\"Name\":\"app/db\"}"});
    assert_true(secrets_manager_create(state->manager, &target, &creation, &arn, &err));

    assert_string_equal(arn, "arn:1");
}

static void test_empty_set_of_tags_is_left_out(void **context)
{
    struct state *state = *context;
    struct secret_creation creation = {.token = TOKEN, .value = &state->value};
    auto_json json_t *tags = json_object();
    auto_free char *arn = NULL;
    struct error err = {0};

    creation.tags = tags;
    expect(state, &(struct scripted_exchange){
                      .body_json = "{\"Name\":\"app/db\",\"ClientRequestToken\":\"" TOKEN
                                   "\",\"SecretString\":\"{\\\"password\\\":\\\"canary\\\"}\"}",
                      .answer = "{\"ARN\":\"arn\"}"});
    assert_true(secrets_manager_create(state->manager, &target, &creation, &arn, &err));
}

static void test_single_tag_is_sent(void **context)
{
    struct state *state = *context;
    struct secret_creation creation = {.token = TOKEN, .value = &state->value};
    auto_json json_t *tags = json_pack("{s:s}", "a", "1");
    auto_free char *arn = NULL;
    struct error err = {0};

    creation.tags = tags;
    expect(state, &(struct scripted_exchange){
                      .body_json = "{\"Name\":\"app/db\",\"ClientRequestToken\":\"" TOKEN
                                   "\",\"SecretString\":\"{\\\"password\\\":\\\"canary\\\"}\","
                                   "\"Tags\":[{\"Key\":\"a\",\"Value\":\"1\"}]}",
                      .answer = "{\"ARN\":\"arn\"}"});
    assert_true(secrets_manager_create(state->manager, &target, &creation, &arn, &err));
}

static void test_creation_without_arn_is_a_broken_peer(void **context)
{
    const struct secret_creation creation = {.token = TOKEN, .value = &((struct secret){0})};
    struct state *state = *context;
    char *arn = NULL;
    struct error err = {0};

    expect_answer(state, "{\"Name\":\"app/db\"}");
    assert_false(secrets_manager_create(state->manager, &target, &creation, &arn, &err));

    assert_null(arn);
    assert_int_equal(err.kind, ERROR_INTERNAL);
    assert_string_equal(err.code, "UnexpectedAnswer");
    assert_string_equal(err.message,
                        "AWS CreateSecret of 'app/db' in eu-west-1: the answer names no ARN");
}

static void test_value_goes_under_the_label_that_was_asked_for(void **context)
{
    struct state *state = *context;
    struct error err = {0};

    expect(state, &(struct scripted_exchange){
                      .body_json = "{\"SecretId\":\"app/db\",\"ClientRequestToken\":\"" TOKEN
                                   "\",\"SecretString\":\"{\\\"password\\\":\\\"canary\\\"}\","
                                   "\"VersionStages\":[\"dbuo-pending\"]}",
                      .answer = "{\"VersionStages\":[7,\"dbuo-pending\"]}"});
    assert_true(secrets_manager_put_value(state->manager, &target, TOKEN, &state->value,
                                          "dbuo-pending", &err));
}

static void test_label_that_did_not_move_is_a_failure(void **context)
{
    static const struct {
        const char *label, *answer;
    } rows[] = {
        {NULL, "{\"VersionStages\":[\"AWSPREVIOUS\"]}"},
        {NULL, "{\"VersionStages\":[]}"},
        {NULL, "{}"},
        {"dbuo-pending", "{\"VersionStages\":[\"AWSCURRENT\"]}"},
    };
    struct state *state = *context;

    for (size_t i = 0; i < array_length(rows); i++) {
        struct error err = {0};

        expect_answer(state, rows[i].answer);
        assert_false(secrets_manager_put_value(state->manager, &target, TOKEN, &state->value,
                                               rows[i].label, &err));
        assert_int_equal(err.kind, ERROR_INTERNAL);
        assert_string_equal(err.message, "AWS PutSecretValue of 'app/db' in eu-west-1: the label "
                                         "did not move to the new version");
    }
}

static void test_value_that_is_no_text_is_never_sent(void **context)
{
    static bool (*const writers[])(struct state * state, struct error * err) = {create, put_value};
    struct state *state = *context;

    secret_set_text(&state->value, "canary\xff");
    for (size_t i = 0; i < array_length(writers); i++) {
        struct error err = {0};

        assert_false(writers[i](state, &err));
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_string_equal(err.code, "ValueNotText");
        assert_null(strstr(err.message, "canary"));
    }
}

/* ---- moving labels ---- */

static void test_label_is_set_and_removed(void **context)
{
    struct state *state = *context;
    struct error err = {0};

    expect(state, &(struct scripted_exchange){
                      .body = "{\"SecretId\":\"app/db\",\"VersionStage\":\"dbuo-canonical\","
                              "\"MoveToVersionId\":\"v2\"}"});
    assert_true(
        secrets_manager_move_label(state->manager, &target, "dbuo-canonical", NULL, "v2", &err));
    expect(state, &(struct scripted_exchange){
                      .body = "{\"SecretId\":\"app/db\",\"VersionStage\":\"dbuo-pending\","
                              "\"RemoveFromVersionId\":\"v1\"}"});
    assert_true(
        secrets_manager_move_label(state->manager, &target, "dbuo-pending", "v1", NULL, &err));
}

static void test_label_that_is_elsewhere_is_a_conflict(void **context)
{
    struct state *state = *context;
    struct error err = {0};

    expect_refusal(state, "InvalidParameterException");
    assert_false(move_label(state, &err));

    assert_int_equal(err.kind, ERROR_CONFLICT);
    assert_string_equal(err.code, "InvalidParameterException");
}

static void test_refused_parameter_of_another_operation_is_invalid(void **context)
{
    struct state *state = *context;
    struct error err = {0};

    expect_refusal(state, "InvalidParameterException");
    assert_false(tag(state, &err));

    assert_int_equal(err.kind, ERROR_INVALID);
}

static void test_description_is_emptied(void **context)
{
    struct state *state = *context;
    struct error err = {0};

    expect(state, &(struct scripted_exchange){
                      .body = "{\"SecretId\":\"app/db\",\"ClientRequestToken\":\"" TOKEN
                              "\",\"Description\":\"\"}",
                      .answer = "{}"});
    assert_true(secrets_manager_set_description(state->manager, &target, TOKEN, "", &err));
}

static void test_no_manager_is_freed_without_harm(void **context maybe_unused)
{
    secrets_manager_free(NULL);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_each_operation_sends_its_request),
        TEST(test_repetition_of_an_operation_is_the_same_request),
        TEST(test_refusals_are_kinds_and_name_operation_secret_and_region),
        TEST(test_value_is_never_in_a_message),
        TEST(test_options_reach_the_transport),
        TEST(test_description_is_read),
        TEST(test_absent_members_are_empty),
        TEST(test_description_without_arn_is_a_broken_peer),
        cmocka_unit_test(test_released_description_is_empty),
        TEST(test_value_is_asked_for_by_version_or_label),
        TEST(test_binary_secret_is_refused_and_outputs_stay),
        TEST(test_a_date_that_is_none_is_not_known),
        TEST(test_created_secret_has_the_arn_of_the_answer),
        TEST(test_empty_set_of_tags_is_left_out),
        TEST(test_single_tag_is_sent),
        TEST(test_creation_without_arn_is_a_broken_peer),
        TEST(test_value_goes_under_the_label_that_was_asked_for),
        TEST(test_label_that_did_not_move_is_a_failure),
        TEST(test_value_that_is_no_text_is_never_sent),
        TEST(test_label_is_set_and_removed),
        TEST(test_label_that_is_elsewhere_is_a_conflict),
        TEST(test_refused_parameter_of_another_operation_is_invalid),
        TEST(test_description_is_emptied),
        cmocka_unit_test(test_no_manager_is_freed_without_harm),
    };

    return cmocka_run_group_tests_name("aws/secrets_manager", tests, NULL, NULL);
}
