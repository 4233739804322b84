#include "kube/managed_fields.h"

#include "base/strbuf.h"

#include <string.h>

/* As the API server writes it, without spaces.  Within a string the second quote would be escaped,
 * so this is the end of a member's name at least. */
#define MEMBER "\"managedFields\":["

static const char *find_end_of_string(const char *at, const char *end)
{
    for (; at < end && *at != '"'; at++) {
        if (*at == '\\' && at + 1 < end)
            at++;
    }
    return at;
}

/* Behind the bracket that closes an array, whose first element begins at `at`; NULL if there is
 * none. */
static const char *find_end_of_array(const char *at, const char *end)
{
    size_t depth = 1;

    for (; at < end; at++) {
        if (*at == '"' && (at = find_end_of_string(at + 1, end)) == end)
            return NULL;
        if (*at == '[' || *at == '{')
            depth++;
        else if ((*at == ']' || *at == '}') && --depth == 0)
            return at + 1;
    }
    return NULL;
}

static const char *find_member(const char *text, const char *at, const char *end)
{
    while ((at = memmem(at, (size_t)(end - at), MEMBER, strlen(MEMBER))) != NULL) {
        if (at > text && (at[-1] == ',' || at[-1] == '{')) /* else the name only ends so */
            return at;
        at++;
    }
    return NULL;
}

bool managed_fields_cut(const char *text, size_t length, struct strbuf *ret_rest)
{
    const char *end = text + length, *from = text, *member, *behind;

    while ((member = find_member(text, from, end)) != NULL) {
        behind = find_end_of_array(member + strlen(MEMBER), end);
        if (behind == NULL)
            break; /* the parser will complain about the rest */
        /* One of the two commas around it goes with it. */
        if (member > from && member[-1] == ',')
            member--;
        else if (behind < end && *behind == ',')
            behind++;
        strbuf_append(ret_rest, from, (size_t)(member - from));
        from = behind;
    }
    if (from == text)
        return false;
    strbuf_append(ret_rest, from, (size_t)(end - from));
    return true;
}
