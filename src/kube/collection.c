#include "kube/collection.h"

#include "base/document.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "http/url.h"
#include "kube/list_decoder.h"
#include "kube/managed_fields.h"
#include "kube/request.h"
#include "kube/status_error.h"
#include "kube/watch_decoder.h"

#include <stdio.h>
#include <string.h>

#define PAGE_LIMIT "500"

enum {
    PAGE_TIMEOUT_MS = 60 * 1000,
    PAGE_IDLE_MS = 30 * 1000,
    /* Bookmarks come about once a minute: a connection that is silent for longer is dead, though
     * TCP may not know it (a load balancer keeps our leg open). */
    SILENCE_LIMIT_MS = 150 * 1000,
    /* How much later than the server we end a watch that it should have ended. */
    WATCH_SLACK_SECONDS = 5,
};

/* No fallback to the whole object: the data of Secrets must not come here at all. */
#define ACCEPT_METADATA      "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
#define ACCEPT_METADATA_LIST "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

static void append_path(struct strbuf *path, const struct kube_collection *collection)
{
    kube_append_collection_path(path, collection->resource, collection->namespace_name);
    url_append_query(path, "labelSelector", collection->label_selector);
    url_append_query(path, "fieldSelector", collection->field_selector);
}

static bool wrap(struct error *err, const char *doing, const struct kube_collection *collection)
{
    if (err->kind == ERROR_CANCELLED)
        return false;
    if (collection->namespace_name == NULL)
        return error_wrap(err, "%s %s", doing, collection->resource->plural);
    return error_wrap(err, "%s %s in namespace %s", doing, collection->resource->plural,
                      collection->namespace_name);
}

static bool parse_object(const char *text, size_t length, json_t **ret_object)
{
    auto_strbuf struct strbuf rest = {0};
    struct error unreadable;

    if (managed_fields_cut(text, length, &rest))
        return document_parse(strbuf_text(&rest), rest.length, ret_object, &unreadable);
    return document_parse(text, length, ret_object, &unreadable);
}

/* ---- list ---- */

struct page {
    struct list_decoder decoder;
    kube_list_fn on_object;
    void *context;
};

static bool take_item(void *context, const char *text, size_t length,
                      struct error *err maybe_unused)
{
    const struct page *page = context;
    auto_json json_t *object = NULL;

    if (!parse_object(text, length, &object)) /* it begins with a brace */
        page->on_object(page->context, NULL, length);
    else
        page->on_object(page->context, object, length);
    return true;
}

static bool take_page_chunk(void *context, const char *bytes, size_t length, struct error *err)
{
    struct page *page = context;

    return list_decoder_feed(&page->decoder, bytes, length, take_item, page, err);
}

/* Reads the list's own metadata: its version, and where the next page begins ("" = there is none).
 */
static bool finish_page(const struct page *page, char **ret_version, char **ret_continue,
                        struct error *err)
{
    const struct strbuf *text = &page->decoder.metadata;
    auto_json json_t *metadata = NULL;
    const char *version, *next;

    if (!list_decoder_is_complete(&page->decoder) ||
        !document_parse(strbuf_text(text), text->length, &metadata, err))
        return error_set(err, ERROR_UNAVAILABLE, NULL,
                         "the Kubernetes API server sent an incomplete list");
    version = document_string(metadata, "resourceVersion");
    next = document_string(metadata, "continue");
    if (version == NULL || version[0] == '\0')
        return error_set(err, ERROR_INTERNAL, NULL,
                         "the Kubernetes API server sent a list without a resourceVersion");
    *ret_version = mem_strdup(version);
    *ret_continue = mem_strdup(next != NULL ? next : "");
    return true;
}

static bool list_page(struct kube_client *client, const struct kube_collection *collection,
                      struct page *page, char **version, char **next, struct error *err)
{
    auto_strbuf struct strbuf path = {0};
    auto_http_response struct http_response response = {0};
    auto_free char *page_version = NULL, *page_next = NULL;
    struct kube_request request = {
        .accept = collection->metadata_only ? ACCEPT_METADATA_LIST : NULL,
        .http =
            {
                .method = "GET",
                .total_timeout_ms = PAGE_TIMEOUT_MS,
                .idle_timeout_ms = PAGE_IDLE_MS,
                .accept_compressed = true,
                .on_chunk = take_page_chunk,
                .chunk_context = page,
                .cancellation = collection->cancellation,
            },
    };

