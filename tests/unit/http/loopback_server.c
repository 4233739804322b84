#include "loopback_server.h"

#include "base/memory.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

struct loopback_stream {
    struct loopback_server *server;
    int fd;
    SSL *ssl; /* NULL = plain */
    struct strbuf unread;
    pthread_t thread;
    struct loopback_stream *next;
};

struct loopback_server {
    loopback_serve_fn serve;
    void *context;
    SSL_CTX *tls;
    int listener;
    int stop_event;
    int port;
    pthread_t thread;
    pthread_mutex_t lock;

    /* Below: guarded by lock. */
    bool is_stopping;
    struct loopback_stream *streams; /* ended ones too, until the stop joins them */
    size_t connection_count;
};

static void check(bool condition)
{
    if (!condition)
        abort(); /* the fixture itself is broken */
}

/* ---- TLS ---- */

static X509 *parse_certificate(const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);

    check(certificate != NULL);
    BIO_free(bio);
    return certificate;
}

static void use_certificate(SSL_CTX *context, const struct loopback_tls *tls)
{
    X509 *certificate = parse_certificate(tls->certificate_pem);
    BIO *bio = BIO_new_mem_buf(tls->key_pem, -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);

    check(SSL_CTX_use_certificate(context, certificate) == 1);
    check(SSL_CTX_use_PrivateKey(context, key) == 1);
    EVP_PKEY_free(key);
    BIO_free(bio);
    X509_free(certificate);
}

static SSL_CTX *make_tls(const struct loopback_tls *tls)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());

    use_certificate(context, tls);
    if (tls->only_obsolete_protocols) {
        SSL_CTX_set_security_level(context, 0);
        SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
        SSL_CTX_set_max_proto_version(context, TLS1_1_VERSION);
    }
    if (tls->client_ca_pem != NULL) {
        X509 *authority = parse_certificate(tls->client_ca_pem);

        X509_STORE_add_cert(SSL_CTX_get_cert_store(context), authority);
        X509_free(authority);
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    }
    return context;
}

/* ---- streams ---- */

static ssize_t receive(struct loopback_stream *stream, char *bytes, size_t size)
{
    if (stream->ssl != NULL) {
        int got = SSL_read(stream->ssl, bytes, (int)size);

        ERR_clear_error();
        return got;
    }
    return recv(stream->fd, bytes, size, 0);
}

void loopback_write_bytes(struct loopback_stream *stream, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t sent = stream->ssl != NULL ? SSL_write(stream->ssl, bytes, (int)length)
                                           : send(stream->fd, bytes, length, MSG_NOSIGNAL);

        ERR_clear_error();
        if (sent <= 0)
            return; /* the client has gone, which some tests want */
        bytes += sent;
        length -= (size_t)sent;
    }
}

void loopback_write(struct loopback_stream *stream, const char *text)
{
    loopback_write_bytes(stream, text, strlen(text));
}

static bool receive_more(struct loopback_stream *stream)
{
    char chunk[4096];
    ssize_t got = receive(stream, chunk, sizeof chunk);

    if (got <= 0)
        return false;
    strbuf_append(&stream->unread, chunk, (size_t)got);
    return true;
}

static size_t content_length(const char *head)
{
    const char *header = strcasestr(head, "\r\nContent-Length:");

    return header != NULL ? strtoul(header + strlen("\r\nContent-Length:"), NULL, 10) : 0;
}

bool loopback_read_request(struct loopback_stream *stream, struct strbuf *ret_request)
{
    const char *end;
    size_t total;

    while ((end = strstr(strbuf_text(&stream->unread), "\r\n\r\n")) == NULL)
        if (!receive_more(stream))
            return false;
    total = (size_t)(end - strbuf_text(&stream->unread)) + 4;
    total += content_length(strbuf_text(&stream->unread));
    while (stream->unread.length < total)
        if (!receive_more(stream))
            return false;
    strbuf_append(ret_request, strbuf_text(&stream->unread), total);
    strbuf_remove_prefix(&stream->unread, total);
    return true;
}

void loopback_wait_for_close(struct loopback_stream *stream)
{
    while (receive_more(stream))
        strbuf_clear(&stream->unread);
}

