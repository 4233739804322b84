#include "base/memory.h"
#include "base/strbuf.h"
#include "engine/connection_string.h"
#include "support/test.h"

#include <stdbool.h>
#include <string.h>

static bool parse(const char *bytes, size_t length, struct connection_string *parts,
                  struct error *err)
{
    auto_secret struct secret text = {0};

    secret_set(&text, bytes, length);
    return connection_string_parse_mysql(&text, parts, err);
}

static void must_parse(const char *text, struct connection_string *parts)
{
    struct error err = {0};

    if (!parse(text, strlen(text), parts, &err))
        fail_msg("'%s' was refused: %s", text, err.message);
}

/* --- Good ones ------------------------------------------------------------------------------- */

struct good {
    const char *text, *user, *password, *hosts, *database;
};

static void check_text(const char *text, const char *what, const char *actual, const char *expected)
{
    if ((actual == NULL) != (expected == NULL) ||
        (expected != NULL && strcmp(actual, expected) != 0))
        fail_msg("'%s': %s is '%s', not '%s'", text, what, actual != NULL ? actual : "(none)",
                 expected != NULL ? expected : "(none)");
}

static void check_good(const struct good *example)
{
    auto_connection_string struct connection_string parts = {0};
    auto_strbuf struct strbuf hosts = {0};

    must_parse(example->text, &parts);
    for (size_t i = 0; i < parts.host_count; i++)
        strbuf_append_format(&hosts, "%s%s %u", i > 0 ? ", " : "", parts.hosts[i].host,
                             (unsigned)parts.hosts[i].port);

    check_text(example->text, "the user", parts.username, example->user);
    check_text(example->text, "the password", secret_reveal(&parts.password), example->password);
    check_text(example->text, "the list of hosts", strbuf_text(&hosts), example->hosts);
    check_text(example->text, "the database", parts.database, example->database);
    if (strlen(example->password) != parts.password.length)
        fail_msg("'%s': wrong length of the password", example->text);
}

static void test_url_is_split_and_decoded(void **state maybe_unused)
{
    static const struct good cases[] = {
        {"mysql://u:p@h:3307/d", "u", "p", "h 3307", "d"},
        {"mariadb://u:p@h:3307/d", "u", "p", "h 3307", "d"},
        /* no port, no database, no password */
        {"mysql://u:p@h/d", "u", "p", "h 3306", "d"},
        {"mysql://u:p@h:/d", "u", "p", "h 3306", "d"},
        {"mysql://u:p@h", "u", "p", "h 3306", NULL},
        {"mysql://u:p@h/?tls=true", "u", "p", "h 3306", NULL},
        {"mysql://u:p@h?tls=true", "u", "p", "h 3306", NULL},
        {"mysql://u@h/d", "u", "", "h 3306", "d"},
        {"mysql://u:@h/d", "u", "", "h 3306", "d"},
        /* hosts */
        {"mysql://u:p@[::1]:3307/d", "u", "p", "::1 3307", "d"},
        {"mysql://u:p@[2001:db8::7]/d", "u", "p", "2001:db8::7 3306", "d"},
        {"mysql://u:p@h1:1,[::1]:2,h3/d", "u", "p", "h1 1, ::1 2, h3 3306", "d"},
        {"mysql://u:p@localhost/d", "u", "p", "localhost 3306", "d"},
        /* never taken for other spellings of a number */
        {"mysql://u:p@192.168.1/d", "u", "p", "192.168.1 3306", "d"},
        {"mysql://u:p@0x7f000001/d", "u", "p", "0x7f000001 3306", "d"},
        /* escapes */
        {"mysql://a%40b:p%40%2f%3F%3a%25%23@h/d%20e", "a@b", "p@/?:%#", "h 3306", "d e"},
        {"mysql://u:%2541@h/d", "u", "%41", "h 3306", "d"},
        {"mysql://u:a+b@h/d", "u", "a+b", "h 3306", "d"},
        /* raw characters that are common in passwords */
        {"mysql://u:p@ss@h/d", "u", "p@ss", "h 3306", "d"},
        {"mysql://u:a:b@h/d", "u", "a:b", "h 3306", "d"},
        {"mysql://u:a?b#c@h/d", "u", "a?b#c", "h 3306", "d"},
        {"mysql://u:p@tcp(x)@h/d", "u", "p@tcp(x)", "h 3306", "d"},
        {"  mysql://u:p@h/d\r\n", "u", "p", "h 3306", "d"},
    };

    for (size_t i = 0; i < array_length(cases); i++)
        check_good(&cases[i]);
}

