#include "base/memory.h"
#include "base/strbuf.h"
#include "engine/connection_string.h"
#include "support/test.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool parse(const char *bytes, size_t length, struct connection_string *parts,
                  struct error *err)
{
    auto_secret struct secret text = {0};

    secret_set(&text, bytes, length);
    return connection_string_parse_postgres(&text, parts, err);
}

static void must_parse(const char *text, struct connection_string *parts)
{
    struct error err = {0};

    if (!parse(text, strlen(text), parts, &err))
        fail_msg("'%s' was refused: %s", text, err.message);
}

/* --- Good ones ------------------------------------------------------------------------------- */

static void check_text(const char *text, const char *what, const char *actual, const char *expected)
{
    if ((actual == NULL) != (expected == NULL) ||
        (expected != NULL && strcmp(actual, expected) != 0))
        fail_msg("'%s': %s is '%s', not '%s'", text, what, actual != NULL ? actual : "(none)",
                 expected != NULL ? expected : "(none)");
}

/* "h:1,h2:5432" as the parser understood it. */
static void check_hosts(const char *text, const struct connection_string *parts,
                        const char *expected)
{
    auto_strbuf struct strbuf hosts = {0};

    for (size_t i = 0; i < parts->host_count; i++)
        strbuf_append_format(&hosts, "%s%s %u", i > 0 ? ", " : "", parts->hosts[i].host,
                             (unsigned)parts->hosts[i].port);
    check_text(text, "the list of hosts", strbuf_text(&hosts), expected);
}

static void test_user_password_hosts_and_database_are_split_and_decoded(void **state maybe_unused)
{
    static const struct {
        const char *text, *user, *password, *hosts, *database;
    } cases[] = {
        {"postgresql://u:p@h:5433/d", "u", "p", "h 5433", "d"},
        {"postgres://u:p@h:5433/d", "u", "p", "h 5433", "d"},
        {"postgresql://u:p@h/d", "u", "p", "h 5432", "d"},
        {"postgresql://u:p@h:/d", "u", "p", "h 5432", "d"},
        {"postgresql://u:p@h:1/d", "u", "p", "h 1", "d"},
        {"postgresql://u:p@h:65535/d", "u", "p", "h 65535", "d"},
        {"postgresql://u:p@h:05432/d", "u", "p", "h 5432", "d"},
        /* no database */
        {"postgresql://u:p@h", "u", "p", "h 5432", NULL},
        {"postgresql://u:p@h/", "u", "p", "h 5432", NULL},
        {"postgresql://u:p@h?sslmode=require", "u", "p", "h 5432", NULL},
        {"postgresql://u:p@h/?sslmode=require", "u", "p", "h 5432", NULL},
        {"postgresql://u:p@h/d?", "u", "p", "h 5432", "d"},
        {"postgresql://u:p@h/a/b", "u", "p", "h 5432", "a/b"},
        /* no password */
        {"postgresql://u@h/d", "u", "", "h 5432", "d"},
        {"postgresql://u:@h/d", "u", "", "h 5432", "d"},
        /* hosts */
        {"postgresql://u:p@db-1.example.com./d", "u", "p", "db-1.example.com. 5432", "d"},
        {"postgresql://u:p@10.0.0.1:6432/d", "u", "p", "10.0.0.1 6432", "d"},
        {"postgresql://u:p@[::1]/d", "u", "p", "::1 5432", "d"},
        {"postgresql://u:p@[2001:db8::7]:5433/d", "u", "p", "2001:db8::7 5433", "d"},
        {"postgresql://u:p@[::1]:/d", "u", "p", "::1 5432", "d"},
        {"postgresql://u:p@[fe80::1%25eth0]:1/d", "u", "p", "fe80::1%eth0 1", "d"},
        {"postgresql://u:p@h1,h2/d", "u", "p", "h1 5432, h2 5432", "d"},
        {"postgresql://u:p@h1:1,[::1]:2,h3/d", "u", "p", "h1 1, ::1 2, h3 5432", "d"},
        {"postgresql://u:p@a,b,c,d,e,f,g,h/d", "u", "p",
         "a 5432, b 5432, c 5432, d 5432, e 5432, f 5432, g 5432, h 5432", "d"},
        {"postgresql://u:p@%68ost/d", "u", "p", "host 5432", "d"},
        /* escapes */
        {"postgresql://a%40b:p%40%2f%3F%3a%25@h/d%20e", "a@b", "p@/?:%", "h 5432", "d e"},
        {"postgresql://u:100%25@h/d", "u", "100%", "h 5432", "d"},
        {"postgresql://u:%2541@h/d", "u", "%41", "h 5432", "d"},
        {"postgresql://u:a+b@h/d", "u", "a+b", "h 5432", "d"},
        {"postgresql://u:line%0Abreak@h/d", "u", "line\nbreak", "h 5432", "d"},
        {"postgresql://\xc3\xbc:\xc3\xa9@h/d", "\xc3\xbc", "\xc3\xa9", "h 5432", "d"},
        /* raw characters that are common in passwords */
        {"postgresql://u:p@ss@h/d", "u", "p@ss", "h 5432", "d"},
        {"postgresql://u:@@@h/d", "u", "@@", "h 5432", "d"},
        {"postgresql://u:a:b@h/d", "u", "a:b", "h 5432", "d"},
        {"postgresql://u:a?b@h/d", "u", "a?b", "h 5432", "d"},
        {"postgresql://u:a#b@h/d", "u", "a#b", "h 5432", "d"},
        {"postgresql://u:a b&c=d,[e]@h/d", "u", "a b&c=d,[e]", "h 5432", "d"},
        {"postgresql://u:'\"\\$(x);--@h/d", "u", "'\"\\$(x);--", "h 5432", "d"},
        /* blanks around, as an editor or `echo` leaves them in a Secret */
        {"postgresql://u:p@h/d\n", "u", "p", "h 5432", "d"},
        {"\r\n\t  postgresql://u:p@h/d \t\r\n", "u", "p", "h 5432", "d"},
    };

    for (size_t i = 0; i < array_length(cases); i++) {
        auto_connection_string struct connection_string parts = {0};

        must_parse(cases[i].text, &parts);

        check_text(cases[i].text, "the user", parts.username, cases[i].user);
        check_text(cases[i].text, "the password", secret_reveal(&parts.password),
                   cases[i].password);
        check_text(cases[i].text, "the database", parts.database, cases[i].database);
        check_hosts(cases[i].text, &parts, cases[i].hosts);
        if (strlen(cases[i].password) != parts.password.length)
            fail_msg("'%s': wrong length of the password", cases[i].text);
    }
}

