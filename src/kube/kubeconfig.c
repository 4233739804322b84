/*
 * kubeconfig files: found, parsed with libyaml (JSON is YAML too), merged as kubectl does it, and
 * resolved to the values of the current context.
 *
 * Merging: of entries with the same name the one in the first file counts, whole; current-context
 * is that of the first file that sets one.  Relative paths are relative to the file they are in.
 */
#include "base/encoding.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "kube/config_source.h"

#include <yaml.h>

#include <stdlib.h>
#include <string.h>

enum { FILES_LIMIT = 32, FILE_LIMIT_BYTES = 4 * 1024 * 1024 };

struct kubeconfig_file {
    char *path;
    yaml_document_t document;
};

struct kubeconfig {
    struct kubeconfig_file files[FILES_LIMIT];
    size_t count;
};

/* A node together with the file it is in; node NULL = absent. */
struct place {
    struct kubeconfig_file *file;
    yaml_node_t *node;
};

/* ---- files ---- */

/* libyaml frees its scalars without erasing them, and some are keys. */
static void erase_scalars(yaml_document_t *document)
{
    for (yaml_node_t *node = document->nodes.start; node < document->nodes.top; node++)
        if (node->type == YAML_SCALAR_NODE)
            explicit_bzero(node->data.scalar.value, node->data.scalar.length);
}

static void kubeconfig_release(struct kubeconfig *config)
{
    for (size_t i = 0; i < config->count; i++) {
        free(config->files[i].path);
        erase_scalars(&config->files[i].document);
        yaml_document_delete(&config->files[i].document);
    }
    *config = (struct kubeconfig){0};
}

static bool parse_file(const char *path, const struct strbuf *content,
                       yaml_document_t *ret_document, struct error *err)
{
    yaml_parser_t parser;
    bool succeeded = true;

    if (yaml_parser_initialize(&parser) == 0)
        abort();
    yaml_parser_set_input_string(&parser, (const unsigned char *)strbuf_text(content),
                                 content->length);
    if (yaml_parser_load(&parser, ret_document) == 0)
        succeeded = error_set(
            err, ERROR_INVALID, NULL, "kubeconfig '%s' is not valid YAML: line %zu: %s", path,
            parser.problem_mark.line + 1, parser.problem != NULL ? parser.problem : "not readable");
    yaml_parser_delete(&parser);
    return succeeded;
}

static bool load_file(struct kubeconfig *config, const char *path, struct error *err)
{
    auto_strbuf struct strbuf content = STRBUF_ERASING;
    struct kubeconfig_file *file = &config->files[config->count];

    if (config->count == FILES_LIMIT)
        return error_set(err, ERROR_INVALID, NULL, "KUBECONFIG names more than %d files",
                         FILES_LIMIT);
    if (!file_read(path, FILE_LIMIT_BYTES, &content, err))
        return error_wrap(err, "kubeconfig");
    if (!parse_file(path, &content, &file->document, err))
        return false;
    file->path = mem_strdup(path);
    config->count++;
    return true;
}

static bool is_loaded(const struct kubeconfig *config, const char *path)
{
    for (size_t i = 0; i < config->count; i++)
        if (strcmp(config->files[i].path, path) == 0)
            return true;
    return false;
}

static bool load_files(struct kubeconfig *config, const char *paths, bool must_exist,
                       struct error *err)
{
    while (*paths != '\0') {
        size_t length = must_exist ? strlen(paths) : strcspn(paths, ":");
        auto_free char *path = mem_strndup(paths, length);
        struct error cause = {0};

        paths += length;
        paths += *paths == ':' ? 1 : 0;
        if (path[0] == '\0' || is_loaded(config, path))
            continue;
        if (!load_file(config, path, &cause) && (must_exist || cause.kind != ERROR_NOT_FOUND)) {
            *err = cause;
            return false;
        }
    }
    if (config->count == 0)
        return error_set(err, ERROR_INVALID, NULL,
                         "KUBECONFIG is set, but none of the files that it names exists");
    return true;
}

/* ---- nodes ---- */

static yaml_node_t *node_at(struct kubeconfig_file *file, int index)
{
    return yaml_document_get_node(&file->document, index);
}

static const char *scalar_text(const yaml_node_t *node)
{
    return (const char *)node->data.scalar.value;
}

static bool is_scalar(const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE && strlen(scalar_text(node)) == node->data.scalar.length;
}

/* An empty value without quotes is null, and null is as good as absent. */
static bool is_null(const yaml_node_t *node)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};

    if (!is_scalar(node) || node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return false;
    for (size_t i = 0; i < array_length(nulls); i++)
        if (strcmp(scalar_text(node), nulls[i]) == 0)
            return true;
    return false;
}

static struct place member(struct place map, const char *key)
{
    struct place found = {.file = map.file};

    if (map.node == NULL || map.node->type != YAML_MAPPING_NODE)
        return found;
    for (yaml_node_pair_t *pair = map.node->data.mapping.pairs.start;
         pair < map.node->data.mapping.pairs.top; pair++) {
        yaml_node_t *name = node_at(map.file, pair->key);
        yaml_node_t *value = node_at(map.file, pair->value);

        if (is_scalar(name) && strcmp(scalar_text(name), key) == 0 && !is_null(value)) {
            found.node = value;
            return found;
        }
    }
    return found;
}