static void test_form_of_go_is_split_and_its_credentials_are_not_decoded(void **state maybe_unused)
{
    static const struct good cases[] = {
        {"u:p@tcp(h:3307)/d", "u", "p", "h 3307", "d"},
        {"u:p@tcp(h)/d", "u", "p", "h 3306", "d"},
        {"u:p@tcp(h:)/d", "u", "p", "h 3306", "d"},
        {"u:p@tcp(h)/", "u", "p", "h 3306", NULL},
        {"u:p@tcp(h)/?tls=true", "u", "p", "h 3306", NULL},
        {"u:p@tcp(h)/d?", "u", "p", "h 3306", "d"},
        {"u@tcp(h)/", "u", "", "h 3306", NULL},
        {"u:@tcp(h)/d", "u", "", "h 3306", "d"},
        /* raw characters, and what looks like escapes */
        {"u:p@ss@tcp(h)/d", "u", "p@ss", "h 3306", "d"},
        {"u:p:w/x@tcp(h:3307)/d", "u", "p:w/x", "h 3307", "d"},
        {"u:p%40@tcp(h)/d", "u", "p%40", "h 3306", "d"},
        {"u:p%zz@tcp(h)/d", "u", "p%zz", "h 3306", "d"},
        {"u:p+w@tcp(h)/d", "u", "p+w", "h 3306", "d"},
        {"u:(p)@tcp(h)/d", "u", "(p)", "h 3306", "d"},
        {"u:p?w#x&y=z@tcp(h)/d", "u", "p?w#x&y=z", "h 3306", "d"},
        {"u:/@:@tcp(h)/d", "u", "/@:", "h 3306", "d"},
        {"u:@tcp(x)/y@tcp(h)/d", "u", "@tcp(x)/y", "h 3306", "d"},
        {"u:a://b@tcp(h)/d", "u", "a://b", "h 3306", "d"},
        {"a%40b:p@tcp(h)/d", "a%40b", "p", "h 3306", "d"},
        {"u:'\"\\$(x);--` @tcp(h)/d", "u", "'\"\\$(x);--` ", "h 3306", "d"},
        /* hosts */
        {"u:p@tcp([::1]:3307)/d?tls=skip-verify", "u", "p", "::1 3307", "d"},
        {"u:p@tcp([::1])/d", "u", "p", "::1 3306", "d"},
        {"u:p@tcp(h1:1,h2)/d", "u", "p", "h1 1, h2 3306", "d"},
        /* the database is decoded */
        {"u:p@tcp(h)/d%2Fe%20f", "u", "p", "h 3306", "d/e f"},
        {"\nu:p@tcp(h)/d\n", "u", "p", "h 3306", "d"},
    };

    for (size_t i = 0; i < array_length(cases); i++)
        check_good(&cases[i]);
}

/* Each query is tried in both forms. */
static char *with_query(size_t form, const char *query)
{
    return mem_printf("%s?%s", form == 0 ? "mysql://u:p@h/d" : "u:p@tcp(h)/d", query);
}

static void test_tls_mode_is_what_the_words_of_both_worlds_say(void **state maybe_unused)
{
    static const struct {
        const char *query;
        enum engine_tls_mode mode;
        bool is_given;
    } cases[] = {
        {"", ENGINE_TLS_PREFER, false},
        {"timeout=5s", ENGINE_TLS_PREFER, false},
        {"tls=true", ENGINE_TLS_VERIFY_FULL, true},
        {"tls=TRUE", ENGINE_TLS_VERIFY_FULL, true},
        {"tls=1", ENGINE_TLS_VERIFY_FULL, true},
        {"tls=skip-verify", ENGINE_TLS_REQUIRE, true},
        {"tls=preferred", ENGINE_TLS_PREFER, true},
        {"tls=false", ENGINE_TLS_DISABLE, true},
        {"tls=0", ENGINE_TLS_DISABLE, true},
        {"tls=skip%2Dverify", ENGINE_TLS_REQUIRE, true},
        {"ssl-mode=DISABLED", ENGINE_TLS_DISABLE, true},
        {"ssl-mode=PREFERRED", ENGINE_TLS_PREFER, true},
        {"ssl-mode=REQUIRED", ENGINE_TLS_REQUIRE, true},
        {"ssl-mode=VERIFY_CA", ENGINE_TLS_VERIFY_CA, true},
        {"ssl-mode=VERIFY_IDENTITY", ENGINE_TLS_VERIFY_FULL, true},
        {"ssl-mode=verify_identity", ENGINE_TLS_VERIFY_FULL, true},
        {"ssl_mode=REQUIRED", ENGINE_TLS_REQUIRE, true},
        {"sslmode=REQUIRED", ENGINE_TLS_REQUIRE, true},
        {"sslMode=VERIFY_IDENTITY", ENGINE_TLS_VERIFY_FULL, true},
        {"parseTime=true&tls=true&charset=utf8mb4", ENGINE_TLS_VERIFY_FULL, true},
    };

    for (size_t i = 0; i < 2 * array_length(cases); i++) {
        auto_connection_string struct connection_string parts = {0};
        auto_free char *text = with_query(i % 2, cases[i / 2].query);

        must_parse(text, &parts);

        if (parts.tls_mode != cases[i / 2].mode || parts.tls_mode_given != cases[i / 2].is_given)
            fail_msg("'%s': mode %d, given %d", text, (int)parts.tls_mode, parts.tls_mode_given);
    }
}