static void test_tls_mode_is_what_the_parameters_say_and_require_when_they_say_nothing(
    void **state maybe_unused)
{
    static const struct {
        const char *query;
        enum engine_tls_mode mode;
        bool is_given;
    } cases[] = {
        {"", ENGINE_TLS_REQUIRE, false},
        {"?", ENGINE_TLS_REQUIRE, false},
        {"?connect_timeout=5", ENGINE_TLS_REQUIRE, false},
        {"?sslmode=disable", ENGINE_TLS_DISABLE, true},
        {"?sslmode=prefer", ENGINE_TLS_PREFER, true},
        {"?sslmode=require", ENGINE_TLS_REQUIRE, true},
        {"?sslmode=verify-ca", ENGINE_TLS_VERIFY_CA, true},
        {"?sslmode=verify-full", ENGINE_TLS_VERIFY_FULL, true},
        {"?ssl%6dode=verify%2Dfull", ENGINE_TLS_VERIFY_FULL, true},
        {"?ssl=true", ENGINE_TLS_REQUIRE, true},
        {"?ssl=true&sslmode=verify-full", ENGINE_TLS_VERIFY_FULL, true},
        {"?sslmode=verify-full&ssl=true", ENGINE_TLS_VERIFY_FULL, true},
        {"?sslrootcert=system", ENGINE_TLS_VERIFY_FULL, true},
        {"?sslrootcert=system&sslmode=verify-full", ENGINE_TLS_VERIFY_FULL, true},
        {"?sslmode=verify-full&sslrootcert=system", ENGINE_TLS_VERIFY_FULL, true},
    };

    for (size_t i = 0; i < array_length(cases); i++) {
        auto_connection_string struct connection_string parts = {0};
        auto_free char *text = mem_printf("postgresql://u:p@h/d%s", cases[i].query);

        must_parse(text, &parts);

        if (parts.tls_mode != cases[i].mode || parts.tls_mode_given != cases[i].is_given)
            fail_msg("'%s': mode %d, given %d", text, (int)parts.tls_mode, parts.tls_mode_given);
    }
}

