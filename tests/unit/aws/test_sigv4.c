#include "aws/sigv4.h"
#include "support/test.h"

#include <string.h>

#define SUITE_TOKEN                                                                              \
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfp" \
    "SPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQ" \
    "DYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+s" \
    "cqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="

#define FORM_DIGEST "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e"

enum { HEADERS_LIMIT = 6 };

static void make_credentials(struct aws_credentials *credentials)
{
    *credentials = (struct aws_credentials){.access_key_id = "AKIDEXAMPLE"};
    secret_set_text(&credentials->secret_access_key, "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
}

static size_t count_headers(const struct sigv4_header *headers)
{
    size_t count = 0;

    while (count < HEADERS_LIMIT && headers[count].name != NULL)
        count++;
    return count;
}

static void assert_authorization(const char *name, const struct sigv4_request *request,
                                 const char *expected)
{
    auto_aws_credentials struct aws_credentials credentials = {0};
    auto_strbuf struct strbuf authorization = {0};

    make_credentials(&credentials);
    sigv4_append_authorization(request, &credentials, &authorization);
    if (strcmp(strbuf_text(&authorization), expected) != 0)
        fail_msg("%s: %s, not %s", name, strbuf_text(&authorization), expected);
}

/* ---- AWS's test suite ---- */

#define HOST                            \
    {                                   \
        "host", "example.amazonaws.com" \
    }
#define DATE                             \
    {                                    \
        "x-amz-date", "20150830T123600Z" \
    }
#define SIGNED(names, signature)                                                        \
    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, " \
    "SignedHeaders=" names ", Signature=" signature

/*
 * The numbers of aws-c-auth, tests/aws-signing-test-suite/v4, and of the older suite of the AWS
 * General Reference where it differs ("older").  Headers are in the canonical form of the case:
 * ours are fixed, so nothing merges, sorts or unfolds them, and the cases about that (folded
 * lines) or about normalizing paths are left out.
 */
static const struct vector {
    const char *name;
    const char *method;
    const char *path;
    const char *query;
    struct sigv4_header headers[HEADERS_LIMIT];
    const char *body;
    const char *authorization;
} vectors[] = {
    {
        "get-vanilla",
        "GET",
        "/",
        "",
        {HOST, DATE},
        "",
        SIGNED("host;x-amz-date",
               "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
    },
    {
        "get-vanilla-query-order-key-case",
        "GET",
        "/",
        "Param1=value1&Param2=value2",
        {HOST, DATE},
        "",
        SIGNED("host;x-amz-date",
               "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
    },
    {
        "get-utf8",
        "GET",
        "/%E1%88%B4",
        "",
        {HOST, DATE},
        "",
        SIGNED("host;x-amz-date",
               "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
    },
    {
        "get-vanilla-with-session-token",
        "GET",
        "/",
        "",
        {HOST,
         DATE,
         {"x-amz-security-token",
          "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267"}},
        "",
        SIGNED("host;x-amz-date;x-amz-security-token",
               "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8"),
    },
    {
        "get-header-key-duplicate",
        "GET",
        "/",
        "",
        {HOST, {"my-header1", "value2,value2,value1"}, DATE},
        "",
        SIGNED("host;my-header1;x-amz-date",
               "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"),
    },
    {
        "get-header-value-order",
        "GET",
        "/",
        "",
        {HOST, {"my-header1", "value4,value1,value3,value2"}, DATE},
        "",
        SIGNED("host;my-header1;x-amz-date",
               "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01"),
    },
    {
        "get-header-value-trim",
        "GET",
        "/",
        "",
        {HOST, {"my-header1", " value1 "}, {"my-header2", " \"a   b   c\""}, DATE},
        "",
        SIGNED("host;my-header1;my-header2;x-amz-date",
               "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"),
    },
    {
        "post-vanilla",
        "POST",
        "/",
        "",
        {HOST, DATE},
        "",
        SIGNED("host;x-amz-date",
               "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    },
    {
        "post-vanilla-query",
        "POST",
        "/",
        "Param1=value1",
        {HOST, DATE},
        "",
        SIGNED("host;x-amz-date",
               "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"),
    },
    {
        "post-header-key-case",
        "POST",
        "/",
        "",
        {HOST, DATE},
        NULL,
        SIGNED("host;x-amz-date",
               "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    },
    {
        "post-header-key-sort",
        "POST",
        "/",
        "",
        {HOST, {"my-header1", "value1"}, DATE},
        "",
        SIGNED("host;my-header1;x-amz-date",
               "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"),
    },
    {
        "post-header-value-case",
        "POST",
        "/",
        "",
        {HOST, {"my-header1", "VALUE1"}, DATE},
        "",
        SIGNED("host;my-header1;x-amz-date",
               "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"),
    },
    {
        "post-sts-header-before",
        "POST",
        "/",
        "",
        {HOST, DATE, {"x-amz-security-token", SUITE_TOKEN}},
        "",
        SIGNED("host;x-amz-date;x-amz-security-token",
               "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"),
    },
    {
        "post-sts-header-after",
        "POST",
        "/",
        "",
        {HOST, DATE},
        "",
        SIGNED("host;x-amz-date",
               "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    },
    {
        "post-x-www-form-urlencoded",
        "POST",
        "/",
        "",
        {{"content-length", "13"},
         {"content-type", "application/x-www-form-urlencoded"},
         HOST,
         {"x-amz-content-sha256", FORM_DIGEST},
         DATE},
        "Param1=value1",
        SIGNED("content-length;content-type;host;x-amz-content-sha256;x-amz-date",
               "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b"),
    },
    {
        "post-x-www-form-urlencoded-parameters",
        "POST",
        "/",
        "",
        {{"content-length", "13"},
         {"content-type", "application/x-www-form-urlencoded; charset=utf-8"},
         HOST,
         {"x-amz-content-sha256", FORM_DIGEST},
         DATE},
        "Param1=value1",
        SIGNED("content-length;content-type;host;x-amz-content-sha256;x-amz-date",
               "328d1b9eaadca9f5818ef05e8392801e091653bafec24fcab71e7344e7f51422"),
    },
    {
        "post-x-www-form-urlencoded (older)",
        "POST",
        "/",
        "",
        {{"content-type", "application/x-www-form-urlencoded"}, HOST, DATE},
        "Param1=value1",
        SIGNED("content-type;host;x-amz-date",
               "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"),
    },
    {
        "post-x-www-form-urlencoded-parameters (older)",
        "POST",
        "/",
        "",
        {{"content-type", "application/x-www-form-urlencoded; charset=utf8"}, HOST, DATE},
        "Param1=value1",
        SIGNED("content-type;host;x-amz-date",
               "1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe"),
    },
};

static void test_the_vectors_of_aws_are_signed_as_aws_does(void **state maybe_unused)
{
    for (size_t i = 0; i < array_length(vectors); i++) {
        const struct vector *vector = &vectors[i];

        assert_authorization(vector->name,
                             &(struct sigv4_request){
                                 .method = vector->method,
                                 .path = vector->path,
                                 .query = vector->query,
                                 .headers = vector->headers,
                                 .header_count = count_headers(vector->headers),
                                 .body = vector->body,
                                 .body_length = vector->body != NULL ? strlen(vector->body) : 0,
                                 .timestamp = "20150830T123600Z",
                                 .region = "us-east-1",
                                 .service = "service",
                             },
                             vector->authorization);
    }
}

/* ---- requests as the operator sends them ---- */

#define OUR_TOKEN "IQoJb3JpZ2luX2VjEXAMPLE//////////wEaCXVzLWVhc3QtMSJHMEUCIQ+abc/def=="
#define OUR_TYPE                                     \
    {                                                \
        "content-type", "application/x-amz-json-1.1" \
    }
#define OUR_DATE                         \
    {                                    \
        "x-amz-date", "20260304T050607Z" \
    }
#define OURS(region, names, signature)                         \
    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260304/" region \
    "/secretsmanager/aws4_request, SignedHeaders=" names ", Signature=" signature
#define BODY(text)    text, sizeof(text) - 1
#define WITHOUT_TOKEN "content-type;host;x-amz-date;x-amz-target"
#define WITH_TOKEN    "content-type;host;x-amz-date;x-amz-security-token;x-amz-target"

/*
 * Made with botocore 1.44.8: SigV4Auth(Credentials("AKIDEXAMPLE", <the suite's key>, token),
 * "secretsmanager", region).add_auth(AWSRequest("POST", "https://<host>/", headers={"Content-Type":
 * ..., "X-Amz-Target": ...}, data=body)), with botocore.auth.get_current_datetime() replaced by a
 * function that says 2026-03-04 05:06:07 UTC.
 */
static const struct golden {
    const char *name;
    const char *region;
    struct sigv4_header headers[HEADERS_LIMIT];
    const char *body;
    size_t body_length;
    const char *authorization;
} goldens[] = {
    {
        "session token",
        "eu-west-1",
        {OUR_TYPE,
         {"host", "secretsmanager.eu-west-1.amazonaws.com"},
         OUR_DATE,
         {"x-amz-security-token", OUR_TOKEN},
         {"x-amz-target", "secretsmanager.DescribeSecret"}},
        BODY("{\"SecretId\":\"app/db\"}"),
        OURS("eu-west-1", WITH_TOKEN,
             "9e737b7a5538717ac6a35c7e07969cd887c0256cb9dfaba9743518a7a9ec6f15"),
    },
    {
        "long-term keys",
        "eu-west-1",
        {OUR_TYPE,
         {"host", "secretsmanager.eu-west-1.amazonaws.com"},
         OUR_DATE,
         {"x-amz-target", "secretsmanager.DescribeSecret"}},
        BODY("{\"SecretId\":\"app/db\"}"),
        OURS("eu-west-1", WITHOUT_TOKEN,
             "438e3d96846f054b5ca1a6111a5e3758f140ed36caefd26923b9ef4d4dcb1512"),
    },
    {
        "UTF-8",
        "cn-north-1",
        {OUR_TYPE,
         {"host", "secretsmanager.cn-north-1.amazonaws.com.cn"},
         OUR_DATE,
         {"x-amz-security-token", OUR_TOKEN},
         {"x-amz-target", "secretsmanager.CreateSecret"}},
        BODY("{\"Name\":\"gr\xc3\xb6\xc3\x9f"
             "e\",\"SecretString\":\"p\xc3\xa4\\u0000ss\"}"),
        OURS("cn-north-1", WITH_TOKEN,
             "a0eccf832b10837064857978da05937fc9e6150e292c2de79b5ffeeac27ef23e"),
    },
    {
        "port",
        "us-east-1",
        {OUR_TYPE,
         {"host", "localhost:4566"},
         OUR_DATE,
         {"x-amz-target", "secretsmanager.TagResource"}},
        BODY(""),
        OURS("us-east-1", WITHOUT_TOKEN,
             "6c0a5dc130444e370b814206850b9fe555bf4682b99a730541910715b39ffc62"),
    },
    {
        "NUL in the body",
        "us-east-1",
        {OUR_TYPE,
         {"host", "localhost:4566"},
         OUR_DATE,
         {"x-amz-target", "secretsmanager.TagResource"}},
        BODY("a\0b"),
        OURS("us-east-1", WITHOUT_TOKEN,
             "2a9ed617d17e8fd5f147fe2400ded245e810500e29798ea1f44f416878f6ae6f"),
    },
};

static void test_requests_of_ours_are_signed_as_botocore_does(void **state maybe_unused)
{
    for (size_t i = 0; i < array_length(goldens); i++) {
        const struct golden *golden = &goldens[i];

        assert_authorization(golden->name,
                             &(struct sigv4_request){
                                 .method = "POST",
                                 .path = "/",
                                 .query = "",
                                 .headers = golden->headers,
                                 .header_count = count_headers(golden->headers),
                                 .body = golden->body,
                                 .body_length = golden->body_length,
                                 .timestamp = "20260304T050607Z",
                                 .region = golden->region,
                                 .service = "secretsmanager",
                             },
                             golden->authorization);
    }
}

/* ---- the canonical request ---- */

static void test_blanks_around_values_go_and_runs_of_them_become_one(void **state maybe_unused)
{
    static const struct sigv4_header headers[] = {
        {"a", " \t one  two\t \tthree\t"},
        {"b", ""},
        {"c", " \t "},
    };
    auto_strbuf struct strbuf canonical = {0};

    sigv4_append_canonical_request(&(struct sigv4_request){.method = "GET",
                                                           .path = "/p",
                                                           .query = "q=1",
                                                           .headers = headers,
                                                           .header_count = array_length(headers)},
                                   &canonical);

    assert_string_equal(strbuf_text(&canonical),
                        "GET\n/p\nq=1\na:one two three\nb:\nc:\n\na;b;c\n"
                        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void test_authorization_is_appended(void **state maybe_unused)
{
    auto_aws_credentials struct aws_credentials credentials = {0};
    auto_strbuf struct strbuf buf = {0};

    make_credentials(&credentials);
    strbuf_append_text(&buf, "before ");
    sigv4_append_authorization(&(struct sigv4_request){.method = "POST",
                                                       .path = "/",
                                                       .query = "",
                                                       .timestamp = "20150830T123600Z",
                                                       .region = "us-east-1",
                                                       .service = "service"},
                               &credentials, &buf);

    assert_ptr_equal(strstr(strbuf_text(&buf), "before AWS4-HMAC-SHA256 "), strbuf_text(&buf));
}

static void test_the_secret_key_is_not_in_the_header(void **state maybe_unused)
{
    auto_aws_credentials struct aws_credentials credentials = {0};
    auto_strbuf struct strbuf buf = {0};

    make_credentials(&credentials);
    secret_set_text(&credentials.session_token, "canary");
    sigv4_append_authorization(&(struct sigv4_request){.method = "POST",
                                                       .path = "/",
                                                       .query = "",
                                                       .timestamp = "20150830T123600Z",
                                                       .region = "us-east-1",
                                                       .service = "service"},
                               &credentials, &buf);

    assert_null(strstr(strbuf_text(&buf), "wJalr"));
    assert_null(strstr(strbuf_text(&buf), "canary"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_vectors_of_aws_are_signed_as_aws_does),
        cmocka_unit_test(test_requests_of_ours_are_signed_as_botocore_does),
        cmocka_unit_test(test_blanks_around_values_go_and_runs_of_them_become_one),
        cmocka_unit_test(test_authorization_is_appended),
        cmocka_unit_test(test_the_secret_key_is_not_in_the_header),
    };

    return cmocka_run_group_tests_name("aws/sigv4", tests, NULL, NULL);
}
