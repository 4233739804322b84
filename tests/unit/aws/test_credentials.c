#include "aws/credentials.h"
#include "aws/session.h"
#include "base/memory.h"
#include "fake_settings.h"
#include "scratch.h"
#include "support/test.h"

#include <string.h>

enum { KEY_ID_LIMIT = sizeof((struct aws_credentials){0}.access_key_id) - 1 };

static void release_session(struct aws_session **session)
{
    aws_session_free(*session);
}

#define auto_session run_at_scope_end(release_session)

/* Nothing here asks anybody. */
static struct aws_session *make_session(struct fake_setting *settings)
{
    return aws_session_new(&(struct aws_session_options){
        .settings = {.read = fake_settings_read, .context = settings},
        .timesource = &timesource_system,
        .random = &random_system,
    });
}

static void get(struct aws_credentials_provider *provider, struct aws_credentials *credentials)
{
    struct error err = {0};

    if (!aws_credentials_get(provider, credentials, &err))
        fail_msg("%s", err.message);
}

/* ---- usable ---- */

static void test_keys_of_the_environment_are_handed_out(void **state maybe_unused)
{
    struct fake_setting settings[] = {
        {"AWS_ACCESS_KEY_ID", "AKID"}, {"AWS_SECRET_ACCESS_KEY", "k+/y="}, {0}};
    auto_session struct aws_session *session = make_session(settings);
    auto_aws_credentials struct aws_credentials credentials = {0};

    get(session->credentials, &credentials);

    assert_string_equal(credentials.access_key_id, "AKID");
    assert_string_equal(secret_reveal(&credentials.secret_access_key), "k+/y=");
    assert_true(secret_is_empty(&credentials.session_token));
    assert_int_equal(credentials.expires_us, 0);
    assert_string_equal(aws_credentials_source(session->credentials), "environment");
}

static void test_session_token_is_handed_out_with_its_keys(void **state maybe_unused)
{
    struct fake_setting settings[] = {{"AWS_ACCESS_KEY_ID", "ASIA"},
                                      {"AWS_SECRET_ACCESS_KEY", "key"},
                                      {"AWS_SESSION_TOKEN", "tok//en=="},
                                      {0}};
    auto_session struct aws_session *session = make_session(settings);
    auto_aws_credentials struct aws_credentials credentials = {0};

    get(session->credentials, &credentials);

    assert_string_equal(secret_reveal(&credentials.session_token), "tok//en==");
}

static void test_empty_session_token_is_none(void **state maybe_unused)
{
    struct fake_setting settings[] = {{"AWS_ACCESS_KEY_ID", "AKID"},
                                      {"AWS_SECRET_ACCESS_KEY", "key"},
                                      {"AWS_SESSION_TOKEN", ""},
                                      {0}};
    auto_session struct aws_session *session = make_session(settings);
    auto_aws_credentials struct aws_credentials credentials = {0};

    get(session->credentials, &credentials);

    assert_true(secret_is_empty(&credentials.session_token));
}

static void test_each_copy_is_its_owner_s(void **state maybe_unused)
{
    struct fake_setting settings[] = {
        {"AWS_ACCESS_KEY_ID", "AKID"}, {"AWS_SECRET_ACCESS_KEY", "key"}, {0}};
    auto_session struct aws_session *session = make_session(settings);
    auto_aws_credentials struct aws_credentials first = {0}, second = {0};

    get(session->credentials, &first);
    aws_credentials_release(&first);
    assert_string_equal(first.access_key_id, "");
    assert_true(secret_is_empty(&first.secret_access_key));

    get(session->credentials, &second);
    assert_string_equal(secret_reveal(&second.secret_access_key), "key");
}

static void test_settings_are_read_once(void **state maybe_unused)
{
    struct fake_setting settings[] = {
        {"AWS_ACCESS_KEY_ID", "AKID"}, {"AWS_SECRET_ACCESS_KEY", "key"}, {0}};
    auto_session struct aws_session *session = make_session(settings);
    auto_aws_credentials struct aws_credentials credentials = {0};

    settings[0].value = NULL;
    settings[1].value = NULL;
    aws_credentials_invalidate(session->credentials, &credentials);
    get(session->credentials, &credentials);

    assert_string_equal(credentials.access_key_id, "AKID");
    assert_string_equal(secret_reveal(&credentials.secret_access_key), "key");
}