static void test_timeouts_are_whole_seconds_and_what_only_other_clients_need_is_ignored(
    void **state maybe_unused)
{
    static const struct {
        const char *query;
        uint32_t timeout;
    } cases[] = {
        {"", 0},
        {"timeout=5s", 5},
        {"timeout=60s", 60},
        {"timeout=1ms", 1},
        {"timeout=1000ms", 1},
        {"timeout=1001ms", 2},
        {"timeout=60000ms", 60},
        {"connect_timeout=7", 7},
        {"readTimeout=CANARY&writeTimeout=5s&charset=latin1&collation=x&parseTime=true&loc=Local"
         "&multiStatements=true&interpolateParams=true&allowNativePasswords=true"
         "&checkConnLiveness=false&clientFoundRows=true&columnsWithAlias=true&maxAllowedPacket=0"
         "&rejectReadOnly=true",
         0},
    };

    for (size_t i = 0; i < 2 * array_length(cases); i++) {
        auto_connection_string struct connection_string parts = {0};
        auto_free char *text = with_query(i % 2, cases[i / 2].query);

        must_parse(text, &parts);

        if (parts.connect_timeout_seconds != cases[i / 2].timeout || parts.tls_mode_given)
            fail_msg("'%s': timeout %u", text, (unsigned)parts.connect_timeout_seconds);
    }
}

/* --- Bad ones -------------------------------------------------------------------------------- */

/* What may never be shown: in the cases below every value holds one of these. */
static const char *const canaries[] = {"canary", "CANARY", "sesame", "parrot"};

static void check_refusal(const char *name, const char *bytes, size_t length, const char *expected)
{
    auto_connection_string struct connection_string parts = {0};
    struct error err = {0};

    if (parse(bytes, length, &parts, &err))
        fail_msg("%s: was accepted", name);
    if (err.kind != ERROR_INVALID || !error_has_code(&err, "ConnectionString") ||
        strstr(err.message, expected) == NULL)
        fail_msg("%s: %s, %s: %s", name, error_kind_name(err.kind), err.code, err.message);
    for (size_t i = 0; i < array_length(canaries); i++) {
        if (strstr(err.message, canaries[i]) != NULL)
            fail_msg("%s: the message quotes the text: %s", name, err.message);
    }
    if (parts.host_count != 0 || parts.username != NULL || parts.password.bytes != NULL)
        fail_msg("%s: something was returned", name);
}

struct refusal {
    const char *text, *expected;
};

