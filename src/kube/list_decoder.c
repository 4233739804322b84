#include "kube/list_decoder.h"

#include <string.h>

enum { NAME_LIMIT_BYTES = 256 };

/* How far a byte brings the value that it belongs to. */
enum progress {
    GOES_ON,
    ENDS_HERE,   /* with this byte */
    ENDED_BEFORE /* this byte: a number or word has no end of its own */
};

/* One piece while it is being fed. */
struct piece {
    struct list_decoder *decoder;
    const char *bytes;
    size_t length;
    size_t at;         /* the byte that is looked at */
    size_t value_from; /* where the current value's part in this piece begins */
    list_item_fn on_item;
    void *context;
    struct error *err;
};

static bool is_space(char byte)
{
    return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

static bool fail_no_list(struct error *err)
{
    return error_set(err, ERROR_INTERNAL, NULL,
                     "the answer of the Kubernetes API server is no list; is there a proxy before "
                     "it?");
}

/* ---- values ---- */

static enum progress scan_string(struct list_decoder *decoder, char byte)
{
    if (decoder->is_escaped)
        decoder->is_escaped = false;
    else if (byte == '\\')
        decoder->is_escaped = true;
    else if (byte == '"') {
        decoder->in_string = false;
        return decoder->depth == 0 ? ENDS_HERE : GOES_ON;
    }
    return GOES_ON;
}

static enum progress scan_value(struct list_decoder *decoder, char byte)
{
    if (decoder->in_string)
        return scan_string(decoder, byte);
    if (decoder->is_scalar)
        return is_space(byte) || byte == ',' || byte == '}' || byte == ']' ? ENDED_BEFORE : GOES_ON;
    if (byte == '"')
        decoder->in_string = true;
    else if (byte == '{' || byte == '[')
        decoder->depth++;
    else if ((byte == '}' || byte == ']') && --decoder->depth == 0)
        return ENDS_HERE;
    return GOES_ON;
}

static void start_value(struct piece *piece, enum list_decoder_state state, bool keeps_value)
{
    struct list_decoder *decoder = piece->decoder;
    char byte = piece->bytes[piece->at];

    decoder->state = state;
    decoder->keeps_value = keeps_value;
    decoder->depth = byte == '{' || byte == '[' ? 1 : 0;
    decoder->in_string = byte == '"';
    decoder->is_escaped = false;
    decoder->is_scalar = decoder->depth == 0 && !decoder->in_string;
    piece->value_from = piece->at;
}

/* Adds this piece's part of the value, up to `end`, to what came before. */
static bool keep_part(struct piece *piece, size_t end)
{
    struct strbuf *value = &piece->decoder->value;
    size_t length = end - piece->value_from;

    if (!piece->decoder->keeps_value)
        return true;
    if (length > LIST_VALUE_LIMIT_BYTES - value->length)
        return error_set(piece->err, ERROR_INVALID, "TooLarge",
                         "the Kubernetes API server sent an object larger than %d bytes",
                         LIST_VALUE_LIMIT_BYTES);
    strbuf_append(value, piece->bytes + piece->value_from, length);
    return true;
}

static bool finish_item(struct piece *piece, size_t end)
{
    struct list_decoder *decoder = piece->decoder;
    size_t length = end - piece->value_from;
    bool succeeded;

    decoder->state = LIST_ITEM_START;
    if (decoder->value.length == 0 && length <= LIST_VALUE_LIMIT_BYTES)
        return piece->on_item(piece->context, piece->bytes + piece->value_from, length, piece->err);
    if (!keep_part(piece, end))
        return false;
    succeeded = piece->on_item(piece->context, strbuf_text(&decoder->value), decoder->value.length,
                               piece->err);
    strbuf_clear(&decoder->value);
    return succeeded;
}

static bool finish_member(struct piece *piece, size_t end)
{
    struct list_decoder *decoder = piece->decoder;

    decoder->state = LIST_MEMBER;
    if (!decoder->keeps_value)
        return true;
    if (!keep_part(piece, end))
        return false;
    strbuf_release(&decoder->metadata);
    decoder->metadata = decoder->value;
    decoder->value = (struct strbuf){0};
    return true;
}

static bool go_on_with_value(struct piece *piece)
{
    struct list_decoder *decoder = piece->decoder;
    enum progress progress = scan_value(decoder, piece->bytes[piece->at]);
    size_t end = piece->at;

    if (progress == GOES_ON)
        return true;
    if (progress == ENDS_HERE)
        end++;
    else
        piece->at--; /* the byte is looked at once more, in the next state */
    return decoder->state == LIST_ITEM ? finish_item(piece, end) : finish_member(piece, end);
}

/* ---- between the values ---- */

static bool begin_value(struct piece *piece)
{
    struct list_decoder *decoder = piece->decoder;
    const char *name = strbuf_text(&decoder->name);
    char byte = piece->bytes[piece->at];

    if (byte == ',' || byte == ':' || byte == '}' || byte == ']')
        return fail_no_list(piece->err);
    if (strcmp(name, "items") == 0)
        decoder->has_items = byte == '[' || byte == 'n'; /* Go's empty list may be null */
    if (strcmp(name, "items") == 0 && byte == '[')
        decoder->state = LIST_ITEM_START;
    else
        start_value(piece, LIST_VALUE, strcmp(name, "metadata") == 0);
    return true;
}

static bool begin_item(struct piece *piece)
{
    char byte = piece->bytes[piece->at];

    if (byte == ']')
        piece->decoder->state = LIST_MEMBER;
    else if (byte == '{')
        start_value(piece, LIST_ITEM, true);
    else if (byte != ',')
        return fail_no_list(piece->err);
    return true;
}

static bool begin_member(struct piece *piece)
{
    char byte = piece->bytes[piece->at];

    if (byte == '}') {
        piece->decoder->state = LIST_AFTER;
    } else if (byte == '"') {
        piece->decoder->state = LIST_NAME;
        strbuf_clear(&piece->decoder->name);
    } else if (byte != ',') {
        return fail_no_list(piece->err);
    }
    return true;
}

static bool go_on_with_name(struct piece *piece)
{
    struct list_decoder *decoder = piece->decoder;
    char byte = piece->bytes[piece->at];

    if (byte == '"') {
        decoder->state = LIST_COLON;
        return true;
    }
    if (decoder->name.length >= NAME_LIMIT_BYTES || byte == '\\')
        return fail_no_list(piece->err); /* no member of a list has such a name */
    strbuf_append_char(&decoder->name, byte);
    return true;
}

static bool expect(struct piece *piece, char wanted, enum list_decoder_state next)
{
    if (piece->bytes[piece->at] != wanted)
        return fail_no_list(piece->err);
    piece->decoder->state = next;
    return true;
}

static bool look_at_byte(struct piece *piece)
{
    switch (piece->decoder->state) {
    case LIST_VALUE:
    case LIST_ITEM:
        return go_on_with_value(piece);
    case LIST_NAME:
        return go_on_with_name(piece);
    case LIST_BEFORE:
    case LIST_MEMBER:
    case LIST_COLON:
    case LIST_VALUE_START:
    case LIST_ITEM_START:
    case LIST_AFTER:
        break;
    }
    if (is_space(piece->bytes[piece->at]))
        return true;
    switch (piece->decoder->state) {
    case LIST_BEFORE:
        return expect(piece, '{', LIST_MEMBER);
    case LIST_MEMBER:
        return begin_member(piece);
    case LIST_COLON:
        return expect(piece, ':', LIST_VALUE_START);
    case LIST_VALUE_START:
        return begin_value(piece);
    case LIST_ITEM_START:
        return begin_item(piece);
    case LIST_AFTER:
    case LIST_VALUE:
    case LIST_ITEM:
    case LIST_NAME:
        break;
    }
    return fail_no_list(piece->err); /* something after the document */
}

bool list_decoder_feed(struct list_decoder *decoder, const char *bytes, size_t length,
                       list_item_fn on_item, void *context, struct error *err)
{
    struct piece piece = {
        .decoder = decoder,
        .bytes = bytes,
        .length = length,
        .on_item = on_item,
        .context = context,
        .err = err,
    };

    for (; piece.at < length; piece.at++)
        if (!look_at_byte(&piece))
            return false;
    if (decoder->state == LIST_VALUE || decoder->state == LIST_ITEM)
        return keep_part(&piece, length);
    return true;
}

bool list_decoder_is_complete(const struct list_decoder *decoder)
{
    return decoder->state == LIST_AFTER;
}

void list_decoder_release(struct list_decoder *decoder)
{
    strbuf_release(&decoder->name);
    strbuf_release(&decoder->value);
    strbuf_release(&decoder->metadata);
    *decoder = (struct list_decoder){0};
}