static bool fail_at(struct place place, struct error *err, const char *key, const char *problem)
{
    return error_set(err, ERROR_INVALID, NULL, "kubeconfig '%s', line %zu: %s %s", place.file->path,
                     place.node->start_mark.line + 1, key, problem);
}

/* Copies the text of a member; leaves *ret_text alone when it is absent. */
static bool read_text(struct place map, const char *key, char **ret_text, struct error *err)
{
    struct place value = member(map, key);

    if (value.node == NULL)
        return true;
    if (!is_scalar(value.node))
        return fail_at(value, err, key, "must be a text");
    if (scalar_text(value.node)[0] != '\0') {
        free(*ret_text);
        *ret_text = mem_strdup(scalar_text(value.node));
    }
    return true;
}

static bool read_path(struct place map, const char *key, char **ret_path, struct error *err)
{
    auto_free char *text = NULL;
    const char *slash = strrchr(map.file != NULL ? map.file->path : "", '/');

    if (!read_text(map, key, &text, err))
        return false;
    if (text == NULL)
        return true;
    if (text[0] == '/' || slash == NULL)
        *ret_path = take(text);
    else
        *ret_path = mem_printf("%.*s/%s", (int)(slash - map.file->path), map.file->path, text);
    return true;
}

static bool read_boolean(struct place map, const char *key, bool *ret_value, struct error *err)
{
    struct place value = member(map, key);
    const char *text;

    if (value.node == NULL)
        return true;
    text = is_scalar(value.node) ? scalar_text(value.node) : "";
    *ret_value = strcmp(text, "true") == 0 || strcmp(text, "True") == 0;
    if (!*ret_value && strcmp(text, "false") != 0 && strcmp(text, "False") != 0)
        return fail_at(value, err, key, "must be true or false");
    return true;
}

/* Decodes a "...-data" member. */
static bool read_data(struct place map, const char *key, struct secret *ret_data, struct error *err)
{
    auto_strbuf struct strbuf decoded = STRBUF_ERASING;
    struct place value = member(map, key);

    if (value.node == NULL)
        return true;
    if (!is_scalar(value.node) || !encoding_append_base64_decoded(&decoded, scalar_text(value.node),
                                                                  value.node->data.scalar.length))
        return fail_at(value, err, key, "must be base64");
    if (decoded.length > 0)
        secret_take_strbuf(ret_data, &decoded);
    return true;
}

/* ---- merging ---- */

static struct place root_of(struct kubeconfig_file *file)
{
    return (struct place){.file = file, .node = yaml_document_get_root_node(&file->document)};
}

static struct place find_in_list(struct place list, const char *name)
{
    struct place entry = {.file = list.file};

    if (list.node == NULL || list.node->type != YAML_SEQUENCE_NODE)
        return entry;
    for (yaml_node_item_t *item = list.node->data.sequence.items.start;
         item < list.node->data.sequence.items.top; item++) {
        struct place named;

        entry.node = node_at(list.file, *item);
        named = member(entry, "name");
        if (named.node != NULL && is_scalar(named.node) &&
            strcmp(scalar_text(named.node), name) == 0)
            return entry;
    }
    entry.node = NULL;
    return entry;
}

/* The value of the first entry with this name: find_entry(config, "clusters", "cluster", "kind").
 */
static struct place find_entry(struct kubeconfig *config, const char *list, const char *key,
                               const char *name)
{
    for (size_t i = 0; i < config->count; i++) {
        struct place entry = find_in_list(member(root_of(&config->files[i]), list), name);

        if (entry.node != NULL)
            return member(entry, key);
    }
    return (struct place){0};
}

static bool read_current_context(struct kubeconfig *config, char **ret_name, struct error *err)
{
    for (size_t i = 0; i < config->count && *ret_name == NULL; i++)
        if (!read_text(root_of(&config->files[i]), "current-context", ret_name, err))
            return false;
    if (*ret_name == NULL)
        return error_set(err, ERROR_INVALID, NULL,
                         "kubeconfig '%s' has no current-context; choose one with kubectl config "
                         "use-context",
                         config->files[0].path);
    return true;
}

/* ---- the parts of the current context ---- */

static bool read_server(struct place cluster, char **ret_server, struct error *err)
{
    auto_free char *server = NULL;
    size_t length;

    if (!read_text(cluster, "server", &server, err))
        return false;
    if (server == NULL)
        return fail_at(cluster, err, "the cluster", "has no server");
    if (strncmp(server, "https://", 8) != 0 && strncmp(server, "http://", 7) != 0)
        return fail_at(member(cluster, "server"), err, "server",
                       "must be a URL that begins with https://");
    for (length = strlen(server); length > 0 && server[length - 1] == '/'; length--)
        server[length - 1] = '\0';
    *ret_server = take(server);
    return true;
}

