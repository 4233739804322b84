#include "payload/template_functions.h"

#include "base/encoding.h"

#include <inttypes.h>
#include <string.h>

void template_value_release(struct template_value *value)
{
    strbuf_release(&value->own);
    *value = (struct template_value){0};
}

void template_value_append(const struct template_value *value, struct strbuf *buf)
{
    if (value->kind == TEMPLATE_NUMBER)
        strbuf_append_format(buf, "%" PRId64, value->number);
    else
        strbuf_append(buf, value->bytes, value->length);
}

/* Gives it the content of its own buffer. */
static void become(struct template_value *value, enum template_kind kind)
{
    value->kind = kind;
    value->bytes = strbuf_text(&value->own);
    value->length = value->own.length;
}

static void convert(const struct template_value *argument, struct template_value *ret_value,
                    void (*append)(struct strbuf *buf, const char *bytes, size_t length))
{
    auto_strbuf struct strbuf text = STRBUF_ERASING;

    template_value_append(argument, &text);
    *ret_value = (struct template_value){.own = STRBUF_ERASING};
    append(&ret_value->own, strbuf_text(&text), text.length);
}

static void append_json_string(struct strbuf *buf, const char *bytes, size_t length)
{
    strbuf_append_char(buf, '"');
    strbuf_append_json_escaped(buf, bytes, length);
    strbuf_append_char(buf, '"');
}

static void call_json(struct template_value *arguments, struct template_value *ret_value)
{
    if (arguments[0].kind == TEMPLATE_NUMBER) {
        *ret_value =
            (struct template_value){.kind = TEMPLATE_NUMBER, .number = arguments[0].number};
        return;
    }
    convert(&arguments[0], ret_value, append_json_string);
    become(ret_value, TEMPLATE_JSON);
}

void template_append_form(struct strbuf *buf, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] == ' ')
            strbuf_append_char(buf, '+');
        else
            encoding_append_percent(buf, bytes + i, 1);
    }
}

static void call_urlquery(struct template_value *arguments, struct template_value *ret_value)
{
    convert(&arguments[0], ret_value, template_append_form);
    become(ret_value, TEMPLATE_TEXT);
}

static void call_urlpart(struct template_value *arguments, struct template_value *ret_value)
{
    convert(&arguments[0], ret_value, encoding_append_percent);
    become(ret_value, TEMPLATE_TEXT);
}

static void call_default(struct template_value *arguments, struct template_value *ret_value)
{
    const struct template_value *value = &arguments[1];
    bool is_empty = value->kind == TEMPLATE_NUMBER ? value->number == 0 : value->length == 0;
    struct template_value *chosen = &arguments[is_empty ? 0 : 1];

    *ret_value = *chosen;
    *chosen = (struct template_value){0};
}

static enum template_kind json_or_number(const enum template_kind *arguments)
{
    return arguments[0] == TEMPLATE_NUMBER ? TEMPLATE_NUMBER : TEMPLATE_JSON;
}

static enum template_kind always_text(const enum template_kind *arguments maybe_unused)
{
    return TEMPLATE_TEXT;
}

static enum template_kind as_arguments(const enum template_kind *arguments)
{
    return arguments[0] == arguments[1] ? arguments[0] : TEMPLATE_TEXT;
}

static const struct template_function functions[] = {
    {"json", 1, json_or_number, call_json},
    {"urlquery", 1, always_text, call_urlquery},
    {"urlpart", 1, always_text, call_urlpart},
    {"default", 2, as_arguments, call_default},
};

const struct template_function *template_function_find(const char *name, size_t length)
{
    for (size_t i = 0; i < array_length(functions); i++) {
        if (strlen(functions[i].name) == length && memcmp(functions[i].name, name, length) == 0)
            return &functions[i];
    }
    return NULL;
}