static void test_malformed_text_is_refused_and_never_quoted(void **state maybe_unused)
{
    static const struct refusal cases[] = {
        {"", "it is empty"},
        {" \r\n", "it is empty"},
        {"canary:sesame", "neither mysql://user:password@host:port/database nor"},
        {"canary:sesame@tcp(parrot)", "the '/' is missing"},
        {"canary:ses\name@tcp(parrot)/d", "control character"},
        {"canary:ses\x7f"
         "ame@tcp(parrot)/d",
         "control character"},
        /* the scheme */
        {"postgresql://canary:sesame@parrot/d", "does not begin with mysql://"},
        {"MYSQL://canary:sesame@parrot/d", "does not begin with mysql://"},
        {"jdbc:mysql://canary:sesame@parrot/d", "not of the form tcp(host:port)"},
        {"mysql2://canary:sesame@parrot/d", "does not begin with mysql://"},
        {"mysql:///CANARY", "names no user"},
        {"mysql://parrot/CANARY", "names no user"},
        {"mysql://:sesame@parrot/d", "names no user"},
        /* the host and the port */
        {"mysql://canary:sesame@/d", "names no host"},
        {"mysql://canary:sesame@:3306/d", "names no host"},
        {"mysql://canary:sesame@tcp(parrot)/d", "the host holds a character"},
        {"mysql://canary:sesame@parrot:0/d", "a port is not a number from 1 to 65535"},
        {"mysql://canary:sesame@parrot:65536/d", "a port is not a number from 1 to 65535"},
        {"mysql://canary:sesame@parrot:CANARY/d", "a port is not a number"},
        {"mysql://canary:sesame@::1/d", "names no host"},
        {"mysql://canary:sesame@[::1/d", "lacks its closing bracket"},
        {"mysql://canary:sesame@%2Fvar%2Fparrot/d", "path of a socket"},
        {"mysql://canary:sesame@host=parrot;port=1/d", "the host holds a character"},
        {"mysql://canary:sesame@canary%3A%2F%2Fparrot/d", "the host holds a character"},
        /* the password */
        {"mysql://canary:ses/ame@parrot/d", "%2F"},
        {"mysql://canary:sesame%zz@parrot/d", "the password holds a '%'"},
        {"mysql://canary:sesame%00@parrot/d", "the password holds a '%'"},
        {"mysql://canary%0A:sesame@parrot/d", "the user name holds a control character"},
        /* the form of Go */
        {"canary:sesame@tcp(parrot/d", "not of the form tcp(host:port)"},
        {"canary:sesame@tcpparrot)/d", "not of the form tcp(host:port)"},
        {"canary:sesame@tcp(parrot)x/d", "not of the form tcp(host:port)"},
        {"canary:sesame@tcp/d", "not of the form tcp(host:port)"},
        {"canary:sesame@/d", "not of the form tcp(host:port)"},
        {"canary:sesame@parrot:3306/d", "not of the form tcp(host:port)"},
        {"canary:sesame@udp(parrot)/d", "not of the form tcp(host:port)"},
        {"canary:sesame@TCP(parrot)/d", "not of the form tcp(host:port)"},
        {"canary:sesame@tcp(parrot)/d?loc=Europe/CANARY", "not of the form tcp(host:port)"},
        {"canary:sesame@unix(/var/parrot)/d", "names a socket file"},
        {"canary:sesame@unix(parrot)/d", "names a socket file"},
        {"sesame/d", "names no user before an '@'"},
        {"tcp(parrot)/d", "names no user before an '@'"},
        {"@tcp(parrot)/d", "it names no user"},
        {":sesame@tcp(parrot)/d", "it names no user"},
        {"canary:sesame@tcp()/d", "names no host"},
        {"canary:sesame@tcp(:3306)/d", "names no host"},
        {"canary:sesame@tcp(parrot:0)/d", "a port is not a number"},
        {"canary:sesame@tcp(parrot:CANARY)/d", "a port is not a number"},
        {"canary:sesame@tcp(parrot:99999)/d", "a port is not a number"},
        {"canary:sesame@tcp(::1)/d", "names no host"},
        {"canary:sesame@tcp([::1)/d", "lacks its closing bracket"},
        {"canary:sesame@tcp(par(rot)/d", "the host holds a character"},
        {"canary:sesame@tcp(a,b,c,d,e,f,g,h,parrot)/d", "more than 8 hosts"},
        {"canary:sesame@tcp(parrot)/CANARY%zz", "the database name holds a '%'"},
        {"canary:sesame@tcp(parrot)/CANARY%00", "the database name holds a '%'"},
    };

    for (size_t i = 0; i < array_length(cases); i++)
        check_refusal(cases[i].text, cases[i].text, strlen(cases[i].text), cases[i].expected);
}

