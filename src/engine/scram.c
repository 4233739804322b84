#include "engine/scram.h"

#include "base/encoding.h"
#include "base/strbuf.h"

#include <string.h>

void scram_derive_keys(const struct secret *password, const uint8_t *salt, size_t salt_length,
                       uint32_t iterations, struct scram_keys *ret_keys)
{
    static const char client_text[] = "Client Key", server_text[] = "Server Key";
    uint8_t salted[SHA256_SIZE];

    digest_pbkdf2_sha256(secret_reveal(password), password->length, salt, salt_length, iterations,
                         salted);
    digest_hmac_sha256(salted, sizeof salted, client_text, strlen(client_text),
                       ret_keys->client_key);
    digest_sha256(ret_keys->client_key, sizeof ret_keys->client_key, ret_keys->stored_key);
    digest_hmac_sha256(salted, sizeof salted, server_text, strlen(server_text),
                       ret_keys->server_key);
    explicit_bzero(salted, sizeof salted);
}

void scram_keys_release(struct scram_keys *keys)
{
    explicit_bzero(keys, sizeof *keys);
}

bool scram_check_password(const struct secret *password, struct error *err)
{
    if (secret_is_empty(password)) /* the server would make a role without password of it */
        return error_set(err, ERROR_INVALID, "Password",
                         "the stored password is empty: store another one");
    for (size_t i = 0; i < password->length; i++) {
        unsigned char c = (unsigned char)secret_reveal(password)[i];

        if (c < ' ' || c > '~')
            return error_set(err, ERROR_INVALID, "Password",
                             "the stored password holds other than printable ASCII characters: "
                             "create the user by hand, or store another password");
    }
    return true;
}

void scram_render_verifier(const struct secret *password, const uint8_t *salt, size_t salt_length,
                           uint32_t iterations, struct secret *ret_verifier)
{
    auto_strbuf struct strbuf text = STRBUF_ERASING;
    auto_scram_keys struct scram_keys keys = {0};

    scram_derive_keys(password, salt, salt_length, iterations, &keys);
    strbuf_append_format(&text, "SCRAM-SHA-256$%u:", (unsigned)iterations);
    encoding_append_base64(&text, salt, salt_length);
    strbuf_append_char(&text, '$');
    encoding_append_base64(&text, keys.stored_key, sizeof keys.stored_key);
    strbuf_append_char(&text, ':');
    encoding_append_base64(&text, keys.server_key, sizeof keys.server_key);
    secret_take_strbuf(ret_verifier, &text);
}

bool scram_make_verifier(const struct secret *password, const struct random_source *random,
                         struct secret *ret_verifier, struct error *err)
{
    uint8_t salt[SCRAM_SALT_SIZE];

    if (!scram_check_password(password, err))
        return false;
    random_fill(random, salt, sizeof salt);
    scram_render_verifier(password, salt, sizeof salt, SCRAM_ITERATIONS, ret_verifier);
    return true;
}
