#include "base/document.h"

#include "base/memory.h"
#include "base/strbuf.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

void document_install_allocator(void)
{
    json_set_alloc_funcs(mem_alloc_for_library, mem_free_erased);
}

bool document_parse(const char *text, size_t length, json_t **ret_value, struct error *err)
{
    json_error_t where;
    json_t *value = json_loadb(text, length, JSON_REJECT_DUPLICATES, &where);

    if (value == NULL)
        return error_set(err, ERROR_INVALID, NULL, "not valid JSON at line %d, column %d",
                         where.line, where.column);
    *ret_value = value;
    return true;
}

static int append_chunk(const char *bytes, size_t length, void *context)
{
    strbuf_append(context, bytes, length);
    return 0;
}

void document_render(const json_t *value, bool sorted, struct strbuf *buf)
{
    size_t flags = JSON_COMPACT | JSON_ENCODE_ANY | (sorted ? JSON_SORT_KEYS : 0);
    int result = json_dump_callback(value, append_chunk, buf, flags);

    assert(result == 0);
    (void)result;
}

const json_t *document_at(const json_t *value, ...)
{
    va_list keys;
    const char *key;

    va_start(keys, value);
    while (value != NULL && (key = va_arg(keys, const char *)) != NULL)
        value = json_object_get(value, key);
    va_end(keys);
    return json_is_null(value) ? NULL : value;
}

const char *document_string(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

bool document_array_has(const json_t *array, const char *text)
{
    const json_t *item;
    size_t i;

    json_array_foreach(array, i, item) {
        if (json_is_string(item) && strcmp(json_string_value(item), text) == 0)
            return true;
    }
    return false;
}

int64_t document_integer(const json_t *object, const char *key, int64_t otherwise)
{
    const json_t *member = json_object_get(object, key);

    return json_is_integer(member) ? json_integer_value(member) : otherwise;
}

bool document_boolean(const json_t *object, const char *key, bool otherwise)
{
    const json_t *member = json_object_get(object, key);

    return json_is_boolean(member) ? json_is_true(member) : otherwise;
}

void document_set_string(json_t *object, const char *key, const char *text)
{
    auto_strbuf struct strbuf repaired = {0};
    json_t *value;

    if (text == NULL)
        return;
    value = json_string(text);
    if (value == NULL) {
        strbuf_append_utf8(&repaired, text, strlen(text));
        value = json_string(strbuf_text(&repaired));
    }
    json_object_set_new(object, key, value);
}