static void test_other_parameters_are_taken(void **state maybe_unused)
{
    static const struct {
        const char *query;
        enum engine_channel_binding binding;
        uint32_t timeout;
    } cases[] = {
        {"", ENGINE_CHANNEL_BINDING_DEFAULT, 0},
        {"?channel_binding=disable", ENGINE_CHANNEL_BINDING_DISABLE, 0},
        {"?channel_binding=prefer", ENGINE_CHANNEL_BINDING_PREFER, 0},
        {"?channel_binding=require", ENGINE_CHANNEL_BINDING_REQUIRE, 0},
        {"?connect_timeout=1", ENGINE_CHANNEL_BINDING_DEFAULT, 1},
        {"?connect_timeout=60", ENGINE_CHANNEL_BINDING_DEFAULT, 60},
        {"?connect_timeout=05", ENGINE_CHANNEL_BINDING_DEFAULT, 5},
        {"?target_session_attrs=read-write", ENGINE_CHANNEL_BINDING_DEFAULT, 0},
        {"?target_session_attrs=primary", ENGINE_CHANNEL_BINDING_DEFAULT, 0},
        {"?sslmode=disable&channel_binding=disable&connect_timeout=7",
         ENGINE_CHANNEL_BINDING_DISABLE, 7},
    };

    for (size_t i = 0; i < array_length(cases); i++) {
        auto_connection_string struct connection_string parts = {0};
        auto_free char *text = mem_printf("postgresql://u:p@h/d%s", cases[i].query);

        must_parse(text, &parts);

        if (parts.channel_binding != cases[i].binding ||
            parts.connect_timeout_seconds != cases[i].timeout)
            fail_msg("'%s': binding %d, timeout %u", text, (int)parts.channel_binding,
                     (unsigned)parts.connect_timeout_seconds);
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

static const struct refusal {
    const char *text, *expected;
} refusals[] = {
    /* the whole */
    {"", "it is empty"},
    {" \t\r\n", "it is empty"},
    {"postgresql://canary:sesame\n@parrot/d", "control character"},
    {"postgresql://canary:ses\tame@parrot/d", "control character"},
    {"postgresql://canary:ses\x7f"
     "ame@parrot/d",
     "control character"},
    {"postgresql://canary:sesame@parrot/d\x01", "control character"},
    /* the scheme */
    {"canary:sesame@parrot/d", "does not begin with postgresql://"},
    {"POSTGRESQL://canary:sesame@parrot/d", "does not begin with postgresql://"},
    {"mysql://canary:sesame@parrot/d", "does not begin with postgresql://"},
    {"postgresql:canary:sesame@parrot/d", "does not begin with postgresql://"},
    {"postgresql+canary://canary:sesame@parrot/d", "does not begin with postgresql://"},
    {"host=parrot user=canary password=sesame", "does not begin with postgresql://"},
    {"postgresql:/", "does not begin with postgresql://"},
    /* the user and the password */
    {"postgresql://", "names no user"},
    {"postgresql://parrot", "names no user"},
    {"postgresql://parrot/canary", "names no user"},
    {"postgresql://@parrot/d", "names no user"},
    {"postgresql://:sesame@parrot/d", "names no user"},
    {"postgresql://parrot/d?user=canary&password=sesame", "names no user"},
    {"postgresql://canary:ses/ame@parrot/d", "%2F"},
    {"postgresql://canary:sesame/@parrot", "%2F"},
    {"postgresql://canary:s@same/canary@parrot/d", "not percent-encoded"},
    {"postgresql://canary:s@same?canary@parrot/d", "not percent-encoded"},
    {"postgresql://canary:sesame@parrot/d@CANARY", "not percent-encoded"},
    {"postgresql://canary:sesame@parrot?sslmode=CANARY@x", "not percent-encoded"},
    {"postgresql://canary:sesame%zz@parrot/d", "the password holds a '%'"},
    {"postgresql://canary:sesame%@parrot/d", "the password holds a '%'"},
    {"postgresql://canary:sesame%2@parrot/d", "the password holds a '%'"},
    {"postgresql://canary:sesame%00@parrot/d", "the password holds a '%'"},
    {"postgresql://canary%zz:sesame@parrot/d", "the user name holds a '%'"},
    {"postgresql://canary%00:sesame@parrot/d", "the user name holds a '%'"},
    {"postgresql://canary%0A:sesame@parrot/d", "the user name holds a control character"},
    /* the hosts */
    {"postgresql://canary:sesame@", "names no host"},
    {"postgresql://canary:sesame@/d", "names no host"},
    {"postgresql://canary:sesame@:5432/d", "names no host"},
    {"postgresql://canary:sesame@?sslmode=require", "names no host"},
    {"postgresql://canary:sesame@parrot,/d", "names no host"},
    {"postgresql://canary:sesame@,parrot/d", "names no host"},
    {"postgresql://canary:sesame@parrot,,parrot/d", "names no host"},
    {"postgresql://canary:sesame@[]/d", "names no host"},
    {"postgresql://canary:sesame@::1/d", "names no host"},
    {"postgresql://canary:sesame@%2Fvar%2Fparrot/d", "path of a socket"},
    {"postgresql://canary:sesame@parrot%2Fparrot/d", "the host holds a character"},
    {"postgresql://canary:sesame@parrot%2Cparrot/d", "the host holds a character"},
    {"postgresql://canary:sesame@parrot%40parrot/d", "the host holds a character"},
    {"postgresql://canary:sesame@par rot/d", "the host holds a character"},
    {"postgresql://canary:sesame@parrot\xc3\xa9/d", "the host holds a character"},
    {"postgresql://canary:sesame@parrot%zz/d", "the host holds a '%'"},
    {"postgresql://canary:sesame@parrot%00/d", "the host holds a '%'"},
    {"postgresql://canary:sesame@[::1%parrot]/d", "the host holds a '%'"},
    {"postgresql://canary:sesame@[parrot/d", "lacks its closing bracket"},
    {"postgresql://canary:sesame@[::1]parrot/d", "follows an IPv6 address"},
    {"postgresql://canary:sesame@[::1]5432/d", "follows an IPv6 address"},
    {"postgresql://canary:sesame@parrot,parrot,parrot,parrot,parrot,parrot,parrot,parrot,parrot/d",
     "more than 8 hosts"},
    /* the ports */
    {"postgresql://canary:sesame@parrot:0/d", "a port is not a number from 1 to 65535"},
    {"postgresql://canary:sesame@parrot:00000/d", "a port is not a number from 1 to 65535"},
    {"postgresql://canary:sesame@parrot:65536/d", "a port is not a number from 1 to 65535"},
    {"postgresql://canary:sesame@parrot:99999/d", "a port is not a number from 1 to 65535"},
    {"postgresql://canary:sesame@parrot:005432/d", "a port is not a number from 1 to 65535"},
    {"postgresql://canary:sesame@parrot:18446744073709556999/d", "a port is not a number"},
    {"postgresql://canary:sesame@parrot:CANARY/d", "a port is not a number"},
    {"postgresql://canary:sesame@parrot:54 32/d", "a port is not a number"},
    {"postgresql://canary:sesame@parrot:-1/d", "a port is not a number"},
    {"postgresql://canary:sesame@parrot:+1/d", "a port is not a number"},
    {"postgresql://canary:sesame@parrot:%35432/d", "a port is not a number"},
    {"postgresql://canary:sesame@parrot:1:2/d", "a port is not a number"},
    {"postgresql://canary:sesame@parrot:1,parrot:CANARY/d", "a port is not a number"},
    {"postgresql://canary:sesame@[::1]:CANARY/d", "a port is not a number"},
    /* the database */
    {"postgresql://canary:sesame@parrot/CANARY%zz", "the database name holds a '%'"},
    {"postgresql://canary:sesame@parrot/CANARY%00", "the database name holds a '%'"},
    {"postgresql://canary:sesame@parrot/CANARY%0d", "the database name holds a control character"},
    {"postgresql://canary:sesame@parrot/CANARY%7F", "the database name holds a control character"},
};

static void test_malformed_text_is_refused_and_never_quoted(void **state maybe_unused)
{
    for (size_t i = 0; i < array_length(refusals); i++)
        check_refusal(refusals[i].text, refusals[i].text, strlen(refusals[i].text),
                      refusals[i].expected);
}

static void test_parameters_are_refused_and_their_values_never_quoted(void **state maybe_unused)
{
    static const struct refusal cases[] = {
        /* refused words are named, so that they can be found */
        {"passfile=/CANARY", "the parameter 'passfile' is not allowed"},
        {"service=CANARY", "the parameter 'service' is not allowed"},
        {"sslkey=/CANARY", "the parameter 'sslkey' is not allowed"},
        {"sslcert=/CANARY", "the parameter 'sslcert' is not allowed"},
        {"sslcrl=/CANARY", "the parameter 'sslcrl' is not allowed"},
        {"sslpassword=CANARY", "the parameter 'sslpassword' is not allowed"},
        {"options=-c%20role%3DCANARY", "the parameter 'options' is not allowed"},
        {"hostaddr=CANARY", "the parameter 'hostaddr' is not allowed"},
        {"host=CANARY", "the parameter 'host' is not allowed"},
        {"host=/CANARY", "the parameter 'host' is not allowed"},
        {"port=1", "the parameter 'port' is not allowed"},
        {"dbname=CANARY", "the parameter 'dbname' is not allowed"},
        {"user=CANARY", "the parameter 'user' is not allowed"},
        {"password=CANARY", "the parameter 'password' is not allowed"},
        {"krbsrvname=CANARY", "the parameter 'krbsrvname' is not allowed"},
        {"requirepeer=CANARY", "the parameter 'requirepeer' is not allowed"},
        {"application_name=CANARY", "the parameter 'application_name' is not allowed"},
        {"pool_max_conns=CANARY", "the parameter 'pool_max_conns' is not allowed"},
        {"SSLMODE=CANARY", "the parameter 'SSLMODE' is not allowed"},
        {"CANARY%21=x", "the parameter '?' is not allowed"},
        {"CANARY1=x", "the parameter '?' is not allowed"},
        {"CANARYabcdefghijklmnopqrstuvwxyzabcdefghij=x", "the parameter '?' is not allowed"},
        {"=CANARY", "the parameter '?' is not allowed"},
        {"sslmode=require&&connect_timeout=5", "the parameter '?' is not allowed"},
        {"sslmode=require&passfile=/CANARY", "the parameter 'passfile' is not allowed"},
        /* values */
        {"sslmode=allow", "the parameter 'sslmode' must be disable, prefer, require, verify-ca"},
        {"sslmode=CANARY", "the parameter 'sslmode' must be"},
        {"sslmode=Require", "the parameter 'sslmode' must be"},
        {"sslmode=", "the parameter 'sslmode' must be"},
        {"sslmode", "the parameter 'sslmode' must be"},
        {"sslmode=require=CANARY", "the parameter 'sslmode' must be"},
        {"ssl=CANARY", "the parameter 'ssl' must be true; use sslmode"},
        {"ssl=false", "the parameter 'ssl' must be true; use sslmode"},
        {"channel_binding=CANARY", "the parameter 'channel_binding' must be disable, prefer or"},
        {"connect_timeout=", "the parameter 'connect_timeout' must be a number of seconds"},
        {"connect_timeout=0", "the parameter 'connect_timeout' must be a number of seconds"},
        {"connect_timeout=61", "the parameter 'connect_timeout' must be a number of seconds"},
        {"connect_timeout=100", "the parameter 'connect_timeout' must be a number of seconds"},
        {"connect_timeout=-1", "the parameter 'connect_timeout' must be a number of seconds"},
        {"connect_timeout=5s", "the parameter 'connect_timeout' must be a number of seconds"},
        {"connect_timeout=CANARY", "the parameter 'connect_timeout' must be a number of seconds"},
        {"target_session_attrs=any", "must be read-write or primary"},
        {"target_session_attrs=standby", "must be read-write or primary"},
        {"target_session_attrs=CANARY", "must be read-write or primary"},
        {"sslrootcert=/etc/CANARY", "put the CA into the key ca.crt of the Secret"},
        {"sslrootcert=", "put the CA into the key ca.crt of the Secret"},
        {"sslrootcert=system&sslmode=require", "verify-full together with sslrootcert=system"},
        {"sslmode=verify-ca&sslrootcert=system", "verify-full together with sslrootcert=system"},
        {"ssl=true&sslrootcert=system", "verify-full together with sslrootcert=system"},
        {"sslmode=disable&sslrootcert=system", "verify-full together with sslrootcert=system"},
        /* libpq takes the last of two, other clients the first */
        {"sslmode=verify-full&sslmode=disable", "the parameter 'sslmode' is given twice"},
        {"connect_timeout=5&sslmode=require&connect_timeout=5",
         "the parameter 'connect_timeout' is given twice"},
        /* escapes */
        {"sslmode=CANARY%zz", "wrongly percent-encoded"},
        {"sslmode=CANARY%00", "wrongly percent-encoded"},
        {"CANARY%zz=x", "wrongly percent-encoded"},
        {"sslmode=require&CANARY%=x", "wrongly percent-encoded"},
    };

    for (size_t i = 0; i < array_length(cases); i++) {
        auto_free char *text =
            mem_printf("postgresql://canary:sesame@parrot/CANARY?%s", cases[i].text);

        check_refusal(text, text, strlen(text), cases[i].expected);
    }
}

static void test_nul_is_refused_wherever_it_stands(void **state maybe_unused)
{
    static const char text[] = "postgresql://canary:sesame@parrot:5432/CANARY?sslmode=require";

    for (size_t i = 0; i < sizeof text; i++) {
        char cut[sizeof text];

        memcpy(cut, text, sizeof text);
        cut[i] = '\0';
        check_refusal("with NUL", cut, sizeof text, "control character");
    }
}

/* A text with `length` times "canary " or so in its middle. */
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
        {"postgresql://u:", 65536, "@h/d", "longer than 16 KiB"},
        {"postgresql://u:", 16 * 1024 - 18, "@h/d", "longer than 16 KiB"},
        {"postgresql://", 256, ":sesame@h/d", "the user name is too long"},
        {"postgresql://u:sesame@", 256, "/d", "the host is too long"},
        {"postgresql://u:sesame@h/", 256, "", "the database name is too long"},
        {"postgresql://u:sesame@h/d?sslmode=", 128, "", "is too long or wrongly percent-encoded"},
        {"postgresql://u:sesame@h/d?", 128, "=x", "is too long or wrongly percent-encoded"},
    };

    for (size_t i = 0; i < array_length(cases); i++) {
        auto_free char *text = make_long(cases[i].before, cases[i].length, cases[i].after);

        check_refusal(cases[i].expected, text, strlen(text), cases[i].expected);
    }
}

