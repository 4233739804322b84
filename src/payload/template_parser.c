#include "payload/template_parser.h"

#include "base/memory.h"
#include "payload/template_context.h"
#include "payload/template_lexer.h"
#include "payload/template_literal.h"

#include <assert.h>
#include <string.h>

struct parser {
    struct template_lexer lexer;
    struct template_token token; /* the next one, not yet used */
    struct template_context context;
    struct secret_template *program;
    /* What the machine's stack will hold at this point of the program. */
    enum template_kind kinds[TEMPLATE_STACK_LIMIT];
    size_t depth;
    size_t nesting;
};

static const struct field {
    const char *name;
    enum template_field field;
    enum template_kind kind;
} fields[] = {
    {".DBHost", TEMPLATE_DB_HOST, TEMPLATE_TEXT},
    {".DBPort", TEMPLATE_DB_PORT, TEMPLATE_NUMBER},
    {".DBName", TEMPLATE_DB_NAME, TEMPLATE_TEXT},
    {".DBUsername", TEMPLATE_DB_USERNAME, TEMPLATE_TEXT},
    {".DBPassword", TEMPLATE_DB_PASSWORD, TEMPLATE_TEXT},
    {".DatabaseURL", TEMPLATE_DATABASE_URL, TEMPLATE_TEXT},
    {".Engine", TEMPLATE_ENGINE, TEMPLATE_TEXT},
};

#define FIELD_NAMES ".DBHost, .DBPort, .DBName, .DBUsername, .DBPassword, .DatabaseURL and .Engine"

/* Words that are no functions in Go either. */
static const char *const keywords[] = {
    "block", "break", "continue", "define",   "else", "end",  "false",
    "if",    "nil",   "range",    "template", "true", "with",
};

static bool is_word(const struct template_token *token, const char *word)
{
    return strlen(word) == token->length && memcmp(word, token->begin, token->length) == 0;
}

static bool advance(struct parser *parser, struct error *err)
{
    return template_lexer_next(&parser->lexer, &parser->token, err);
}

static bool skip_space(struct parser *parser, struct error *err)
{
    return parser->token.kind != TEMPLATE_TOKEN_SPACE || advance(parser, err);
}

/* Fails at the next token: `before` its name `after`. */
static bool fail_at_token(const struct parser *parser, const char *before, const char *after,
                          struct error *err)
{
    char name[TEMPLATE_WORD_SIZE];

    return template_lexer_fail(&parser->lexer, parser->token.begin, err, "%s %s%s", before,
                               template_token_name(&parser->token, name), after);
}

static struct template_instruction *emit(struct parser *parser, enum template_operation operation)
{
    struct secret_template *program = parser->program;
    struct template_instruction *added;

    if (program->count == program->capacity) {
        program->capacity = program->capacity == 0 ? 16 : program->capacity * 2;
        program->instructions = mem_resize_array(program->instructions, program->capacity,
                                                 sizeof *program->instructions);
    }
    added = &program->instructions[program->count++];
    *added = (struct template_instruction){.operation = operation};
    return added;
}

static struct template_instruction *
emit_push(struct parser *parser, enum template_operation operation, enum template_kind kind)
{
    assert(parser->depth < TEMPLATE_STACK_LIMIT);
    parser->kinds[parser->depth++] = kind;
    return emit(parser, operation);
}

static void emit_call(struct parser *parser, const struct template_function *function,
                      bool is_piped)
{
    enum template_kind arguments[TEMPLATE_ARGUMENTS_LIMIT];
    size_t count = function->argument_count;

    assert(parser->depth >= count);
    parser->depth -= count;
    for (size_t i = 0; i < count; i++)
        arguments[i] = parser->kinds[parser->depth + (i + (is_piped ? 1 : 0)) % count];
    emit_push(parser, is_piped ? TEMPLATE_CALL_PIPED : TEMPLATE_CALL,
              function->kind_of_result(arguments))
        ->function = function;
}

static bool parse_field(struct parser *parser, struct error *err)
{
    for (size_t i = 0; i < array_length(fields); i++) {
        if (is_word(&parser->token, fields[i].name)) {
            emit_push(parser, TEMPLATE_PUSH_FIELD, fields[i].kind)->field = fields[i].field;
            return true;
        }
    }
    return fail_at_token(parser, "unknown field", "; there are " FIELD_NAMES, err);
}