static void test_parameters_are_refused_and_their_values_never_quoted(void **state maybe_unused)
{
    static const struct refusal cases[] = {
        /* refused words are named, so that they can be found */
        {"allowAllFiles=true", "the parameter 'allowAllFiles' is not allowed"},
        {"allowCleartextPasswords=true", "the parameter 'allowCleartextPasswords' is not allowed"},
        {"allowOldPasswords=true", "the parameter 'allowOldPasswords' is not allowed"},
        {"serverPubKey=CANARY", "the parameter 'serverPubKey' is not allowed"},
        {"sql_mode=CANARY", "the parameter 'sql_mode' is not allowed"},
        {"init_command=CANARY", "the parameter 'init_command' is not allowed"},
        {"plugin_dir=CANARY", "the parameter 'plugin_dir' is not allowed"},
        {"unix_socket=CANARY", "the parameter 'unix_socket' is not allowed"},
        {"ssl-key=CANARY", "the parameter '?' is not allowed"},
        {"ssl-cert=CANARY", "the parameter '?' is not allowed"},
        {"user=CANARY", "the parameter 'user' is not allowed"},
        {"TLS=true", "the parameter 'TLS' is not allowed"},
        {"useSSL=CANARY", "the parameter 'useSSL' is not allowed: remove it (what counts is tls, "
                          "ssl-mode"},
        {"CANARY%21=x", "the parameter '?' is not allowed"},
        {"=CANARY", "the parameter '?' is not allowed"},
        {"tls=true&&timeout=5s", "the parameter '?' is not allowed"},
        /* a file of the operator */
        {"ssl-ca=/etc/CANARY", "put the CA into the key ca.crt of the Secret"},
        {"ssl_ca=/etc/CANARY", "put the CA into the key ca.crt of the Secret"},
        {"ssl-ca=", "put the CA into the key ca.crt of the Secret"},
        /* values */
        {"tls=CANARY", "the parameter 'tls' must be true, skip-verify, preferred or false"},
        {"tls=custom", "the parameter 'tls' must be"},
        {"tls=", "the parameter 'tls' must be"},
        {"tls", "the parameter 'tls' must be"},
        {"tls=true=CANARY", "the parameter 'tls' must be"},
        {"tls=REQUIRED", "the parameter 'tls' must be"},
        {"ssl-mode=CANARY", "must be DISABLED, PREFERRED, REQUIRED, VERIFY_CA or VERIFY_IDENTITY"},
        {"ssl-mode=true", "must be DISABLED, PREFERRED, REQUIRED, VERIFY_CA or VERIFY_IDENTITY"},
        {"ssl-mode=", "must be DISABLED, PREFERRED, REQUIRED, VERIFY_CA or VERIFY_IDENTITY"},
        {"timeout=CANARY", "the parameter 'timeout' must be a duration up to 60s"},
        {"timeout=", "the parameter 'timeout' must be"},
        {"timeout=5", "the parameter 'timeout' must be"},
        {"timeout=s", "the parameter 'timeout' must be"},
        {"timeout=0s", "the parameter 'timeout' must be"},
        {"timeout=0ms", "the parameter 'timeout' must be"},
        {"timeout=61s", "the parameter 'timeout' must be"},
        {"timeout=60001ms", "the parameter 'timeout' must be"},
        {"timeout=5sx", "the parameter 'timeout' must be"},
        {"timeout=1m", "the parameter 'timeout' must be"},
        {"timeout=-5s", "the parameter 'timeout' must be"},
        {"timeout=4294967297s", "the parameter 'timeout' must be"},
        {"connect_timeout=0", "the parameter 'connect_timeout' must be a number of seconds"},
        {"connect_timeout=61", "the parameter 'connect_timeout' must be a number of seconds"},
        {"connect_timeout=5s", "the parameter 'connect_timeout' must be a number of seconds"},
        /* of two some clients take the first and some the last */
        {"tls=true&tls=false", "the parameter 'tls' is given twice"},
        {"timeout=5s&timeout=5s", "the parameter 'timeout' is given twice"},
        {"tls=true&ssl-mode=DISABLED", "say the same thing twice"},
        {"ssl-mode=REQUIRED&tls=false", "say the same thing twice"},
        {"ssl-mode=REQUIRED&sslmode=DISABLED", "say the same thing twice"},
        {"charset=a&charset=b", "the parameter 'charset' is given twice"},
        /* escapes */
        {"tls=CANARY%zz", "wrongly percent-encoded"},
        {"tls=CANARY%00", "wrongly percent-encoded"},
        {"CANARY%=x", "wrongly percent-encoded"},
    };

    for (size_t i = 0; i < array_length(cases); i++) {
        const char *expected = cases[i].expected;
        auto_free char *url = mem_printf("mysql://canary:sesame@parrot/CANARY?%s", cases[i].text);

        check_refusal(url, url, strlen(url), expected);
        if (strchr(cases[i].text, '/') == NULL) { /* there it would begin the database */
            auto_free char *dsn = mem_printf("canary:sesame@tcp(parrot)/CANARY?%s", cases[i].text);

            check_refusal(dsn, dsn, strlen(dsn), expected);
        }
    }
}

