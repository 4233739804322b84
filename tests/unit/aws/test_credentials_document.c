#include "aws/credentials_document.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "chain_fixture.h"
#include "support/test.h"

#include <string.h>

enum form { FORM_XML, FORM_STS_JSON, FORM_JSON };

#define STS_JSON                                                                           \
    "{\"AssumeRoleResponse\":{\"AssumeRoleResult\":{\"Credentials\":{\"AccessKeyId\":"     \
    "\"ASIA\",\"SecretAccessKey\":\"k\",\"SessionToken\":\"t\",\"Expiration\":1772604367}" \
    "}}}"

static const char *complete(enum form form)
{
    if (form == FORM_XML)
        return chain_fixture_xml("AssumeRole", "ASIA", 3600);
    return form == FORM_JSON ? chain_fixture_json("ASIA", 3600) : STS_JSON;
}

static bool parse(enum form form, const char *text, size_t length,
                  struct aws_credentials *credentials, struct error *err)
{
    auto_strbuf struct strbuf body = STRBUF_ERASING;

    strbuf_append(&body, text, length);
    if (form == FORM_JSON)
        return credentials_document_parse(&body, credentials, err);
    return credentials_document_parse_sts(&body, "AssumeRole", credentials, err);
}

static void test_three_forms_say_the_same(void **state maybe_unused)
{
    for (enum form form = FORM_XML; form <= FORM_JSON; form++) {
        auto_aws_credentials struct aws_credentials credentials = {0};
        const char *text = complete(form);
        struct error err = {0};

        if (!parse(form, text, strlen(text), &credentials, &err))
            fail_msg("%s", err.message);
        assert_string_equal(credentials.access_key_id, "ASIA");
        assert_int_equal(credentials.expires_us, FIXTURE_NOW_US + INT64_C(3600) * 1000000);
    }
}

/* Wherever an answer is cut, it is refused, or (after the last value of XML) whole. */
static void test_answers_cut_anywhere_are_refused(void **state maybe_unused)
{
    for (enum form form = FORM_XML; form <= FORM_JSON; form++) {
        auto_free char *text = mem_strdup(complete(form));
        const char *end = strstr(text, "</Credentials>");
        size_t whole = end != NULL ? (size_t)(end - text) + strlen("</Credentials>") : strlen(text);

        for (size_t length = 0; length < whole; length++) {
            struct aws_credentials credentials = {0};
            struct error err = {0};

            if (parse(form, text, length, &credentials, &err))
                fail_msg("taken after %zu bytes", length);
            assert_int_equal(err.kind, ERROR_INTERNAL);
            assert_null(strstr(err.message, "canary"));
            assert_string_equal(credentials.access_key_id, "");
        }
    }
}

/* Any byte replaced by one that breaks lines, ends texts or begins markup: never a crash, never a
 * key with such a byte in it. */
static void test_answers_with_a_hostile_byte_hand_out_nothing_hostile(void **state maybe_unused)
{
    static const char hostile[] = {'\0', '\n', '\r', '<', '&', '"', '\\', '\x7f', '\xff'};

    for (enum form form = FORM_XML; form <= FORM_JSON; form++) {
        auto_free char *text = mem_strdup(complete(form));
        size_t length = strlen(text);

        for (size_t i = 0; i < length * sizeof hostile; i++) {
            auto_aws_credentials struct aws_credentials credentials = {0};
            char kept = text[i / sizeof hostile];
            struct error err = {0};

            text[i / sizeof hostile] = hostile[i % sizeof hostile];
            if (parse(form, text, length, &credentials, &err)) {
                const char *key = secret_reveal(&credentials.secret_access_key);
                const char *token = secret_reveal(&credentials.session_token);

                assert_null(strpbrk(key, "\n\r\x7f"));
                assert_null(strpbrk(token, "\n\r\x7f"));
                assert_int_equal(strlen(token), credentials.session_token.length);
            }
            text[i / sizeof hostile] = kept;
        }
    }
}

static void test_instance_s_own_code_is_told(void **state maybe_unused)
{
    static const char text[] = "{\"Code\":\"InstanceProfileNotFound\"}";
    struct aws_credentials credentials = {0};
    struct error err = {0};

    assert_false(parse(FORM_JSON, text, strlen(text), &credentials, &err));
    assert_int_equal(err.kind, ERROR_DENIED);
    assert_string_equal(err.message, "InstanceProfileNotFound: no explanation");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_three_forms_say_the_same),
        cmocka_unit_test(test_answers_cut_anywhere_are_refused),
        cmocka_unit_test(test_answers_with_a_hostile_byte_hand_out_nothing_hostile),
        cmocka_unit_test(test_instance_s_own_code_is_told),
    };

    return cmocka_run_group_tests_name("aws/credentials_document", tests, NULL, NULL);
}
