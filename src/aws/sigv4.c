#include "aws/sigv4.h"

#include "base/digest.h"
#include "base/encoding.h"

#include <string.h>

enum { DATE_LENGTH = 8 };

static void append_sha256_hex(struct strbuf *buf, const char *bytes, size_t length)
{
    uint8_t digest[SHA256_SIZE];

    digest_sha256(bytes != NULL ? bytes : "", length, digest);
    encoding_append_hex(buf, digest, sizeof digest);
}

/* Blanks at the ends go, runs of blanks inside become one. */
static void append_trimmed(struct strbuf *buf, const char *value)
{
    bool pending = false, begun = false;

    for (; *value != '\0'; value++) {
        if (*value == ' ' || *value == '\t') {
            pending = true;
            continue;
        }
        if (pending && begun)
            strbuf_append_char(buf, ' ');
        strbuf_append_char(buf, *value);
        pending = false;
        begun = true;
    }
}

static void append_signed_names(const struct sigv4_request *request, struct strbuf *buf)
{
    for (size_t i = 0; i < request->header_count; i++)
        strbuf_append_format(buf, "%s%s", i > 0 ? ";" : "", request->headers[i].name);
}

void sigv4_append_canonical_request(const struct sigv4_request *request, struct strbuf *buf)
{
    strbuf_append_format(buf, "%s\n%s\n%s\n", request->method, request->path, request->query);
    for (size_t i = 0; i < request->header_count; i++) {
        strbuf_append_format(buf, "%s:", request->headers[i].name);
        append_trimmed(buf, request->headers[i].value);
        strbuf_append_char(buf, '\n');
    }
    strbuf_append_char(buf, '\n');
    append_signed_names(request, buf);
    strbuf_append_char(buf, '\n');
    append_sha256_hex(buf, request->body, request->body_length);
}

static void append_scope(const struct sigv4_request *request, struct strbuf *buf)
{
    strbuf_append(buf, request->timestamp, DATE_LENGTH);
    strbuf_append_format(buf, "/%s/%s/aws4_request", request->region, request->service);
}

static void append_string_to_sign(const struct sigv4_request *request, struct strbuf *buf)
{
    auto_strbuf struct strbuf canonical = STRBUF_ERASING;

    sigv4_append_canonical_request(request, &canonical);
    strbuf_append_format(buf, "AWS4-HMAC-SHA256\n%s\n", request->timestamp);
    append_scope(request, buf);
    strbuf_append_char(buf, '\n');
    append_sha256_hex(buf, strbuf_text(&canonical), canonical.length);
}

static void derive_key(const struct sigv4_request *request,
                       const struct aws_credentials *credentials, uint8_t key[SHA256_SIZE])
{
    auto_strbuf struct strbuf secret = STRBUF_ERASING;
    uint8_t next[SHA256_SIZE];
    const char *const words[] = {request->region, request->service, "aws4_request"};

    strbuf_append_text(&secret, "AWS4");
    strbuf_append(&secret, secret_reveal(&credentials->secret_access_key),
                  credentials->secret_access_key.length);
    digest_hmac_sha256(strbuf_text(&secret), secret.length, request->timestamp, DATE_LENGTH, key);
    for (size_t i = 0; i < array_length(words); i++) {
        digest_hmac_sha256(key, SHA256_SIZE, words[i], strlen(words[i]), next);
        memcpy(key, next, SHA256_SIZE);
    }
    explicit_bzero(next, sizeof next);
}

void sigv4_append_authorization(const struct sigv4_request *request,
                                const struct aws_credentials *credentials, struct strbuf *buf)
{
    auto_strbuf struct strbuf text = {0};
    uint8_t key[SHA256_SIZE], signature[SHA256_SIZE];

    append_string_to_sign(request, &text);
    derive_key(request, credentials, key);
    digest_hmac_sha256(key, sizeof key, strbuf_text(&text), text.length, signature);
    explicit_bzero(key, sizeof key);
    strbuf_append_format(buf, "AWS4-HMAC-SHA256 Credential=%s/", credentials->access_key_id);
    append_scope(request, buf);
    strbuf_append_text(buf, ", SignedHeaders=");
    append_signed_names(request, buf);
    strbuf_append_text(buf, ", Signature=");
    encoding_append_hex(buf, signature, sizeof signature);
}
