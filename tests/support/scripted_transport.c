/*
 * Exchanges wait in a list; send() takes the one that fits under the lock, and then plays its
 * answer without it, since answers may wait for gates and call back into the code under test.
 */
#include "support/scripted_transport.h"

#include "base/document.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "support/fake_timesource.h"
#include "support/test.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DEFAULT_RESPONSE_LIMIT_BYTES = 8 * 1024 * 1024, DEFAULT_TOTAL_TIMEOUT_MS = 30 * 1000 };

struct entry {
    struct scripted_exchange exchange; /* owned strings */
    unsigned times_left;
    struct entry *next;
};

struct record {
    struct http_request request; /* owned strings, NUL-terminated body */
    struct http_tls tls;         /* owned strings */
    struct record *next;
};

struct scripted_transport {
    struct http_transport seam; /* first: the seam is cast back */
    enum scripted_order order;
    pthread_mutex_t lock;
    pthread_cond_t arrived;

    /* Below: guarded by lock. */
    struct entry *entries; /* used ones stay: an answer may still be playing */
    struct record *records;
    size_t record_count;
    struct strbuf surprises; /* one line each */
};

static char *copy_bytes(const char *bytes, size_t length)
{
    char *copy = mem_alloc(length + 1);

    if (length > 0)
        memcpy(copy, bytes, length);
    return copy;
}

static void free_text(const char *text)
{
    free((char *)(uintptr_t)text);
}

static void copy_headers(struct http_header *headers, size_t limit)
{
    for (size_t i = 0; i < limit && headers[i].name != NULL; i++) {
        headers[i].name = mem_strdup(headers[i].name);
        headers[i].value = mem_strdup_or_null(headers[i].value);
    }
}

static void free_headers(const struct http_header *headers, size_t limit)
{
    for (size_t i = 0; i < limit && headers[i].name != NULL; i++) {
        free_text(headers[i].name);
        free_text(headers[i].value);
    }
}

const char *scripted_request_header(const struct http_request *request, const char *name)
{
    for (size_t i = 0; i < HTTP_HEADERS_LIMIT && request->headers[i].name != NULL; i++)
        if (strcasecmp(request->headers[i].name, name) == 0)
            return request->headers[i].value;
    return NULL;
}

/* ---- matching ---- */

static bool text_differs(const char *wanted, const char *got)
{
    return wanted != NULL && (got == NULL || strcmp(wanted, got) != 0);
}

static bool json_body_differs(const char *wanted, const struct http_request *request)
{
    auto_json json_t *expected = json_loads(wanted, JSON_DECODE_ANY, NULL);
    auto_json json_t *actual = json_loadb(request->body != NULL ? request->body : "",
                                          request->body_length, JSON_DECODE_ANY, NULL);

    return expected == NULL || actual == NULL || !json_equal(expected, actual);
}

static bool body_differs(const struct scripted_exchange *wanted, const struct http_request *request)
{
    if (wanted->body != NULL && (request->body_length != strlen(wanted->body) ||
                                 (request->body_length > 0 &&
                                  memcmp(request->body, wanted->body, request->body_length) != 0)))
        return true;
    return wanted->body_json != NULL && json_body_differs(wanted->body_json, request);
}

/* Appends what is wrong with the request, nothing when it is the wanted one. */
static void describe_difference(const struct scripted_exchange *wanted,
                                const struct http_request *request, struct strbuf *difference)
{
    const char *prefix = wanted->url_prefix;

    if (text_differs(wanted->method, request->method))
        strbuf_append_format(difference, "; method should be %s", wanted->method);
    if (text_differs(wanted->url, request->url))
        strbuf_append_format(difference, "; URL should be %s", wanted->url);
    if (prefix != NULL && strncmp(request->url, prefix, strlen(prefix)) != 0)
        strbuf_append_format(difference, "; URL should begin with %s", prefix);
    for (size_t i = 0; i < SCRIPTED_HEADERS_LIMIT && wanted->headers[i].name != NULL; i++) {
        const struct http_header *header = &wanted->headers[i];
        const char *got = scripted_request_header(request, header->name);

        if (header->value == NULL && got != NULL)
            strbuf_append_format(difference, "; header %s should not be there", header->name);
        if (text_differs(header->value, got))
            strbuf_append_format(difference, "; header %s should be '%s', is '%s'", header->name,
                                 header->value, got != NULL ? got : "(absent)");
    }
    if (body_differs(wanted, request))
        strbuf_append_format(difference, "; body should be %s, is %.*s",
                             wanted->body != NULL ? wanted->body : wanted->body_json,
                             (int)request->body_length, request->body != NULL ? request->body : "");
}

