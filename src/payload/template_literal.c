#include "payload/template_literal.h"

#include "base/strbuf.h"
#include "base/utf8.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool template_is_text(const char *bytes, size_t length)
{
    for (size_t i = 0; i < length;) {
        size_t step = utf8_sequence_length(bytes + i, length - i);

        if (step == 0 || bytes[i] == '\0')
            return false;
        i += step;
    }
    return true;
}

/* Surrogates and what is beyond U+10FFFF come out as bytes that are no UTF-8. */
static void append_code_point(struct strbuf *buf, uint32_t point)
{
    if (point < 0x80) {
        strbuf_append_char(buf, (char)point);
    } else if (point < 0x800) {
        strbuf_append_char(buf, (char)(0xc0 | point >> 6));
        strbuf_append_char(buf, (char)(0x80 | (point & 0x3f)));
    } else if (point < 0x10000) {
        strbuf_append_char(buf, (char)(0xe0 | point >> 12));
        strbuf_append_char(buf, (char)(0x80 | (point >> 6 & 0x3f)));
        strbuf_append_char(buf, (char)(0x80 | (point & 0x3f)));
    } else {
        strbuf_append_char(buf, (char)(0xf0 | (point >> 18 & 0x0f)));
        strbuf_append_char(buf, (char)(0x80 | (point >> 12 & 0x3f)));
        strbuf_append_char(buf, (char)(0x80 | (point >> 6 & 0x3f)));
        strbuf_append_char(buf, (char)(0x80 | (point & 0x3f)));
    }
}

/* Escapes that stand for one character: letter, then what it means. */
static const char simple_escapes[] = "a\ab\bf\fn\nr\rt\tv\v\\\\\"\"";

/* Escapes that give a number in a fixed count of digits. */
static const struct numeric_escape {
    char letter; /* '\0' = the digits begin at once */
    size_t digits;
    int base;
    uint32_t limit;
    bool is_byte; /* a byte, not a character */
} numeric_escapes[] = {
    {'x', 2, 16, 0xff, true},
    {'u', 4, 16, 0xffff, false},
    {'U', 8, 16, 0x10ffff, false},
    {'\0', 3, 8, 0xff, true},
};

/* Returns the length of what follows the backslash, 0 when it is no number. */
static size_t append_numeric(struct strbuf *buf, const char *text, size_t available,
                             const struct numeric_escape *escape)
{
    const char *alphabet = escape->base == 8 ? "01234567" : "0123456789abcdefABCDEF";
    size_t skip = escape->letter != '\0' ? 1 : 0;
    char digits[9] = {0};
    uint32_t number;

    if ((skip > 0 && text[0] != escape->letter) || available < skip + escape->digits)
        return 0;
    memcpy(digits, text + skip, escape->digits);
    if (strspn(digits, alphabet) != escape->digits)
        return 0;
    number = (uint32_t)strtoul(digits, NULL, escape->base);
    if (number > escape->limit)
        return 0;
    if (escape->is_byte)
        strbuf_append_char(buf, (char)number);
    else
        append_code_point(buf, number);
    return skip + escape->digits;
}

static size_t append_escape(struct strbuf *buf, const char *text, size_t available)
{
    size_t length = 0;

    for (size_t i = 0; i + 1 < sizeof simple_escapes; i += 2) {
        if (text[0] == simple_escapes[i]) {
            strbuf_append_char(buf, simple_escapes[i + 1]);
            return 1;
        }
    }
    for (size_t i = 0; i < array_length(numeric_escapes) && length == 0; i++)
        length = append_numeric(buf, text, available, &numeric_escapes[i]);
    return length;
}

bool template_literal_append_string(struct strbuf *buf, const char *quoted, size_t length)
{
    size_t before = buf->length;

    for (size_t i = 1; i + 1 < length;) {
        size_t step;

        if (quoted[i] != '\\') {
            strbuf_append_char(buf, quoted[i++]);
            continue;
        }
        step = append_escape(buf, quoted + i + 1, length - i - 2);
        if (step == 0)
            return false;
        i += 1 + step;
    }
    return template_is_text(strbuf_text(buf) + before, buf->length - before);
}

void template_literal_append_raw(struct strbuf *buf, const char *quoted, size_t length)
{
    for (size_t i = 1; i + 1 < length; i++) {
        if (quoted[i] != '\r') /* as Go does */
            strbuf_append_char(buf, quoted[i]);
    }
}

bool template_literal_parse_integer(const char *text, size_t length, int64_t *ret_number)
{
    size_t sign = length > 0 && (text[0] == '-' || text[0] == '+') ? 1 : 0;
    char digits[24] = {0};

    if (length == sign || length >= sizeof digits)
        return false;
    memcpy(digits, text, length);
    if (strspn(digits + sign, "0123456789") != length - sign ||
        (digits[sign] == '0' && length > sign + 1))
        return false;
    errno = 0;
    *ret_number = strtoll(digits, NULL, 10);
    return errno == 0;
}
