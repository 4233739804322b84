#include "base/error.h"

#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool error_set(struct error *err, enum error_kind kind, const char *code, const char *format, ...)
{
    struct error made = {.kind = kind}; /* the arguments may point into *err */
    va_list args;
    int wanted;

    wanted = snprintf(made.code, sizeof made.code, "%s", code != NULL ? code : "");
    utf8_mark_truncation(made.code, sizeof made.code, wanted);
    va_start(args, format);
    wanted = vsnprintf(made.message, sizeof made.message, format, args);
    va_end(args);
    utf8_mark_truncation(made.message, sizeof made.message, wanted);
    *err = made;
    return false;
}

bool error_wrap(struct error *err, const char *format, ...)
{
    char context[ERROR_MESSAGE_SIZE], message[ERROR_MESSAGE_SIZE];
    va_list args;
    int wanted;

    va_start(args, format);
    wanted = vsnprintf(context, sizeof context, format, args);
    va_end(args);
    utf8_mark_truncation(context, sizeof context, wanted);
    wanted = snprintf(message, sizeof message, "%s: %s", context, err->message);
    utf8_mark_truncation(message, sizeof message, wanted);
    memcpy(err->message, message, sizeof message);
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
