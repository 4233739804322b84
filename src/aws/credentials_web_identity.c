#include "aws/credentials_web_identity.h"

#include "aws/session.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/strbuf.h"

#include <string.h>

enum { TOKEN_LEAST = 4, TOKEN_MOST = 20000, SESSION_NAME_MOST = 64 };

struct web_identity_provider {
    struct aws_credentials_provider provider; /* first: the seam is cast back */
    struct aws_session *session;
    const char *token_file; /* borrowed from the settings */
    const char *role_arn;
    char *session_name;
};

static struct web_identity_provider *from(struct aws_credentials_provider *provider)
{
    return (struct web_identity_provider *)(void *)provider;
}

char *web_identity_default_session_name(const struct aws_session *session)
{
    const char *pod = aws_setting(&session->options.settings, "HOSTNAME");
    char *name =
        mem_printf("database-user-operator%s%s", pod != NULL ? "-" : "", pod != NULL ? pod : "");

    if (strlen(name) > SESSION_NAME_MOST)
        name[SESSION_NAME_MOST] = '\0';
    for (char *c = name; *c != '\0'; c++) {
        char pair[] = {*c, 'a', '\0'};

        if (!sts_is_session_name(pair))
            *c = '-';
    }
    return name;
}

/* White space at the end is the editor's; anywhere else it is no token. */
static bool read_token(const char *path, struct secret *ret_token, struct error *err)
{
    auto_strbuf struct strbuf content = STRBUF_ERASING;
    size_t length;

    if (!file_read(path, TOKEN_MOST + 2, &content, err))
        return error_wrap(err, "the token");
    length = content.length;
    while (length > 0 && strchr(" \t\r\n", content.text[length - 1]) != NULL)
        length--;
    if (length < TOKEN_LEAST || length > TOKEN_MOST)
        return error_set(err, ERROR_DENIED, "CredentialsInvalid",
                         "the token file '%s' holds %zu bytes, which is no token", path, length);
    for (size_t i = 0; i < length; i++) {
        if (content.text[i] <= ' ' || content.text[i] > '~')
            return error_set(err, ERROR_DENIED, "CredentialsInvalid",
                             "the token file '%s' holds a blank, a newline or another character "
                             "that no token has",
                             path);
    }
    secret_set(ret_token, content.text, length);
    return true;
}

bool web_identity_exchange(struct aws_session *session, const char *token_file,
                           const struct sts_role *role, struct aws_credentials *ret_credentials,
                           struct error *err)
{
    auto_secret struct secret token = {0};
    auto_secret struct secret renewed = {0};
    struct error failure;

    if (!read_token(token_file, &token, err))
        return false;
    if (sts_assume_role_with_web_identity(session->sts, &token, role, ret_credentials, &failure))
        return true;
    /* It may have been replaced while we asked. */
    if (error_has_code(&failure, "ExpiredTokenException") &&
        read_token(token_file, &renewed, &failure) && !secret_equals(&token, &renewed) &&
        sts_assume_role_with_web_identity(session->sts, &renewed, role, ret_credentials, &failure))
        return true;
    *err = failure;
    return error_wrap(err, "with the token file '%s'", token_file);
}

static bool get(struct aws_credentials_provider *provider, struct aws_credentials *ret_credentials,
                struct error *err)
{
    struct web_identity_provider *identity = from(provider);
    struct sts_role role = {.arn = identity->role_arn, .session_name = identity->session_name};

    if (identity->role_arn == NULL)
        return error_set(err, ERROR_DENIED, "CredentialsInvalid",
                         "AWS_WEB_IDENTITY_TOKEN_FILE is set, but AWS_ROLE_ARN is not");
    if (!sts_is_session_name(identity->session_name))
        return error_set(err, ERROR_DENIED, "CredentialsInvalid",
                         "AWS_ROLE_SESSION_NAME must be 2 to 64 of A-Z, a-z, 0-9 and _+=,.@-");
    return web_identity_exchange(identity->session, identity->token_file, &role, ret_credentials,
                                 err);
}

static void release(struct aws_credentials_provider *provider)
{
    free(from(provider)->session_name);
    free(from(provider));
}

struct aws_credentials_provider *aws_credentials_web_identity_new(struct aws_session *session)
{
    static const struct aws_credentials_provider_operations operations = {
        .name = "web identity",
        .get = get,
        .invalidate = aws_credentials_keep_nothing,
        .free = release,
    };
    const struct aws_settings *settings = &session->options.settings;
    const char *token_file = aws_setting(settings, "AWS_WEB_IDENTITY_TOKEN_FILE");
    const char *session_name = aws_setting(settings, "AWS_ROLE_SESSION_NAME");
    struct web_identity_provider *identity;

    if (token_file == NULL)
        return NULL;
    identity = mem_alloc(sizeof *identity);
    identity->provider.operations = &operations;
    identity->session = session;
    identity->token_file = token_file;
    identity->role_arn = aws_setting(settings, "AWS_ROLE_ARN");
    identity->session_name = session_name != NULL ? mem_strdup(session_name)
                                                  : web_identity_default_session_name(session);
    return &identity->provider;
}
