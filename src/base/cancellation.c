#include "base/cancellation.h"

#include "base/fatal.h"
#include "base/heartbeat.h"
#include "base/memory.h"
#include "base/timesource.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct cancellation {
    int fd;
    atomic_bool requested; /* saves a system call for those who only ask */
};

struct cancellation *cancellation_new(void)
{
    struct cancellation *cancellation = mem_alloc(sizeof *cancellation);

    cancellation->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (cancellation->fd < 0)
        fatal("no file descriptor is left for the shutdown signal; raise the limit (ulimit -n)");
    return cancellation;
}

void cancellation_free(struct cancellation *cancellation)
{
    if (cancellation == NULL)
        return;
    close(cancellation->fd);
    free(cancellation);
}

void cancellation_request(struct cancellation *cancellation)
{
    uint64_t one = 1;
    int saved_errno = errno;
    ssize_t written;

    atomic_store(&cancellation->requested, true);
    written = write(cancellation->fd, &one, sizeof one);
    (void)written; /* fails only when the counter is full, and then it is readable already */
    errno = saved_errno;
}

bool cancellation_is_requested(const struct cancellation *cancellation)
{
    return atomic_load(&cancellation->requested);
}

bool cancellation_wait(const struct cancellation *cancellation, int64_t timeout_ms)
{
    int64_t now = timesource_monotonic_ms(&timesource_system);
    int64_t deadline = timeout_ms > INT64_MAX - now ? INT64_MAX : now + timeout_ms;
    struct pollfd pfd = {.fd = cancellation->fd, .events = POLLIN};

    heartbeat_touch();
    for (;;) {
        int64_t left = -1;

        if (timeout_ms >= 0) {
            left = deadline - timesource_monotonic_ms(&timesource_system);
            if (left < 0)
                left = 0;
        }
        if (poll(&pfd, 1, left > INT_MAX ? INT_MAX : (int)left) > 0)
            return true;
        if (timeout_ms >= 0 && left == 0)
            return cancellation_is_requested(cancellation);
    }
}

int cancellation_fd(const struct cancellation *cancellation)
{
    return cancellation->fd;
}

bool cancellation_error(struct error *err)
{
    return error_set(err, ERROR_CANCELLED, NULL, "stopped because the operator is shutting down");
}
