#include "payload/password.h"

#include "base/encoding.h"
#include "base/strbuf.h"

#include <stdbool.h>
#include <string.h>

static bool satisfies_policies(const char *text)
{
    return strpbrk(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != NULL &&
           strpbrk(text, "abcdefghijklmnopqrstuvwxyz") != NULL &&
           strpbrk(text, "0123456789") != NULL && strpbrk(text, "-_") != NULL;
}

void password_generate(const struct random_source *random, struct secret *ret_password)
{
    auto_strbuf struct strbuf text = STRBUF_ERASING;
    unsigned char bytes[PASSWORD_LENGTH / 4 * 3];

    do {
        strbuf_clear(&text);
        random_fill(random, bytes, sizeof bytes);
        encoding_append_base64url(&text, bytes, sizeof bytes);
    } while (!satisfies_policies(strbuf_text(&text)));
    explicit_bzero(bytes, sizeof bytes);
    secret_take_strbuf(ret_password, &text);
}
