#include "base/strbuf.h"

#include "base/memory.h"
#include "base/utf8.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define REPLACEMENT_CHARACTER "\xef\xbf\xbd" /* U+FFFD */

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

void strbuf_append_utf8(struct strbuf *buf, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length;) {
        size_t step = utf8_sequence_length(bytes + i, length - i);

        if (step == 0)
            strbuf_append_text(buf, REPLACEMENT_CHARACTER);
        else
            strbuf_append(buf, bytes + i, step);
        i += step > 0 ? step : 1;
    }
}

static bool is_control_character(const unsigned char *s, size_t length)
{
    return (length == 1 && (s[0] < 0x20 || s[0] == 0x7f)) ||
           (length == 2 && s[0] == 0xc2 && s[1] < 0xa0);
}

/* Ends a line for some viewers (U+2028, U+2029), or turns round how what follows is shown (the
 * bidirectional controls). */
static bool is_deceiving_character(const unsigned char *s, size_t length)
{
    return length == 3 && s[0] == 0xe2 &&
           ((s[1] == 0x80 && s[2] >= 0xa8 && s[2] <= 0xae) ||
            (s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xa9));
}

static void append_json_character(struct strbuf *buf, const char *bytes, size_t length)
{
    const unsigned char *s = (const unsigned char *)bytes;

    if (bytes[0] == '"' || bytes[0] == '\\') {
        strbuf_append_char(buf, '\\');
        strbuf_append_char(buf, bytes[0]);
    } else if (bytes[0] == '\n') {
        strbuf_append_text(buf, "\\n");
    } else if (is_control_character(s, length)) {
        strbuf_append_format(buf, "\\u%04x", (unsigned)s[length - 1]);
    } else if (is_deceiving_character(s, length)) {
        strbuf_append_format(buf, "\\u20%02x", (s[1] & 1U) << 6 | (s[2] & 0x3fU));
    } else {
        strbuf_append(buf, bytes, length);
    }
}

void strbuf_append_json_escaped(struct strbuf *buf, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length;) {
        size_t step = utf8_sequence_length(bytes + i, length - i);

        if (step == 0)
            strbuf_append_text(buf, REPLACEMENT_CHARACTER);
        else
            append_json_character(buf, bytes + i, step);
        i += step > 0 ? step : 1;
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
