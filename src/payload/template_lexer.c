#include "payload/template_lexer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void template_lexer_init(struct template_lexer *lexer, const char *text, size_t length)
{
    *lexer = (struct template_lexer){.text = text, .end = text + length, .next = text};
}

bool template_lexer_fail(const struct template_lexer *lexer, const char *at, struct error *err,
                         const char *format, ...)
{
    char message[ERROR_MESSAGE_SIZE];
    size_t line = 1, column = 1;
    va_list args;

    for (const char *c = lexer->text; c < at; c++) {
        if (*c == '\n') {
            line++;
            column = 1;
        } else if (((unsigned char)*c & 0xc0) != 0x80) { /* not inside a character */
            column++;
        }
    }
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return error_set(err, ERROR_INVALID, NULL, "%zu:%zu: %s", line, column, message);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Letters beyond ASCII count as such, as in Go. */
static bool is_word_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' ||
           (unsigned char)c >= 0x80;
}

static bool starts_with(const struct template_lexer *lexer, const char *at, const char *text)
{
    size_t length = strlen(text);

    return (size_t)(lexer->end - at) >= length && memcmp(at, text, length) == 0;
}

static void skip_space(struct template_lexer *lexer)
{
    while (lexer->next < lexer->end && is_space(*lexer->next))
        lexer->next++;
}

/* "- " right after {{ trims the text before it; without the space it begins a number. */
static bool has_left_trim(const struct template_lexer *lexer, const char *after_open)
{
    return lexer->end - after_open >= 2 && after_open[0] == '-' && is_space(after_open[1]);
}

/* The end of " -}}" or "}}" at this place, or NULL; " -}}" trims the text after it. */
static const char *match_close(const struct template_lexer *lexer, const char *at, bool *ret_trims)
{
    *ret_trims = at < lexer->end && is_space(*at) && starts_with(lexer, at + 1, "-}}");
    if (*ret_trims)
        return at + 4;
    return starts_with(lexer, at, "}}") ? at + 2 : NULL;
}

/* From the comment's slash to behind its action. */
static bool skip_comment(struct template_lexer *lexer, const char *open, struct error *err)
{
    const char *body = lexer->next + 2;
    const char *end = memmem(body, (size_t)(lexer->end - body), "*/", 2);
    bool trims;

    if (end == NULL)
        return template_lexer_fail(lexer, open, err, "the comment is not closed by */");
    end = match_close(lexer, end + 2, &trims);
    if (end == NULL)
        return template_lexer_fail(lexer, open, err,
                                   "the comment's */ must be followed by }} at once");
    lexer->next = end;
    if (trims)
        skip_space(lexer);
    return true;
}

static bool finish(struct template_lexer *lexer, enum template_token_kind kind, const char *begin,
                   const char *end, struct template_token *ret_token)
{
    *ret_token = (struct template_token){kind, begin, (size_t)(end - begin)};
    lexer->next = end;
    return true;
}

static bool next_in_text(struct template_lexer *lexer, struct template_token *ret_token,
                         struct error *err)
{
    while (lexer->next < lexer->end) {
        const char *begin = lexer->next, *end;
        const char *open = memmem(begin, (size_t)(lexer->end - begin), "{{", 2);
        bool trims = open != NULL && has_left_trim(lexer, open + 2);

        end = open != NULL ? open : lexer->end;
        lexer->next = end;
        while (trims && end > begin && is_space(end[-1]))
            end--;
        if (end > begin) {
            *ret_token = (struct template_token){TEMPLATE_TOKEN_TEXT, begin, (size_t)(end - begin)};
            return true;
        }
        if (open == NULL)
            break;
        lexer->next = open + (trims ? 4 : 2);
        if (!starts_with(lexer, lexer->next, "/*")) {
            lexer->action = open;
            return finish(lexer, TEMPLATE_TOKEN_OPEN, open, lexer->next, ret_token);
        }
        if (!skip_comment(lexer, open, err))
            return false;
    }
    return finish(lexer, TEMPLATE_TOKEN_END, lexer->end, lexer->end, ret_token);
}

/* White space, or the end of the action if that follows. */
static bool next_space(struct template_lexer *lexer, struct template_token *ret_token)
{
    const char *begin = lexer->next, *end;
    bool trims;

    skip_space(lexer);
    end = match_close(lexer, lexer->next - 1, &trims);
    if (end == NULL)
        return finish(lexer, TEMPLATE_TOKEN_SPACE, begin, lexer->next, ret_token);
    finish(lexer, TEMPLATE_TOKEN_CLOSE, begin, end, ret_token);
    lexer->action = NULL;
    skip_space(lexer);
    return true;
}