/* The exchange for this request, counted down, or NULL with the surprise noted. */
static struct entry *take_exchange(struct scripted_transport *transport,
                                   const struct http_request *request)
{
    auto_strbuf struct strbuf difference = {0};

    for (struct entry *entry = transport->entries; entry != NULL; entry = entry->next) {
        if (entry->times_left == 0)
            continue;
        strbuf_clear(&difference);
        describe_difference(&entry->exchange, request, &difference);
        if (difference.length == 0) {
            entry->times_left--;
            return entry;
        }
        if (transport->order == SCRIPTED_IN_ORDER)
            break;
    }
    if (difference.length == 0)
        strbuf_append_text(&difference, "; no more requests were expected");
    strbuf_append_format(&transport->surprises, "unexpected request %s %s%s\n", request->method,
                         request->url, strbuf_text(&difference));
    return NULL;
}

/* ---- recording ---- */

static struct record *record_request(const struct http_request *request)
{
    struct record *record = mem_alloc(sizeof *record);
    struct http_request *copy = &record->request;

    *copy = *request;
    copy->method = mem_strdup(request->method);
    copy->url = mem_strdup(request->url);
    copy->body = request->body != NULL ? copy_bytes(request->body, request->body_length) : NULL;
    copy->address = mem_strdup_or_null(request->address);
    copy->proxy = mem_strdup_or_null(request->proxy);
    copy_headers(copy->headers, HTTP_HEADERS_LIMIT);
    copy->chunk_context = NULL; /* belonged to the call */
    copy->cancellation = NULL;
    if (request->tls != NULL) {
        record->tls = (struct http_tls){
            .ca_file = mem_strdup_or_null(request->tls->ca_file),
            .ca_pem = mem_strdup_or_null(request->tls->ca_pem),
            .client_certificate_file = mem_strdup_or_null(request->tls->client_certificate_file),
            .client_key_file = mem_strdup_or_null(request->tls->client_key_file),
            .client_certificate_pem = mem_strdup_or_null(request->tls->client_certificate_pem),
            .client_key_pem = mem_strdup_or_null(request->tls->client_key_pem),
            .server_name = mem_strdup_or_null(request->tls->server_name),
            .insecure_skip_verify = request->tls->insecure_skip_verify,
        };
        copy->tls = &record->tls;
    }
    return record;
}

static void free_record(struct record *record)
{
    free_text(record->request.method);
    free_text(record->request.url);
    free_text(record->request.body);
    free_text(record->request.address);
    free_text(record->request.proxy);
    free_headers(record->request.headers, HTTP_HEADERS_LIMIT);
    free_text(record->tls.ca_file);
    free_text(record->tls.ca_pem);
    free_text(record->tls.client_certificate_file);
    free_text(record->tls.client_key_file);
    free_text(record->tls.client_certificate_pem);
    free_text(record->tls.client_key_pem);
    free_text(record->tls.server_name);
    free(record);
}

static void append_record(struct scripted_transport *transport, struct record *record)
{
    struct record **end = &transport->records;

    while (*end != NULL)
        end = &(*end)->next;
    *end = record;
    transport->record_count++;
    pthread_cond_broadcast(&transport->arrived);
}

/* ---- answering ---- */

/* False when the request was cancelled first. */
static bool wait_for_gate(const struct cancellation *gate, const struct cancellation *cancellation)
{
    struct pollfd fds[2] = {
        {.fd = gate != NULL ? cancellation_fd(gate) : -1, .events = POLLIN},
        {.fd = cancellation != NULL ? cancellation_fd(cancellation) : -1, .events = POLLIN},
    };

    while (poll(fds, 2, -1) < 0 && errno == EINTR)
        continue;
    return fds[1].revents == 0;
}

static void fill_response(const struct scripted_exchange *exchange, struct http_response *response)
{
    *response = (struct http_response){
        .status = exchange->status != 0 ? exchange->status : 200,
        .date_us = exchange->date_us,
        .retry_after_ms = exchange->retry_after_ms,
        .body = STRBUF_ERASING,
    };
    snprintf(response->content_type, sizeof response->content_type, "%s",
             exchange->content_type != NULL ? exchange->content_type : "application/json");
    snprintf(response->request_id, sizeof response->request_id, "%s",
             exchange->request_id != NULL ? exchange->request_id : "");
    snprintf(response->error_type, sizeof response->error_type, "%s",
             exchange->error_type != NULL ? exchange->error_type : "");
    if (exchange->answer != NULL)
        strbuf_append(&response->body, exchange->answer, exchange->answer_length);
}