static void test_nul_is_refused_wherever_it_stands(void **state maybe_unused)
{
    static const char text[] = "canary:sesame@tcp(parrot:3306)/CANARY?tls=true";

    for (size_t i = 0; i < sizeof text; i++) {
        char cut[sizeof text];

        memcpy(cut, text, sizeof text);
        cut[i] = '\0';
        check_refusal("with NUL", cut, sizeof text, "control character");
    }
}

static char *make_long(const char *before, size_t length, const char *after)
{
    auto_strbuf struct strbuf text = {0};

    strbuf_append_text(&text, before);
    for (size_t i = 0; i < length; i++)
        strbuf_append_char(&text, "canary"[i % 6]);
    strbuf_append_text(&text, after);
    return strbuf_detach(&text);
}

static void test_too_long_texts_are_refused(void **state maybe_unused)
{
    static const struct {
        const char *before;
        size_t length;
        const char *after, *expected;
    } cases[] = {
        {"u:", 65536, "@tcp(h)/d", "longer than 16 KiB"},
        {"mysql://u:", 65536, "@h/d", "longer than 16 KiB"},
        {"", 256, ":sesame@tcp(h)/d", "the user name is too long"},
        {"mysql://", 256, ":sesame@h/d", "the user name is too long"},
        {"u:sesame@tcp(", 256, ")/d", "the host is too long"},
        {"u:sesame@tcp(h)/", 256, "", "the database name is too long"},
        {"u:sesame@tcp(h)/d?tls=", 128, "", "is too long or wrongly percent-encoded"},
    };

    for (size_t i = 0; i < array_length(cases); i++) {
        auto_free char *text = make_long(cases[i].before, cases[i].length, cases[i].after);

        check_refusal(cases[i].expected, text, strlen(text), cases[i].expected);
    }
}

static void test_texts_of_the_greatest_lengths_are_taken(void **state maybe_unused)
{
    auto_free char *long_password = make_long("u:", 16 * 1024 - 11, "@tcp(h)/d");
    auto_free char *long_user = make_long("", 255, ":p@tcp(h)/d");
    auto_connection_string struct connection_string with_password = {0}, with_user = {0};

    must_parse(long_password, &with_password);
    must_parse(long_user, &with_user);

    assert_int_equal(with_password.password.length, 16 * 1024 - 11);
    assert_int_equal(strlen(with_user.username), 255);
}

/* Whatever a good text is cut or disturbed to, no message ever shows a piece of it. */
static void test_no_disturbed_text_is_ever_quoted(void **state maybe_unused)
{
    static const char *const texts[] = {"mysql://canary:sesame@parrot:3306/CANARY?tls=true",
                                        "canary:sesame@tcp(parrot:3306)/CANARY?tls=true"};
    static const char disturbances[] = "@/?:%&=#[](),; \n\x7f";
    char disturbed[64];

    for (size_t n = 0; n < array_length(texts); n++) {
        for (size_t i = 0; i < strlen(texts[n]) * sizeof disturbances; i++) {
            auto_connection_string struct connection_string parts = {0};
            struct error err = {0};

            strcpy(disturbed, texts[n]);
            disturbed[i / sizeof disturbances] = disturbances[i % sizeof disturbances];
            if (parse(disturbed, strlen(disturbed), &parts, &err))
                continue;
            for (size_t k = 0; k < array_length(canaries); k++) {
                if (strstr(err.message, canaries[k]) != NULL)
                    fail_msg("'%s': %s", disturbed, err.message);
            }
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_url_is_split_and_decoded),
        cmocka_unit_test(test_form_of_go_is_split_and_its_credentials_are_not_decoded),
        cmocka_unit_test(test_tls_mode_is_what_the_words_of_both_worlds_say),
        cmocka_unit_test(
            test_timeouts_are_whole_seconds_and_what_only_other_clients_need_is_ignored),
        cmocka_unit_test(test_malformed_text_is_refused_and_never_quoted),
        cmocka_unit_test(test_parameters_are_refused_and_their_values_never_quoted),
        cmocka_unit_test(test_nul_is_refused_wherever_it_stands),
        cmocka_unit_test(test_too_long_texts_are_refused),
        cmocka_unit_test(test_texts_of_the_greatest_lengths_are_taken),
        cmocka_unit_test(test_no_disturbed_text_is_ever_quoted),
    };

    return cmocka_run_group_tests_name("engine/connection_string_mysql", tests, NULL, NULL);
}