static bool next_string(struct template_lexer *lexer, struct template_token *ret_token,
                        struct error *err)
{
    const char *begin = lexer->next, *c;

    for (c = begin + 1; c < lexer->end && *c != *begin; c++) {
        if (*begin == '`')
            continue;
        if (*c == '\\' && c + 1 < lexer->end)
            c++;
        if (*c == '\n')
            break;
    }
    if (c >= lexer->end || *c != *begin)
        return template_lexer_fail(lexer, begin, err, "the string is not closed");
    return finish(lexer, *begin == '`' ? TEMPLATE_TOKEN_RAW_STRING : TEMPLATE_TOKEN_STRING, begin,
                  c + 1, ret_token);
}

static const char *word_end(const struct template_lexer *lexer, const char *at, char also)
{
    while (at < lexer->end && (is_word_character(*at) || *at == also))
        at++;
    return at;
}

static enum template_token_kind kind_of_character(char c)
{
    if (c == '|')
        return TEMPLATE_TOKEN_PIPE;
    if (c == '(')
        return TEMPLATE_TOKEN_LEFT_PAREN;
    if (c == ')')
        return TEMPLATE_TOKEN_RIGHT_PAREN;
    return TEMPLATE_TOKEN_OTHER;
}

static bool next_in_action(struct template_lexer *lexer, struct template_token *ret_token,
                           struct error *err)
{
    const char *begin = lexer->next;

    if (begin == lexer->end)
        return template_lexer_fail(lexer, lexer->action, err, "the action is not closed by }}");
    if (starts_with(lexer, begin, "}}")) {
        lexer->action = NULL;
        return finish(lexer, TEMPLATE_TOKEN_CLOSE, begin, begin + 2, ret_token);
    }
    if (is_space(*begin))
        return next_space(lexer, ret_token);
    if (*begin == '"' || *begin == '`')
        return next_string(lexer, ret_token, err);
    if (*begin == '.')
        return finish(lexer, TEMPLATE_TOKEN_FIELD, begin, word_end(lexer, begin + 1, '_'),
                      ret_token);
    if (is_digit(*begin) || *begin == '+' || *begin == '-')
        return finish(lexer, TEMPLATE_TOKEN_NUMBER, begin, word_end(lexer, begin + 1, '.'),
                      ret_token);
    if (is_word_character(*begin))
        return finish(lexer, TEMPLATE_TOKEN_WORD, begin, word_end(lexer, begin, '_'), ret_token);
    if (*begin == '$')
        return finish(lexer, TEMPLATE_TOKEN_OTHER, begin, word_end(lexer, begin + 1, '_'),
                      ret_token);
    return finish(lexer, kind_of_character(*begin), begin, begin + 1, ret_token);
}

bool template_lexer_next(struct template_lexer *lexer, struct template_token *ret_token,
                         struct error *err)
{
    return lexer->action != NULL ? next_in_action(lexer, ret_token, err)
                                 : next_in_text(lexer, ret_token, err);
}

static bool is_plain(const struct template_token *token)
{
    for (size_t i = 0; i < token->length; i++) {
        if (token->begin[i] <= ' ' || token->begin[i] > '~')
            return false;
    }
    return token->length > 0 && token->length <= TEMPLATE_WORD_SIZE - 3;
}

const char *template_token_name(const struct template_token *token,
                                char ret_name[static TEMPLATE_WORD_SIZE])
{
    switch (token->kind) {
    case TEMPLATE_TOKEN_END:
        return "the end of the template";
    case TEMPLATE_TOKEN_TEXT:
        return "text";
    case TEMPLATE_TOKEN_OPEN:
        return "{{";
    case TEMPLATE_TOKEN_CLOSE:
        return "}}";
    case TEMPLATE_TOKEN_SPACE:
        return "white space";
    case TEMPLATE_TOKEN_STRING:
    case TEMPLATE_TOKEN_RAW_STRING:
        return "a string";
    case TEMPLATE_TOKEN_NUMBER:
        return "a number";
    case TEMPLATE_TOKEN_FIELD:
    case TEMPLATE_TOKEN_WORD:
    case TEMPLATE_TOKEN_PIPE:
    case TEMPLATE_TOKEN_LEFT_PAREN:
    case TEMPLATE_TOKEN_RIGHT_PAREN:
    case TEMPLATE_TOKEN_OTHER:
        break;
    }
    if (!is_plain(token))
        return token->length > 1 ? "a long or unusual word" : "an unusual character";
    snprintf(ret_name, TEMPLATE_WORD_SIZE, "\"%.*s\"", (int)token->length, token->begin);
    return ret_name;
}
