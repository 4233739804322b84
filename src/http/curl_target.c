#include "http/curl_target.h"

#include "base/digest.h"
#include "base/encoding.h"
#include "base/memory.h"

#include <curl/curl.h>

#include <stdlib.h>
#include <string.h>

static void release_url(CURLU **url)
{
    curl_url_cleanup(*url);
}

/* A copy of ours of one part, "" when it is absent. */
static char *url_part(CURLU *url, CURLUPart part, unsigned flags)
{
    char *text = NULL, *copy;

    if (curl_url_get(url, part, &text, flags) != CURLUE_OK)
        return mem_strdup("");
    copy = mem_strdup(text);
    curl_free(text);
    return copy;
}

static bool parse_url(CURLU *url, const char *text, struct error *err)
{
    CURLUcode result = curl_url_set(url, CURLUPART_URL, text, CURLU_PATH_AS_IS);
    auto_free char *scheme = NULL, *user = NULL, *password = NULL;

    if (result != CURLUE_OK)
        return error_set(err, ERROR_INVALID, NULL, "the URL cannot be used: %s",
                         curl_url_strerror(result));
    scheme = url_part(url, CURLUPART_SCHEME, 0);
    user = url_part(url, CURLUPART_USER, 0);
    password = url_part(url, CURLUPART_PASSWORD, 0);
    if (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
        return error_set(err, ERROR_INVALID, NULL,
                         "the URL has the scheme '%s'; only http and https are supported", scheme);
    if (user[0] != '\0' || password[0] != '\0')
        return error_set(err, ERROR_INVALID, NULL,
                         "the URL holds a user name or password; remove it");
    return true;
}

/* The name that the certificate must have goes into the URL, and the connection goes to the real
 * host; there is no other way to say this to libcurl. */
static bool rename_host(struct curl_target *target, CURLU *url, const char *server_name,
                        struct error *err)
{
    auto_free char *host = url_part(url, CURLUPART_HOST, 0);
    auto_free char *port = url_part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
    auto_free char *bracketed = NULL;

    if (strchr(server_name, ':') != NULL && server_name[0] != '[')
        bracketed = mem_printf("[%s]", server_name);
    if (curl_url_set(url, CURLUPART_HOST, bracketed != NULL ? bracketed : server_name, 0) !=
        CURLUE_OK)
        return error_set(err, ERROR_INVALID, "Tls", "'%s' is not a TLS server name", server_name);
    target->connect_to = mem_printf("::%s:%s", host, port);
    return true;
}

static void pin_address(struct curl_target *target, CURLU *url, const char *address)
{
    auto_free char *port = url_part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
    bool is_ipv6 = strchr(address, ':') != NULL;

    free(target->connect_to);
    target->connect_to = mem_printf(is_ipv6 ? "::[%s]:%s" : "::%s:%s", address, port);
}

static bool init_urls(struct curl_target *target, const struct http_request *request,
                      struct error *err)
{
    run_at_scope_end(release_url) CURLU *url = curl_url();
    const char *server_name = request->tls != NULL ? request->tls->server_name : NULL;
    auto_free char *scheme = NULL, *host = NULL, *port = NULL;

    if (url == NULL)
        abort();
    if (!parse_url(url, request->url, err))
        return false;
    scheme = url_part(url, CURLUPART_SCHEME, 0);
    host = url_part(url, CURLUPART_HOST, 0);
    port = url_part(url, CURLUPART_PORT, CURLU_NO_DEFAULT_PORT);
    target->is_https = strcmp(scheme, "https") == 0;
    target->authority = mem_printf("%s%s%s", host, port[0] != '\0' ? ":" : "", port);
    target->origin = mem_printf("%s://%s", scheme, target->authority);
    if (target->is_https && server_name != NULL && server_name[0] != '\0' &&
        !rename_host(target, url, server_name, err))
        return false;
    if (request->address != NULL)
        pin_address(target, url, request->address);
    target->url = url_part(url, CURLUPART_URL, 0);
    return true;
}

static void append_part(struct strbuf *identity, const char *name, const char *value)
{
    if (value != NULL)
        strbuf_append_format(identity, "%s=%zu:%s;", name, strlen(value), value);
}

/* A certificate or key given as data by the data, one given as a file by the file's identity. */
static bool append_credential(struct strbuf *identity, const char *what, const char *pem,
                              const char *path, struct error *err)
{
    append_part(identity, what, pem);
    if (pem != NULL || path == NULL)
        return true;
    return trust_store_append_file_identity(what, path, identity, err);
}

static bool append_tls(struct curl_target *target, const struct http_tls *tls,
                       struct trust_stores *stores, struct strbuf *identity, struct error *err)
{
    static const struct http_tls system_defaults = {0};

    if (tls == NULL)
        tls = &system_defaults;
    append_part(identity, "server name", tls->server_name);
    if (tls->insecure_skip_verify)
        strbuf_append_text(identity, "unverified;");
    else if (!trust_stores_get(stores, tls, &target->trust, identity, err))
        return false;
    return append_credential(identity, "the client certificate", tls->client_certificate_pem,
                             tls->client_certificate_file, err) &&
           append_credential(identity, "the client key", tls->client_key_pem, tls->client_key_file,
                             err);
}

bool curl_target_init(struct curl_target *target, const struct http_request *request,
                      struct trust_stores *stores, struct error *err)
{
    auto_strbuf struct strbuf identity = STRBUF_ERASING, hex = {0};
    uint8_t digest[SHA256_SIZE];

    *target = (struct curl_target){0};
    if (!init_urls(target, request, err))
        return false;
    append_part(&identity, "origin", target->origin);
    append_part(&identity, "address", request->address);
    append_part(&identity, "proxy", request->proxy);
    if (target->is_https && !append_tls(target, request->tls, stores, &identity, err))
        return false;
    /* Only a digest is kept: what it is made of may be a private key. */
    digest_sha256(strbuf_text(&identity), identity.length, digest);
    encoding_append_hex(&hex, digest, sizeof digest);
    memcpy(target->identity, strbuf_text(&hex), sizeof target->identity);
    return true;
}

void curl_target_release(struct curl_target *target)
{
    free(target->url);
    free(target->origin);
    free(target->authority);
    free(target->connect_to);
    trust_store_unref(target->trust);
    *target = (struct curl_target){0};
}
