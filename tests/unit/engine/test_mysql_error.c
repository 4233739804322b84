#include "base/memory.h"
#include "engine/mysql_error.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

static const struct {
    unsigned number;
    enum error_kind kind;
    const char *part;
} numbers[] = {
    /* exists or vanished: read again */
    {1007, ERROR_CONFLICT, "the database exists already"},
    {1008, ERROR_CONFLICT, "the database does not exist"},
    {1049, ERROR_CONFLICT, "the database does not exist"},
    {1396, ERROR_CONFLICT, "the user exists already, or does not exist"},
    {1141, ERROR_CONFLICT, "no such grant"},
    {1133, ERROR_CONFLICT, "the user does not exist"},
    {1410, ERROR_CONFLICT, "the user does not exist"},
    {4006, ERROR_CONFLICT, "definer"},
    {3730, ERROR_CONFLICT, "depend on it"},
    /* back off */
    {1205, ERROR_UNAVAILABLE, "a lock"},
    {1213, ERROR_UNAVAILABLE, "another transaction"},
    {1040, ERROR_UNAVAILABLE, "no connection left"},
    {1203, ERROR_UNAVAILABLE, "max_user_connections"},
    {1226, ERROR_UNAVAILABLE, "limit"},
    {1053, ERROR_UNAVAILABLE, "shutting down"},
    {1158, ERROR_UNAVAILABLE, "the connection failed"},
    {1161, ERROR_UNAVAILABLE, "the connection failed"},
    {1129, ERROR_UNAVAILABLE, "blocks this host"},
    {1021, ERROR_UNAVAILABLE, "disk is full"},
    {1037, ERROR_UNAVAILABLE, "out of memory"},
    {1290, ERROR_UNAVAILABLE, "at the primary"},
    {1836, ERROR_UNAVAILABLE, "at the primary"},
    {2002, ERROR_UNAVAILABLE, "nobody listens"},
    {2003, ERROR_UNAVAILABLE, "nobody listens"},
    {2005, ERROR_UNAVAILABLE, "cannot be resolved"},
    {2006, ERROR_UNAVAILABLE, "was lost"},
    {2012, ERROR_UNAVAILABLE, "was lost"},
    {2013, ERROR_UNAVAILABLE, "was lost"},
    {2055, ERROR_UNAVAILABLE, "was lost"},
    /* credentials and rights */
    {1045, ERROR_DENIED, "correct them in the Secret"},
    {1130, ERROR_DENIED, "this host"},
    {1698, ERROR_DENIED, "refuses this login"},
    {1820, ERROR_DENIED, "has expired"},
    {1862, ERROR_DENIED, "has expired"},
    {3118, ERROR_DENIED, "is locked"},
    {4151, ERROR_DENIED, "is locked"},
    {3955, ERROR_DENIED, "after failed logins"},
    {4150, ERROR_DENIED, "after failed logins"},
    {3159, ERROR_DENIED, "use tls=true"},
    {1524, ERROR_DENIED, "way of logging in"},
    {2059, ERROR_DENIED, "is not built in"},
    {5010, ERROR_DENIED, "the password was not sent"},
    {1044, ERROR_DENIED, "on this database"},
    {1142, ERROR_DENIED, "lacks the right"},
    {1143, ERROR_DENIED, "lacks the right"},
    {1227, ERROR_DENIED, "lacks the right"},
    {1211, ERROR_DENIED, "may not create users"},
    {1095, ERROR_DENIED, "sessions of others"},
    /* a person must change something */
    {1819, ERROR_INVALID, "password policy"},
    {1470, ERROR_INVALID, "too long"},
    {1059, ERROR_INVALID, "too long"},
    {1102, ERROR_INVALID, "does not take this name"},
};

static void test_numbers_become_kinds_and_sentences(void **state maybe_unused)
{
    for (size_t i = 0; i < array_length(numbers); i++) {
        struct error err = {0};
        char code[16], ending[32];
        bool result = engine_mysql_error_set(&err, numbers[i].number, "creating the user");

        snprintf(code, sizeof code, "%u", numbers[i].number);
        snprintf(ending, sizeof ending, " (error %u)", numbers[i].number);
        if (result || err.kind != numbers[i].kind || !error_has_code(&err, code) ||
            strncmp(err.message, "creating the user failed: ", 26) != 0 ||
            strstr(err.message, numbers[i].part) == NULL || strstr(err.message, ending) == NULL)
            fail_msg("%s: %s, %s: %s", code, error_kind_name(err.kind), err.code, err.message);
    }
}

static void test_unknown_numbers_of_statements_are_bugs_of_ours(void **state maybe_unused)
{
    static const unsigned unknown[] = {0, 1064, 1231, 3619, 9999, 4294967295};

    for (size_t i = 0; i < array_length(unknown); i++) {
        struct error err = {0};
        char part[64];

        snprintf(part, sizeof part, "the server answered error %u ", unknown[i]);
        assert_false(engine_mysql_error_set(&err, unknown[i], "creating the user"));
        if (err.kind != ERROR_INTERNAL || strstr(err.message, part) == NULL)
            fail_msg("%u: %s: %s", unknown[i], error_kind_name(err.kind), err.message);
    }
}

