#include "aws/service_error.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

static void parse_body(int status, const char *error_type, const char *body, size_t length,
                       struct service_error *error)
{
    auto_http_response struct http_response response = {.status = status, .body = STRBUF_ERASING};

    snprintf(response.error_type, sizeof response.error_type, "%s", error_type);
    strbuf_append(&response.body, body, length);
    service_error_parse(&response, error);
}

static void parse(int status, const char *error_type, const char *body, struct service_error *error)
{
    parse_body(status, error_type, body, strlen(body), error);
}

/* ---- the code ---- */

static void test_code_is_found_in_each_of_its_places(void **state maybe_unused)
{
    static const struct {
        const char *name, *error_type, *body, *code;
    } rows[] = {
        {"plain", "", "{\"__type\":\"ResourceNotFoundException\"}", "ResourceNotFoundException"},
        {"namespace", "", "{\"__type\":\"com.amazonaws.secretsmanager#X\"}", "X"},
        {"address", "", "{\"__type\":\"X:http://internal.amazon.com/coral/\"}", "X"},
        {"both", "", "{\"__type\":\"com.amazon#X:http://internal.amazon.com/coral/\"}", "X"},
        {"hash in the address", "", "{\"__type\":\"a#X:http://internal.amazon.com/#y\"}", "X"},
        {"hash in the address only", "", "{\"__type\":\"X:http://internal.amazon.com/#y\"}", "X"},
        {"code", "", "{\"code\":\"X\"}", "X"},
        {"type wins over code", "", "{\"code\":\"Y\",\"__type\":\"X\"}", "X"},
        {"body wins over header", "Y", "{\"__type\":\"X\"}", "X"},
        {"header", "X", "{\"message\":\"m\"}", "X"},
        {"header with address", "X:http://internal.amazon.com/coral/", "{}", "X"},
        {"header, type of another type", "X", "{\"__type\":7}", "X"},
        {"header, no body", "X", "", "X"},
        {"header, page", "X", "<html>__type</html>", "X"},
        {"XML", "", "<ErrorResponse><Error><Code>X</Code></Error></ErrorResponse>", "X"},
        {"XML that is cut", "", "<ErrorResponse><Error><Code>X", ""},
        {"every character of a word", "", "{\"__type\":\"AZaz09._\"}", "AZaz09._"},
        {"XML inside JSON", "", "{\"x\":\"<Code>Y</Code>\"}", ""},
        {"no word", "", "{\"__type\":\"<script>\"}", ""},
        {"ends at what is no word", "", "{\"__type\":\"X\\r\\nSet-Cookie: y\"}", "X"},
        {"nothing after the hash", "", "{\"__type\":\"com.amazon#\"}", ""},
        {"array", "", "[{\"__type\":\"X\"}]", ""},
        {"nothing", "", "", ""},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        struct service_error error;

        parse(400, rows[i].error_type, rows[i].body, &error);
        if (strcmp(error.code, rows[i].code) != 0)
            fail_msg("%s: '%s'", rows[i].name, error.code);
    }
}

static void test_code_that_is_too_long_is_cut(void **state maybe_unused)
{
    char body[200] = "{\"__type\":\"";
    struct service_error error;

    memset(body + strlen(body), 'A', 100);
    strcat(body, "\"}");
    parse(400, "", body, &error);

    assert_int_equal(strlen(error.code), ERROR_CODE_SIZE - 1);
}

/* ---- the text ---- */

static void test_text_is_found_in_each_of_its_places(void **state maybe_unused)
{
    static const struct {
        const char *name, *body, *text;
    } rows[] = {
        {"message", "{\"message\":\"m\"}", "m"},
        {"Message", "{\"__type\":\"X\",\"Message\":\"m\"}", "m"},
        {"both", "{\"Message\":\"n\",\"message\":\"m\"}", "m"},
        {"of another type", "{\"message\":[]}", "HTTP status 400 without explanation"},
        {"empty", "{\"message\":\"\"}", "HTTP status 400 without explanation"},
        {"XML", "<Error><Code>X</Code><Message>m</Message></Error>", "m"},
        {"page", "<html><body>canary</body></html>", "HTTP status 400 without explanation"},
        {"other text", "canary", "HTTP status 400 without explanation"},
        {"cut JSON", "{\"message\":\"canary\"", "HTTP status 400 without explanation"},
        {"nothing", "", "HTTP status 400 without explanation"},
        {"ends of ASCII", "{\"message\":\" ~\"}", " ~"},
        {"control characters", "{\"message\":\"a\\r\\nb\\u001b[1m\\u007f\"}", "a  b [1m "},
        {"not ASCII", "{\"message\":\"\xc3\xa9!\"}", "  !"},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        struct service_error error;

        parse(400, "", rows[i].body, &error);
        if (strcmp(error.text, rows[i].text) != 0)
            fail_msg("%s: '%s'", rows[i].name, error.text);
    }
}

