#include "http/curl_transfer.h"

#include "base/memory.h"
#include "base/timesource.h"
#include "http/curl_error.h"

#include <curl/curl.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    DEFAULT_RESPONSE_LIMIT_BYTES = 8 * 1024 * 1024,
    HEADERS_LIMIT_BYTES = 256 * 1024,
    LONGEST_WAIT_MS = 60 * 1000,
};

struct transfer {
    struct connection *connection;
    const struct http_request *request;
    const char *origin;
    struct http_response response;
    size_t header_bytes;
    int64_t last_byte_ms;
    bool is_stopped; /* by us: `cause` says why, and libcurl's own result does not matter */
    struct error cause;
    char detail[CURL_ERROR_SIZE];
};

static int64_t now_ms(void)
{
    return timesource_monotonic_ms(&timesource_system);
}

/* ---- callbacks: they run inside curl_multi_perform(), on the calling thread ---- */

static size_t stop(struct transfer *transfer)
{
    transfer->is_stopped = true;
    return CURL_WRITEFUNC_ERROR;
}

static size_t take_header(char *bytes maybe_unused, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    size_t length = size * count;

    transfer->last_byte_ms = now_ms();
    transfer->header_bytes += length;
    if (transfer->header_bytes <= HEADERS_LIMIT_BYTES)
        return length;
    error_set(&transfer->cause, ERROR_INVALID, "TooLarge",
              "the headers of the answer from %s are larger than %d bytes", transfer->origin,
              HEADERS_LIMIT_BYTES);
    return stop(transfer);
}

static size_t collect(struct transfer *transfer, const char *bytes, size_t length)
{
    size_t limit = transfer->request->response_limit_bytes;

    if (limit == 0)
        limit = DEFAULT_RESPONSE_LIMIT_BYTES;
    if (limit > STRBUF_LIMIT - 1)
        limit = STRBUF_LIMIT - 1;
    if (length > limit - transfer->response.body.length) {
        error_set(&transfer->cause, ERROR_INVALID, "TooLarge",
                  "the answer from %s is larger than %zu bytes", transfer->origin, limit);
        return stop(transfer);
    }
    strbuf_append(&transfer->response.body, bytes, length);
    return length;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    const struct http_request *request = transfer->request;
    size_t length = size * count;
    long status = 0;

    transfer->last_byte_ms = now_ms();
    curl_easy_getinfo(transfer->connection->easy, CURLINFO_RESPONSE_CODE, &status);
    if (request->on_chunk == NULL || status < 200 || status > 299)
        return collect(transfer, bytes, length);
    if (length == 0 || request->on_chunk(request->chunk_context, bytes, length, &transfer->cause))
        return length;
    return stop(transfer);
}

static void set_callbacks(struct transfer *transfer)
{
    CURL *easy = transfer->connection->easy;

    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->detail);
}

/* ---- the loop ---- */

static bool stop_with_error(struct transfer *transfer)
{
    transfer->is_stopped = true;
    return true;
}

/* True when the transfer must end now for a reason of ours. */
static bool must_stop(struct transfer *transfer)
{
    const struct http_request *request = transfer->request;
    uint32_t idle_ms = request->idle_timeout_ms;

    if (request->cancellation != NULL && cancellation_is_requested(request->cancellation)) {
        cancellation_error(&transfer->cause);
        return stop_with_error(transfer);
    }
    if (idle_ms != 0 && now_ms() - transfer->last_byte_ms >= idle_ms) {
        error_set(&transfer->cause, ERROR_UNAVAILABLE, "Timeout",
                  "%s sent nothing for %u milliseconds", transfer->origin, idle_ms);
        return stop_with_error(transfer);
    }
    return transfer->is_stopped;
}

/* libcurl's own time limits shorten the wait inside curl_multi_poll(). */
static int wait_ms(const struct transfer *transfer)
{
    uint32_t idle_ms = transfer->request->idle_timeout_ms;
    int64_t left = LONGEST_WAIT_MS;

    if (idle_ms != 0 && transfer->last_byte_ms + idle_ms - now_ms() < left)
        left = transfer->last_byte_ms + idle_ms - now_ms();
    return left > 0 ? (int)left : 0;
}

/* Drives the transfer until it is over or must stop; the handle is in the multi handle meanwhile.
 */