static void test_numbers_of_a_failed_connection_name_the_server(void **state maybe_unused)
{
    for (size_t i = 0; i < array_length(numbers); i++) {
        struct error err = {0};
        bool result = engine_mysql_error_set_unreachable(
            &err, numbers[i].number, "Access denied for user 'canary'@'canary'", "db:3306");

        if (result || err.kind != numbers[i].kind || strstr(err.message, "canary") != NULL ||
            strncmp(err.message, "cannot connect to the server db:3306: ", 38) != 0 ||
            strstr(err.message, numbers[i].part) == NULL)
            fail_msg("%u: %s: %s", numbers[i].number, error_kind_name(err.kind), err.message);
    }
}

static void test_unknown_numbers_of_a_failed_connection_mean_try_again(void **state maybe_unused)
{
    struct error err = {0};

    assert_false(engine_mysql_error_set_unreachable(&err, 2027, "canary", "db:3306"));

    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    assert_true(error_has_code(&err, "2027"));
    assert_string_equal(err.message, "cannot connect to the server db:3306 (error 2027)");
}

static void test_error_in_place_of_a_greeting_is_found_in_the_text(void **state maybe_unused)
{
    static const char early[] = "Received error packet before completion of TLS handshake. The "
                                "authenticity of the following error cannot be verified: ";
    static const struct {
        unsigned number;
        const char *end;
        enum error_kind kind;
        const char *code;
    } cases[] = {
        {2002, "1130 - Host 'canary' is not allowed", ERROR_DENIED, "1130"},
        {2002, "1040 - canary", ERROR_UNAVAILABLE, "1040"},
        {2002, "1129 - canary", ERROR_UNAVAILABLE, "1129"},
        /* what no server says at that time */
        {2002, "2013 - canary", ERROR_UNAVAILABLE, "2002"},
        {2002, "5010 - canary", ERROR_UNAVAILABLE, "2002"},
        {2002, "-1 - canary", ERROR_UNAVAILABLE, "2002"},
        {2002, "canary", ERROR_UNAVAILABLE, "2002"},
        {2002, "", ERROR_UNAVAILABLE, "2002"},
        {2013, "1130 - canary", ERROR_UNAVAILABLE, "2013"},
    };

    for (size_t i = 0; i < array_length(cases); i++) {
        auto_free char *text = mem_printf("%s%s", early, cases[i].end);
        struct error err = {0};

        if (engine_mysql_error_set_unreachable(&err, cases[i].number, text, "db:3306") ||
            err.kind != cases[i].kind || !error_has_code(&err, cases[i].code) ||
            strstr(err.message, "canary") != NULL)
            fail_msg("'%s': %s, %s: %s", cases[i].end, error_kind_name(err.kind), err.code,
                     err.message);
    }
}

/* What Connector/C 3.3 and 3.4 say, each seen against a real server. */
static void test_failures_of_tls_are_told_apart_and_never_quoted(void **state maybe_unused)
{
    static const struct {
        const char *text;
        enum error_kind kind;
        const char *part;
    } cases[] = {
        {"TLS/SSL error: SSL is required, but the server does not support it", ERROR_INVALID,
         "it has no TLS: switch it on there, or use tls=false"},
        {"TLS/SSL error: Validation of SSL server certificate failed", ERROR_INVALID,
         "for another host name"},
        {"TLS/SSL error: Hostname verification failed", ERROR_INVALID, "for another host name"},
        {"TLS/SSL error: self-signed certificate in certificate chain", ERROR_INVALID,
         "not signed by a trusted CA"},
        {"TLS/SSL error: unable to get local issuer certificate", ERROR_INVALID,
         "not signed by a trusted CA"},
        {"TLS/SSL error: certificate has expired", ERROR_INVALID, "or has expired"},
        {"TLS/SSL error: no certificate or crl found", ERROR_INVALID, "in PEM form"},
        {"TLS/SSL error: No such file or directory (2)", ERROR_INVALID, "there is no CA"},
        {"TLS/SSL error: wrong version number canary", ERROR_UNAVAILABLE, "the TLS handshake"},
        {"TLS/SSL error: unexpected eof while reading", ERROR_UNAVAILABLE, "the TLS handshake"},
        {"", ERROR_UNAVAILABLE, "the TLS handshake"},
    };

    for (size_t i = 0; i < array_length(cases); i++) {
        struct error err = {0};
        bool result = engine_mysql_error_set_unreachable(&err, 2026, cases[i].text, "db:3306");

        if (result || err.kind != cases[i].kind || !error_has_code(&err, "Tls") ||
            strncmp(err.message, "cannot connect to the server db:3306: ", 38) != 0 ||
            strstr(err.message, cases[i].part) == NULL ||
            strstr(err.message, "TLS/SSL error") != NULL || strstr(err.message, "canary") != NULL)
            fail_msg("'%s': %s: %s", cases[i].text, error_kind_name(err.kind), err.message);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_become_kinds_and_sentences),
        cmocka_unit_test(test_unknown_numbers_of_statements_are_bugs_of_ours),
        cmocka_unit_test(test_numbers_of_a_failed_connection_name_the_server),
        cmocka_unit_test(test_unknown_numbers_of_a_failed_connection_mean_try_again),
        cmocka_unit_test(test_error_in_place_of_a_greeting_is_found_in_the_text),
        cmocka_unit_test(test_failures_of_tls_are_told_apart_and_never_quoted),
    };

    return cmocka_run_group_tests_name("engine/mysql_error", tests, NULL, NULL);
}
