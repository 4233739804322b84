#include "scripted_peer.h"

#include "support/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

static void close_connection(struct scripted_peer *peer)
{
    if (peer->connection >= 0)
        close(peer->connection);
    peer->connection = -1;
}

static void reset_connection(struct scripted_peer *peer)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};

    setsockopt(peer->connection, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close_connection(peer);
}

/* A client that tries again closes its first connection, so there is one at a time. */
static void accept_connection(struct scripted_peer *peer)
{
    close_connection(peer);
    peer->connection = accept4(peer->listener, NULL, NULL, SOCK_CLOEXEC);
    peer->connections++;
    if (!peer->runs_on)
        peer->answered = 0;
    if (peer->greeting != NULL &&
        send(peer->connection, peer->greeting->bytes, peer->greeting->length, MSG_NOSIGNAL) < 0)
        close_connection(peer);
}

static void serve_connection(struct scripted_peer *peer)
{
    const struct peer_answer *answer = &peer->answers[peer->answered];
    char bytes[4096];
    ssize_t length = recv(peer->connection, bytes, sizeof bytes, 0);

    if (length <= 0) {
        close_connection(peer);
        return;
    }
    strbuf_append(&peer->received, bytes, (size_t)length);
    if (peer->answered == peer->answer_count)
        return;
    peer->answered++;
    if (answer->then == PEER_RESETS)
        reset_connection(peer);
    else if (answer->bytes == NULL ||
             send(peer->connection, answer->bytes, answer->length, MSG_NOSIGNAL) < 0 ||
             answer->then == PEER_CLOSES)
        close_connection(peer);
}

static void *run(void *context)
{
    struct scripted_peer *peer = context;

    for (;;) {
        struct pollfd pfds[3] = {
            {.fd = peer->stop[0], .events = POLLIN},
            {.fd = peer->connection, .events = POLLIN},
            {.fd = peer->listener, .events = POLLIN},
        };

        if (poll(pfds, 3, -1) < 0 && errno != EINTR)
            return NULL;
        if (pfds[0].revents != 0)
            return NULL;
        if (pfds[1].revents != 0)
            serve_connection(peer);
        else if (pfds[2].revents != 0)
            accept_connection(peer);
    }
}

static void start(struct scripted_peer *peer, const struct peer_answer *greeting,
                  const struct peer_answer *answers, size_t count, bool runs_on)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    socklen_t length = sizeof address;

    *peer = (struct scripted_peer){
        .greeting = greeting,
        .answers = answers,
        .answer_count = count,
        .runs_on = runs_on,
        .connection = -1,
        .listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
    };
    assert_return_code(bind(peer->listener, (struct sockaddr *)&address, length), errno);
    assert_return_code(listen(peer->listener, 8), errno);
    assert_return_code(getsockname(peer->listener, (struct sockaddr *)&address, &length), errno);
    peer->port = ntohs(address.sin_port);
    assert_return_code(pipe(peer->stop), errno);
    assert_int_equal(pthread_create(&peer->thread, NULL, run, peer), 0);
}

void scripted_peer_start(struct scripted_peer *peer, const struct peer_answer *answers,
                         size_t count)
{
    start(peer, NULL, answers, count, false);
}

void scripted_peer_start_with_greeting(struct scripted_peer *peer,
                                       const struct peer_answer *greeting,
                                       const struct peer_answer *answers, size_t count)
{
    start(peer, greeting, answers, count, false);
}

void scripted_peer_start_running_on(struct scripted_peer *peer, const struct peer_answer *answers,
                                    size_t count)
{
    start(peer, NULL, answers, count, true);
}

void scripted_peer_stop(struct scripted_peer *peer)
{
    close(peer->stop[1]);
    pthread_join(peer->thread, NULL);
    close_connection(peer);
    close(peer->listener);
    close(peer->stop[0]);
}

void scripted_peer_release(struct scripted_peer *peer)
{
    strbuf_release(&peer->received);
}
