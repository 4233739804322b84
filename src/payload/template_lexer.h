/*
 * The words of a template: text between actions, already trimmed, and what stands in the actions.
 * Comments are gone.  Follows the lexer of Go's text/template.
 */
#ifndef PAYLOAD_TEMPLATE_LEXER_H
#define PAYLOAD_TEMPLATE_LEXER_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum template_token_kind {
    TEMPLATE_TOKEN_END,
    TEMPLATE_TOKEN_TEXT,  /* outside actions, never empty */
    TEMPLATE_TOKEN_OPEN,  /* {{ */
    TEMPLATE_TOKEN_CLOSE, /* }} with the white space before it */
    TEMPLATE_TOKEN_SPACE,
    TEMPLATE_TOKEN_FIELD, /* with its dot; the dot alone too */
    TEMPLATE_TOKEN_WORD,
    TEMPLATE_TOKEN_STRING,     /* with its double quotes */
    TEMPLATE_TOKEN_RAW_STRING, /* with its backquotes */
    TEMPLATE_TOKEN_NUMBER,     /* anything that begins like one */
    TEMPLATE_TOKEN_PIPE,
    TEMPLATE_TOKEN_LEFT_PAREN,
    TEMPLATE_TOKEN_RIGHT_PAREN,
    TEMPLATE_TOKEN_OTHER, /* a character with no use here, or a variable with its name */
};

/* A piece of the source. */
struct template_token {
    enum template_token_kind kind;
    const char *begin;
    size_t length;
};

struct template_lexer {
    const char *text, *end; /* the source */
    const char *next;
    const char *action; /* the {{ of the action that next is in; NULL = in text */
};

/* The text is borrowed. */
void template_lexer_init(struct template_lexer *lexer, const char *text, size_t length);
/* INVALID for a comment, string or action that is not closed. */
bool template_lexer_next(struct template_lexer *lexer, struct template_token *ret_token,
                         struct error *err) must_check;

/* Sets an INVALID error that begins with line:column (in characters) of this place in the source;
 * returns false. */
bool template_lexer_fail(const struct template_lexer *lexer, const char *at, struct error *err,
                         const char *format, ...) printf_format(4, 5);

enum { TEMPLATE_WORD_SIZE = 40 };

/* How a message names a token: the quoted word where it is short and plain, else what it is. */
const char *template_token_name(const struct template_token *token,
                                char ret_name[static TEMPLATE_WORD_SIZE]);

#endif