/* Hands the body to the request's callback in pieces; what remains in it is what was collected. */
static bool stream_body(const struct scripted_exchange *exchange,
                        const struct http_request *request, struct strbuf *body, struct error *err)
{
    size_t done = 0;

    while (done < body->length) {
        size_t left = body->length - done;
        size_t step =
            exchange->chunk_size > 0 && exchange->chunk_size < left ? exchange->chunk_size : left;

        if (!request->on_chunk(request->chunk_context, strbuf_text(body) + done, step, err))
            return false;
        done += step;
    }
    strbuf_clear(body);
    return true;
}

static bool deliver_body(const struct scripted_exchange *exchange,
                         const struct http_request *request, struct http_response *response,
                         struct error *err)
{
    size_t limit = request->response_limit_bytes != 0 ? request->response_limit_bytes
                                                      : DEFAULT_RESPONSE_LIMIT_BYTES;

    if (request->on_chunk != NULL && response->status >= 200 && response->status < 300)
        return stream_body(exchange, request, &response->body, err);
    if (response->body.length > limit)
        return error_set(err, ERROR_INVALID, "TooLarge", "the scripted answer is larger than %zu",
                         limit);
    return true;
}

/* Which limit it is may have been decided while the body came. */
static bool run_into_time_limit(const struct scripted_exchange *exchange,
                                const struct http_request *request, struct error *err)
{
    uint32_t total_ms =
        request->total_timeout_ms != 0 ? request->total_timeout_ms : DEFAULT_TOTAL_TIMEOUT_MS;
    uint32_t idle_ms = request->idle_timeout_ms;
    uint32_t limit_ms = idle_ms != 0 && idle_ms < total_ms ? idle_ms : total_ms;

    if (exchange->timesource != NULL)
        fake_timesource_advance_ms(exchange->timesource, limit_ms);
    return error_set(err, ERROR_UNAVAILABLE, "Timeout", "nothing came for %u milliseconds",
                     limit_ms);
}

static bool play(const struct scripted_exchange *exchange, const struct http_request *request,
                 struct http_response *response, struct error *err)
{
    if (exchange->gate != NULL && !wait_for_gate(exchange->gate, request->cancellation))
        return cancellation_error(err);
    if (exchange->timesource != NULL)
        fake_timesource_advance_ms(exchange->timesource, exchange->duration_ms);
    fill_response(exchange, response);
    if (exchange->edit != NULL)
        exchange->edit(exchange->edit_context, request, response);
    if (!deliver_body(exchange, request, response, err))
        return false;
    if (exchange->hang && !wait_for_gate(NULL, request->cancellation))
        return cancellation_error(err);
    if (exchange->falls_silent)
        return run_into_time_limit(exchange, request, err);
    if (exchange->failure.kind != ERROR_NONE) {
        *err = exchange->failure;
        return false;
    }
    return true;
}

static bool scripted_send(struct http_transport *seam, const struct http_request *request,
                          struct http_response *ret_response, struct error *err)
{
    struct scripted_transport *transport = (struct scripted_transport *)seam;
    struct http_response response = {.body = STRBUF_ERASING};
    struct record *record;
    struct entry *entry;

    if (request->cancellation != NULL && cancellation_is_requested(request->cancellation))
        return cancellation_error(err);
    record = record_request(request);
    pthread_mutex_lock(&transport->lock);
    append_record(transport, record);
    entry = take_exchange(transport, request);
    pthread_mutex_unlock(&transport->lock);
    if (entry == NULL)
        return error_set(err, ERROR_INTERNAL, "Unexpected", "the test did not expect %s %s",
                         request->method, request->url);
    if (!play(&entry->exchange, request, &response, err)) {
        strbuf_release(&response.body);
        return false;
    }
    *ret_response = response;
    return true;
}

/* ---- the test's side ---- */

static void seam_free(struct http_transport *seam)
{
    scripted_transport_free((struct scripted_transport *)seam);
}

struct scripted_transport *scripted_transport_new(enum scripted_order order)
{
    static const struct http_transport_operations operations = {
        .send = scripted_send,
        .free = seam_free,
    };
    struct scripted_transport *transport = mem_alloc(sizeof *transport);
    pthread_condattr_t attributes;

    transport->seam.operations = &operations;
    transport->order = order;
    pthread_mutex_init(&transport->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&transport->arrived, &attributes);
    pthread_condattr_destroy(&attributes);
    return transport;
}

struct http_transport *scripted_transport_seam(struct scripted_transport *transport)
{
    return &transport->seam;
}

