#include "engine/hosts.h"

#include "base/heartbeat.h"
#include "base/memory.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>

enum { CONNECT_TIMEOUT_MS = 5000 };

/* --- Hosts ----------------------------------------------------------------------------------- */

static int64_t connect_deadline_ms(const struct engine_connect_request *request)
{
    int64_t limit =
        request->connect_timeout_ms > 0 ? request->connect_timeout_ms : CONNECT_TIMEOUT_MS;

    if (request->server->connect_timeout_seconds > 0)
        limit = (int64_t)request->server->connect_timeout_seconds * 1000;
    return timesource_monotonic_ms(request->timesource) + limit;
}

int64_t engine_share_deadline_ms(const struct timesource *timesource, int64_t deadline_ms,
                                 size_t attempts_left)
{
    int64_t now_ms = timesource_monotonic_ms(timesource);

    return now_ms + (deadline_ms - now_ms) / (int64_t)attempts_left;
}

/* Given all hosts, a library would wait until the end for the first one that is silent. */
bool engine_try_hosts(const struct engine_connect_request *request, engine_attempt_fn attempt,
                      void *context, struct error *err)
{
    const struct connection_string *server = request->server;
    int64_t deadline_ms = connect_deadline_ms(request);

    for (size_t i = 0; i < server->host_count; i++) {
        int64_t share_ms =
            engine_share_deadline_ms(request->timesource, deadline_ms, server->host_count - i);

        if (attempt(context, &server->hosts[i], share_ms, err))
            return true;
        if (err->kind != ERROR_UNAVAILABLE)
            break;
    }
    return false;
}

char *engine_host_label(const struct engine_host *host)
{
    return mem_printf("%s:%u", host->host, (unsigned)host->port);
}

/* --- Waiting --------------------------------------------------------------------------------- */

bool engine_may_send(const struct cancellation *cancellation, struct error *err)
{
    return cancellation == NULL || !cancellation_is_requested(cancellation) ||
           cancellation_error(err);
}

enum engine_wait engine_wait_for_socket(int fd, short events, int64_t deadline_ms,
                                        const struct timesource *timesource,
                                        const struct cancellation *cancellation)
{
    struct pollfd pfds[2] = {
        {.fd = fd, .events = events},
        {.fd = cancellation != NULL ? cancellation_fd(cancellation) : -1, .events = POLLIN},
    };
    int ready;

    heartbeat_touch();
    do {
        int64_t left = deadline_ms - timesource_monotonic_ms(timesource);

        if (left <= 0)
            return ENGINE_WAIT_TIMEOUT;
        ready = poll(pfds, 2, left > INT_MAX ? INT_MAX : (int)left);
    } while (ready < 0 && errno == EINTR);
    if (pfds[1].revents != 0)
        return ENGINE_WAIT_CANCELLED;
    return ready > 0 ? ENGINE_WAIT_READY : ENGINE_WAIT_TIMEOUT;
}

bool engine_wait_failed(enum engine_wait result, const char *doing, const char *server,
                        const char *label, struct error *err)
{
    if (result == ENGINE_WAIT_CANCELLED)
        return cancellation_error(err);
    return error_set(err, ERROR_UNAVAILABLE, "Timeout",
                     "%s failed: the %s %s did not answer in time", doing, server, label);
}
