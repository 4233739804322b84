#include "controller/watch_scope.h"

#include "base/memory.h"
#include "kube/label_selector.h"

#include <stdlib.h>
#include <string.h>

struct watch_scope {
    char **namespaces;
    size_t count;                    /* 0 = all */
    struct label_selector *selector; /* NULL = none */
};

void watch_scope_free(struct watch_scope *scope)
{
    if (scope == NULL)
        return;
    for (size_t i = 0; i < scope->count; i++)
        free(scope->namespaces[i]);
    free(scope->namespaces);
    label_selector_free(scope->selector);
    free(scope);
}

/* A DNS label (RFC 1123), as the API server demands it. */
static bool is_namespace(const char *text, size_t length)
{
    return length > 0 && length <= 63 &&
           strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") >= length && text[0] != '-' &&
           text[length - 1] != '-';
}

static bool has_namespace(const struct watch_scope *scope, const char *text, size_t length)
{
    for (size_t i = 0; i < scope->count; i++) {
        if (strlen(scope->namespaces[i]) == length &&
            memcmp(scope->namespaces[i], text, length) == 0)
            return true;
    }
    return false;
}

/* A namespace that is named twice is watched once. */
static bool add_namespace(struct watch_scope *scope, const char *text, size_t length,
                          struct error *err)
{
    while (length > 0 && text[0] == ' ') {
        text++;
        length--;
    }
    while (length > 0 && text[length - 1] == ' ')
        length--;
    if (!is_namespace(text, length))
        return error_set(err, ERROR_INVALID, NULL,
                         "--namespace must be names of namespaces separated by ',', and '%.*s' is "
                         "none",
                         (int)length, text);
    if (has_namespace(scope, text, length))
        return true;
    scope->namespaces =
        mem_resize_array(scope->namespaces, scope->count + 1, sizeof *scope->namespaces);
    scope->namespaces[scope->count++] = mem_strndup(text, length);
    return true;
}

static bool add_namespaces(struct watch_scope *scope, const char *text, struct error *err)
{
    for (;;) {
        size_t length = strcspn(text, ",");

        if (!add_namespace(scope, text, length, err))
            return false;
        if (text[length] == '\0')
            return true;
        text += length + 1;
    }
}

bool watch_scope_parse(const char *namespaces, const char *selector, struct watch_scope **ret_scope,
                       struct error *err)
{
    struct watch_scope *scope = mem_alloc(sizeof *scope);

    if (namespaces != NULL && namespaces[0] != '\0' && !add_namespaces(scope, namespaces, err)) {
        watch_scope_free(scope);
        return false;
    }
    if (selector != NULL && selector[0] != '\0' &&
        !label_selector_parse(selector, &scope->selector, err)) {
        watch_scope_free(scope);
        return error_wrap(err, "--selector");
    }
    *ret_scope = scope;
    return true;
}

size_t watch_scope_count(const struct watch_scope *scope)
{
    return scope->count > 0 ? scope->count : 1;
}

const char *watch_scope_namespace(const struct watch_scope *scope, size_t index)
{
    return scope->count > 0 ? scope->namespaces[index] : NULL;
}

const char *watch_scope_selector(const struct watch_scope *scope)
{
    return scope->selector != NULL ? label_selector_text(scope->selector) : NULL;
}

bool watch_scope_selects(const struct watch_scope *scope, const json_t *object)
{
    return scope->selector == NULL || label_selector_matches(scope->selector, object);
}
