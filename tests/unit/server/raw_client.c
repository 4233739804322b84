#include "raw_client.h"

#include "base/memory.h"
#include "support/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { PATIENCE_SECONDS = 10 };

static int connect_to(const struct sockaddr *address, socklen_t size)
{
    const struct timeval patience = {.tv_sec = PATIENCE_SECONDS};
    int connection = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(connection >= 0);
    setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(connection, address, size) != 0)
        fail_msg("connecting: %s", strerrordesc_np(errno));
    return connection;
}

int raw_client_connect(uint16_t port)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };

    return connect_to((const struct sockaddr *)&address, sizeof address);
}

int raw_client_connect_v6(uint16_t port)
{
    const struct sockaddr_in6 address = {
        .sin6_family = AF_INET6,
        .sin6_port = htons(port),
        .sin6_addr = in6addr_loopback,
    };

    return connect_to((const struct sockaddr *)&address, sizeof address);
}

void raw_client_send(int connection, const char *text)
{
    size_t length = strlen(text);

    while (length > 0) {
        ssize_t sent = send(connection, text, length, MSG_NOSIGNAL);

        if (sent <= 0)
            return; /* the server has heard enough: its answer says why */
        text += sent;
        length -= (size_t)sent;
    }
}

/* False at the end of the connection. */
static bool read_more(int connection, struct strbuf *received)
{
    char chunk[4096];
    ssize_t got = recv(connection, chunk, sizeof chunk, 0);

    if (got < 0 && errno != ECONNRESET)
        fail_msg("reading after '%s': %s", strbuf_text(received), strerrordesc_np(errno));
    if (got > 0)
        strbuf_append(received, chunk, (size_t)got);
    return got > 0;
}

void raw_client_read_until(int connection, const char *text, struct strbuf *received)
{
    while (strstr(strbuf_text(received), text) == NULL) {
        if (!read_more(connection, received))
            fail_msg("the connection ended without '%s', after '%s'", text, strbuf_text(received));
    }
}

void raw_client_read_to_end(int connection, struct strbuf *received)
{
    while (read_more(connection, received))
        ;
}

void raw_client_exchange(uint16_t port, const char *request, struct strbuf *answer)
{
    int connection = raw_client_connect(port);

    raw_client_send(connection, request);
    raw_client_read_to_end(connection, answer);
    close(connection);
}

void raw_client_get(uint16_t port, const char *target, struct strbuf *answer)
{
    auto_free char *request =
        mem_printf("GET %s HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n", target);

    raw_client_exchange(port, request, answer);
}

const char *raw_client_body(const struct strbuf *answer)
{
    const char *end = strstr(strbuf_text(answer), "\r\n\r\n");

    if (end == NULL)
        fail_msg("no whole head in '%s'", strbuf_text(answer));
    return end + 4;
}

void raw_client_assert_answer(const struct strbuf *answer, const char *status_line,
                              const char *body)
{
    const char *text = strbuf_text(answer);

    if (strncmp(text, status_line, strlen(status_line)) != 0 ||
        strncmp(text + strlen(status_line), "\r\n", 2) != 0)
        fail_msg("expected '%s', got '%s'", status_line, text);
    assert_string_equal(raw_client_body(answer), body);
}
