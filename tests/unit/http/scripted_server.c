#include "scripted_server.h"

#include "base/memory.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct scripted_server {
    const struct scripted_answer *answers;
    size_t answer_count;
    bool is_tls;
    struct loopback_server *loopback;
    char *url;
    pthread_mutex_t lock;

    /* Below: guarded by lock. */
    size_t request_count;
    char *last_request;
    char *last_name;
};

static const struct scripted_answer *
next_answer(struct scripted_server *server, struct loopback_stream *stream, const char *request)
{
    size_t index;

    pthread_mutex_lock(&server->lock);
    index = server->request_count++;
    free(server->last_request);
    server->last_request = mem_strdup(request);
    free(server->last_name);
    server->last_name = mem_strdup(server->is_tls ? loopback_server_name(stream) : "");
    pthread_mutex_unlock(&server->lock);
    return &server->answers[index < server->answer_count ? index : server->answer_count - 1];
}

static void serve(void *context, struct loopback_stream *stream)
{
    struct scripted_server *server = context;

    for (;;) {
        auto_strbuf struct strbuf request = {0};
        const struct scripted_answer *answer;

        if (!loopback_read_request(stream, &request))
            return;
        answer = next_answer(server, stream, strbuf_text(&request));
        loopback_write_bytes(stream, answer->text,
                             answer->length != 0 ? answer->length : strlen(answer->text));
        if (answer->end == ANSWER_HANG)
            loopback_wait_for_close(stream);
        if (answer->end == ANSWER_RESET)
            loopback_reset(stream);
        if (answer->end != ANSWER_KEEP)
            return;
    }
}

struct scripted_server *scripted_server_start(const struct scripted_answer *answers, size_t count,
                                              const struct loopback_tls *tls)
{
    struct scripted_server *server = mem_alloc(sizeof *server);

    server->answers = answers;
    server->answer_count = count;
    server->is_tls = tls != NULL;
    pthread_mutex_init(&server->lock, NULL);
    server->loopback = loopback_server_start(serve, server, tls);
    return server;
}

void scripted_server_stop(struct scripted_server *server)
{
    loopback_server_stop(server->loopback);
    pthread_mutex_destroy(&server->lock);
    free(server->last_request);
    free(server->last_name);
    free(server->url);
    free(server);
}

const char *scripted_server_url(struct scripted_server *server, const char *path)
{
    free(server->url);
    server->url = mem_printf("%s://127.0.0.1:%d%s", server->is_tls ? "https" : "http",
                             scripted_server_port(server), path);
    return server->url;
}

int scripted_server_port(const struct scripted_server *server)
{
    return loopback_server_port(server->loopback);
}

size_t scripted_server_connection_count(struct scripted_server *server)
{
    return loopback_server_connection_count(server->loopback);
}

size_t scripted_server_request_count(struct scripted_server *server)
{
    size_t count;

    pthread_mutex_lock(&server->lock);
    count = server->request_count;
    pthread_mutex_unlock(&server->lock);
    return count;
}

static char *copy_locked(struct scripted_server *server, char *const *text)
{
    char *copy;

    pthread_mutex_lock(&server->lock);
    copy = mem_strdup(*text != NULL ? *text : "");
    pthread_mutex_unlock(&server->lock);
    return copy;
}

char *scripted_server_last_request(struct scripted_server *server)
{
    return copy_locked(server, &server->last_request);
}

char *scripted_server_last_name(struct scripted_server *server)
{
    return copy_locked(server, &server->last_name);
}