static void drive(struct transfer *transfer)
{
    const struct cancellation *cancellation = transfer->request->cancellation;
    CURLM *multi = transfer->connection->multi;
    struct curl_waitfd cancelled = {.fd = -1, .events = CURL_WAIT_POLLIN};
    unsigned extra = 0;
    CURLMcode result;
    int running = 1;

    if (cancellation != NULL) {
        cancelled.fd = cancellation_fd(cancellation);
        extra = 1;
    }
    while (!must_stop(transfer)) {
        result = curl_multi_perform(multi, &running);
        assert(result == CURLM_OK); /* anything else is misuse of the API */
        if (running == 0 || must_stop(transfer))
            return;
        result = curl_multi_poll(multi, &cancelled, extra, wait_ms(transfer), NULL);
        assert(result == CURLM_OK);
    }
}

static CURLcode result_of(CURLM *multi)
{
    CURLcode result = CURLE_GOT_NOTHING;
    const CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(multi, &left)) != NULL)
        if (message->msg == CURLMSG_DONE)
            result = message->data.result;
    return result;
}

/* ---- the answer ---- */

static const char *header_value(CURL *easy, const char *name)
{
    struct curl_header *header;

    if (curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
        return "";
    return header->value;
}

/* A value that is longer than the field is cut; these are for people and for comparison with short
 * words. */
static void copy_header(CURL *easy, const char *name, size_t size, char *ret_value)
{
    const char *value = header_value(easy, name);
    size_t length = strnlen(value, size - 1);

    memcpy(ret_value, value, length);
    ret_value[length] = '\0';
}

static int64_t parse_date_us(const char *text)
{
    time_t seconds = text[0] != '\0' ? curl_getdate(text, NULL) : -1;

    return seconds > 0 ? (int64_t)seconds * 1000000 : 0;
}

/* A whole number of units; 0 for anything else: the form of Retry-After with a date is not used by
 * our peers. */
static uint32_t parse_wait_ms(const char *text, unsigned long unit_ms)
{
    static const unsigned long longest_ms = 24 * 60 * 60 * 1000;
    char *end;
    unsigned long number;

    if (text[0] < '0' || text[0] > '9')
        return 0;
    number = strtoul(text, &end, 10);
    if (*end != '\0')
        return 0;
    return (uint32_t)(number > longest_ms / unit_ms ? longest_ms : number * unit_ms);
}

static void read_headers(CURL *easy, struct http_response *response)
{
    long status = 0;

    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    response->status = (int)status;
    response->date_us = parse_date_us(header_value(easy, "Date"));
    response->retry_after_ms = parse_wait_ms(header_value(easy, "x-amz-retry-after"), 1);
    if (response->retry_after_ms == 0)
        response->retry_after_ms = parse_wait_ms(header_value(easy, "Retry-After"), 1000);
    copy_header(easy, "Content-Type", sizeof response->content_type, response->content_type);
    copy_header(easy, "x-amzn-RequestId", sizeof response->request_id, response->request_id);
    if (response->request_id[0] == '\0')
        copy_header(easy, "Audit-Id", sizeof response->request_id, response->request_id);
    copy_header(easy, "x-amzn-ErrorType", sizeof response->error_type, response->error_type);
}

bool curl_transfer_run(struct connection *connection, const struct http_request *request,
                       const char *origin, struct http_response *ret_response, struct error *err)
{
    struct transfer transfer = {
        .connection = connection,
        .request = request,
        .origin = origin,
        .response = {.body = STRBUF_ERASING},
        .last_byte_ms = now_ms(),
    };
    CURLcode result;
    bool succeeded = false;

    set_callbacks(&transfer);
    curl_multi_add_handle(connection->multi, connection->easy);
    drive(&transfer);
    result = result_of(connection->multi);
    if (transfer.is_stopped)
        *err = transfer.cause;
    else if (result != CURLE_OK)
        curl_error_set(err, connection->easy, result, origin, transfer.detail);
    else
        succeeded = true;
    if (succeeded)
        read_headers(connection->easy, &transfer.response);
    curl_multi_remove_handle(connection->multi, connection->easy);

    if (!succeeded) {
        http_response_release(&transfer.response);
        return false;
    }
    *ret_response = transfer.response;
    return true;
}
