#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A cut text says that it was cut, so that nobody searches for the missing half. */
static void mark_truncation(char *text, size_t size, int wanted)
{
    if (wanted >= 0 && (size_t)wanted >= size)
        memcpy(text + size - 4, "...", 4);
}

bool error_set(struct error *err, enum error_kind kind, const char *code, const char *format, ...)
{
    va_list args;
    int wanted;

    *err = (struct error){.kind = kind};
    if (code != NULL)
        mark_truncation(err->code, sizeof err->code,
                        snprintf(err->code, sizeof err->code, "%s", code));
    va_start(args, format);
    wanted = vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    mark_truncation(err->message, sizeof err->message, wanted);
    return false;
}

bool error_wrap(struct error *err, const char *format, ...)
{
    char cause[ERROR_MESSAGE_SIZE];
    va_list args;
    int prefix;
    size_t used;

    memcpy(cause, err->message, sizeof cause);
    va_start(args, format);
    prefix = vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    mark_truncation(err->message, sizeof err->message, prefix);
    used = strlen(err->message);
    mark_truncation(err->message + used, sizeof err->message - used,
                    snprintf(err->message + used, sizeof err->message - used, ": %s", cause));
    return false;
}

bool error_has_code(const struct error *err, const char *code)
{
    return strcmp(err->code, code) == 0;
}

const char *error_kind_name(enum error_kind kind)
{
    switch (kind) {
    case ERROR_NONE:
        return "none";
    case ERROR_INVALID:
        return "invalid";
    case ERROR_NOT_FOUND:
        return "not found";
    case ERROR_CONFLICT:
        return "conflict";
    case ERROR_GONE:
        return "gone";
    case ERROR_DENIED:
        return "denied";
    case ERROR_UNAVAILABLE:
        return "unavailable";
    case ERROR_CANCELLED:
        return "cancelled";
    case ERROR_INTERNAL:
        return "internal";
    }
    return "unknown";
}