static bool parse_number(struct parser *parser, struct error *err)
{
    int64_t number;

    if (!template_literal_parse_integer(parser->token.begin, parser->token.length, &number))
        return template_lexer_fail(&parser->lexer, parser->token.begin, err,
                                   "the number is not a decimal integer");
    emit_push(parser, TEMPLATE_PUSH_NUMBER, TEMPLATE_NUMBER)->number = number;
    return true;
}

static bool parse_string(struct parser *parser, struct error *err)
{
    const struct template_token *token = &parser->token;
    struct strbuf *constants = &parser->program->constants;
    struct template_instruction *push = emit_push(parser, TEMPLATE_PUSH_CONSTANT, TEMPLATE_TEXT);

    push->constant.offset = constants->length;
    if (token->kind == TEMPLATE_TOKEN_RAW_STRING)
        template_literal_append_raw(constants, token->begin, token->length);
    else if (!template_literal_append_string(constants, token->begin, token->length))
        return template_lexer_fail(&parser->lexer, token->begin, err,
                                   "the string holds a wrong escape, or is not UTF-8 text");
    push->constant.length = constants->length - push->constant.offset;
    return true;
}

static bool parse_pipeline(struct parser *parser, struct error *err);

static bool parse_parentheses(struct parser *parser, struct error *err)
{
    if (parser->nesting == TEMPLATE_NESTING_LIMIT)
        return template_lexer_fail(&parser->lexer, parser->token.begin, err,
                                   "more than %d parentheses in each other",
                                   TEMPLATE_NESTING_LIMIT);
    parser->nesting++;
    if (!advance(parser, err) || !parse_pipeline(parser, err))
        return false;
    parser->nesting--;
    if (parser->token.kind != TEMPLATE_TOKEN_RIGHT_PAREN)
        return fail_at_token(parser, "a ) is missing before", "", err);
    return true;
}

static bool fail_at_operand(const struct parser *parser, struct error *err)
{
    switch (parser->token.kind) {
    case TEMPLATE_TOKEN_WORD:
        return fail_at_token(parser, "a call as an argument needs parentheses:", "", err);
    case TEMPLATE_TOKEN_OTHER:
        if (parser->token.begin[0] == '$')
            return fail_at_token(parser, "variables are not supported:", "", err);
        return fail_at_token(parser, "unexpected", "", err);
    case TEMPLATE_TOKEN_END:
    case TEMPLATE_TOKEN_TEXT:
    case TEMPLATE_TOKEN_OPEN:
    case TEMPLATE_TOKEN_CLOSE:
    case TEMPLATE_TOKEN_SPACE:
    case TEMPLATE_TOKEN_FIELD:
    case TEMPLATE_TOKEN_STRING:
    case TEMPLATE_TOKEN_RAW_STRING:
    case TEMPLATE_TOKEN_NUMBER:
    case TEMPLATE_TOKEN_PIPE:
    case TEMPLATE_TOKEN_LEFT_PAREN:
    case TEMPLATE_TOKEN_RIGHT_PAREN:
        break;
    }
    return fail_at_token(parser, "a value is missing before", "", err);
}

static bool parse_value(struct parser *parser, struct error *err)
{
    if (parser->token.kind == TEMPLATE_TOKEN_FIELD)
        return parse_field(parser, err);
    if (parser->token.kind == TEMPLATE_TOKEN_STRING ||
        parser->token.kind == TEMPLATE_TOKEN_RAW_STRING)
        return parse_string(parser, err);
    if (parser->token.kind == TEMPLATE_TOKEN_NUMBER)
        return parse_number(parser, err);
    if (parser->token.kind == TEMPLATE_TOKEN_LEFT_PAREN)
        return parse_parentheses(parser, err);
    return fail_at_operand(parser, err);
}

static bool ends_command(const struct template_token *token)
{
    return token->kind == TEMPLATE_TOKEN_PIPE || token->kind == TEMPLATE_TOKEN_RIGHT_PAREN ||
           token->kind == TEMPLATE_TOKEN_CLOSE;
}

/* Goes on behind the token, which only white space or the end of the command may follow. */
static bool finish_operand(struct parser *parser, struct error *err)
{
    if (!advance(parser, err))
        return false;
    if (parser->token.kind != TEMPLATE_TOKEN_SPACE && !ends_command(&parser->token))
        return fail_at_token(parser, "unexpected", "", err);
    if (!skip_space(parser, err))
        return false;
    return parser->token.kind != TEMPLATE_TOKEN_OTHER || fail_at_operand(parser, err);
}

