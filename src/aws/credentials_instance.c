#include "aws/credentials_instance.h"

#include "aws/credentials_document.h"
#include "aws/instance_metadata.h"
#include "aws/session.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "http/url.h"

#include <string.h>

#define ROLES_PATH "/latest/meta-data/iam/security-credentials"

enum { ROLE_NAME_MOST = 64 };

struct instance_provider {
    struct aws_credentials_provider provider; /* first: the seam is cast back */
    struct aws_session *session;
};

static struct instance_provider *from(struct aws_credentials_provider *provider)
{
    return (struct instance_provider *)(void *)provider;
}

/* The list has one role, in its first line. */
static bool append_role_path(const struct strbuf *list, struct strbuf *path, struct error *err)
{
    static const char in_names[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+=,.@-";
    size_t length = strcspn(strbuf_text(list), "\r\n");
    auto_free char *role = mem_strndup(strbuf_text(list), length);

    if (length == 0 || length > ROLE_NAME_MOST || strspn(role, in_names) != length)
        return error_set(err, ERROR_INTERNAL, "NotMetadata",
                         "the instance metadata service answered with something else than the name "
                         "of a role");
    strbuf_append_text(path, ROLES_PATH);
    url_append_segment(path, role);
    return true;
}

static bool fetch(struct instance_metadata *metadata, struct strbuf *ret_document,
                  struct error *err)
{
    auto_secret struct secret token = {0};
    auto_strbuf struct strbuf list = {0}, path = {0};

    if (!instance_metadata_get(metadata, &token, ROLES_PATH "/", &list, err)) {
        if (err->kind != ERROR_NOT_FOUND)
            return false;
        return error_set(err, ERROR_DENIED, "NoInstanceProfile",
                         "this EC2 instance has no instance profile: attach one, or use EKS Pod "
                         "Identity or IRSA");
    }
    return append_role_path(&list, &path, err) &&
           instance_metadata_get(metadata, &token, strbuf_text(&path), ret_document, err);
}

static bool get(struct aws_credentials_provider *provider, struct aws_credentials *ret_credentials,
                struct error *err)
{
    struct aws_session *session = from(provider)->session;
    auto_strbuf struct strbuf document = STRBUF_ERASING;

    if (!fetch(session->metadata, &document, err)) {
        if (!error_has_code(err, "NoMetadata"))
            return false;
        /* Often nobody meant this source: it is there when nothing is configured. */
        return error_set(err, err->kind, "NoMetadata",
                         "no other AWS credentials are configured, and %s", err->message);
    }
    if (!credentials_document_parse(&document, ret_credentials, err))
        return error_wrap(err, "the instance metadata service");
    return true;
}

static void release(struct aws_credentials_provider *provider)
{
    free(from(provider));
}

struct aws_credentials_provider *aws_credentials_instance_new(struct aws_session *session)
{
    static const struct aws_credentials_provider_operations operations = {
        .name = "instance metadata",
        .get = get,
        .invalidate = aws_credentials_keep_nothing,
        .free = release,
    };
    struct instance_provider *instance;

    if (!instance_metadata_is_enabled(session->metadata))
        return NULL;
    instance = mem_alloc(sizeof *instance);
    instance->provider.operations = &operations;
    instance->session = session;
    return &instance->provider;
}
