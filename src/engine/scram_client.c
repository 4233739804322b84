#include "engine/scram_client.h"

#include "base/encoding.h"
#include "base/memory.h"
#include "engine/scram.h"

#include <stdlib.h>
#include <string.h>

/* "n": the client does not bind the exchange to a channel; no other identity than the user. */
#define GS2_HEADER        "n,,"
#define GS2_HEADER_BASE64 "biws"

static bool refuse(struct error *err, const char *what)
{
    return error_set(err, ERROR_DENIED, "Scram", "%s", what);
}

/* --- Client first ---------------------------------------------------------------------------- */

void scram_client_begin_with(struct scram_client *client, const char *username, const char *nonce,
                             struct strbuf *ret_message)
{
    *client = (struct scram_client){
        .nonce = mem_strdup(nonce),
        .exchange = STRBUF_ERASING,
    };
    strbuf_append_format(&client->exchange, "n=%s,r=%s", username, nonce);
    strbuf_append_text(ret_message, GS2_HEADER);
    strbuf_append_text(ret_message, strbuf_text(&client->exchange));
}

void scram_client_begin(struct scram_client *client, const struct random_source *random,
                        struct strbuf *ret_message)
{
    auto_strbuf struct strbuf nonce = {0};
    uint8_t bytes[SCRAM_NONCE_BYTES];

    random_fill(random, bytes, sizeof bytes);
    encoding_append_base64(&nonce, bytes, sizeof bytes);
    scram_client_begin_with(client, "", strbuf_text(&nonce), ret_message);
}

/* --- Server first, client final -------------------------------------------------------------- */

struct span {
    const char *text;
    size_t length;
};

/* Takes "<name>=<value>" off the front, with the comma before what follows; the value holds neither
 * spaces nor control characters. */
static bool take_attribute(struct span *rest, char name, struct span *ret_value)
{
    const char *comma;
    size_t taken;

    if (rest->length < 2 || rest->text[0] != name || rest->text[1] != '=')
        return false;
    ret_value->text = rest->text + 2;
    comma = memchr(ret_value->text, ',', rest->length - 2);
    ret_value->length = comma != NULL ? (size_t)(comma - ret_value->text) : rest->length - 2;
    for (size_t i = 0; i < ret_value->length; i++) {
        if (ret_value->text[i] <= ' ' || ret_value->text[i] > '~')
            return false;
    }
    taken = ret_value->length + 2 + (comma != NULL);
    rest->text += taken;
    rest->length -= taken;
    return comma == NULL || rest->length > 0;
}

/* A decimal number without sign or leading zero; 0 when it is none, or above the limit. */
static uint32_t parse_iterations(const struct span *text)
{
    uint32_t number = 0;

    if (text->length == 0 || text->text[0] == '0')
        return 0;
    for (size_t i = 0; i < text->length; i++) {
        if (text->text[i] < '0' || text->text[i] > '9')
            return 0;
        number = number * 10 + (uint32_t)(text->text[i] - '0');
        if (number > SCRAM_ITERATIONS_LIMIT)
            return 0;
    }
    return number;
}

struct server_first {
    struct span nonce;
    struct strbuf salt;
    uint32_t iterations;
};

static bool parse_server_first(const char *message, size_t length, struct server_first *ret_first,
                               struct error *err)
{
    struct span rest = {.text = message, .length = length};
    struct span salt, iterations;

    if (!take_attribute(&rest, 'r', &ret_first->nonce) || !take_attribute(&rest, 's', &salt) ||
        !take_attribute(&rest, 'i', &iterations) || rest.length > 0)
        return refuse(err, "does not speak SCRAM as it should");
    if (!encoding_append_base64_decoded(&ret_first->salt, salt.text, salt.length) ||
        ret_first->salt.length == 0)
        return refuse(err, "sends no salt that can be read");
    ret_first->iterations = parse_iterations(&iterations);
    if (ret_first->iterations == 0)
        return error_set(err, ERROR_DENIED, "Scram",
                         "asks for a number of iterations that is not from 1 to %d",
                         SCRAM_ITERATIONS_LIMIT);
    return true;
}