static void test_longest_key_id_is_not_cut(void **state maybe_unused)
{
    char id[KEY_ID_LIMIT + 1] = {0};
    struct fake_setting settings[] = {
        {"AWS_ACCESS_KEY_ID", id}, {"AWS_SECRET_ACCESS_KEY", "key"}, {0}};
    auto_aws_credentials struct aws_credentials credentials = {0};
    auto_session struct aws_session *session = NULL;

    memset(id, 'A', KEY_ID_LIMIT);
    session = make_session(settings);
    get(session->credentials, &credentials);

    assert_string_equal(credentials.access_key_id, id);
}

/* ---- not usable ---- */

/* The texts of the variables, and what the message must say about them. */
static const struct unusable {
    const char *name;
    const char *id, *key, *token;
    const char *expected;
} unusables[] = {
    {"no key", "AKIDcanary", NULL, NULL,
     "AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not"},
    {"empty key", "AKIDcanary", "", NULL,
     "AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not"},
    {"no id", NULL, "canary", NULL, "AWS_SECRET_ACCESS_KEY is set, but AWS_ACCESS_KEY_ID is not"},
    {"empty id", "", "canary", "canary",
     "AWS_SECRET_ACCESS_KEY is set, but AWS_ACCESS_KEY_ID is not"},
    {"newline after the id", "AKIDcanary\n", "canary", NULL, "AWS_ACCESS_KEY_ID holds"},
    {"carriage return in the id", "AKID\rcanary", "canary", NULL, "AWS_ACCESS_KEY_ID holds"},
    {"blank before the id", " AKIDcanary", "canary", NULL, "AWS_ACCESS_KEY_ID holds"},
    {"DEL in the id", "AKIDcanary\x7f", "canary", NULL, "AWS_ACCESS_KEY_ID holds"},
    {"newline after the key", "AKID", "canary\n", NULL, "AWS_SECRET_ACCESS_KEY holds"},
    {"blank before the key", "AKID", " canary", NULL, "AWS_SECRET_ACCESS_KEY holds"},
    {"CR LF in the token", "AKID", "key", "canary\r\nx: y", "AWS_SESSION_TOKEN holds"},
    {"newline after the token", "AKID", "key", "canary\n", "AWS_SESSION_TOKEN holds"},
    {"tab in the token", "AKID", "key", "can\tary", "AWS_SESSION_TOKEN holds"},
};

static void test_what_cannot_be_used_is_an_error_that_names_the_variable(void **state maybe_unused)
{
    static const char prefix[] =
        "the AWS credentials of the operator's environment are not usable: ";

    for (size_t i = 0; i < array_length(unusables); i++) {
        const struct unusable *row = &unusables[i];
        struct fake_setting settings[] = {{"AWS_ACCESS_KEY_ID", row->id},
                                          {"AWS_SECRET_ACCESS_KEY", row->key},
                                          {"AWS_SESSION_TOKEN", row->token},
                                          {0}};
        auto_session struct aws_session *session = make_session(settings);
        struct aws_credentials credentials = {0};
        struct error err = {0};

        if (aws_credentials_get(session->credentials, &credentials, &err))
            fail_msg("%s: accepted", row->name);
        if (err.kind != ERROR_DENIED || strcmp(err.code, "CredentialsInvalid") != 0 ||
            strncmp(err.message, prefix, strlen(prefix)) != 0 ||
            strstr(err.message, row->expected) == NULL || strstr(err.message, "canary") != NULL)
            fail_msg("%s: %s", row->name, err.message);
        assert_string_equal(aws_credentials_source(session->credentials), "environment");
        assert_string_equal(credentials.access_key_id, "");
    }
}

static void test_key_id_that_is_too_long_is_refused(void **state maybe_unused)
{
    char id[KEY_ID_LIMIT + 2] = {0};
    struct fake_setting settings[] = {
        {"AWS_ACCESS_KEY_ID", id}, {"AWS_SECRET_ACCESS_KEY", "key"}, {0}};
    auto_session struct aws_session *session = NULL;
    struct aws_credentials credentials = {0};
    struct error err = {0};

    memset(id, 'A', KEY_ID_LIMIT + 1);
    session = make_session(settings);

    assert_false(aws_credentials_get(session->credentials, &credentials, &err));
    assert_int_equal(err.kind, ERROR_DENIED);
    assert_non_null(strstr(err.message, "AWS_ACCESS_KEY_ID is too long"));
}

