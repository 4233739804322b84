#include "controller/sharing.h"

#include "base/memory.h"
#include "base/strbuf.h"
#include "base/text.h"
#include "controller/pass.h"

#include <string.h>

static bool is_for_this_driver(const struct pass *pass, const json_t *spec)
{
    const char *word = document_string(spec, "engine");

    return word != NULL && engine_driver_find(word) == pass->driver;
}

/* One that was never ready says no server: it may be this one. */
static bool is_for_this_server(const struct pass *pass, const json_t *object)
{
    const char *identity = document_string(json_object_get(object, "status"), "serverIdentity");

    return identity == NULL || identity[0] == '\0' ||
           strcmp(identity, pass->facts.engine.server_identity) == 0;
}

static bool is_sharer(const struct pass *pass, const json_t *object)
{
    const json_t *spec = json_object_get(object, "spec");
    const char *name = document_string(json_object_get(object, "metadata"), "name");

    return !text_equal(name, pass->database.name) &&
           document_boolean(spec, "adoptExistingDatabase", false) &&
           text_equal(document_string(spec, "databaseName"), pass->database.spec.database_name) &&
           is_for_this_driver(pass, spec) && is_for_this_server(pass, object);
}

struct search {
    const struct pass *pass;
    struct strbuf found; /* a text for people */
};

static void look_at(void *context, const json_t *object)
{
    struct search *search = context;
    const struct pass *pass = search->pass;
    const char *name = document_string(json_object_get(object, "metadata"), "name");

    if (is_sharer(pass, object))
        strbuf_append_format(&search->found, "%sDatabase %s/%s",
                             search->found.length > 0 ? ", " : "", pass->owner.namespace_name,
                             name != NULL ? name : "?");
}

/* Asked of the API server: what is watched here may be a part, selected by labels. */
bool sharing_find(struct pass *pass, char **ret_text, struct error *err)
{
    struct search search = {.pass = pass};
    bool succeeded = kube_client_list(pass->reconciler->kube, &database_resource,
                                      pass->owner.namespace_name, look_at, &search, err);

    if (succeeded) {
        free(*ret_text);
        *ret_text = search.found.length > 0 ? strbuf_detach(&search.found) : NULL;
    }
    strbuf_release(&search.found);
    return succeeded;
}
