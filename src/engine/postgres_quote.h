/*
 * Quoting: the only two ways by which a name or a text enters a statement.  Pure.
 */
#ifndef ENGINE_POSTGRES_QUOTE_H
#define ENGINE_POSTGRES_QUOTE_H

struct strbuf;

/* Appends the name as a quoted identifier. */
void postgres_quote_identifier(struct strbuf *sql, const char *name);
/* Appends the text as a literal; as an escape string where a backslash is inside, so that no
 * setting of the server changes its meaning. */
void postgres_quote_literal(struct strbuf *sql, const char *text);

#endif
