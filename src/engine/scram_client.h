/*
 * The client's side of a SCRAM-SHA-256 exchange without channel binding (RFC 5802 section 5,
 * RFC 7677): messages in, messages out.  Pure but for the nonce.
 *
 * It proves both ways: the password never leaves, and a server that does not know its verifier
 * cannot sign.  What the server says is taken for hostile: no text of it reaches an error, whose
 * kind is DENIED and whose message is the rest of a sentence that begins with the server.
 */
#ifndef ENGINE_SCRAM_CLIENT_H
#define ENGINE_SCRAM_CLIENT_H

#include "base/digest.h"
#include "base/error.h"
#include "base/random.h"
#include "base/secret.h"
#include "base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SCRAM_NONCE_BYTES = 18,
    /* A third of a second of CPU; PostgreSQL's default is 4096, advice for new passwords ends below
     * a million. */
    SCRAM_ITERATIONS_LIMIT = 1000000,
};

/* {0} is empty; release with scram_client_release(). */
struct scram_client {
    char *nonce;                    /* the client's part */
    struct strbuf exchange;         /* what both sides sign */
    uint8_t signature[SHA256_SIZE]; /* what the server has to answer in the end */
    bool answered;
};

/* Appends the client-first message.  The user name stays empty: PostgreSQL takes the one of the
 * StartupMessage. */
void scram_client_begin(struct scram_client *client, const struct random_source *random,
                        struct strbuf *ret_message);
/* The same with everything given, for vectors. */
void scram_client_begin_with(struct scram_client *client, const char *username, const char *nonce,
                             struct strbuf *ret_message);
/* Takes the server-first message and appends the client-final message, which holds the proof.  The
 * password has passed scram_check_password(). */
bool scram_client_answer(struct scram_client *client, const struct secret *password,
                         const char *message, size_t length, struct strbuf *ret_message,
                         struct error *err) must_check;
/* Takes the server-final message; true when the server knows the verifier of the password. */
bool scram_client_finish(const struct scram_client *client, const char *message, size_t length,
                         struct error *err) must_check;
void scram_client_release(struct scram_client *client);
#define auto_scram_client run_at_scope_end(scram_client_release)

#endif
