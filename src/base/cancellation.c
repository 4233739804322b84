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
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define NO_DEADLINE INT64_MAX
#define MISSED      INT64_MIN

struct cancellation {
    int fd; /* readable when one of the two is that it watches */
    int request_fd;
    int deadline_fd;
    atomic_bool requested; /* saves a system call for those who only ask */
    atomic_int_least64_t deadline_ms;
};

static void insist(bool succeeded)
{
    if (!succeeded)
        fatal("no file descriptor is left for the shutdown signal; raise the limit (ulimit -n)");
}

static void watch(struct cancellation *cancellation, int fd)
{
    struct epoll_event event = {.events = EPOLLIN};

    insist(fd >= 0 && epoll_ctl(cancellation->fd, EPOLL_CTL_ADD, fd, &event) == 0);
}

struct cancellation *cancellation_new(void)
{
    struct cancellation *cancellation = mem_alloc(sizeof *cancellation);

    atomic_init(&cancellation->deadline_ms, NO_DEADLINE);
    cancellation->fd = epoll_create1(EPOLL_CLOEXEC);
    insist(cancellation->fd >= 0);
    cancellation->request_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    watch(cancellation, cancellation->request_fd);
    /* The clock of timesource_system. */
    cancellation->deadline_fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    watch(cancellation, cancellation->deadline_fd);
    return cancellation;
}

void cancellation_free(struct cancellation *cancellation)
{
    if (cancellation == NULL)
        return;
    close(cancellation->deadline_fd);
    close(cancellation->request_fd);
    close(cancellation->fd);
    free(cancellation);
}

void cancellation_request(struct cancellation *cancellation)
{
    uint64_t one = 1;
    int saved_errno = errno;
    ssize_t written;

    atomic_store(&cancellation->requested, true);
    written = write(cancellation->request_fd, &one, sizeof one);
    (void)written; /* fails only when the counter is full, and then it is readable already */
    errno = saved_errno;
}

/* ---- the deadline ---- */

static bool is_past(int64_t deadline_ms)
{
    return deadline_ms != NO_DEADLINE && timesource_monotonic_ms(&timesource_system) >= deadline_ms;
}

static void set_timer(const struct cancellation *cancellation, int64_t deadline_ms)
{
    struct itimerspec timer = {
        .it_value = {.tv_sec = deadline_ms / 1000, .tv_nsec = deadline_ms % 1000 * 1000000},
    };

    if (deadline_ms <= 0)
        timer.it_value = (struct timespec){.tv_nsec = 1}; /* 0 would stop it */
    timerfd_settime(cancellation->deadline_fd, TFD_TIMER_ABSTIME, &timer, NULL);
}

bool cancellation_set_deadline(struct cancellation *cancellation, int64_t deadline_ms)
{
    int64_t before_ms = atomic_exchange(&cancellation->deadline_ms, deadline_ms);

    set_timer(cancellation, deadline_ms);
    /* Looked at afterwards: whoever saw the one before pass sees the request ever after. */
    if (!is_past(before_ms) && !is_past(deadline_ms))
        return true;
    atomic_store(&cancellation->deadline_ms, MISSED);
    cancellation_request(cancellation);
    return false;
}

bool cancellation_is_requested(const struct cancellation *cancellation)
{
    return atomic_load(&cancellation->requested) ||
           is_past(atomic_load(&cancellation->deadline_ms));
}

/* ---- waiting ---- */

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
    return error_set(err, ERROR_CANCELLED, NULL,
                     "stopped because the operator is shutting down or leads no more");
}
