#include "base/random.h"

#include "base/fatal.h"

#include <openssl/rand.h>

#include <assert.h>
#include <stdio.h>

static void system_fill(const struct random_source *self maybe_unused, void *bytes, size_t length)
{
    /* A generator that cannot be seeded must never yield a password. */
    if (length > INT32_MAX || RAND_bytes(bytes, (int)length) != 1)
        fatal("the random generator of the cryptographic library failed; no password can be made");
}

const struct random_source random_system = {.fill = system_fill};

void random_fill(const struct random_source *source, void *bytes, size_t length)
{
    source->fill(source, bytes, length);
}

uint64_t random_below(const struct random_source *source, uint64_t limit)
{
    uint64_t value;

    assert(limit > 0);
    random_fill(source, &value, sizeof value);
    return value % limit;
}

void random_uuid(const struct random_source *source, char ret_text[static RANDOM_UUID_SIZE])
{
    unsigned char b[16];

    random_fill(source, b, sizeof b);
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    snprintf(ret_text, RANDOM_UUID_SIZE,
             "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
             b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
             b[15]);
}
