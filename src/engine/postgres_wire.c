#include "engine/postgres_wire.h"

#include "base/memory.h"
#include "engine/hosts.h"
#include "engine/postgres_error.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LENGTH_SIZE = 4, HEADER_SIZE = 1 + LENGTH_SIZE };

struct postgres_wire {
    int fd;
    const struct engine_connect_request *request;
    const char *label;
    int64_t deadline_ms;
    size_t received; /* messages */
    char body[POSTGRES_MESSAGE_LIMIT + 1];
};

/* --- Failures -------------------------------------------------------------------------------- */

static bool fail_errno(const struct postgres_wire *wire, int number, struct error *err)
{
    return postgres_error_set_unreachable(err, strerrordesc_np(number), wire->label);
}

static bool fail_closed(const struct postgres_wire *wire, struct error *err)
{
    return postgres_error_set_unreachable(err, "server closed the connection unexpectedly",
                                          wire->label);
}

static bool wait_until(const struct postgres_wire *wire, short events, struct error *err)
{
    enum engine_wait result =
        engine_wait_for_socket(wire->fd, events, wire->deadline_ms, wire->request->timesource,
                               wire->request->cancellation);

    return result == ENGINE_WAIT_READY ||
           engine_wait_failed(result, "connecting", "PostgreSQL server", wire->label, err);
}

/* The wait may end for no reason. */
static bool is_try_again(int number)
{
    return number == EAGAIN || number == EINTR;
}

/* --- Connection ------------------------------------------------------------------------------ */

static bool finish_connection(struct postgres_wire *wire, struct error *err)
{
    struct pollfd pfd = {.fd = wire->fd, .events = POLLOUT};
    int number = 0;
    socklen_t size = sizeof number;

    do {
        if (!wait_until(wire, POLLOUT, err))
            return false;
    } while (poll(&pfd, 1, 0) <= 0);
    if (getsockopt(wire->fd, SOL_SOCKET, SO_ERROR, &number, &size) != 0)
        number = errno;
    return number == 0 || fail_errno(wire, number, err);
}

static bool connect_to_address(struct postgres_wire *wire, const struct addrinfo *address,
                               struct error *err)
{
    wire->fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (wire->fd < 0)
        return fail_errno(wire, errno, err);
    if (connect(wire->fd, address->ai_addr, address->ai_addrlen) == 0)
        return true;
    /* Interrupted, it goes on as if it had been in progress (POSIX). */
    if (errno != EINPROGRESS && errno != EINTR)
        return fail_errno(wire, errno, err);
    return finish_connection(wire, err);
}

bool postgres_wire_open(const struct engine_connect_request *request,
                        const struct addrinfo *address, const char *label, int64_t deadline_ms,
                        struct postgres_wire **ret_wire, struct error *err)
{
    auto_wire struct postgres_wire *wire = mem_alloc(sizeof *wire);

    wire->fd = -1;
    wire->request = request;
    wire->label = label;
    wire->deadline_ms = deadline_ms;
    if (!connect_to_address(wire, address, err))
        return false;
    *ret_wire = take(wire);
    return true;
}

void postgres_wire_close(struct postgres_wire *wire)
{
    if (wire == NULL)
        return;
    if (wire->fd >= 0)
        close(wire->fd);
    mem_free_erased(wire);
}

/* --- Messages -------------------------------------------------------------------------------- */

void postgres_append_int32(struct strbuf *buf, uint32_t number)
{
    uint32_t bytes = htonl(number);

    strbuf_append(buf, (const char *)&bytes, sizeof bytes);
}

uint32_t postgres_read_int32(const char *bytes)
{
    uint32_t number;

    memcpy(&number, bytes, sizeof number);
    return ntohl(number);
}

static bool send_bytes(struct postgres_wire *wire, const char *bytes, size_t length,
                       struct error *err)
{
    while (length > 0) {
        ssize_t sent;

        if (!wait_until(wire, POLLOUT, err))
            return false;
        sent = send(wire->fd, bytes, length, MSG_NOSIGNAL);
        if (sent < 0 && is_try_again(errno))
            continue;
        if (sent < 0)
            return fail_errno(wire, errno, err);
        bytes += sent;
        length -= (size_t)sent;
    }
    return true;
}

bool postgres_wire_send(struct postgres_wire *wire, char type, const struct strbuf *body,
                        struct error *err)
{
    auto_strbuf struct strbuf message = STRBUF_ERASING;

    if (type != 0)
        strbuf_append_char(&message, type);
    postgres_append_int32(&message, (uint32_t)(LENGTH_SIZE + body->length));
    strbuf_append(&message, strbuf_text(body), body->length);
    return send_bytes(wire, strbuf_text(&message), message.length, err);
}

static bool receive_bytes(struct postgres_wire *wire, char *ret_bytes, size_t length,
                          struct error *err)
{
    while (length > 0) {
        ssize_t received;

        if (!wait_until(wire, POLLIN, err))
            return false;
        received = recv(wire->fd, ret_bytes, length, 0);
        if (received < 0 && is_try_again(errno))
            continue;
        if (received < 0)
            return fail_errno(wire, errno, err);
        if (received == 0)
            return fail_closed(wire, err);
        ret_bytes += received;
        length -= (size_t)received;
    }
    return true;
}

bool postgres_wire_receive(struct postgres_wire *wire, struct postgres_message *ret_message,
                           struct error *err)
{
    char header[HEADER_SIZE];
    uint32_t length;

    if (!receive_bytes(wire, header, sizeof header, err))
        return false;
    length = postgres_read_int32(header + 1);
    if (length < LENGTH_SIZE || length - LENGTH_SIZE > POSTGRES_MESSAGE_LIMIT ||
        wire->received++ == POSTGRES_MESSAGES_LIMIT)
        return postgres_error_set_unreachable(err, "", wire->label);
    length -= LENGTH_SIZE;
    if (!receive_bytes(wire, wire->body, length, err))
        return false;
    wire->body[length] = '\0';
    *ret_message = (struct postgres_message){
        .type = header[0],
        .body = wire->body,
        .length = length,
    };
    return true;
}
