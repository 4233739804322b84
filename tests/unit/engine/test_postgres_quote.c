#include "base/memory.h"
#include "base/strbuf.h"
#include "engine/postgres_quote.h"
#include "support/test.h"

#include <stdbool.h>
#include <string.h>

static void test_identifiers_are_quoted(void **state maybe_unused)
{
    static const struct {
        const char *name, *expected;
    } cases[] = {
        {"orders", "\"orders\""},
        {"", "\"\""},
        {"Mixed Case", "\"Mixed Case\""},
        {"we\"ird; --", "\"we\"\"ird; --\""},
        {"\"", "\"\"\"\""},
        {"\"\"", "\"\"\"\"\"\""},
        {"it's", "\"it's\""},
        {"back\\slash", "\"back\\slash\""},
        {"\xc3\xa9", "\"\xc3\xa9\""},
    };

    for (size_t i = 0; i < array_length(cases); i++) {
        auto_strbuf struct strbuf sql = {0};

        strbuf_append_text(&sql, "DROP ");
        postgres_quote_identifier(&sql, cases[i].name);

        assert_memory_equal(strbuf_text(&sql), "DROP ", 5);
        assert_string_equal(strbuf_text(&sql) + 5, cases[i].expected);
    }
}

static void test_literals_are_quoted(void **state maybe_unused)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"orders", "'orders'"},
        {"", "''"},
        {"it's", "'it''s'"},
        {"'", "''''"},
        {"''; DROP DATABASE x; --", "'''''; DROP DATABASE x; --'"},
        {"{\"a\":\"b\"}", "'{\"a\":\"b\"}'"},
        {"\\", " E'\\\\'"},
        {"\\'", " E'\\\\'''"},
        {"{\"a\":\"\\\"\"}", " E'{\"a\":\"\\\\\"\"}'"},
        {"\xc3\xa9\n", "'\xc3\xa9\n'"},
        {"$$ $1 :x", "'$$ $1 :x'"},
    };

    for (size_t i = 0; i < array_length(cases); i++) {
        auto_strbuf struct strbuf sql = {0};

        strbuf_append_text(&sql, "IS");
        postgres_quote_literal(&sql, cases[i].text);

        assert_memory_equal(strbuf_text(&sql), "IS", 2);
        assert_string_equal(strbuf_text(&sql) + 2, cases[i].expected);
    }
}

/* Reads one quoted token as the server's lexer does; false when it does not end where the text
 * does. */
static bool unquote(const char *sql, char quote, bool has_escapes, struct strbuf *ret_text)
{
    if (*sql++ != quote)
        return false;
    for (; *sql != '\0'; sql++) {
        if (has_escapes && *sql == '\\') {
            sql++;
        } else if (*sql == quote) {
            if (sql[1] == '\0')
                return true;
            if (*++sql != quote)
                return false;
        }
        strbuf_append_char(ret_text, *sql);
    }
    return false;
}

/* Every text of five characters out of those that matter. */
static void test_reading_the_quoted_text_gives_back_the_text(void **state maybe_unused)
{
    static const char alphabet[] = {'\'', '"', '\\', 'a', ';', '\n'};
    enum { LENGTH = 5 };
    size_t count = 1;

    for (size_t i = 0; i < LENGTH; i++)
        count *= sizeof alphabet;
    for (size_t number = 0; number < count; number++) {
        auto_strbuf struct strbuf name = {0}, read_name = {0}, literal = {0}, read_literal = {0};
        char text[LENGTH + 1] = "";
        bool has_escapes;

        for (size_t i = 0, rest = number; i < LENGTH; i++, rest /= sizeof alphabet)
            text[i] = alphabet[rest % sizeof alphabet];
        postgres_quote_identifier(&name, text);
        postgres_quote_literal(&literal, text);
        has_escapes = strncmp(strbuf_text(&literal), " E", 2) == 0;

        if (!unquote(strbuf_text(&name), '"', false, &read_name) ||
            strcmp(strbuf_text(&read_name), text) != 0)
            fail_msg("identifier '%s' became %s", text, strbuf_text(&name));
        if (has_escapes != (strchr(text, '\\') != NULL) ||
            !unquote(strbuf_text(&literal) + (has_escapes ? 2 : 0), '\'', has_escapes,
                     &read_literal) ||
            strcmp(strbuf_text(&read_literal), text) != 0)
            fail_msg("literal '%s' became %s", text, strbuf_text(&literal));
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_identifiers_are_quoted),
        cmocka_unit_test(test_literals_are_quoted),
        cmocka_unit_test(test_reading_the_quoted_text_gives_back_the_text),
    };

    return cmocka_run_group_tests_name("engine/postgres_quote", tests, NULL, NULL);
}
