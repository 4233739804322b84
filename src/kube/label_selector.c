#include "kube/label_selector.h"

#include "base/document.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* Rules of the API: "Labels and Selectors", "Syntax and character set". */
enum {
    NAME_LIMIT = 63,
    PREFIX_LIMIT = 253,
};

struct requirement {
    char *key;
    bool is_negated; /* !=, notin, !KEY */
    bool has_values; /* without them the label has to be there, whatever its value */
    char **values;
    size_t value_count;
};

struct label_selector {
    char *text;
    struct requirement *requirements;
    size_t count;
};

static void release_requirement(struct requirement *requirement)
{
    for (size_t i = 0; i < requirement->value_count; i++)
        free(requirement->values[i]);
    free(requirement->values);
    free(requirement->key);
}

void label_selector_free(struct label_selector *selector)
{
    if (selector == NULL)
        return;
    for (size_t i = 0; i < selector->count; i++)
        release_requirement(&selector->requirements[i]);
    free(selector->requirements);
    free(selector->text);
    free(selector);
}

/* --- Reading --------------------------------------------------------------------------------- */

#define ALPHANUMERIC "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define SPACES       " \t\r\n"

struct reading {
    const char *text; /* all of it */
    const char *at;
    struct error *err;
};

static bool fail(const struct reading *reading, const char *what)
{
    return error_set(reading->err, ERROR_INVALID, NULL, "'%s' is no label selector: %s at '%s'",
                     reading->text, what, reading->at[0] != '\0' ? reading->at : "its end");
}

static void skip_spaces(struct reading *reading)
{
    reading->at += strspn(reading->at, SPACES);
}

/* Takes the text if it comes next. */
static bool accept(struct reading *reading, const char *text)
{
    skip_spaces(reading);
    if (strncmp(reading->at, text, strlen(text)) != 0)
        return false;
    reading->at += strlen(text);
    return true;
}

/* Letters, digits, '-', '_' and '.', the first and the last one a letter or digit. */
static bool is_name(const char *text, size_t length)
{
    return length > 0 && length <= NAME_LIMIT && strspn(text, ALPHANUMERIC "-_.") >= length &&
           strchr("-_.", text[0]) == NULL && strchr("-_.", text[length - 1]) == NULL;
}

static bool is_prefix(const char *text, size_t length)
{
    return length > 0 && length <= PREFIX_LIMIT &&
           strspn(text, "0123456789abcdefghijklmnopqrstuvwxyz-.") >= length &&
           strchr("-.", text[0]) == NULL && strchr("-.", text[length - 1]) == NULL;
}

static bool read_key(struct reading *reading, char **ret_key)
{
    size_t length, prefix = 0;
    const char *key, *slash;

    skip_spaces(reading);
    key = reading->at;
    length = strspn(key, ALPHANUMERIC "-_./");
    slash = memchr(key, '/', length);
    if (slash != NULL) {
        prefix = (size_t)(slash - key);
        if (!is_prefix(key, prefix++))
            return fail(reading, "no label's name begins so");
    }
    if (!is_name(key + prefix, length - prefix))
        return fail(reading, "there is no label's name");
    *ret_key = mem_strndup(key, length);
    reading->at += length;
    return true;
}

/* A value may be empty. */
static bool read_value(struct reading *reading, struct requirement *requirement)
{
    size_t length;

    skip_spaces(reading);
    length = strspn(reading->at, ALPHANUMERIC "-_.");
    if (length > 0 && !is_name(reading->at, length))
        return fail(reading, "no label's value looks so");
    requirement->has_values = true;
    requirement->values = mem_resize_array(requirement->values, requirement->value_count + 1,
                                           sizeof *requirement->values);
    requirement->values[requirement->value_count++] = mem_strndup(reading->at, length);
    reading->at += length;
    return true;
}

static bool read_set(struct reading *reading, struct requirement *requirement)
{
    if (!accept(reading, "("))
        return fail(reading, "'(' is missing");
    do {
        if (!read_value(reading, requirement))
            return false;
    } while (accept(reading, ","));
    return accept(reading, ")") || fail(reading, "')' is missing");
}

static bool ends_here(struct reading *reading)
{
    skip_spaces(reading);
    return reading->at[0] == '\0' || reading->at[0] == ',';
}

static bool read_requirement(struct reading *reading, struct requirement *requirement)
{
    static const struct {
        const char *sign; /* one that begins with another comes first */
        bool is_negated, is_set;
    } operators[] = {
        {"==", false, false}, {"=", false, false},   {"!=", true, false},
        {"in", false, true},  {"notin", true, true},
    };
    bool must_be_missing = accept(reading, "!");

    if (!read_key(reading, &requirement->key))
        return false;
    if (must_be_missing || ends_here(reading)) {
        requirement->is_negated = must_be_missing;
        return ends_here(reading) || fail(reading, "',' is missing");
    }
    for (size_t i = 0; i < array_length(operators); i++) {
        if (!accept(reading, operators[i].sign))
            continue;
        requirement->is_negated = operators[i].is_negated;
        if (operators[i].is_set ? !read_set(reading, requirement)
                                : !read_value(reading, requirement))
            return false;
        return ends_here(reading) || fail(reading, "',' is missing");
    }
    return fail(reading, "there is none of =, ==, !=, in, notin");
}

bool label_selector_parse(const char *text, struct label_selector **ret_selector, struct error *err)
{
    struct reading reading = {.text = text, .at = text, .err = err};
    struct label_selector *selector = mem_alloc(sizeof *selector);

    selector->text = mem_strdup(text);
    do {
        selector->requirements = mem_resize_array(selector->requirements, selector->count + 1,
                                                  sizeof *selector->requirements);
        selector->requirements[selector->count] = (struct requirement){0};
        if (!read_requirement(&reading, &selector->requirements[selector->count++])) {
            label_selector_free(selector);
            return false;
        }
    } while (accept(&reading, ","));
    *ret_selector = selector;
    return true;
}

/* --- Comparing ------------------------------------------------------------------------------- */

static bool is_met(const struct requirement *requirement, const char *value)
{
    bool found = value != NULL && !requirement->has_values;

    for (size_t i = 0; value != NULL && i < requirement->value_count; i++)
        found = found || strcmp(requirement->values[i], value) == 0;
    return found != requirement->is_negated;
}

const char *label_selector_text(const struct label_selector *selector)
{
    return selector->text;
}

bool label_selector_matches(const struct label_selector *selector, const json_t *object)
{
    const json_t *labels = document_at(object, "metadata", "labels", NULL);

    for (size_t i = 0; i < selector->count; i++) {
        const struct requirement *requirement = &selector->requirements[i];

        if (!is_met(requirement, document_string(labels, requirement->key)))
            return false;
    }
    return true;
}