static void test_long_text_is_cut(void **state maybe_unused)
{
    static const char begin[] = "{\"message\":\"", end[] = "\"}";
    char body[20000];
    struct service_error error;

    memset(body, 'a', sizeof body);
    memcpy(body, begin, strlen(begin));
    memcpy(body + sizeof body - strlen(end), end, strlen(end));
    parse_body(400, "", body, sizeof body, &error);

    assert_int_equal(strlen(error.text), sizeof error.text - 1);
    assert_int_equal(strspn(error.text, "a"), sizeof error.text - 1);
}

static void test_body_with_nul_is_read_up_to_it(void **state maybe_unused)
{
    static const char body[] = "<Code>X</Code>\0<Message>canary</Message>";
    struct service_error error;

    parse_body(503, "", body, sizeof body - 1, &error);

    assert_string_equal(error.code, "X");
    assert_string_equal(error.text, "HTTP status 503 without explanation");
}

/* ---- the meaning ---- */

static void test_code_decides_whatever_the_status(void **state maybe_unused)
{
    static const struct {
        const char *code;
        enum error_kind kind;
        enum aws_remedy remedy;
    } rows[] = {
        {"ResourceNotFoundException", ERROR_NOT_FOUND, AWS_REMEDY_NONE},
        {"ResourceExistsException", ERROR_CONFLICT, AWS_REMEDY_NONE},
        {"InvalidRequestException", ERROR_CONFLICT, AWS_REMEDY_NONE},
        {"PreconditionNotMetException", ERROR_CONFLICT, AWS_REMEDY_NONE},
        {"InvalidParameterException", ERROR_INVALID, AWS_REMEDY_NONE},
        {"ValidationException", ERROR_INVALID, AWS_REMEDY_NONE},
        {"MalformedPolicyDocumentException", ERROR_INVALID, AWS_REMEDY_NONE},
        {"PublicPolicyException", ERROR_INVALID, AWS_REMEDY_NONE},
        {"SerializationException", ERROR_INVALID, AWS_REMEDY_NONE},
        {"LimitExceededException", ERROR_DENIED, AWS_REMEDY_NONE},
        {"AccessDeniedException", ERROR_DENIED, AWS_REMEDY_NONE},
        {"IncompleteSignatureException", ERROR_DENIED, AWS_REMEDY_NONE},
        {"MissingAuthenticationTokenException", ERROR_DENIED, AWS_REMEDY_NONE},
        {"OptInRequired", ERROR_DENIED, AWS_REMEDY_NONE},
        {"EncryptionFailure", ERROR_DENIED, AWS_REMEDY_NONE},
        {"DecryptionFailure", ERROR_DENIED, AWS_REMEDY_NONE},
        {"ExpiredTokenException", ERROR_DENIED, AWS_REMEDY_CREDENTIALS},
        {"UnrecognizedClientException", ERROR_DENIED, AWS_REMEDY_CREDENTIALS},
        {"InvalidClientTokenId", ERROR_DENIED, AWS_REMEDY_CREDENTIALS},
        {"InvalidSignatureException", ERROR_DENIED, AWS_REMEDY_CLOCK},
        {"SignatureDoesNotMatch", ERROR_DENIED, AWS_REMEDY_CLOCK},
        {"RequestExpired", ERROR_DENIED, AWS_REMEDY_CLOCK},
        {"RequestTimeTooSkewed", ERROR_DENIED, AWS_REMEDY_CLOCK},
        {"RequestInTheFuture", ERROR_DENIED, AWS_REMEDY_CLOCK},
        {"AuthFailure", ERROR_DENIED, AWS_REMEDY_CLOCK},
        {"ThrottlingException", ERROR_UNAVAILABLE, AWS_REMEDY_SLOW_DOWN},
        {"Throttling", ERROR_UNAVAILABLE, AWS_REMEDY_SLOW_DOWN},
        {"TooManyRequestsException", ERROR_UNAVAILABLE, AWS_REMEDY_SLOW_DOWN},
        {"RequestLimitExceeded", ERROR_UNAVAILABLE, AWS_REMEDY_SLOW_DOWN},
        {"SlowDown", ERROR_UNAVAILABLE, AWS_REMEDY_SLOW_DOWN},
        {"InternalServiceError", ERROR_UNAVAILABLE, AWS_REMEDY_RETRY},
        {"InternalFailure", ERROR_UNAVAILABLE, AWS_REMEDY_RETRY},
        {"ServiceUnavailable", ERROR_UNAVAILABLE, AWS_REMEDY_RETRY},
        {"RequestTimeout", ERROR_UNAVAILABLE, AWS_REMEDY_RETRY},
        {"RequestTimeoutException", ERROR_UNAVAILABLE, AWS_REMEDY_RETRY},
        {"PriorRequestNotComplete", ERROR_UNAVAILABLE, AWS_REMEDY_RETRY},
        {"IDPCommunicationError", ERROR_UNAVAILABLE, AWS_REMEDY_RETRY},
        {"InvalidParameterValue", ERROR_INVALID, AWS_REMEDY_NONE},
        {"ValidationError", ERROR_INVALID, AWS_REMEDY_NONE},
        {"UnknownOperationException", ERROR_INVALID, AWS_REMEDY_NONE},
        {"AccessDenied", ERROR_DENIED, AWS_REMEDY_NONE},
        {"IncompleteSignature", ERROR_DENIED, AWS_REMEDY_NONE},
        {"MissingAuthenticationToken", ERROR_DENIED, AWS_REMEDY_NONE},
        {"ExpiredToken", ERROR_DENIED, AWS_REMEDY_CREDENTIALS},
        {"ThrottledException", ERROR_UNAVAILABLE, AWS_REMEDY_SLOW_DOWN},
        {"RequestThrottledException", ERROR_UNAVAILABLE, AWS_REMEDY_SLOW_DOWN},
        {"InternalServiceErrorException", ERROR_UNAVAILABLE, AWS_REMEDY_RETRY},
        {"ServiceUnavailableException", ERROR_UNAVAILABLE, AWS_REMEDY_RETRY},
    };
    static const int statuses[] = {400, 403, 404, 500};

    for (size_t i = 0; i < array_length(rows) * array_length(statuses); i++) {
        const char *code = rows[i / array_length(statuses)].code;
        struct service_error error;
        char body[128];

        snprintf(body, sizeof body, "{\"__type\":\"%s\"}", code);
        parse(statuses[i % array_length(statuses)], "", body, &error);
        if (error.kind != rows[i / array_length(statuses)].kind ||
            error.remedy != rows[i / array_length(statuses)].remedy)
            fail_msg("%s: %s, remedy %d", code, error_kind_name(error.kind), (int)error.remedy);
    }
}

