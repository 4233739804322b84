#include "engine/postgres_privileges.h"

#include "base/compiler.h"
#include "base/strbuf.h"

#include <assert.h>
#include <string.h>

static const char *const words[] = {
    "SELECT",  "INSERT", "UPDATE",  "DELETE",    "TRUNCATE", "REFERENCES",
    "TRIGGER", "CREATE", "CONNECT", "TEMPORARY", NULL,
};

const struct engine_privilege_table postgres_privilege_table = {
    .family = "PostgreSQL",
    .words = words,
};

/* In the order of the words: the right on each kind of object, and whether it is of use only to
 * whoever may use the schema.  A column of type serial takes its values from a sequence. */
static const struct meaning {
    const char *rights[POSTGRES_OBJECT_COUNT];
    bool needs_schema;
} meanings[] = {
    {{[POSTGRES_TABLE] = "SELECT", [POSTGRES_SEQUENCE] = "SELECT"}, true},
    {{[POSTGRES_TABLE] = "INSERT", [POSTGRES_SEQUENCE] = "USAGE"}, true},
    {{[POSTGRES_TABLE] = "UPDATE", [POSTGRES_SEQUENCE] = "UPDATE"}, true},
    {{[POSTGRES_TABLE] = "DELETE"}, true},
    {{[POSTGRES_TABLE] = "TRUNCATE"}, true},
    {{[POSTGRES_TABLE] = "REFERENCES"}, true},
    {{[POSTGRES_TABLE] = "TRIGGER"}, true},
    {{[POSTGRES_DATABASE] = "CREATE", [POSTGRES_SCHEMA] = "CREATE"}, true},
    {{[POSTGRES_DATABASE] = "CONNECT"}, false},
    {{[POSTGRES_DATABASE] = "TEMPORARY"}, false},
};

static_assert(array_length(words) == array_length(meanings) + 1, "a meaning for each word");

static bool contains(const struct engine_privileges *privileges, size_t word)
{
    return (privileges->words & UINT32_C(1) << word) != 0;
}

static bool needs_schema(const struct engine_privileges *privileges)
{
    for (size_t i = 0; i < array_length(meanings); i++) {
        if (contains(privileges, i) && meanings[i].needs_schema)
            return true;
    }
    return false;
}

void postgres_privileges_set_every_word(struct engine_privileges *ret_privileges)
{
    *ret_privileges = (struct engine_privileges){0};
    for (size_t i = 0; i < array_length(meanings); i++)
        ret_privileges->words |= UINT32_C(1) << i;
}

bool postgres_privileges_may_create(const struct engine_privileges *privileges)
{
    for (size_t i = 0; i < array_length(meanings); i++) {
        if (contains(privileges, i) && strcmp(words[i], "CREATE") == 0)
            return true;
    }
    return privileges->all;
}

static void append_right(struct strbuf *array, const char *right)
{
    strbuf_append_format(array, "%s%s", strbuf_text(array)[array->length - 1] == '{' ? "" : ",",
                         right);
}

void postgres_privileges_append_array(struct strbuf *array,
                                      const struct engine_privileges *privileges,
                                      enum postgres_object object)
{
    strbuf_append_char(array, '{');
    /* A user that may not connect could not even prove its password. */
    if (object == POSTGRES_DATABASE && !privileges->none)
        append_right(array, "CONNECT");
    if (object == POSTGRES_SCHEMA && needs_schema(privileges))
        append_right(array, "USAGE");
    for (size_t i = 0; i < array_length(meanings); i++) {
        const char *right = meanings[i].rights[object];

        if (right == NULL || !contains(privileges, i) || strcmp(right, "CONNECT") == 0)
            continue;
        append_right(array, right);
    }
    strbuf_append_char(array, '}');
}
