/*
 * The one error type: a value that the caller owns, without allocation, so it can neither leak nor
 * fail and may cross threads.
 *
 * A fallible function returns bool (true = success) and takes `struct error *err` last, never NULL.
 * On failure its outputs are untouched; on success err is untouched.  The message becomes one
 * sentence for a user (lower case, no final full stop): what is wrong, where, what to do.  No
 * password, token, key or connection string may enter it.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stdint.h>

/* Kinds are chosen by what the caller does about them, not by where they come from. */
enum error_kind {
    ERROR_NONE = 0,
    ERROR_INVALID,     /* wait until the spec or the Secret changes */
    ERROR_NOT_FOUND,   /* the named thing does not exist */
    ERROR_CONFLICT,    /* somebody else was first: read again, then decide again */
    ERROR_GONE,        /* the resource version is too old: list again */
    ERROR_DENIED,      /* credentials or rights are missing: slow retry, a person must act */
    ERROR_UNAVAILABLE, /* transient: back off and retry */
    ERROR_CANCELLED,   /* we are shutting down: stop quietly */
    ERROR_INTERNAL,    /* a bug or a broken peer: back off, log as an error */
};

enum { ERROR_CODE_SIZE = 64, ERROR_MESSAGE_SIZE = 1024 };

struct error {
    enum error_kind kind;
    uint32_t retry_after_ms;    /* what the peer asked for (Retry-After); 0 = it did not say */
    char code[ERROR_CODE_SIZE]; /* the protocol's own code: SQLSTATE, AWS code, Status reason; may
                                   be "" */
    char message[ERROR_MESSAGE_SIZE];
};

/* Sets kind, code ("" or NULL for none) and message; a text that is too long ends in "...".  The
 * arguments may point into *err.
 * Always returns false, so that a function can `return error_set(...)`. */
bool error_set(struct error *err, enum error_kind kind, const char *code, const char *format, ...)
    printf_format(4, 5);

/* Puts "<context>: " before the message; kind, code and retry hint stay.  Wrap once per layer that
 * adds a fact (which object, which host).  Always returns false. */
bool error_wrap(struct error *err, const char *format, ...) printf_format(2, 3);

/* True when err carries this protocol code. */
bool error_has_code(const struct error *err, const char *code);

/* The kind's name for logs and metrics, e.g. "unavailable"; never NULL. */
const char *error_kind_name(enum error_kind kind);

#endif
