#include "kube/watch_decoder.h"

#include <string.h>

static bool fail_too_large(struct error *err)
{
    return error_set(err, ERROR_INVALID, "TooLarge",
                     "the Kubernetes API server sent a watch event larger than %d bytes",
                     WATCH_LINE_LIMIT_BYTES);
}

static bool emit(const char *line, size_t length, watch_line_fn on_line, void *context,
                 struct error *err)
{
    if (length > 0 && line[length - 1] == '\r')
        length--;
    if (length > WATCH_LINE_LIMIT_BYTES)
        return fail_too_large(err);
    return length == 0 || on_line(context, line, length, err);
}

static bool keep(struct watch_decoder *decoder, const char *bytes, size_t length, struct error *err)
{
    /* One more than the limit, as the last one may be the '\r' of its end. */
    if (length > WATCH_LINE_LIMIT_BYTES + 1 - decoder->partial.length)
        return fail_too_large(err);
    strbuf_append(&decoder->partial, bytes, length);
    return true;
}

bool watch_decoder_feed(struct watch_decoder *decoder, const char *bytes, size_t length,
                        watch_line_fn on_line, void *context, struct error *err)
{
    while (length > 0) {
        const char *end = memchr(bytes, '\n', length);
        size_t step = end != NULL ? (size_t)(end - bytes) : length;
        bool succeeded;

        if (end != NULL && decoder->partial.length == 0) {
            succeeded = emit(bytes, step, on_line, context, err);
        } else {
            succeeded = keep(decoder, bytes, step, err);
            if (succeeded && end != NULL) {
                succeeded = emit(strbuf_text(&decoder->partial), decoder->partial.length, on_line,
                                 context, err);
                /* A large event must not hold its memory until the next one. */
                strbuf_release(&decoder->partial);
            }
        }
        if (!succeeded)
            return false;
        step += end != NULL ? 1 : 0;
        bytes += step;
        length -= step;
    }
    return true;
}

void watch_decoder_release(struct watch_decoder *decoder)
{
    strbuf_release(&decoder->partial);
}
