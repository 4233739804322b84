/*
 * Cuts the body of a watch into its lines, however the network cut it into pieces.
 * Not thread-safe.
 */
#ifndef KUBE_WATCH_DECODER_H
#define KUBE_WATCH_DECODER_H

#include "base/error.h"
#include "base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>

/* etcd holds objects of 1.5 MB and requests of 3 MB, and JSON may escape what it holds. */
enum { WATCH_LINE_LIMIT_BYTES = 8 * 1024 * 1024 };

/* Gets one line without its end; false ends the decoding with *err. */
typedef bool (*watch_line_fn)(void *context, const char *line, size_t length, struct error *err);

/* {0} is an empty decoder. */
struct watch_decoder {
    struct strbuf partial; /* the beginning of a line whose end has not come */
};

/* Calls on_line for each line that is complete now; empty lines are skipped.  INVALID with the code
 * "TooLarge" for a line over the limit, or what on_line set.  After an error the rest of the piece
 * is lost: the stream must end. */
bool watch_decoder_feed(struct watch_decoder *decoder, const char *bytes, size_t length,
                        watch_line_fn on_line, void *context, struct error *err) must_check;
/* Forgets a line without end: at the end of a stream it is half an event. */
void watch_decoder_release(struct watch_decoder *decoder);

#endif