void loopback_reset(struct loopback_stream *stream)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};

    setsockopt(stream->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

const char *loopback_server_name(struct loopback_stream *stream)
{
    const char *name = SSL_get_servername(stream->ssl, TLSEXT_NAMETYPE_host_name);

    return name != NULL ? name : "";
}

static bool accept_tls(struct loopback_stream *stream)
{
    bool accepted;

    if (stream->server->tls == NULL)
        return true;
    stream->ssl = SSL_new(stream->server->tls);
    SSL_set_fd(stream->ssl, stream->fd);
    accepted = SSL_accept(stream->ssl) == 1;
    ERR_clear_error();
    return accepted;
}

static void drain(int fd)
{
    char chunk[4096];

    shutdown(fd, SHUT_WR);
    while (recv(fd, chunk, sizeof chunk, 0) > 0)
        continue;
}

static void *serve_stream(void *argument)
{
    struct loopback_stream *stream = argument;

    if (accept_tls(stream)) {
        stream->server->serve(stream->server->context, stream);
        if (stream->ssl != NULL)
            SSL_shutdown(stream->ssl);
    } else {
        drain(stream->fd); /* or the alert that says why is lost in a reset */
    }
    ERR_clear_error();
    SSL_free(stream->ssl);
    stream->ssl = NULL;
    pthread_mutex_lock(&stream->server->lock);
    close(stream->fd);
    stream->fd = -1;
    pthread_mutex_unlock(&stream->server->lock);
    return NULL;
}

/* ---- the server ---- */

static void start_stream(struct loopback_server *server, int fd)
{
    struct loopback_stream *stream = mem_alloc(sizeof *stream);
    int one = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    stream->server = server;
    stream->fd = fd;
    pthread_mutex_lock(&server->lock);
    stream->next = server->streams;
    server->streams = stream;
    server->connection_count++;
    check(pthread_create(&stream->thread, NULL, serve_stream, stream) == 0);
    pthread_mutex_unlock(&server->lock);
}

static void *accept_connections(void *argument)
{
    struct loopback_server *server = argument;
    struct pollfd fds[2] = {
        {.fd = server->listener, .events = POLLIN},
        {.fd = server->stop_event, .events = POLLIN},
    };

    for (;;) {
        int fd;

        if (poll(fds, 2, -1) < 0)
            continue;
        if (fds[1].revents != 0)
            return NULL;
        fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0)
            start_stream(server, fd);
    }
}

struct loopback_server *loopback_server_start(loopback_serve_fn serve, void *context,
                                              const struct loopback_tls *tls)
{
    struct loopback_server *server = mem_alloc(sizeof *server);
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    socklen_t size = sizeof address;

    server->serve = serve;
    server->context = context;
    server->tls = tls != NULL ? make_tls(tls) : NULL;
    pthread_mutex_init(&server->lock, NULL);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check(bind(server->listener, (struct sockaddr *)&address, size) == 0);
    check(listen(server->listener, 64) == 0);
    check(getsockname(server->listener, (struct sockaddr *)&address, &size) == 0);
    server->port = ntohs(address.sin_port);
    server->stop_event = eventfd(0, EFD_CLOEXEC);
    check(pthread_create(&server->thread, NULL, accept_connections, server) == 0);
    return server;
}

void loopback_server_stop(struct loopback_server *server)
{
    uint64_t one = 1;

    check(write(server->stop_event, &one, sizeof one) == sizeof one);
    pthread_join(server->thread, NULL);
    pthread_mutex_lock(&server->lock);
    for (struct loopback_stream *stream = server->streams; stream != NULL; stream = stream->next)
        if (stream->fd >= 0)
            shutdown(stream->fd, SHUT_RDWR);
    pthread_mutex_unlock(&server->lock);
    while (server->streams != NULL) {
        struct loopback_stream *stream = server->streams;

        server->streams = stream->next;
        pthread_join(stream->thread, NULL);
        strbuf_release(&stream->unread);
        free(stream);
    }
    close(server->listener);
    close(server->stop_event);
    SSL_CTX_free(server->tls);
    pthread_mutex_destroy(&server->lock);
    free(server);
}

int loopback_server_port(const struct loopback_server *server)
{
    return server->port;
}

size_t loopback_server_connection_count(struct loopback_server *server)
{
    size_t count;

    pthread_mutex_lock(&server->lock);
    count = server->connection_count;
    pthread_mutex_unlock(&server->lock);
    return count;
}
