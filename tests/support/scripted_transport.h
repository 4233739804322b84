/*
 * The double at the HTTP seam: a struct http_transport that knows beforehand which requests will
 * come and what to answer.
 *
 * A request that was not expected gets an INTERNAL error, and an exchange that nobody asked for is
 * a leftover; either fails the test in scripted_transport_assert_done() or, at the latest, in
 * scripted_transport_free() (http_transport_free() does the same), so neither can be overlooked.
 * Nothing here ends a test from inside send(): cmocka can only do that on the test's own thread,
 * and an informer sends from its own.
 *
 * Thread-safe, as the seam demands.  Everything given to it is copied.
 */
#ifndef TESTS_SUPPORT_SCRIPTED_TRANSPORT_H
#define TESTS_SUPPORT_SCRIPTED_TRANSPORT_H

#include "base/cancellation.h"
#include "base/compiler.h"
#include "base/error.h"
#include "http/transport.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fake_timesource;
struct scripted_transport;

enum scripted_order {
    SCRIPTED_IN_ORDER,  /* each request must match the next exchange */
    SCRIPTED_ANY_ORDER, /* each takes the first exchange left that it matches: several threads */
};

enum { SCRIPTED_HEADERS_LIMIT = 12 };

/* One expected request and its answer.  Members that are NULL or 0 are not checked or have the
 * default in brackets. */
struct scripted_exchange {
    /* What the request must look like. */
    const char *method;
    const char *url;        /* the whole URL */
    const char *url_prefix; /* or only its beginning */
    /* Each must be there with this value; with value NULL it must not be there. */
    struct http_header headers[SCRIPTED_HEADERS_LIMIT];
    const char *body;      /* byte by byte */
    const char *body_json; /* or as a JSON value, whatever the order of its members */
    unsigned times;        /* how often it is expected in a row [1] */

    /* Before the answer. */
    const struct cancellation *gate;    /* waits until this is requested (a latch of the test's) */
    struct fake_timesource *timesource; /* NULL = no clock moves */
    int64_t duration_ms;                /* it moves so far ahead: the answer took its time */

    /* The answer. */
    int status; /* [200] */
    int64_t date_us;
    uint32_t retry_after_ms;
    const char *content_type; /* ["application/json"] */
    const char *request_id;   /* [""] */
    const char *error_type;   /* [""] */
    const char *answer;       /* the body [""] */
    size_t answer_length;     /* [its strlen] */
    size_t chunk_size;        /* a streamed body arrives in pieces of so many bytes [whole] */
    /* Sees the request and may change the answer before it is delivered: the body of `response` is
     * what `answer` says.  Runs on the sending thread without a lock; it must not use cmocka when
     * that is not the test's thread. */
    void (*edit)(void *context, const struct http_request *request, struct http_response *response);
    void *edit_context;

    /* After the body. */
    bool hang; /* stays open until the request is cancelled, as a quiet watch does */
    /* Nothing more comes, until the request's time limit ends it: for lack of bytes, or for the
     * whole transfer.  The clock moves as far ahead, and nobody waits. */
    bool falls_silent;
    struct error failure; /* if its kind is set: the transfer fails with it after the body */
};

struct scripted_transport *scripted_transport_new(enum scripted_order order) returns_owned;
/* Asserts that it is done, and frees it. */
void scripted_transport_free(struct scripted_transport *transport);
/* What the code under test takes. */
struct http_transport *scripted_transport_seam(struct scripted_transport *transport);

void scripted_transport_expect(struct scripted_transport *transport,
                               const struct scripted_exchange *exchange);

/* Fails the test, naming them, when there were surprises or are leftovers. */
void scripted_transport_assert_done(struct scripted_transport *transport);
/* Waits until `count` requests have arrived; false when they did not within the time. */
bool scripted_transport_wait_for_requests(struct scripted_transport *transport, size_t count,
                                          int64_t timeout_ms) must_check;

/* The requests as they came, surprises included, for assertions that an exchange cannot express.
 * Valid until the transport is freed. */
size_t scripted_transport_request_count(struct scripted_transport *transport);
const struct http_request *scripted_transport_request(struct scripted_transport *transport,
                                                      size_t index);
/* The value of a header of a request, or NULL. */
const char *scripted_request_header(const struct http_request *request, const char *name);

#endif
