#include "engine/privilege.h"

#include "base/strbuf.h"

#include <string.h>
#include <strings.h>

enum { WORD_LIMIT = 64 };

static const struct {
    const char *word, *means;
} synonyms[] = {
    {"TEMP", "TEMPORARY"},
    {"ALL PRIVILEGES", "ALL"},
};

/* Copies a word in its one form: trimmed, single blanks inside.  False when it is too long. */
static bool normalize(const char *text, char ret_word[static WORD_LIMIT])
{
    size_t length = 0;

    for (; *text != '\0'; text++) {
        if (*text == ' ' && (length == 0 || ret_word[length - 1] == ' '))
            continue;
        if (length == WORD_LIMIT - 1)
            return false;
        ret_word[length++] = *text;
    }
    if (length > 0 && ret_word[length - 1] == ' ')
        length--;
    ret_word[length] = '\0';
    return true;
}

static const char *resolve(const char *word)
{
    for (size_t i = 0; i < array_length(synonyms); i++) {
        if (strcasecmp(synonyms[i].word, word) == 0)
            return synonyms[i].means;
    }
    return word;
}

static bool refuse(const struct engine_privilege_table *table, const char *text, struct error *err)
{
    auto_strbuf struct strbuf words = {0};

    for (size_t i = 0; table->words[i] != NULL; i++)
        strbuf_append_format(&words, "%s, ", table->words[i]);
    return error_set(err, ERROR_INVALID, NULL,
                     "'%.64s' in spec.privileges is not a privilege that %s has on a database: use "
                     "%sor ALL",
                     text, table->family, strbuf_text(&words));
}

static bool add_word(const struct engine_privilege_table *table, const char *text,
                     struct engine_privileges *privileges, struct error *err)
{
    char normalized[WORD_LIMIT];
    const char *word;

    if (!normalize(text, normalized))
        return refuse(table, text, err);
    word = resolve(normalized);
    if (strcasecmp(word, "ALL") == 0) {
        privileges->all = true;
        return true;
    }
    for (size_t i = 0; table->words[i] != NULL; i++) {
        if (strcasecmp(table->words[i], word) == 0) {
            privileges->words |= UINT32_C(1) << i;
            return true;
        }
    }
    return refuse(table, text, err);
}

bool engine_privileges_parse(const struct engine_privilege_table *table, const json_t *list,
                             struct engine_privileges *ret_privileges, struct error *err)
{
    struct engine_privileges privileges = {.all = json_array_size(list) == 0};
    const json_t *word;
    size_t i;

    if (list != NULL && !json_is_array(list))
        return error_set(err, ERROR_INVALID, NULL, "spec.privileges must be a list");
    json_array_foreach(list, i, word) {
        if (!json_is_string(word))
            return error_set(err, ERROR_INVALID, NULL, "spec.privileges must be a list of words");
        if (!add_word(table, json_string_value(word), &privileges, err))
            return false;
    }
    if (privileges.all)
        privileges.words = 0;
    *ret_privileges = privileges;
    return true;
}

json_t *engine_privileges_render(const struct engine_privilege_table *table,
                                 const struct engine_privileges *privileges)
{
    json_t *list = json_array();

    if (privileges->all)
        json_array_append_new(list, json_string("ALL"));
    for (size_t i = 0; table->words[i] != NULL; i++) {
        if (!privileges->all && (privileges->words & UINT32_C(1) << i) != 0)
            json_array_append_new(list, json_string(table->words[i]));
    }
    return list;
}
