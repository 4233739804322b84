#include "payload/template_context.h"

/* Inside a string, for a character that is not its end. */
static void add_to_string(struct template_context *context, char c)
{
    if (context->after_backslash) {
        context->after_backslash = false;
        context->hex_digits_left = c == 'u' ? 4 : 0;
    } else if (context->hex_digits_left > 0) {
        context->hex_digits_left--;
    } else {
        context->after_backslash = c == '\\';
    }
    context->at_string_start = false;
    context->json_at_start = NULL;
}

const char *template_context_add_text(struct template_context *context, const char *text,
                                      size_t length)
{
    for (size_t i = 0; i < length; i++) {
        bool is_quote = text[i] == '"' && !context->after_backslash;

        if (is_quote && context->json_at_start != NULL)
            return context->json_at_start;
        if (is_quote) {
            bool begins = !context->in_string;

            *context = (struct template_context){.in_string = begins, .at_string_start = begins};
        } else if (context->in_string) {
            add_to_string(context, text[i]);
        }
    }
    return NULL;
}

enum template_placement template_context_add_action(struct template_context *context,
                                                    enum template_kind kind, const char *action)
{
    if (!context->in_string)
        return kind == TEMPLATE_TEXT ? TEMPLATE_PLACEMENT_NEEDS_STRING : TEMPLATE_PLACEMENT_RIGHT;
    if (context->after_backslash || context->hex_digits_left > 0)
        return TEMPLATE_PLACEMENT_IN_ESCAPE;
    context->json_at_start = kind == TEMPLATE_JSON && context->at_string_start ? action : NULL;
    context->at_string_start = false;
    return TEMPLATE_PLACEMENT_RIGHT;
}
