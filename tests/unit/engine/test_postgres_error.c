#include "base/memory.h"
#include "engine/postgres_error.h"
#include "support/test.h"

#include <string.h>

static void test_sqlstates_become_kinds_and_sentences(void **state maybe_unused)
{
    static const struct {
        const char *sqlstate;
        enum error_kind kind;
        const char *part;
    } cases[] = {
        /* exists or vanished: read again */
        {"42P04", ERROR_CONFLICT, "the database exists already"},
        {"42710", ERROR_CONFLICT, "the role exists already"},
        {"23505", ERROR_CONFLICT, "at the same time"},
        {"3D000", ERROR_CONFLICT, "the database does not exist"},
        {"42704", ERROR_CONFLICT, "the role does not exist"},
        {"2BP01", ERROR_CONFLICT, "depend on it"},
        /* credentials and rights */
        {"28P01", ERROR_DENIED, "correct it in the Secret"},
        {"28000", ERROR_DENIED, "pg_hba.conf"},
        {"42501", ERROR_DENIED, "lacks the right"},
        {"0L000", ERROR_DENIED, "may not grant"},
        {"01006", ERROR_DENIED, "did not revoke"},
        {"01007", ERROR_DENIED, "did not grant"},
        /* back off */
        {"25006", ERROR_UNAVAILABLE, "read-only"},
        {"55006", ERROR_UNAVAILABLE, "template1"},
        {"55P03", ERROR_UNAVAILABLE, "a lock"},
        {"57014", ERROR_UNAVAILABLE, "took too long"},
        {"57P01", ERROR_UNAVAILABLE, "shutting down"},
        {"57P02", ERROR_UNAVAILABLE, "crashed"},
        {"57P03", ERROR_UNAVAILABLE, "starting up"},
        {"57P05", ERROR_UNAVAILABLE, "ended the session"},
        {"55000", ERROR_UNAVAILABLE, "does not accept connections"},
        {"53300", ERROR_UNAVAILABLE, "no connection left"},
        {"53100", ERROR_UNAVAILABLE, "out of resources"},
        {"53200", ERROR_UNAVAILABLE, "out of resources"},
        {"40001", ERROR_UNAVAILABLE, "another transaction"},
        {"40P01", ERROR_UNAVAILABLE, "another transaction"},
        {"08006", ERROR_UNAVAILABLE, "the connection failed"},
        {"08P01", ERROR_UNAVAILABLE, "the connection failed"},
        {"58030", ERROR_UNAVAILABLE, "its own files"},
        {"XX000", ERROR_UNAVAILABLE, "internal error"},
        /* a person must change something */
        {"42939", ERROR_INVALID, "choose another"},
        {"0LP01", ERROR_INVALID, "choose another username"},
        {"0A000", ERROR_INVALID, "does not support"},
        /* whatever else: a bug of ours */
        {"42601", ERROR_INTERNAL, "answered SQLSTATE 42601"},
        {"XX001", ERROR_INTERNAL, "answered SQLSTATE XX001"},
        {"22023", ERROR_INTERNAL, "answered SQLSTATE 22023"},
        {"42P05", ERROR_INTERNAL, "answered SQLSTATE 42P05"},
    };

    for (size_t i = 0; i < array_length(cases); i++) {
        struct error err = {0};
        bool result = postgres_error_set(&err, cases[i].sqlstate, "creating the role");

        if (result || err.kind != cases[i].kind || !error_has_code(&err, cases[i].sqlstate) ||
            strncmp(err.message, "creating the role failed: ", 26) != 0 ||
            strstr(err.message, cases[i].part) == NULL ||
            strstr(err.message, cases[i].sqlstate) == NULL)
            fail_msg("%s: %s: %s", cases[i].sqlstate, error_kind_name(err.kind), err.message);
    }
}

static void test_no_sqlstate_means_that_the_connection_was_lost(void **state maybe_unused)
{
    struct error err = {0};

    assert_false(postgres_error_set(&err, "", "creating the role"));
    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    assert_string_equal(err.code, "");
    assert_string_equal(err.message, "creating the role failed: the connection was lost");
}

#define PREFIX "connection to server at \"127.0.0.1\", port 5432 failed: "

