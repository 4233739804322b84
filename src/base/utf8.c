#include "base/utf8.h"

#include "base/compiler.h"

#include <stdbool.h>
#include <string.h>

static bool is_continuation(unsigned char byte)
{
    return (byte & 0xc0) == 0x80;
}

size_t utf8_sequence_length(const char *bytes, size_t available)
{
    /* Table 3-7 of the Unicode standard. */
    static const struct {
        unsigned char first_low, first_high, second_low, second_high;
        size_t length;
    } forms[] = {
        {0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    const unsigned char *s = (const unsigned char *)bytes;

    for (size_t i = 0; i < array_length(forms); i++) {
        if (s[0] < forms[i].first_low || s[0] > forms[i].first_high)
            continue;
        if (forms[i].length > available)
            return 0;
        if (forms[i].length > 1 && (s[1] < forms[i].second_low || s[1] > forms[i].second_high))
            return 0;
        for (size_t k = 2; k < forms[i].length; k++)
            if (!is_continuation(s[k]))
                return 0;
        return forms[i].length;
    }
    return 0;
}

void utf8_mark_truncation(char *text, size_t size, int wanted)
{
    size_t cut = size - 4;

    if (wanted < 0 || (size_t)wanted < size)
        return;
    for (size_t i = 0; i < 3 && cut > 0 && is_continuation((unsigned char)text[cut]); i++)
        cut--;
    memcpy(text + cut, "...", 4);
}
