#include "controller/allow_list.h"

#include "base/memory.h"

#include <string.h>

struct allow_entry {
    char *namespace_pattern;
    char *value_pattern;
};

/* '*' stands for any characters, none included; a mismatch goes back to the last one and lets it
 * take one character more. */
static bool matches(const char *pattern, const char *text)
{
    const char *star = NULL, *taken = NULL;

    while (*text != '\0') {
        if (*pattern == '*') {
            star = pattern++;
            taken = text;
        } else if (*pattern == *text) {
            pattern++;
            text++;
        } else if (star != NULL) {
            pattern = star + 1;
            text = ++taken;
        } else {
            return false;
        }
    }
    return pattern[strspn(pattern, "*")] == '\0';
}

/* The account of an ARN is part of what is allowed: a pattern for the end of names must not fit
 * that of any account.  Only '*' alone stands for everything. */
static bool fits(const char *pattern, const char *value)
{
    static const char arn[] = "arn:";
    bool is_everything = pattern[strspn(pattern, "*")] == '\0';

    if (!is_everything && strncmp(value, arn, strlen(arn)) == 0 &&
        strncmp(pattern, arn, strlen(arn)) != 0)
        return false;
    return matches(pattern, value);
}

static bool add(struct allow_list *list, const char *text, size_t length, struct error *err)
{
    const char *equals = memchr(text, '=', length);

    if (equals == NULL || equals == text || equals == text + length - 1)
        return error_set(err, ERROR_INVALID, NULL, "'%.*s' is not of the form NAMESPACE=PATTERN",
                         (int)length, text);
    list->entries = mem_resize_array(list->entries, list->count + 1, sizeof *list->entries);
    list->entries[list->count++] = (struct allow_entry){
        .namespace_pattern = mem_strndup(text, (size_t)(equals - text)),
        .value_pattern = mem_strndup(equals + 1, length - (size_t)(equals - text) - 1),
    };
    return true;
}

bool allow_list_parse(const char *text, struct allow_list *ret_list, struct error *err)
{
    struct allow_list list = {0};

    while (text != NULL && text[0] != '\0') {
        size_t length = strcspn(text, ",");

        if (!add(&list, text, length, err)) {
            allow_list_release(&list);
            return false;
        }
        text += length + (text[length] == ',' ? 1 : 0);
    }
    *ret_list = list;
    return true;
}

void allow_list_release(struct allow_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->entries[i].namespace_pattern);
        free(list->entries[i].value_pattern);
    }
    free(list->entries);
    *list = (struct allow_list){0};
}

bool allow_list_allows(const struct allow_list *list, const char *namespace_name, const char *value)
{
    for (size_t i = 0; i < list->count; i++) {
        if (matches(list->entries[i].namespace_pattern, namespace_name) &&
            fits(list->entries[i].value_pattern, value))
            return true;
    }
    return list->count == 0;
}