    append_path(&path, collection);
    url_append_query(&path, "limit", PAGE_LIMIT);
    if (*next != NULL)
        url_append_query(&path, "continue", *next);
    request.path = strbuf_text(&path);
    if (!kube_client_send(client, &request, &response, err) ||
        !finish_page(page, &page_version, &page_next, err))
        return false;
    if (*next != NULL && strcmp(*next, page_next) == 0)
        return error_set(err, ERROR_INTERNAL, NULL,
                         "the Kubernetes API server sent a page that leads back to itself");
    /* All pages have the version of the first one; if they had not, only from that one on would a
     * watch miss nothing. */
    if (*version == NULL)
        *version = take(page_version);
    free(*next);
    *next = take(page_next);
    return true;
}

bool kube_collection_list(struct kube_client *client, const struct kube_collection *collection,
                          kube_list_fn on_object, void *context, struct strbuf *ret_version,
                          struct error *err)
{
    auto_free char *version = NULL, *next = NULL;

    do {
        struct page page = {.on_object = on_object, .context = context};
        bool succeeded = list_page(client, collection, &page, &version, &next, err);

        list_decoder_release(&page.decoder);
        if (!succeeded)
            return wrap(err, "listing", collection);
    } while (next[0] != '\0');
    strbuf_append_text(ret_version, version);
    return true;
}

/* ---- watch ---- */

struct stream {
    const struct kube_watch *watch;
    struct watch_decoder decoder;
    struct kube_request *request; /* whose time limit the first bookmark sets */
};

static const struct {
    const char *name;
    enum kube_event event;
} events[] = {
    {"ADDED", KUBE_EVENT_ADDED},
    {"MODIFIED", KUBE_EVENT_MODIFIED},
    {"DELETED", KUBE_EVENT_DELETED},
    {"BOOKMARK", KUBE_EVENT_BOOKMARK},
};

static enum kube_event find_event(const char *name)
{
    for (size_t i = 0; name != NULL && i < array_length(events); i++) {
        if (strcmp(events[i].name, name) == 0)
            return events[i].event;
    }
    return KUBE_EVENT_UNREADABLE;
}

/* Most failures of a watch come as an ERROR event in an answer that began with status 200. */
static bool take_line(void *context, const char *line, size_t length, struct error *err)
{
    const struct stream *stream = context;
    const struct kube_watch *watch = stream->watch;
    auto_json json_t *document = NULL;
    enum kube_event event = KUBE_EVENT_UNREADABLE;
    const json_t *object = NULL;
    const char *type = NULL;

    if (parse_object(line, length, &document)) {
        type = document_string(document, "type");
        object = document_at(document, "object", NULL);
        event = json_is_object(object) ? find_event(type) : KUBE_EVENT_UNREADABLE;
    }
    if (type != NULL && strcmp(type, "ERROR") == 0)
        return status_error_from_object(err, object);
    if (event == KUBE_EVENT_BOOKMARK)
        stream->request->http.idle_timeout_ms = SILENCE_LIMIT_MS;
    watch->on_event(watch->context, event, event == KUBE_EVENT_UNREADABLE ? NULL : object, length);
    return true;
}

static bool take_stream_chunk(void *context, const char *bytes, size_t length, struct error *err)
{
    struct stream *stream = context;

    return watch_decoder_feed(&stream->decoder, bytes, length, take_line, stream, err);
}

bool kube_collection_watch(struct kube_client *client, const struct kube_collection *collection,
                           const struct kube_watch *watch, struct error *err)
{
    auto_strbuf struct strbuf path = {0};
    auto_http_response struct http_response response = {0};
    struct stream stream = {.watch = watch};
    struct kube_request request = {
        .accept = collection->metadata_only ? ACCEPT_METADATA : NULL,
        .http =
            {
                .method = "GET",
                .total_timeout_ms = (watch->timeout_seconds + WATCH_SLACK_SECONDS) * 1000,
                .idle_timeout_ms = watch->expects_bookmarks ? SILENCE_LIMIT_MS : 0,
                .on_chunk = take_stream_chunk,
                .chunk_context = &stream,
                .cancellation = collection->cancellation,
            },
    };
    char seconds[16];
    bool succeeded;

    snprintf(seconds, sizeof seconds, "%u", watch->timeout_seconds);
    append_path(&path, collection);
    url_append_query(&path, "watch", "1");
    url_append_query(&path, "resourceVersion", watch->resource_version);
    url_append_query(&path, "allowWatchBookmarks", "true");
    url_append_query(&path, "timeoutSeconds", seconds);
    request.path = strbuf_text(&path);
    stream.request = &request;
    succeeded = kube_client_send(client, &request, &response, err);
    watch_decoder_release(&stream.decoder); /* a line without an end is half an event */
    return succeeded || wrap(err, "watching", collection);
}
