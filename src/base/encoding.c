#include "base/encoding.h"

#include "base/strbuf.h"

#include <stdint.h>
#include <string.h>

static const char hex_digits[] = "0123456789abcdef";
static const char base64_standard[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base64_url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void encoding_append_hex(struct strbuf *buf, const void *bytes, size_t length)
{
    const uint8_t *b = bytes;

    for (size_t i = 0; i < length; i++) {
        strbuf_append_char(buf, hex_digits[b[i] >> 4]);
        strbuf_append_char(buf, hex_digits[b[i] & 15]);
    }
}

static void append_base64(struct strbuf *buf, const uint8_t *b, size_t length, const char *alphabet,
                          bool padded)
{
    for (size_t i = 0; i < length; i += 3) {
        size_t group = length - i < 3 ? length - i : 3;
        uint32_t bits = (uint32_t)b[i] << 16;

        if (group > 1)
            bits |= (uint32_t)b[i + 1] << 8;
        if (group > 2)
            bits |= b[i + 2];
        for (size_t k = 0; k < 4; k++) {
            if (k <= group)
                strbuf_append_char(buf, alphabet[(bits >> (18 - 6 * k)) & 63]);
            else if (padded)
                strbuf_append_char(buf, '=');
        }
    }
}

void encoding_append_base64(struct strbuf *buf, const void *bytes, size_t length)
{
    append_base64(buf, bytes, length, base64_standard, true);
}

void encoding_append_base64url(struct strbuf *buf, const void *bytes, size_t length)
{
    append_base64(buf, bytes, length, base64_url, false);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool encoding_append_base64_decoded(struct strbuf *buf, const char *text, size_t length)
{
    auto_strbuf struct strbuf decoded = STRBUF_ERASING;
    uint32_t bits = 0;
    size_t digits = 0, padding = 0;

    for (size_t i = 0; i < length; i++) {
        const char *digit;

        if (is_space(text[i]))
            continue;
        if (text[i] == '=') {
            padding++;
            continue;
        }
        digit = text[i] != '\0' ? strchr(base64_standard, text[i]) : NULL;
        if (digit == NULL || padding > 0)
            return false;
        bits = bits << 6 | (uint32_t)(digit - base64_standard);
        digits++;
        if (digits % 4 == 0) {
            strbuf_append_char(&decoded, (char)(bits >> 16));
            strbuf_append_char(&decoded, (char)(bits >> 8));
            strbuf_append_char(&decoded, (char)bits);
        }
    }
    if ((digits + padding) % 4 != 0 || padding > 2)
        return false;
    if (digits % 4 == 2) {
        strbuf_append_char(&decoded, (char)(bits >> 4));
    } else if (digits % 4 == 3) {
        strbuf_append_char(&decoded, (char)(bits >> 10));
        strbuf_append_char(&decoded, (char)(bits >> 2));
    }
    strbuf_append(buf, strbuf_text(&decoded), decoded.length);
    return true;
}

static bool is_unreserved(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void encoding_append_percent(struct strbuf *buf, const char *bytes, size_t length)
{
    static const char upper_digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < length; i++) {
        uint8_t byte = (uint8_t)bytes[i];

        if (is_unreserved(bytes[i])) {
            strbuf_append_char(buf, bytes[i]);
        } else {
            strbuf_append_char(buf, '%');
            strbuf_append_char(buf, upper_digits[byte >> 4]);
            strbuf_append_char(buf, upper_digits[byte & 15]);
        }
    }
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool encoding_append_hex_decoded(struct strbuf *buf, const char *text, size_t length)
{
    auto_strbuf struct strbuf decoded = STRBUF_ERASING;

    if (length % 2 != 0)
        return false;
    for (size_t i = 0; i < length; i += 2) {
        int high = hex_value(text[i]), low = hex_value(text[i + 1]);

        if (high < 0 || low < 0)
            return false;
        strbuf_append_char(&decoded, (char)(high << 4 | low));
    }
    strbuf_append(buf, strbuf_text(&decoded), decoded.length);
    return true;
}

bool encoding_append_percent_decoded(struct strbuf *buf, const char *text, size_t length)
{
    auto_strbuf struct strbuf decoded = STRBUF_ERASING;

    for (size_t i = 0; i < length; i++) {
        int high, low;

        if (text[i] != '%') {
            strbuf_append_char(&decoded, text[i]);
            continue;
        }
        if (length - i < 3)
            return false;
        high = hex_value(text[i + 1]);
        low = hex_value(text[i + 2]);
        if (high < 0 || low < 0 || (high == 0 && low == 0))
            return false;
        strbuf_append_char(&decoded, (char)(high << 4 | low));
        i += 2;
    }
    strbuf_append(buf, strbuf_text(&decoded), decoded.length);
    return true;
}
