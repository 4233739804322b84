#include "engine/mysql_password.h"

#include "base/digest.h"
#include "base/strbuf.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    SALT_SIZE = 20,
    ROUNDS_UNIT = 1000,
    ROUNDS_IN_UNITS = 5, /* MySQL 8's default; MySQL 9 takes it as well */
    ROUNDS_LIMIT = 255 * ROUNDS_UNIT,
    ROUNDS_AT = 3,
    ROUNDS_DIGITS = 3,
    PREFIX_SIZE = 7, /* "$A$005$" */
    HASH_TEXT_SIZE = 43,
    KEPT_SIZE = PREFIX_SIZE + SALT_SIZE + HASH_TEXT_SIZE,
};

static const char hex_digits[] = "0123456789ABCDEFabcdef";
static const char alphabet[] = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/* ---- mysql_native_password ---- */

void engine_mysql_password_append_native(const struct secret *password, struct strbuf *text)
{
    uint8_t once[SHA1_SIZE], twice[SHA1_SIZE];

    digest_sha1(secret_reveal(password), password->length, once);
    digest_sha1(once, sizeof once, twice);
    strbuf_append_char(text, '*');
    for (size_t i = 0; i < sizeof twice; i++)
        strbuf_append_format(text, "%02X", (unsigned)twice[i]);
    explicit_bzero(once, sizeof once);
}

/* ---- caching_sha2_password ---- */

struct bytes {
    const void *data;
    size_t length;
};

static void append_bytes(struct strbuf *buf, struct bytes bytes)
{
    strbuf_append(buf, bytes.data, bytes.length);
}

/* As many bytes as `length` of a digest, repeated. */
static void append_repeated(struct strbuf *buf, const uint8_t digest[static SHA256_SIZE],
                            size_t length)
{
    for (; length > SHA256_SIZE; length -= SHA256_SIZE)
        strbuf_append(buf, (const char *)digest, SHA256_SIZE);
    strbuf_append(buf, (const char *)digest, length);
}

static void digest_buffer(struct strbuf *buf, uint8_t ret_digest[static SHA256_SIZE])
{
    digest_sha256(strbuf_text(buf), buf->length, ret_digest);
    strbuf_clear(buf);
}

/* Steps 1 to 12 of the scheme. */
static void make_first_digest(struct bytes password, struct bytes salt,
                              uint8_t ret_digest[static SHA256_SIZE])
{
    auto_strbuf struct strbuf buf = STRBUF_ERASING;
    uint8_t alternate[SHA256_SIZE];

    append_bytes(&buf, password);
    append_bytes(&buf, salt);
    append_bytes(&buf, password);
    digest_buffer(&buf, alternate);
    append_bytes(&buf, password);
    append_bytes(&buf, salt);
    append_repeated(&buf, alternate, password.length);
    for (size_t bits = password.length; bits > 0; bits >>= 1)
        append_bytes(&buf,
                     (bits & 1) != 0 ? (struct bytes){alternate, sizeof alternate} : password);
    digest_buffer(&buf, ret_digest);
    explicit_bzero(alternate, sizeof alternate);
}

/* Steps 13 to 20: a text of `length` bytes from `count` copies of `source`. */
static void make_sequence(struct bytes source, size_t count, size_t length, struct strbuf *ret_text)
{
    auto_strbuf struct strbuf buf = STRBUF_ERASING;
    uint8_t digest[SHA256_SIZE];

    for (size_t i = 0; i < count; i++)
        append_bytes(&buf, source);
    digest_buffer(&buf, digest);
    append_repeated(ret_text, digest, length);
    explicit_bzero(digest, sizeof digest);
}

/* Step 21. */
static void run_rounds(uint32_t rounds, const struct strbuf *password, const struct strbuf *salt,
                       uint8_t digest[static SHA256_SIZE])
{
    struct bytes p = {strbuf_text(password), password->length};
    struct bytes s = {strbuf_text(salt), salt->length};
    auto_strbuf struct strbuf buf = STRBUF_ERASING;

    for (uint32_t i = 0; i < rounds; i++) {
        struct bytes former = {digest, SHA256_SIZE};

        append_bytes(&buf, i % 2 != 0 ? p : former);
        if (i % 3 != 0)
            append_bytes(&buf, s);
        if (i % 7 != 0)
            append_bytes(&buf, p);
        append_bytes(&buf, i % 2 != 0 ? former : p);
        digest_buffer(&buf, digest);
    }
}

static void append_group(struct strbuf *text, unsigned high, unsigned middle, unsigned low,
                         int characters)
{
    unsigned value = high << 16 | middle << 8 | low;

    for (; characters > 0; characters--, value >>= 6)
        strbuf_append_char(text, alphabet[value & 63]);
}

