#include "engine/postgres_quote.h"

#include "base/strbuf.h"

#include <string.h>

void postgres_quote_identifier(struct strbuf *sql, const char *name)
{
    strbuf_append_char(sql, '"');
    for (; *name != '\0'; name++) {
        if (*name == '"')
            strbuf_append_char(sql, '"');
        strbuf_append_char(sql, *name);
    }
    strbuf_append_char(sql, '"');
}

void postgres_quote_literal(struct strbuf *sql, const char *text)
{
    /* The blank keeps the E apart from a word before it. */
    if (strchr(text, '\\') != NULL)
        strbuf_append_text(sql, " E");
    strbuf_append_char(sql, '\'');
    for (; *text != '\0'; text++) {
        if (*text == '\'' || *text == '\\')
            strbuf_append_char(sql, *text);
        strbuf_append_char(sql, *text);
    }
    strbuf_append_char(sql, '\'');
}