static bool read_cluster(struct place cluster, struct kube_config_values *values, struct error *err)
{
    auto_secret struct secret ca = {0};

    if (!read_server(cluster, &values->server, err) ||
        !read_path(cluster, "certificate-authority", &values->ca_file, err) ||
        !read_data(cluster, "certificate-authority-data", &ca, err) ||
        !read_boolean(cluster, "insecure-skip-tls-verify", &values->insecure_skip_verify, err) ||
        !read_text(cluster, "tls-server-name", &values->tls_server_name, err) ||
        !read_text(cluster, "proxy-url", &values->proxy, err))
        return false;
    if (!secret_is_empty(&ca))
        values->ca_pem = mem_strdup(secret_reveal(&ca));
    if (values->insecure_skip_verify && (values->ca_pem != NULL || values->ca_file != NULL))
        return fail_at(cluster, err, "insecure-skip-tls-verify",
                       "contradicts a certificate-authority; remove one of them");
    return true;
}

/* What we would have to ignore, and what then would fail in a way that nobody understands. */
static bool refuse_unsupported(struct place user, struct error *err)
{
    static const struct {
        const char *key, *advice;
    } unsupported[] = {
        {"exec", "(a credential plugin) is not supported; use a token, tokenFile or client "
                 "certificate"},
        {"auth-provider", "is not supported; use a token, tokenFile or client certificate"},
        {"username", "(basic authentication) is not supported; use a token, tokenFile or client "
                     "certificate"},
        {"password", "(basic authentication) is not supported; use a token, tokenFile or client "
                     "certificate"},
        {"as", "(impersonation) is not supported"},
        {"as-uid", "(impersonation) is not supported"},
        {"as-groups", "(impersonation) is not supported"},
        {"as-user-extra", "(impersonation) is not supported"},
    };

    for (size_t i = 0; i < array_length(unsupported); i++) {
        struct place value = member(user, unsupported[i].key);

        if (value.node != NULL)
            return fail_at(value, err, unsupported[i].key, unsupported[i].advice);
    }
    return true;
}

static bool read_user(struct place user, struct kube_config_values *values, struct error *err)
{
    auto_secret struct secret certificate = {0};
    auto_free char *token = NULL;

    if (!refuse_unsupported(user, err) ||
        !read_path(user, "client-certificate", &values->client_certificate_file, err) ||
        !read_data(user, "client-certificate-data", &certificate, err) ||
        !read_path(user, "client-key", &values->client_key_file, err) ||
        !read_data(user, "client-key-data", &values->client_key_pem, err) ||
        !read_path(user, "tokenFile", &values->token_file, err) ||
        !read_text(user, "token", &token, err))
        return false;
    if (!secret_is_empty(&certificate))
        values->client_certificate_pem = mem_strdup(secret_reveal(&certificate));
    if (token != NULL) {
        secret_set_text(&values->token, token);
        explicit_bzero(token, strlen(token));
    }
    if ((values->client_certificate_pem != NULL || values->client_certificate_file != NULL) !=
        (!secret_is_empty(&values->client_key_pem) || values->client_key_file != NULL))
        return fail_at(user, err, "the user", "needs both a client certificate and a client key");
    return true;
}

static bool require_entry(struct kubeconfig *config, struct place entry, const char *what,
                          const char *name, struct error *err)
{
    if (entry.node != NULL && entry.node->type == YAML_MAPPING_NODE)
        return true;
    return error_set(err, ERROR_INVALID, NULL, "kubeconfig '%s': there is no %s '%s'%s",
                     config->files[0].path, what, name,
                     config->count > 1 ? ", nor in the other files of KUBECONFIG" : "");
}

static bool resolve(struct kubeconfig *config, struct kube_config_values *values, struct error *err)
{
    auto_free char *context_name = NULL, *cluster_name = NULL, *user_name = NULL;
    struct place context, cluster, user;

    if (!read_current_context(config, &context_name, err))
        return false;
    context = find_entry(config, "contexts", "context", context_name);
    if (!require_entry(config, context, "context", context_name, err) ||
        !read_text(context, "cluster", &cluster_name, err) ||
        !read_text(context, "user", &user_name, err) ||
        !read_text(context, "namespace", &values->namespace_name, err))
        return false;
    if (cluster_name == NULL)
        return fail_at(context, err, "the context", "names no cluster");
    cluster = find_entry(config, "clusters", "cluster", cluster_name);
    if (!require_entry(config, cluster, "cluster", cluster_name, err) ||
        !read_cluster(cluster, values, err))
        return false;
    if (user_name == NULL)
        return true;
    user = find_entry(config, "users", "user", user_name);
    return require_entry(config, user, "user", user_name, err) && read_user(user, values, err);
}

bool kubeconfig_read(const char *paths, bool must_exist, struct kube_config_values *ret_values,
                     struct error *err)
{
    run_at_scope_end(kubeconfig_release) struct kubeconfig config = {0};
    auto_kube_config_values struct kube_config_values values = {0};

    if (!load_files(&config, paths, must_exist, err) || !resolve(&config, &values, err))
        return false;
    *ret_values = values;
    values = (struct kube_config_values){0};
    return true;
}
