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
    enum log_format format;
    const struct timesource *timesource;
    pthread_mutex_t lock; /* keeps lines whole: a write longer than PIPE_BUF may be split */
};

static const char *const level_names[] = {
    [LOG_LEVEL_ERROR] = "error",
    [LOG_LEVEL_WARNING] = "warning",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_DEBUG] = "debug",
};

static const char *const format_names[] = {
    [LOG_FORMAT_JSON] = "json",
    [LOG_FORMAT_TEXT] = "text",
};

struct log *log_new(int fd, enum log_level level, enum log_format format,
                    const struct timesource *timesource)
{
    struct log *log = mem_alloc(sizeof *log);

    log->fd = fd;
    log->level = level;
    log->format = format;
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

static bool find_name(const char *const *names, size_t count, const char *text, size_t *ret_index)
{
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(text, names[i]) == 0) {
            *ret_index = i;
            return true;
        }
    }
    return false;
}

bool log_level_parse(const char *text, enum log_level *ret_level)
{
    size_t index;

    if (!find_name(level_names, array_length(level_names), text, &index))
        return false;
    *ret_level = (enum log_level)index;
    return true;
}

bool log_format_parse(const char *text, enum log_format *ret_format)
{
    size_t index;

    if (!find_name(format_names, array_length(format_names), text, &index))
        return false;
    *ret_format = (enum log_format)index;
    return true;
}

static void append_quoted(struct strbuf *line, const char *value)
{
    strbuf_append_char(line, '"');
    strbuf_append_json_escaped(line, value, strlen(value));
    strbuf_append_char(line, '"');
}

/* What needs no quotes: names of Kubernetes, identifiers, times, numbers. */
static bool is_plain_word(const char *value)
{
    return value[strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                               "-_.:/@+")] == '\0';
}

static void append_member(struct strbuf *line, enum log_format format, const char *key,
                          const char *value)
{
    bool is_first = line->length == 0;

    if (value == NULL || value[0] == '\0')
        return;
    switch (format) {
    case LOG_FORMAT_JSON:
        strbuf_append_format(line, "%s\"%s\":", is_first ? "{" : ",", key);
        append_quoted(line, value);
        return;
    case LOG_FORMAT_TEXT:
        strbuf_append_format(line, "%s%s=", is_first ? "" : " ", key);
        if (is_plain_word(value))
            strbuf_append_text(line, value);
        else
            append_quoted(line, value);
        return;
    }
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
    const struct {
        const char *key, *value;
    } members[] = {
        {"level", level_names[level]},
        {"ts", timestamp},
        {"msg", message},
        {"controller", scope->controller},
        {"namespace", scope->namespace_name},
        {"name", scope->name},
        {"reconcileID", scope->reconcile_id},
        {"error", failure != NULL ? failure->message : NULL},
        {"errorKind", failure != NULL ? error_kind_name(failure->kind) : NULL},
        {"errorCode", failure != NULL ? failure->code : NULL},
    };

    utf8_mark_truncation(message, sizeof message, vsnprintf(message, sizeof message, format, args));
    timestamp_render_micro(timesource_realtime_us(scope->log->timesource), timestamp);
    for (size_t i = 0; i < array_length(members); i++)
        append_member(&line, scope->log->format, members[i].key, members[i].value);
    strbuf_append_text(&line, scope->log->format == LOG_FORMAT_JSON ? "}\n" : "\n");
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
