#include "aws/credentials.h"

#include <stdio.h>
#include <string.h>

/* STS promises no limit; real tokens have 1 to 4 KiB, and the headers of a request must fit. */
enum { SECRET_KEY_LIMIT = 256, SESSION_TOKEN_LIMIT = 16 * 1024 };

void aws_credentials_release(struct aws_credentials *credentials)
{
    secret_release(&credentials->secret_access_key);
    secret_release(&credentials->session_token);
    *credentials = (struct aws_credentials){0};
}

void aws_credentials_copy(struct aws_credentials *ret_copy,
                          const struct aws_credentials *credentials)
{
    *ret_copy = (struct aws_credentials){.expires_us = credentials->expires_us};
    memcpy(ret_copy->access_key_id, credentials->access_key_id, sizeof ret_copy->access_key_id);
    secret_copy(&ret_copy->secret_access_key, &credentials->secret_access_key);
    secret_copy(&ret_copy->session_token, &credentials->session_token);
}

/* --- Parts ----------------------------------------------------------------------------------- */

static const char *or_empty(const char *text)
{
    return text != NULL ? text : "";
}

/* A header cannot carry control characters, and no key holds a blank; a trailing newline is the
 * usual slip of a Secret. */
static bool is_plain(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text <= ' ' || *text == 0x7f)
            return false;
    }
    return true;
}

static bool check_part(const char *text, const char *name, size_t limit, struct error *err)
{
    if (strlen(text) > limit)
        return error_set(err, ERROR_DENIED, "CredentialsInvalid", "%s is too long", name);
    if (!is_plain(text))
        return error_set(err, ERROR_DENIED, "CredentialsInvalid",
                         "%s holds a blank, a newline or another control character", name);
    return true;
}

bool aws_credentials_make(const struct aws_credentials_parts *parts,
                          const struct aws_credentials_parts *names,
                          struct aws_credentials *ret_credentials, struct error *err)
{
    const char *id = or_empty(parts->access_key_id), *key = or_empty(parts->secret_access_key);
    const char *token = or_empty(parts->session_token);

    if (id[0] == '\0' || key[0] == '\0')
        return error_set(err, ERROR_DENIED, "CredentialsInvalid", "%s is set, but %s is not",
                         id[0] != '\0' ? names->access_key_id : names->secret_access_key,
                         id[0] != '\0' ? names->secret_access_key : names->access_key_id);
    if (!check_part(id, names->access_key_id, sizeof ret_credentials->access_key_id - 1, err) ||
        !check_part(key, names->secret_access_key, SECRET_KEY_LIMIT, err) ||
        !check_part(token, names->session_token, SESSION_TOKEN_LIMIT, err))
        return false;
    *ret_credentials = (struct aws_credentials){.expires_us = parts->expires_us};
    snprintf(ret_credentials->access_key_id, sizeof ret_credentials->access_key_id, "%s", id);
    secret_set_text(&ret_credentials->secret_access_key, key);
    secret_set_text(&ret_credentials->session_token, token);
    return true;
}

/* --- The interface --------------------------------------------------------------------------- */

bool aws_credentials_get(struct aws_credentials_provider *provider,
                         struct aws_credentials *ret_credentials, struct error *err)
{
    return provider->operations->get(provider, ret_credentials, err);
}

void aws_credentials_invalidate(struct aws_credentials_provider *provider,
                                const struct aws_credentials *refused)
{
    provider->operations->invalidate(provider, refused);
}

const char *aws_credentials_source(const struct aws_credentials_provider *provider)
{
    return provider->operations->name;
}

void aws_credentials_provider_free(struct aws_credentials_provider *provider)
{
    if (provider != NULL)
        provider->operations->free(provider);
}

void aws_credentials_keep_nothing(struct aws_credentials_provider *provider maybe_unused,
                                  const struct aws_credentials *refused maybe_unused)
{
}