/* Step 22: the order of the bytes is part of the scheme. */
static void append_hash_text(const uint8_t digest[static SHA256_SIZE], struct strbuf *text)
{
    unsigned a = 0, b = 10, c = 20;

    for (int group = 0; group < 10; group++) {
        unsigned former = a;

        append_group(text, digest[a], digest[b], digest[c], 4);
        a = c + 1;
        c = b + 1;
        b = former + 1;
    }
    append_group(text, 0, digest[31], digest[30], 3);
}

static void append_crypt(const struct secret *password, struct bytes salt, uint32_t rounds,
                         struct strbuf *text)
{
    struct bytes plain = {secret_reveal(password), password->length};
    auto_strbuf struct strbuf p = STRBUF_ERASING, s = STRBUF_ERASING;
    uint8_t digest[SHA256_SIZE];

    make_first_digest(plain, salt, digest);
    make_sequence(plain, plain.length, plain.length, &p);
    make_sequence(salt, 16 + (size_t)digest[0], salt.length, &s);
    run_rounds(rounds, &p, &s, digest);
    append_hash_text(digest, text);
    explicit_bzero(digest, sizeof digest);
}

void engine_mysql_password_append_caching_sha2(const struct secret *password,
                                               const struct random_source *random,
                                               struct strbuf *text)
{
    uint8_t bytes[SALT_SIZE];
    char salt[SALT_SIZE];

    random_fill(random, bytes, sizeof bytes);
    for (size_t i = 0; i < SALT_SIZE; i++)
        salt[i] = alphabet[bytes[i] & 63];
    strbuf_append_format(text, "$A$%03X$", (unsigned)ROUNDS_IN_UNITS);
    strbuf_append(text, salt, SALT_SIZE);
    append_crypt(password, (struct bytes){salt, SALT_SIZE}, ROUNDS_IN_UNITS * ROUNDS_UNIT, text);
}

/* ---- comparing ---- */

static enum engine_password judge(bool equal)
{
    return equal ? ENGINE_PASSWORD_MATCHES : ENGINE_PASSWORD_DIFFERS;
}

static enum engine_password compare_native(const struct secret *password, const char *kept,
                                           size_t length)
{
    auto_strbuf struct strbuf own = STRBUF_ERASING;

    if (length == 0)
        return ENGINE_PASSWORD_DIFFERS; /* an account without password */
    engine_mysql_password_append_native(password, &own);
    if (length != own.length || kept[0] != '*' || strspn(kept + 1, hex_digits) != length - 1)
        return ENGINE_PASSWORD_UNKNOWN;
    return judge(strncasecmp(kept, strbuf_text(&own), length) == 0);
}

/* The server chooses how long the comparison takes, so not every number is taken. */
static bool read_rounds(const char *kept, uint32_t *ret_rounds)
{
    char units[ROUNDS_DIGITS + 1] = "";

    memcpy(units, kept + ROUNDS_AT, ROUNDS_DIGITS);
    *ret_rounds = (uint32_t)strtoul(units, NULL, 16) * ROUNDS_UNIT;
    return strspn(units, hex_digits) == ROUNDS_DIGITS && *ret_rounds > 0 &&
           *ret_rounds <= ROUNDS_LIMIT;
}

static enum engine_password compare_caching_sha2(const struct secret *password, const char *kept,
                                                 size_t length)
{
    auto_strbuf struct strbuf own = STRBUF_ERASING;
    uint32_t rounds;

    if (length == 0)
        return ENGINE_PASSWORD_DIFFERS; /* an account without password */
    if (length != KEPT_SIZE || memcmp(kept, "$A$", ROUNDS_AT) != 0 ||
        kept[PREFIX_SIZE - 1] != '$' || !read_rounds(kept, &rounds))
        return ENGINE_PASSWORD_UNKNOWN;
    append_crypt(password, (struct bytes){kept + PREFIX_SIZE, SALT_SIZE}, rounds, &own);
    return judge(memcmp(kept + PREFIX_SIZE + SALT_SIZE, strbuf_text(&own), HASH_TEXT_SIZE) == 0);
}

enum engine_password engine_mysql_password_compare(const struct secret *password,
                                                   const char *plugin, const char *kept,
                                                   size_t kept_length)
{
    if (strcmp(plugin, ENGINE_MYSQL_PLUGIN_NATIVE) == 0)
        return compare_native(password, kept, kept_length);
    if (strcmp(plugin, ENGINE_MYSQL_PLUGIN_CACHING_SHA2) == 0)
        return compare_caching_sha2(password, kept, kept_length);
    return ENGINE_PASSWORD_UNKNOWN;
}