static void test_texts_of_the_greatest_lengths_are_taken(void **state maybe_unused)
{
    auto_free char *long_password = make_long("postgresql://u:", 16 * 1024 - 19, "@h/d");
    auto_free char *long_user = make_long("postgresql://", 255, ":p@h/d");
    auto_connection_string struct connection_string with_password = {0}, with_user = {0};

    must_parse(long_password, &with_password);
    must_parse(long_user, &with_user);

    assert_int_equal(with_password.password.length, 16 * 1024 - 19);
    assert_int_equal(strlen(with_user.username), 255);
}

/* Whatever a good text is cut or disturbed to, no message ever shows a piece of it. */
static void test_no_disturbed_text_is_ever_quoted(void **state maybe_unused)
{
    static const char text[] = "postgresql://canary:sesame@parrot:5432/CANARY?sslmode=require";
    static const char disturbances[] = "@/?:%&=#[],; \n\x7f";

    for (size_t i = 0; i < strlen(text); i++) {
        for (size_t j = 0; j < sizeof disturbances; j++) {
            auto_connection_string struct connection_string parts = {0};
            struct error err = {0};
            char disturbed[sizeof text];

            memcpy(disturbed, text, sizeof text);
            disturbed[i] = disturbances[j]; /* the last one cuts */
            if (parse(disturbed, strlen(disturbed), &parts, &err))
                continue;
            for (size_t k = 0; k < array_length(canaries); k++) {
                if (strstr(err.message, canaries[k]) != NULL)
                    fail_msg("'%s': %s", disturbed, err.message);
            }
        }
    }
}