static void test_sqlstate_of_a_failed_connection_is_found(void **state maybe_unused)
{
    static const struct {
        const char *name, *text, *expected;
    } cases[] = {
        {"wrong password", PREFIX "FATAL:  28P01\n", "28P01"},
        {"without line break", PREFIX "FATAL:  3D000", "3D000"},
        {"error", PREFIX "ERROR:  42501\n", "42501"},
        {"Russian", PREFIX "\xd0\x92\xd0\x90\xd0\x96\xd0\x9d\xd0\x9e:  28P01\n", "28P01"},
        {"Chinese", PREFIX "\xe8\x87\xb4\xe5\x91\xbd\xe9\x94\x99\xe8\xaf\xaf:  53300\n", "53300"},
        {"several hosts", PREFIX "FATAL:  57P03\n" PREFIX "FATAL:  28000\n", "28000"},
        {"the last host is silent", PREFIX "FATAL:  57P03\n" PREFIX "Connection refused\n",
         "57P03"},
        {"nothing", "", ""},
        {"nobody listens",
         PREFIX "Connection refused\n\tIs the server running on that host and accepting TCP/IP "
                "connections?\n",
         ""},
        {"text in place of a code", PREFIX "FATAL:  password authentication failed\n", ""},
        {"code and text", PREFIX "FATAL:  28P01: password\n", ""},
        {"too long", PREFIX "FATAL:  28P011\n", ""},
        {"too short", PREFIX "FATAL:  28P0\n", ""},
        {"lower case", PREFIX "FATAL:  28p01\n", ""},
        {"one blank", PREFIX "FATAL: 28P01\n", ""},
        {"cut", PREFIX "FATAL:  ", ""},
    };

    for (size_t i = 0; i < array_length(cases); i++) {
        char sqlstate[6] = "xxxxx";

        postgres_error_find_sqlstate(cases[i].text, sqlstate);

        if (strcmp(sqlstate, cases[i].expected) != 0)
            fail_msg("%s: found '%s'", cases[i].name, sqlstate);
    }
}

static void test_texts_of_libpq_are_understood_and_never_quoted(void **state maybe_unused)
{
    static const struct {
        const char *text;
        enum error_kind kind;
        const char *code, *part;
    } cases[] = {
        {"could not translate host name \"canary\" to address: Name or service not known\n",
         ERROR_UNAVAILABLE, "Resolve", "cannot be resolved"},
        {PREFIX "server certificate for \"canary\" does not match host name \"127.0.0.1\"\n",
         ERROR_INVALID, "Tls", "for another host name"},
        {PREFIX "server certificate for \"canary\" (and 2 other names) does not match host name "
                "\"127.0.0.1\"\n",
         ERROR_INVALID, "Tls", "for another host name"},
        {PREFIX "SSL error: certificate verify failed\n", ERROR_INVALID, "Tls",
         "not signed by a trusted CA"},
        {PREFIX "could not read root certificate file \"/canary\": no certificate or crl found\n",
         ERROR_INVALID, "Tls", "in PEM form"},
        {PREFIX "root certificate file \"/canary\" does not exist\nEither provide the file or "
                "change sslmode to disable server certificate verification.\n",
         ERROR_INVALID, "Tls", "there is no CA"},
        {PREFIX "server does not support SSL, but SSL was required\n", ERROR_INVALID, "Tls",
         "use sslmode=disable"},
        {PREFIX "SSL error: tlsv1 alert canary\n", ERROR_UNAVAILABLE, "Tls", "TLS handshake"},
        {PREFIX "fe_sendauth: no password supplied\n", ERROR_DENIED, "NoPassword",
         "put it into the connection string"},
        {PREFIX "session is read-only\n", ERROR_UNAVAILABLE, "ReadOnly", "at the primary"},
        {PREFIX "Connection refused\n" PREFIX "session is read-only\n", ERROR_UNAVAILABLE,
         "ReadOnly", "at the primary"},
        {PREFIX "Connection refused\n\tIs the server running on that host?\n", ERROR_UNAVAILABLE,
         "Refused", "nobody listens"},
        {PREFIX "No route to host\n", ERROR_UNAVAILABLE, "Unreachable", "no route"},
        {PREFIX "Network is unreachable\n", ERROR_UNAVAILABLE, "Unreachable", "no route"},
        {PREFIX "server closed the connection unexpectedly\n\tThis probably means canary\n",
         ERROR_UNAVAILABLE, "Reset", "closed the connection"},
        {PREFIX "could not receive data from server: Connection reset by peer\n", ERROR_UNAVAILABLE,
         "Reset", "reset the connection"},
        {PREFIX "timeout expired\n", ERROR_UNAVAILABLE, "Timeout", "did not answer in time"},
        {PREFIX "received invalid response to SSL negotiation: canary\n", ERROR_UNAVAILABLE, "",
         "does not answer as PostgreSQL does"},
        {"", ERROR_UNAVAILABLE, "", "does not answer as PostgreSQL does"},
    };

    for (size_t i = 0; i < array_length(cases); i++) {
        struct error err = {0};
        bool result = postgres_error_set_unreachable(&err, cases[i].text, "db:5432");

        if (result || err.kind != cases[i].kind || !error_has_code(&err, cases[i].code) ||
            strncmp(err.message, "cannot connect to the PostgreSQL server db:5432: ", 49) != 0 ||
            strstr(err.message, cases[i].part) == NULL || strstr(err.message, "canary") != NULL ||
            strstr(err.message, "127.0.0.1") != NULL)
            fail_msg("'%s': %s, %s: %s", cases[i].text, error_kind_name(err.kind), err.code,
                     err.message);
    }
}

