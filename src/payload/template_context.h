/*
 * Where in the JSON that a template makes an action stands: inside a string or outside.  It follows
 * from the text before it alone, since what actions print never begins or ends a string.
 */
#ifndef PAYLOAD_TEMPLATE_CONTEXT_H
#define PAYLOAD_TEMPLATE_CONTEXT_H

#include "payload/template_functions.h"

#include <stdbool.h>
#include <stddef.h>

/* {0} is the beginning of the document. */
struct template_context {
    bool in_string;
    bool at_string_start;
    bool after_backslash;
    size_t hex_digits_left;    /* of a \u escape */
    const char *json_at_start; /* the action that printed JSON right after the opening quote, when
                                    nothing came after it yet */
};

/* Goes over the text.  Returns NULL, or the action that printed JSON as a whole string. */
const char *template_context_add_text(struct template_context *context, const char *text,
                                      size_t length) must_check;

enum template_placement {
    TEMPLATE_PLACEMENT_RIGHT,
    TEMPLATE_PLACEMENT_NEEDS_STRING, /* text outside a JSON string */
    TEMPLATE_PLACEMENT_IN_ESCAPE,    /* in the middle of an escape sequence */
};

/* Whether an action at this place of the source may print a value of this kind here. */
enum template_placement template_context_add_action(struct template_context *context,
                                                    enum template_kind kind, const char *action)
    must_check;

#endif