void scripted_transport_expect(struct scripted_transport *transport,
                               const struct scripted_exchange *exchange)
{
    struct entry *entry = mem_alloc(sizeof *entry), **end = &transport->entries;
    struct scripted_exchange *copy = &entry->exchange;

    *copy = *exchange;
    copy->method = mem_strdup_or_null(exchange->method);
    copy->url = mem_strdup_or_null(exchange->url);
    copy->url_prefix = mem_strdup_or_null(exchange->url_prefix);
    copy_headers(copy->headers, SCRIPTED_HEADERS_LIMIT);
    copy->body = mem_strdup_or_null(exchange->body);
    copy->body_json = mem_strdup_or_null(exchange->body_json);
    copy->content_type = mem_strdup_or_null(exchange->content_type);
    copy->request_id = mem_strdup_or_null(exchange->request_id);
    copy->error_type = mem_strdup_or_null(exchange->error_type);
    if (exchange->answer != NULL) {
        if (exchange->answer_length == 0)
            copy->answer_length = strlen(exchange->answer);
        copy->answer = copy_bytes(exchange->answer, copy->answer_length);
    }
    entry->times_left = exchange->times != 0 ? exchange->times : 1;

    pthread_mutex_lock(&transport->lock);
    while (*end != NULL)
        end = &(*end)->next;
    *end = entry;
    pthread_mutex_unlock(&transport->lock);
}

static void free_entry(struct entry *entry)
{
    const struct scripted_exchange *exchange = &entry->exchange;

    free_text(exchange->method);
    free_text(exchange->url);
    free_text(exchange->url_prefix);
    free_headers(exchange->headers, SCRIPTED_HEADERS_LIMIT);
    free_text(exchange->body);
    free_text(exchange->body_json);
    free_text(exchange->content_type);
    free_text(exchange->request_id);
    free_text(exchange->error_type);
    free_text(exchange->answer);
    free(entry);
}

/* Prints surprises and leftovers, forgets the surprises; true when there was none of either. */
static bool report(struct scripted_transport *transport)
{
    bool done = true;

    pthread_mutex_lock(&transport->lock);
    if (transport->surprises.length > 0) {
        print_error("%s", strbuf_text(&transport->surprises));
        strbuf_clear(&transport->surprises);
        done = false;
    }
    for (struct entry *entry = transport->entries; entry != NULL; entry = entry->next) {
        const struct scripted_exchange *exchange = &entry->exchange;
        const char *url = exchange->url != NULL ? exchange->url : exchange->url_prefix;

        if (entry->times_left == 0)
            continue;
        print_error("expected request never came: %s %s (%u times)\n",
                    exchange->method != NULL ? exchange->method : "any",
                    url != NULL ? url : "anything", entry->times_left);
        entry->times_left = 0;
        done = false;
    }
    pthread_mutex_unlock(&transport->lock);
    return done;
}

void scripted_transport_assert_done(struct scripted_transport *transport)
{
    if (!report(transport))
        fail_msg("%s", "the requests were not those of the script, see above");
}

void scripted_transport_free(struct scripted_transport *transport)
{
    bool done;

    if (transport == NULL)
        return;
    done = report(transport);
    while (transport->entries != NULL) {
        struct entry *entry = transport->entries;

        transport->entries = entry->next;
        free_entry(entry);
    }
    while (transport->records != NULL) {
        struct record *record = transport->records;

        transport->records = record->next;
        free_record(record);
    }
    strbuf_release(&transport->surprises);
    pthread_cond_destroy(&transport->arrived);
    pthread_mutex_destroy(&transport->lock);
    free(transport);
    if (!done)
        fail_msg("%s", "the requests were not those of the script, see above");
}

bool scripted_transport_wait_for_requests(struct scripted_transport *transport, size_t count,
                                          int64_t timeout_ms)
{
    struct timespec deadline;
    bool arrived;

    clock_gettime(CLOCK_MONOTONIC, &deadline);
    deadline.tv_sec += timeout_ms / 1000;
    deadline.tv_nsec += timeout_ms % 1000 * 1000000;
    if (deadline.tv_nsec >= 1000000000) {
        deadline.tv_sec++;
        deadline.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&transport->lock);
    while (transport->record_count < count &&
           pthread_cond_timedwait(&transport->arrived, &transport->lock, &deadline) == 0)
        continue;
    arrived = transport->record_count >= count;
    pthread_mutex_unlock(&transport->lock);
    return arrived;
}

size_t scripted_transport_request_count(struct scripted_transport *transport)
{
    size_t count;

    pthread_mutex_lock(&transport->lock);
    count = transport->record_count;
    pthread_mutex_unlock(&transport->lock);
    return count;
}

const struct http_request *scripted_transport_request(struct scripted_transport *transport,
                                                      size_t index)
{
    struct record *record;

    pthread_mutex_lock(&transport->lock);
    record = transport->records;
    while (record != NULL && index-- > 0)
        record = record->next;
    pthread_mutex_unlock(&transport->lock);
    assert_non_null(record);
    return &record->request;
}
