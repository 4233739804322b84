#include "base/strbuf.h"

#include "base/memory.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static void free_text(struct strbuf *buf)
{
    if (buf->erasing)
        mem_free_erased(buf->text);
    else
        free(buf->text);
}

/* Makes room for `extra` more bytes and the final NUL. */
static void reserve(struct strbuf *buf, size_t extra)
{
    size_t needed, capacity;
    char *text;

    assert(extra < STRBUF_LIMIT && buf->length + extra < STRBUF_LIMIT);
    needed = buf->length + extra + 1;
    if (needed <= buf->capacity)
        return;
    capacity = buf->capacity < 32 ? 32 : buf->capacity * 2;
    if (capacity < needed)
        capacity = needed;
    if (!buf->erasing) {
        buf->text = mem_resize(buf->text, capacity);
    } else {
        /* realloc would leave the old copy behind in the heap. */
        text = mem_alloc(capacity);
        if (buf->length > 0)
            memcpy(text, buf->text, buf->length);
        mem_free_erased(buf->text);
        buf->text = text;
    }
    buf->capacity = capacity;
}

void strbuf_append(struct strbuf *buf, const char *bytes, size_t length)
{
    reserve(buf, length);
    if (length > 0)
        memcpy(buf->text + buf->length, bytes, length);
    buf->length += length;
    buf->text[buf->length] = '\0';
}

void strbuf_append_text(struct strbuf *buf, const char *text)
{
    strbuf_append(buf, text, strlen(text));
}

void strbuf_append_char(struct strbuf *buf, char c)
{
    strbuf_append(buf, &c, 1);
}

void strbuf_append_format(struct strbuf *buf, const char *format, ...)
{
    va_list args;
    int length;

    va_start(args, format);
    length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    assert(length >= 0);
    reserve(buf, (size_t)length);
    va_start(args, format);
    vsnprintf(buf->text + buf->length, (size_t)length + 1, format, args);
    va_end(args);
    buf->length += (size_t)length;
}

/* Length of the UTF-8 sequence at `s` (RFC 3629: no overlong forms, no surrogates), 0 if invalid.
 */
static size_t utf8_sequence_length(const unsigned char *s, size_t available)
{
    static const struct {
        unsigned char first_low, first_high, second_low, second_high;
        size_t length;
    } forms[] = {
        {0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };

    for (size_t i = 0; i < array_length(forms); i++) {
        if (s[0] < forms[i].first_low || s[0] > forms[i].first_high)
            continue;
        if (forms[i].length > available)
            return 0;
        if (forms[i].length > 1 && (s[1] < forms[i].second_low || s[1] > forms[i].second_high))
            return 0;
        for (size_t k = 2; k < forms[i].length; k++)
            if ((s[k] & 0xc0) != 0x80)
                return 0;
        return forms[i].length;
    }
    return 0;
}

void strbuf_append_json_escaped(struct strbuf *buf, const char *bytes, size_t length)
{
    const unsigned char *s = (const unsigned char *)bytes;

    for (size_t i = 0; i < length;) {
        size_t step = utf8_sequence_length(s + i, length - i);

        if (step == 0) {
            strbuf_append_text(buf, "\xef\xbf\xbd");
            step = 1;
        } else if (s[i] == '"' || s[i] == '\\') {
            strbuf_append_char(buf, '\\');
            strbuf_append_char(buf, bytes[i]);
        } else if (s[i] == '\n') {
            strbuf_append_text(buf, "\\n");
        } else if (s[i] < 0x20 || s[i] == 0x7f) {
            strbuf_append_format(buf, "\\u%04x", (unsigned)s[i]);
        } else {
            strbuf_append(buf, bytes + i, step);
        }
        i += step;
    }
}

void strbuf_remove_prefix(struct strbuf *buf, size_t length)
{
    assert(length <= buf->length);
    if (length == 0)
        return;
    memmove(buf->text, buf->text + length, buf->length - length + 1);
    if (buf->erasing)
        explicit_bzero(buf->text + buf->length - length + 1, length);
    buf->length -= length;
}

void strbuf_clear(struct strbuf *buf)
{
    if (buf->erasing && buf->capacity > 0)
        explicit_bzero(buf->text, buf->capacity);
    buf->length = 0;
    if (buf->text != NULL)
        buf->text[0] = '\0';
}

void strbuf_release(struct strbuf *buf)
{
    free_text(buf);
    *buf = (struct strbuf){.erasing = buf->erasing};
}

const char *strbuf_text(const struct strbuf *buf)
{
    return buf->text != NULL ? buf->text : "";
}

char *strbuf_detach(struct strbuf *buf)
{
    char *text = buf->text != NULL ? buf->text : mem_alloc(1);

    *buf = (struct strbuf){.erasing = buf->erasing};
    return text;
}
