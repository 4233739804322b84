#include "engine/scram.h"

#include "base/digest.h"
#include "base/encoding.h"
#include "base/strbuf.h"

#include <string.h>

void scram_render_verifier(const struct secret *password, const uint8_t *salt, size_t salt_length,
                           uint32_t iterations, struct secret *ret_verifier)
{
    static const char client_text[] = "Client Key", server_text[] = "Server Key";
    auto_strbuf struct strbuf text = STRBUF_ERASING;
    uint8_t salted[SHA256_SIZE], client_key[SHA256_SIZE], stored_key[SHA256_SIZE];
    uint8_t server_key[SHA256_SIZE];

    digest_pbkdf2_sha256(secret_reveal(password), password->length, salt, salt_length, iterations,
                         salted);
    digest_hmac_sha256(salted, sizeof salted, client_text, strlen(client_text), client_key);
    digest_sha256(client_key, sizeof client_key, stored_key);
    digest_hmac_sha256(salted, sizeof salted, server_text, strlen(server_text), server_key);
    strbuf_append_format(&text, "SCRAM-SHA-256$%u:", (unsigned)iterations);
    encoding_append_base64(&text, salt, salt_length);
    strbuf_append_char(&text, '$');
    encoding_append_base64(&text, stored_key, sizeof stored_key);
    strbuf_append_char(&text, ':');
    encoding_append_base64(&text, server_key, sizeof server_key);
    explicit_bzero(salted, sizeof salted);
    explicit_bzero(client_key, sizeof client_key);
    secret_take_strbuf(ret_verifier, &text);
}

bool scram_make_verifier(const struct secret *password, const struct random_source *random,
                         struct secret *ret_verifier, struct error *err)
{
    uint8_t salt[SCRAM_SALT_SIZE];

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
    random_fill(random, salt, sizeof salt);
    scram_render_verifier(password, salt, sizeof salt, SCRAM_ITERATIONS, ret_verifier);
    return true;
}
