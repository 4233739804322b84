/*
 * Structured logs: one line each on a descriptor (standard error in production), with the keys that
 * controller-runtime users know: level, ts, msg, controller, namespace, name, reconcileID, error.
 * A line is a JSON object, or the same as text: key=value pairs (logfmt), where every value that
 * is more than a plain word stands in quotes, so that no value can end a line or begin a key.
 * Thread-safe.
 *
 * Levels: error = someone must act; warning = we go on; info = state changed; debug = the rest.
 * Library rooms log nothing above debug: they return errors, and the caller reports once.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/compiler.h"
#include "base/error.h"
#include "base/timesource.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

enum log_format { LOG_FORMAT_JSON, LOG_FORMAT_TEXT };

struct log;

/* Writes lines of `level` and more severe to `fd`, which stays the caller's.  A reader that goes
 * away must not end the process: main ignores SIGPIPE. */
struct log *log_new(int fd, enum log_level level, enum log_format format,
                    const struct timesource *timesource) returns_owned;
void log_free(struct log *log);
/* "error", "warning", "info" or "debug" (any case); false when it is none of these. */
bool log_level_parse(const char *text, enum log_level *ret_level) must_check;
/* Likewise "json" or "text". */
bool log_format_parse(const char *text, enum log_format *ret_format) must_check;

/* What a line is about; empty members are left out.  Borrowed strings. */
struct log_scope {
    struct log *log;
    const char *controller;
    const char *namespace_name;
    const char *name;
    const char *reconcile_id;
};

void log_error(const struct log_scope *scope, const char *format, ...) printf_format(2, 3);
void log_warning(const struct log_scope *scope, const char *format, ...) printf_format(2, 3);
void log_info(const struct log_scope *scope, const char *format, ...) printf_format(2, 3);
void log_debug(const struct log_scope *scope, const char *format, ...) printf_format(2, 3);
/* A line that carries an error in its own key. */
void log_failure(const struct log_scope *scope, enum log_level level, const struct error *failure,
                 const char *format, ...) printf_format(4, 5);

#endif