static bool find_function(const struct parser *parser,
                          const struct template_function **ret_function, struct error *err)
{
    const struct template_token *token = &parser->token;

    for (size_t i = 0; i < array_length(keywords); i++) {
        if (is_word(token, keywords[i]))
            return fail_at_token(parser, "the keyword", " is not supported", err);
    }
    *ret_function = template_function_find(token->begin, token->length);
    if (*ret_function == NULL)
        return fail_at_token(parser, "unknown function", "; there are " TEMPLATE_FUNCTION_NAMES,
                             err);
    return true;
}

/* A function and its arguments; is_piped: the last one is on the stack already. */
static bool parse_call(struct parser *parser, bool is_piped, struct error *err)
{
    const char *begin = parser->token.begin;
    const struct template_function *function = NULL;
    size_t count = is_piped ? 1 : 0;

    if (!find_function(parser, &function, err) || !finish_operand(parser, err))
        return false;
    for (; !ends_command(&parser->token) && count < function->argument_count; count++) {
        if (!parse_value(parser, err) || !finish_operand(parser, err))
            return false;
    }
    if (!ends_command(&parser->token) || count < function->argument_count)
        return template_lexer_fail(&parser->lexer, begin, err, "%s takes %zu argument%s",
                                   function->name, function->argument_count,
                                   function->argument_count == 1 ? "" : "s");
    emit_call(parser, function, is_piped);
    return true;
}

static bool parse_command(struct parser *parser, bool is_piped, struct error *err)
{
    if (!skip_space(parser, err))
        return false;
    if (parser->token.kind == TEMPLATE_TOKEN_WORD)
        return parse_call(parser, is_piped, err);
    if (is_piped)
        return fail_at_token(parser, "a function must follow the |, not", "", err);
    if (!parse_value(parser, err) || !finish_operand(parser, err))
        return false;
    if (!ends_command(&parser->token))
        return fail_at_token(parser, "only a function takes arguments:", "", err);
    return true;
}

static bool parse_pipeline(struct parser *parser, struct error *err)
{
    if (!parse_command(parser, false, err))
        return false;
    while (parser->token.kind == TEMPLATE_TOKEN_PIPE) {
        if (!advance(parser, err) || !parse_command(parser, true, err))
            return false;
    }
    return true;
}

static bool emit_print(struct parser *parser, const char *action, struct error *err)
{
    bool in_string = parser->context.in_string;

    assert(parser->depth == 1);
    parser->depth = 0;
    switch (template_context_add_action(&parser->context, parser->kinds[0], action)) {
    case TEMPLATE_PLACEMENT_RIGHT:
        emit(parser, in_string ? TEMPLATE_PRINT_ESCAPED : TEMPLATE_PRINT);
        return true;
    case TEMPLATE_PLACEMENT_NEEDS_STRING:
        return template_lexer_fail(&parser->lexer, action, err,
                                   "text outside a JSON string: put it between double quotes, or "
                                   "pass it through json");
    case TEMPLATE_PLACEMENT_IN_ESCAPE:
        break;
    }
    return template_lexer_fail(&parser->lexer, action, err,
                               "an action cannot stand inside an escape sequence of a string");
}

static bool parse_action(struct parser *parser, struct error *err)
{
    const char *action = parser->token.begin;

    if (!advance(parser, err) || !parse_pipeline(parser, err))
        return false;
    if (parser->token.kind != TEMPLATE_TOKEN_CLOSE)
        return fail_at_token(parser, "unexpected", "", err);
    return emit_print(parser, action, err);
}

static bool parse_text(struct parser *parser, struct error *err)
{
    const struct template_token *token = &parser->token;
    struct strbuf *constants = &parser->program->constants;
    const char *json = template_context_add_text(&parser->context, token->begin, token->length);
    struct template_instruction *output;

    if (json != NULL)
        return template_lexer_fail(&parser->lexer, json, err,
                                   "json between quotes: it makes the quotes itself, so remove "
                                   "those around it");
    output = emit(parser, TEMPLATE_OUTPUT_CONSTANT);
    output->constant.offset = constants->length;
    output->constant.length = token->length;
    strbuf_append(constants, token->begin, token->length);
    return true;
}

bool template_parser_run(const char *text, size_t length, struct secret_template *program,
                         struct error *err)
{
    struct parser parser = {.program = program};

    template_lexer_init(&parser.lexer, text, length);
    for (;;) {
        if (!advance(&parser, err))
            return false;
        if (parser.token.kind == TEMPLATE_TOKEN_END)
            return true;
        if (parser.token.kind == TEMPLATE_TOKEN_TEXT ? !parse_text(&parser, err)
                                                     : !parse_action(&parser, err))
            return false;
    }
}
