#include "engine/marker.h"

#include "base/document.h"
#include "base/memory.h"
#include "base/strbuf.h"

#include <string.h>

#define MANAGER          "database-user-operator"
#define PREDECESSOR_TEXT "Managed by database-user-operator"

void engine_marker_release(struct engine_marker *marker)
{
    free(marker->cluster);
    free(marker->namespace_name);
    free(marker->name);
    free(marker->uid);
    free(marker->database);
    *marker = (struct engine_marker){0};
}

void engine_marker_copy(struct engine_marker *marker, const struct engine_marker *from)
{
    struct engine_marker copy = {
        .kind = from->kind,
        .cluster = mem_strdup_or_null(from->cluster),
        .namespace_name = mem_strdup_or_null(from->namespace_name),
        .name = mem_strdup_or_null(from->name),
        .uid = mem_strdup_or_null(from->uid),
        .database = mem_strdup_or_null(from->database),
        .taken_over = from->taken_over,
    };

    engine_marker_release(marker);
    *marker = copy;
}

char *engine_marker_render(const struct engine_marker *marker)
{
    auto_json json_t *json = json_object();
    auto_strbuf struct strbuf text = {0};

    document_set_string(json, "managed-by", MANAGER);
    document_set_string(json, "cluster", marker->cluster);
    document_set_string(json, "namespace", marker->namespace_name);
    document_set_string(json, "name", marker->name);
    document_set_string(json, "uid", marker->uid);
    document_set_string(json, "database", marker->database);
    if (marker->taken_over)
        json_object_set_new(json, "taken-over", json_true());
    document_render(json, false, &text);
    return strbuf_detach(&text);
}

static char *member(const json_t *json, const char *key)
{
    const char *text = document_string(json, key);

    return mem_strdup(text != NULL ? text : "");
}

void engine_marker_parse(const char *text, struct engine_marker *ret_marker)
{
    auto_json json_t *json = NULL;
    const char *manager;
    struct error ignored;

    *ret_marker = (struct engine_marker){0};
    if (text == NULL)
        return;
    if (strcmp(text, PREDECESSOR_TEXT) == 0) {
        ret_marker->kind = ENGINE_MARKER_PREDECESSOR;
        return;
    }
    if (!document_parse(text, strlen(text), &json, &ignored))
        return; /* somebody's own comment */
    manager = document_string(json, "managed-by");
    if (manager == NULL || strcmp(manager, MANAGER) != 0)
        return;
    *ret_marker = (struct engine_marker){
        .kind = ENGINE_MARKER_OURS,
        .cluster = member(json, "cluster"),
        .namespace_name = member(json, "namespace"),
        .name = member(json, "name"),
        .uid = member(json, "uid"),
        .database = member(json, "database"),
        .taken_over = document_boolean(json, "taken-over", false),
    };
}

static bool same(const char *a, const char *b)
{
    return a != NULL && b != NULL && a[0] != '\0' && strcmp(a, b) == 0;
}

bool engine_marker_same_owner(const struct engine_marker *a, const struct engine_marker *b)
{
    return a->kind == ENGINE_MARKER_OURS && b->kind == ENGINE_MARKER_OURS &&
           same(a->cluster, b->cluster) && same(a->namespace_name, b->namespace_name) &&
           same(a->name, b->name) && same(a->uid, b->uid);
}

void engine_marker_append_resident(struct strbuf *text, const char *username, const char *mark,
                                   const struct engine_marker *except)
{
    struct engine_marker marker = {0};

    engine_marker_parse(mark, &marker);
    /* Another uid of the same resource is the same owner. */
    if (marker.kind == ENGINE_MARKER_OURS && marker.name[0] != '\0' &&
        !(same(marker.cluster, except->cluster) &&
          same(marker.namespace_name, except->namespace_name) && same(marker.name, except->name)))
        strbuf_append_format(text, "%suser '%s' of Database %s/%s", text->length > 0 ? ", " : "",
                             username, marker.namespace_name, marker.name);
    engine_marker_release(&marker);
}
