/*
 * Takes a page of a Kubernetes list apart while it arrives: hands out the text of each element of
 * "items" and keeps the text of "metadata", in whatever order the members come (lists of custom
 * resources have their metadata last).  So a page never becomes one tree in memory: a jansson tree
 * takes ten times the text.
 *
 * It follows the nesting only; whether an element is valid JSON is for its taker to find out.
 * Not thread-safe.
 */
#ifndef KUBE_LIST_DECODER_H
#define KUBE_LIST_DECODER_H

#include "base/error.h"
#include "base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>

enum { LIST_VALUE_LIMIT_BYTES = 8 * 1024 * 1024 };

/* Gets the text of one element; false ends the decoding with *err. */
typedef bool (*list_item_fn)(void *context, const char *text, size_t length, struct error *err);

enum list_decoder_state {
    LIST_BEFORE, /* the document */
    LIST_MEMBER, /* before a member's name, or the end of the document */
    LIST_NAME,
    LIST_COLON,
    LIST_VALUE_START,
    LIST_VALUE,
    LIST_ITEM_START, /* before an element, or the end of the items */
    LIST_ITEM,
    LIST_AFTER,
};

/* {0} is a decoder before its document. */
struct list_decoder {
    enum list_decoder_state state;
    struct strbuf name;     /* of the current member */
    struct strbuf value;    /* what came of the element, or of the metadata, in earlier pieces */
    struct strbuf metadata; /* the text of "metadata" when it was complete */
    bool has_items;         /* without them it is another kind of document, not an empty list */
    bool keeps_value;       /* whether the current value is wanted */
    size_t depth;           /* of brackets inside the current value */
    bool in_string, is_escaped, is_scalar;
};

/* INTERNAL when this is no list, INVALID with the code "TooLarge" for a value over the limit, or
 * what on_item set. */
bool list_decoder_feed(struct list_decoder *decoder, const char *bytes, size_t length,
                       list_item_fn on_item, void *context, struct error *err) must_check;
/* True when the whole document has come. */
bool list_decoder_is_complete(const struct list_decoder *decoder);
void list_decoder_release(struct list_decoder *decoder);

#endif
