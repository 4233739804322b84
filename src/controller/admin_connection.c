#include "controller/admin_connection.h"

#include "base/encoding.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "controller/admin_secret.h"
#include "controller/admin_value.h"
#include "controller/secret_index.h"

#include <string.h>

/* The key of a CA bundle in the referenced Secret, as cert-manager and Kubernetes name it. */
#define CA_KEY "ca.crt"

static const struct kube_resource secret_resource = {.version = "v1", .plural = "secrets"};

void admin_connection_release(struct admin_connection *connection)
{
    connection_string_release(&connection->server);
    free(connection->ca_pem);
    *connection = (struct admin_connection){0};
}

bool admin_connection_logs_in_like(const struct admin_connection *connection,
                                   const struct admin_connection *other)
{
    return strcmp(connection->server.username, other->server.username) == 0 &&
           secret_equals(&connection->server.password, &other->server.password);
}

/* --- A Kubernetes Secret --------------------------------------------------------------------- */

/* Decodes one key of a Secret's data; NULL result when the key is not there. */
static bool decode_key(const json_t *object, const char *key, struct strbuf *ret_value,
                       bool *ret_found)
{
    const json_t *encoded = document_at(object, "data", key, NULL);

    *ret_found = json_is_string(encoded);
    return !*ret_found || encoding_append_base64_decoded(ret_value, json_string_value(encoded),
                                                         json_string_length(encoded));
}

static bool read_connection_string(const json_t *object, const struct database *database,
                                   const struct engine_driver *driver,
                                   struct connection_string *ret_server, struct error *err)
{
    const struct connection_reference *reference = &database->spec.connection;
    auto_strbuf struct strbuf value = STRBUF_ERASING;
    auto_secret struct secret text = {0};
    bool found;

    if (!decode_key(object, reference->key, &value, &found))
        return error_set(err, ERROR_INVALID, NULL, "key '%s' of Secret '%s/%s' is not base64",
                         reference->key, database->namespace_name, reference->name);
    if (!found)
        return error_set(err, ERROR_INVALID, "KeyMissing",
                         "Secret '%s/%s' has no key '%s': add it, or name another key in "
                         "spec.connectionStringSecretRef.key",
                         database->namespace_name, reference->name, reference->key);
    secret_take_strbuf(&text, &value);
    if (!driver->parse_connection_string(&text, ret_server, err))
        return error_wrap(err, "key '%s' of Secret '%s/%s' is not a usable connection string",
                          reference->key, database->namespace_name, reference->name);
    return true;
}

static bool read_ca(const json_t *object, const struct database *database, char **ret_ca_pem,
                    struct error *err)
{
    auto_strbuf struct strbuf value = {0};
    bool found;

    if (!decode_key(object, CA_KEY, &value, &found) || strlen(strbuf_text(&value)) != value.length)
        return error_set(err, ERROR_INVALID, NULL,
                         "key '" CA_KEY "' of Secret '%s/%s' is not a certificate in PEM form",
                         database->namespace_name, database->spec.connection.name);
    if (found)
        *ret_ca_pem = strbuf_detach(&value);
    return true;
}

/* So that only a later change of the Secret wakes the resource. */
static void note_version(const struct admin_connection_request *request, secret_version version)
{
    const struct database *database = request->database;
    auto_free char *secret_key =
        mem_printf("%s/%s", database->namespace_name, database->spec.connection.name);
    auto_free char *database_key = mem_printf("%s/%s", database->namespace_name, database->name);

    secret_index_note_read(request->index, secret_key, database_key, version);
}

static bool read_from_kubernetes(const struct admin_connection_request *request,
                                 struct admin_connection *connection, struct error *err)
{
    const struct database *database = request->database;
    struct kube_object_reference reference = {
        .resource = &secret_resource,
        .namespace_name = database->namespace_name,
        .name = database->spec.connection.name,
    };
    auto_json json_t *object = NULL;

    if (!kube_client_get(request->kube, &reference, &object, err)) {
        if (err->kind == ERROR_NOT_FOUND) {
            note_version(request, SECRET_ABSENT);
            return error_set(err, ERROR_NOT_FOUND, NULL,
                             "Secret '%s/%s', which holds the admin connection, does not exist: "
                             "create it, or name another one in spec.connectionStringSecretRef",
                             database->namespace_name, reference.name);
        }
        return error_wrap(err, "reading Secret '%s/%s'", database->namespace_name, reference.name);
    }
    note_version(request, secret_version_of(object));
    return read_connection_string(object, database, request->driver, &connection->server, err) &&
           read_ca(object, database, &connection->ca_pem, err);
}

/* --- A secret in AWS ------------------------------------------------------------------------- */

static bool read_from_aws(const struct admin_connection_request *request,
                          struct admin_connection *connection, struct error *err)
{
    const struct connection_reference *reference = &request->database->spec.connection;
    auto_secret struct secret value = {0};

    if (!admin_secret_read(request->secrets, reference, request->region, &value, err))
        return false;
    return admin_value_parse(&value, reference->key, request->driver, &connection->server, err) ||
           error_wrap(err, "the AWS secret '%s' in %s holds no admin connection", reference->name,
                      request->region);
}

bool admin_connection_read(const struct admin_connection_request *request,
                           struct admin_connection *ret_connection, struct error *err)
{
    auto_admin_connection struct admin_connection connection = {0};

    if (request->database->spec.connection.in_aws
            ? !read_from_aws(request, &connection, err)
            : !read_from_kubernetes(request, &connection, err))
        return false;
    *ret_connection = connection;
    connection = (struct admin_connection){0};
    return true;
}