static void test_status_decides_where_the_code_is_unknown(void **state maybe_unused)
{
    static const struct {
        int status;
        enum error_kind kind;
        enum aws_remedy remedy;
    } rows[] = {
        {299, ERROR_INTERNAL, AWS_REMEDY_NONE},         {300, ERROR_INVALID, AWS_REMEDY_NONE},
        {399, ERROR_INVALID, AWS_REMEDY_NONE},          {307, ERROR_INVALID, AWS_REMEDY_NONE},
        {400, ERROR_INTERNAL, AWS_REMEDY_NONE},         {401, ERROR_DENIED, AWS_REMEDY_NONE},
        {403, ERROR_DENIED, AWS_REMEDY_NONE},           {404, ERROR_INTERNAL, AWS_REMEDY_NONE},
        {407, ERROR_DENIED, AWS_REMEDY_NONE},           {413, ERROR_INTERNAL, AWS_REMEDY_NONE},
        {429, ERROR_UNAVAILABLE, AWS_REMEDY_SLOW_DOWN}, {500, ERROR_UNAVAILABLE, AWS_REMEDY_RETRY},
        {502, ERROR_UNAVAILABLE, AWS_REMEDY_RETRY},     {503, ERROR_UNAVAILABLE, AWS_REMEDY_RETRY},
        {504, ERROR_UNAVAILABLE, AWS_REMEDY_RETRY},
    };
    static const char *const bodies[] = {
        "",
        "<html>",
        "{}",
        "{\"__type\":\"NewException\"}",
        "{\"__type\":\"resourcenotfoundexception\"}",
    };

    for (size_t i = 0; i < array_length(rows) * array_length(bodies); i++) {
        int status = rows[i / array_length(bodies)].status;
        struct service_error error;

        parse(status, "", bodies[i % array_length(bodies)], &error);
        if (error.kind != rows[i / array_length(bodies)].kind ||
            error.remedy != rows[i / array_length(bodies)].remedy)
            fail_msg("%d: %s, remedy %d", status, error_kind_name(error.kind), (int)error.remedy);
    }
}

static void test_text_never_decides(void **state maybe_unused)
{
    struct service_error error;

    parse(400, "", "{\"message\":\"ThrottlingException: Rate exceeded\"}", &error);

    assert_int_equal(error.kind, ERROR_INTERNAL);
    assert_int_equal(error.remedy, AWS_REMEDY_NONE);
    assert_string_equal(error.code, "");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_code_is_found_in_each_of_its_places),
        cmocka_unit_test(test_code_that_is_too_long_is_cut),
        cmocka_unit_test(test_text_is_found_in_each_of_its_places),
        cmocka_unit_test(test_long_text_is_cut),
        cmocka_unit_test(test_body_with_nul_is_read_up_to_it),
        cmocka_unit_test(test_code_decides_whatever_the_status),
        cmocka_unit_test(test_status_decides_where_the_code_is_unknown),
        cmocka_unit_test(test_text_never_decides),
    };

    return cmocka_run_group_tests_name("aws/service_error", tests, NULL, NULL);
}