/* ---- not configured ---- */

static void test_nothing_configured_says_what_to_configure(void **state maybe_unused)
{
    struct fake_setting unset[] = {{"AWS_EC2_METADATA_DISABLED", "true"}, {0}};
    struct fake_setting empty[] = {{"AWS_ACCESS_KEY_ID", ""},
                                   {"AWS_SECRET_ACCESS_KEY", ""},
                                   {"AWS_EC2_METADATA_DISABLED", "true"},
                                   {0}};
    struct fake_setting token_alone[] = {
        {"AWS_SESSION_TOKEN", "canary"}, {"AWS_EC2_METADATA_DISABLED", "true"}, {0}};
    struct fake_setting *const rows[] = {unset, empty, token_alone};

    for (size_t i = 0; i < array_length(rows); i++) {
        auto_session struct aws_session *session = make_session(rows[i]);
        struct aws_credentials credentials = {0};
        struct error err = {0};

        aws_credentials_invalidate(session->credentials, &credentials);
        assert_false(aws_credentials_get(session->credentials, &credentials, &err));
        assert_int_equal(err.kind, ERROR_DENIED);
        assert_string_equal(err.code, "CredentialsNotConfigured");
        assert_string_equal(err.message, "no AWS credentials are configured: set up EKS Pod "
                                         "Identity or IRSA, or set AWS_ACCESS_KEY_ID and "
                                         "AWS_SECRET_ACCESS_KEY in the operator's environment");
        assert_string_equal(aws_credentials_source(session->credentials), "none");
    }
}

static void test_former_name_of_the_session_token_serves(void **state maybe_unused)
{
    struct fake_setting settings[] = {{"AWS_ACCESS_KEY_ID", "ASIA"},
                                      {"AWS_SECRET_ACCESS_KEY", "key"},
                                      {"AWS_SECURITY_TOKEN", "former"},
                                      {0}};
    auto_session struct aws_session *session = make_session(settings);
    auto_aws_credentials struct aws_credentials credentials = {0};

    get(session->credentials, &credentials);

    assert_string_equal(secret_reveal(&credentials.session_token), "former");
}

/* The order of the AWS SDKs; each row lacks what the row before had first. */
static void test_first_configured_source_wins(void **state maybe_unused)
{
    struct scratch scratch;
    struct fake_setting all[] = {{"AWS_ACCESS_KEY_ID", "AKID"},
                                 {"AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere"},
                                 {"AWS_SHARED_CREDENTIALS_FILE", NULL},
                                 {"AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/"},
                                 {0}};
    static const char *const names[] = {"environment", "web identity", "profile",
                                        "container endpoint", "instance metadata"};

    scratch_init(&scratch);
    all[2].value = scratch_write(&scratch, "credentials",
                                 "[default]\naws_access_key_id=A\naws_secret_access_key=k\n");
    for (size_t i = 0; i < array_length(names); i++) {
        auto_session struct aws_session *session = make_session(all + i);

        assert_string_equal(aws_credentials_source(session->credentials), names[i]);
    }
    scratch_release(&scratch);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_of_the_environment_are_handed_out),
        cmocka_unit_test(test_session_token_is_handed_out_with_its_keys),
        cmocka_unit_test(test_empty_session_token_is_none),
        cmocka_unit_test(test_each_copy_is_its_owner_s),
        cmocka_unit_test(test_settings_are_read_once),
        cmocka_unit_test(test_longest_key_id_is_not_cut),
        cmocka_unit_test(test_what_cannot_be_used_is_an_error_that_names_the_variable),
        cmocka_unit_test(test_key_id_that_is_too_long_is_refused),
        cmocka_unit_test(test_nothing_configured_says_what_to_configure),
        cmocka_unit_test(test_former_name_of_the_session_token_serves),
        cmocka_unit_test(test_first_configured_source_wins),
    };

    return cmocka_run_group_tests_name("aws/credentials", tests, NULL, NULL);
}
