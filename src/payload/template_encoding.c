#include "payload/template_encoding.h"

#include "base/document.h"
#include "base/encoding.h"
#include "base/strbuf.h"
#include "payload/template_functions.h"

#include <string.h>

struct template_code {
    void (*encode)(struct strbuf *buf, const char *bytes, size_t length);
    bool (*decode)(struct strbuf *buf, const char *text, size_t length);
};

static bool decode_form(struct strbuf *buf, const char *text, size_t length)
{
    auto_strbuf struct strbuf percent = STRBUF_ERASING;

    for (size_t i = 0; i < length; i++) {
        if (text[i] == '+')
            strbuf_append_text(&percent, "%20");
        else
            strbuf_append_char(&percent, text[i]);
    }
    return encoding_append_percent_decoded(buf, strbuf_text(&percent), percent.length);
}

/* The inside of a JSON string. */
static bool decode_json(struct strbuf *buf, const char *text, size_t length)
{
    auto_strbuf struct strbuf array = STRBUF_ERASING;
    auto_json json_t *json = NULL;
    const json_t *string;
    struct error ignored;

    strbuf_append_text(&array, "[\"");
    strbuf_append(&array, text, length);
    strbuf_append_text(&array, "\"]");
    if (!document_parse(strbuf_text(&array), array.length, &json, &ignored) ||
        json_array_size(json) != 1)
        return false;
    string = json_array_get(json, 0);
    strbuf_append(buf, json_string_value(string), json_string_length(string));
    return true;
}

/* Where two fit, the earlier one is meant: a percent-encoded text decodes as a form too. */
static const struct template_code codes[] = {
    {encoding_append_percent, encoding_append_percent_decoded},
    {template_append_form, decode_form},
    {strbuf_append_json_escaped, decode_json},
};

static void encode(const struct template_code *code, const char *text, size_t length,
                   struct strbuf *buf)
{
    strbuf_clear(buf);
    if (code == NULL)
        strbuf_append(buf, text, length);
    else
        code->encode(buf, text, length);
}

bool template_encoding_find(const char *plain, const char *encoded, size_t encoded_length,
                            struct template_encoding *ret_encoding)
{
    enum { CHOICES = array_length(codes) + 1 }; /* 0 = none */

    for (size_t i = 0; i < CHOICES * CHOICES; i++) {
        auto_strbuf struct strbuf once = STRBUF_ERASING, twice = STRBUF_ERASING;
        size_t first = i % CHOICES, second = i / CHOICES;
        struct template_encoding encoding = {
            .first = first > 0 ? &codes[first - 1] : NULL,
            .second = second > 0 ? &codes[second - 1] : NULL,
        };

        encode(encoding.first, plain, strlen(plain), &once);
        encode(encoding.second, strbuf_text(&once), once.length, &twice);
        if (twice.length == encoded_length &&
            memcmp(strbuf_text(&twice), encoded, encoded_length) == 0) {
            *ret_encoding = encoding;
            return true;
        }
    }
    return false;
}

bool template_encoding_is_none(const struct template_encoding *encoding)
{
    return encoding->first == NULL && encoding->second == NULL;
}

static bool decode(const struct template_code *code, const char *text, size_t length,
                   struct strbuf *buf)
{
    if (code != NULL)
        return code->decode(buf, text, length);
    strbuf_append(buf, text, length);
    return true;
}

bool template_encoding_decode(const struct template_encoding *encoding, const char *text,
                              size_t length, struct strbuf *buf)
{
    auto_strbuf struct strbuf once = STRBUF_ERASING;

    return decode(encoding->second, text, length, &once) &&
           decode(encoding->first, strbuf_text(&once), once.length, buf);
}