static void test_refusals_to_send_a_password_are_told_from_other_failures(void **state maybe_unused)
{
    static const struct {
        const char *text;
        bool is_unsafe;
    } cases[] = {
        {PREFIX "channel binding required, but SSL not in use\n", true},
        {PREFIX "channel binding required but not supported by server's authentication request\n",
         true},
        {PREFIX "channel binding is required, but server did not offer an authentication method "
                "that supports channel binding\n",
         true},
        {PREFIX "authentication method requirement \"scram-sha-256\" failed: server requested a "
                "cleartext password\n",
         true},
        {PREFIX "fe_sendauth: no password supplied\n", false},
        {PREFIX "Connection refused\n", false},
        {"", false},
    };

    for (size_t i = 0; i < array_length(cases); i++) {
        if (postgres_error_is_unsafe_authentication(cases[i].text) != cases[i].is_unsafe)
            fail_msg("'%s': wrong", cases[i].text);
    }
}

static void test_logins_name_the_server_and_the_user(void **state maybe_unused)
{
    struct error refused = {0}, closed = {0}, open = {0};

    assert_false(postgres_error_set_login(&refused, "28P01", "db:5432", "shopper"));
    assert_false(postgres_error_set_login(&closed, "42501", "db:5432", "shopper"));
    assert_false(postgres_error_set_not_asked(&open, "db:5432"));

    assert_int_equal(refused.kind, ERROR_DENIED);
    assert_non_null(strstr(refused.message, "the PostgreSQL server db:5432 as 'shopper' failed"));
    assert_int_equal(closed.kind, ERROR_DENIED);
    assert_true(error_has_code(&closed, "42501"));
    assert_non_null(strstr(closed.message, "grant it CONNECT (SQLSTATE 42501)"));
    assert_true(error_has_code(&open, POSTGRES_CODE_NOT_ASKED));
}

static void test_only_five_digits_and_letters_are_a_sqlstate(void **state maybe_unused)
{
    static const char *const others[] = {"", "28P0", "28P011", "28p01", "28P0\n", "28P01\n"};

    assert_true(postgres_error_is_sqlstate("28P01"));
    assert_true(postgres_error_is_sqlstate("XX000"));
    for (size_t i = 0; i < array_length(others); i++) {
        if (postgres_error_is_sqlstate(others[i]))
            fail_msg("'%s' was taken", others[i]);
    }
}

/* The texts of libpq 15 and 17. */
static void test_login_without_password_is_told_by_its_text(void **state maybe_unused)
{
    assert_true(postgres_error_is_login_without_password(
        "channel binding required, but server authenticated client without channel binding"));
    assert_true(postgres_error_is_login_without_password(
        "authentication method requirement \"scram-sha-256\" failed: server did not complete "
        "authentication"));
    assert_false(postgres_error_is_login_without_password(
        "channel binding required but not supported by server's authentication request"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sqlstates_become_kinds_and_sentences),
        cmocka_unit_test(test_no_sqlstate_means_that_the_connection_was_lost),
        cmocka_unit_test(test_sqlstate_of_a_failed_connection_is_found),
        cmocka_unit_test(test_texts_of_libpq_are_understood_and_never_quoted),
        cmocka_unit_test(test_refusals_to_send_a_password_are_told_from_other_failures),
        cmocka_unit_test(test_logins_name_the_server_and_the_user),
        cmocka_unit_test(test_only_five_digits_and_letters_are_a_sqlstate),
        cmocka_unit_test(test_login_without_password_is_told_by_its_text),
    };

    return cmocka_run_group_tests_name("engine/postgres_error", tests, NULL, NULL);
}
