#include "base/log.h"

#include "base/memory.h"
#include "base/strbuf.h"
#include "base/utf8.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LOG_MESSAGE_SIZE = 2048 };

struct log {
    int fd;
    enum log_level level;
    const struct timesource *timesource;
    pthread_mutex_t lock; /* keeps lines whole: a write longer than PIPE_BUF may be split */
};

static const char *const level_names[] = {
    [LOG_LEVEL_ERROR] = "error",
    [LOG_LEVEL_WARNING] = "warning",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_DEBUG] = "debug",
};

struct log *log_new(int fd, enum log_level level, const struct timesource *timesource)
{
    struct log *log = mem_alloc(sizeof *log);

    log->fd = fd;
    log->level = level;
    log->timesource = timesource;
    pthread_mutex_init(&log->lock, NULL);
    return log;
}

void log_free(struct log *log)
{
    if (log == NULL)
        return;
    pthread_mutex_destroy(&log->lock);
    free(log);
}

bool log_level_parse(const char *text, enum log_level *ret_level)
{
    for (size_t i = 0; i < array_length(level_names); i++) {
        if (strcasecmp(text, level_names[i]) == 0) {
            *ret_level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

static void append_member(struct strbuf *line, const char *key, const char *value)
{
    if (value == NULL || value[0] == '\0')
        return;
    strbuf_append_format(line, "%s\"%s\":\"", line->length > 1 ? "," : "", key);
    strbuf_append_json_escaped(line, value, strlen(value));
    strbuf_append_char(line, '"');
}

/* Lines are written whole or, when the reader is gone, not at all; logging never fails a pass.  The
 * descriptor may be shared with somebody who made it non-blocking. */
static void write_line(struct log *log, const struct strbuf *line)
{
    const char *text = strbuf_text(line);
    size_t left = line->length;

    pthread_mutex_lock(&log->lock);
    while (left > 0) {
        ssize_t written = write(log->fd, text, left);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0 && errno == EAGAIN) {
            poll(&(struct pollfd){.fd = log->fd, .events = POLLOUT}, 1, -1);
            continue;
        }
        if (written <= 0)
            break;
        text += written;
        left -= (size_t)written;
    }
    pthread_mutex_unlock(&log->lock);
}

static void printf_format(4, 0) emit(const struct log_scope *scope, enum log_level level,
                                     const struct error *failure, const char *format, va_list args)
{
    auto_strbuf struct strbuf line = {0};
    char message[LOG_MESSAGE_SIZE], timestamp[TIMESTAMP_SIZE];

    utf8_mark_truncation(message, sizeof message, vsnprintf(message, sizeof message, format, args));
    timestamp_render_micro(timesource_realtime_us(scope->log->timesource), timestamp);
    strbuf_append_char(&line, '{');
    append_member(&line, "level", level_names[level]);
    append_member(&line, "ts", timestamp);
    append_member(&line, "msg", message);
    append_member(&line, "controller", scope->controller);
    append_member(&line, "namespace", scope->namespace_name);
    append_member(&line, "name", scope->name);
    append_member(&line, "reconcileID", scope->reconcile_id);
    if (failure != NULL) {
        append_member(&line, "error", failure->message);
        append_member(&line, "errorKind", error_kind_name(failure->kind));
        append_member(&line, "errorCode", failure->code);
    }
    strbuf_append_text(&line, "}\n");
    write_line(scope->log, &line);
}

static bool is_wanted(const struct log_scope *scope, enum log_level level)
{
    return scope->log != NULL && level <= scope->log->level;
}

#define EMIT_IF_WANTED(level, failure)             \
    do {                                           \
        va_list args;                              \
                                                   \
        if (!is_wanted(scope, level))              \
            return;                                \
        va_start(args, format);                    \
        emit(scope, level, failure, format, args); \
        va_end(args);                              \
    } while (0)

void log_error(const struct log_scope *scope, const char *format, ...)
{
    EMIT_IF_WANTED(LOG_LEVEL_ERROR, NULL);
}

void log_warning(const struct log_scope *scope, const char *format, ...)
{
    EMIT_IF_WANTED(LOG_LEVEL_WARNING, NULL);
}

void log_info(const struct log_scope *scope, const char *format, ...)
{
    EMIT_IF_WANTED(LOG_LEVEL_INFO, NULL);
}

void log_debug(const struct log_scope *scope, const char *format, ...)
{
    EMIT_IF_WANTED(LOG_LEVEL_DEBUG, NULL);
}

void log_failure(const struct log_scope *scope, enum log_level level, const struct error *failure,
                 const char *format, ...)
{
    EMIT_IF_WANTED(level, failure);
}