static void test_release_leaves_an_empty_value_that_may_be_released_again(void **state maybe_unused)
{
    struct connection_string parts = {0};

    must_parse("postgresql://u:p@h1,h2/d", &parts);
    connection_string_release(&parts);
    connection_string_release(&parts);

    assert_int_equal(parts.host_count, 0);
    assert_null(parts.username);
    assert_null(parts.database);
    assert_true(secret_is_empty(&parts.password));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_user_password_hosts_and_database_are_split_and_decoded),
        cmocka_unit_test(
            test_tls_mode_is_what_the_parameters_say_and_require_when_they_say_nothing),
        cmocka_unit_test(test_other_parameters_are_taken),
        cmocka_unit_test(test_malformed_text_is_refused_and_never_quoted),
        cmocka_unit_test(test_parameters_are_refused_and_their_values_never_quoted),
        cmocka_unit_test(test_nul_is_refused_wherever_it_stands),
        cmocka_unit_test(test_too_long_texts_are_refused),
        cmocka_unit_test(test_texts_of_the_greatest_lengths_are_taken),
        cmocka_unit_test(test_no_disturbed_text_is_ever_quoted),
        cmocka_unit_test(test_release_leaves_an_empty_value_that_may_be_released_again),
    };

    return cmocka_run_group_tests_name("engine/connection_string", tests, NULL, NULL);
}
