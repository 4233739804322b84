#include "base/secret.h"

#include "base/memory.h"
#include "base/strbuf.h"

#include <string.h>

void secret_set(struct secret *secret, const char *bytes, size_t length)
{
    char *copy = mem_alloc(length + 1);

    if (length > 0)
        memcpy(copy, bytes, length);
    secret_release(secret);
    secret->bytes = copy;
    secret->length = length;
}

void secret_set_text(struct secret *secret, const char *text)
{
    secret_set(secret, text, strlen(text));
}

void secret_take_strbuf(struct secret *secret, struct strbuf *buf)
{
    secret_release(secret);
    secret->length = buf->length;
    secret->bytes = strbuf_detach(buf);
}

void secret_copy(struct secret *secret, const struct secret *from)
{
    secret_set(secret, secret_reveal(from), from->length);
}

void secret_release(struct secret *secret)
{
    mem_free_erased(secret->bytes);
    *secret = (struct secret){0};
}

const char *secret_reveal(const struct secret *secret)
{
    return secret->bytes != NULL ? secret->bytes : "";
}

bool secret_is_empty(const struct secret *secret)
{
    return secret->length == 0;
}

bool secret_equals(const struct secret *a, const struct secret *b)
{
    unsigned char difference = 0;

    if (a->length != b->length)
        return false;
    for (size_t i = 0; i < a->length; i++)
        difference = (unsigned char)(difference | (a->bytes[i] ^ b->bytes[i]));
    return difference == 0;
}