/* Signs the exchange with both sides' keys: one signature hides the key that is the proof, the
 * other is what the server has to show. */
static void sign(struct scram_client *client, const struct scram_keys *keys,
                 uint8_t ret_proof[static SHA256_SIZE])
{
    const char *text = strbuf_text(&client->exchange);

    digest_hmac_sha256(keys->stored_key, sizeof keys->stored_key, text, client->exchange.length,
                       ret_proof);
    for (size_t i = 0; i < SHA256_SIZE; i++)
        ret_proof[i] ^= keys->client_key[i];
    digest_hmac_sha256(keys->server_key, sizeof keys->server_key, text, client->exchange.length,
                       client->signature);
}

static bool answer(struct scram_client *client, const struct secret *password,
                   const struct server_first *first, struct strbuf *ret_message, struct error *err)
{
    auto_scram_keys struct scram_keys keys = {0};
    size_t own_length = strlen(client->nonce);
    size_t start = client->exchange.length;
    uint8_t proof[SHA256_SIZE];

    /* The nonce's second half is the server's: an answer to another exchange would lack ours. */
    if (first->nonce.length <= own_length ||
        memcmp(first->nonce.text, client->nonce, own_length) != 0)
        return refuse(err, "answers another exchange than this one (its nonce is not ours)");
    strbuf_append_text(&client->exchange, "c=" GS2_HEADER_BASE64 ",r=");
    strbuf_append(&client->exchange, first->nonce.text, first->nonce.length);
    scram_derive_keys(password, (const uint8_t *)strbuf_text(&first->salt), first->salt.length,
                      first->iterations, &keys);
    sign(client, &keys, proof);
    strbuf_append_text(ret_message, strbuf_text(&client->exchange) + start);
    strbuf_append_text(ret_message, ",p=");
    encoding_append_base64(ret_message, proof, sizeof proof);
    explicit_bzero(proof, sizeof proof);
    client->answered = true;
    return true;
}

bool scram_client_answer(struct scram_client *client, const struct secret *password,
                         const char *message, size_t length, struct strbuf *ret_message,
                         struct error *err)
{
    struct server_first first = {.salt = STRBUF_ERASING};
    bool done = parse_server_first(message, length, &first, err);

    if (done) {
        strbuf_append_char(&client->exchange, ',');
        strbuf_append(&client->exchange, message, length);
        strbuf_append_char(&client->exchange, ',');
        done = answer(client, password, &first, ret_message, err);
    }
    strbuf_release(&first.salt);
    return done;
}

/* --- Server final ---------------------------------------------------------------------------- */

static bool is_same(const char *bytes, const uint8_t expected[static SHA256_SIZE])
{
    unsigned difference = 0;

    for (size_t i = 0; i < SHA256_SIZE; i++)
        difference |= (unsigned)(uint8_t)bytes[i] ^ expected[i];
    return difference == 0;
}

bool scram_client_finish(const struct scram_client *client, const char *message, size_t length,
                         struct error *err)
{
    auto_strbuf struct strbuf signature = STRBUF_ERASING;
    struct span rest = {.text = message, .length = length};
    struct span value;

    if (!client->answered || !take_attribute(&rest, 'v', &value) || rest.length > 0 ||
        !encoding_append_base64_decoded(&signature, value.text, value.length) ||
        signature.length != SHA256_SIZE || !is_same(strbuf_text(&signature), client->signature))
        return refuse(err, "cannot show that it knows the password: it is not the server that it "
                           "seems to be");
    return true;
}

void scram_client_release(struct scram_client *client)
{
    free(client->nonce);
    strbuf_release(&client->exchange);
    explicit_bzero(client, sizeof *client);
}
