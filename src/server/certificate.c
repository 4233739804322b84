#include "server/certificate.h"

#include "base/file.h"
#include "base/strbuf.h"

/* A long chain has a few kilobytes. */
enum { FILE_LIMIT_BYTES = 256 * 1024 };

static bool read_file(const char *path, struct secret *ret_content, struct error *err)
{
    auto_strbuf struct strbuf content = STRBUF_ERASING;

    if (!file_read(path, FILE_LIMIT_BYTES, &content, err))
        return false;
    if (content.length == 0)
        return error_set(err, ERROR_INVALID, NULL, "file '%s' is empty", path);
    secret_take_strbuf(ret_content, &content);
    return true;
}

bool certificate_read(const char *certificate_file, const char *key_file,
                      struct certificate *ret_certificate, struct error *err)
{
    struct certificate certificate = {0};

    if (!read_file(certificate_file, &certificate.chain, err) ||
        !read_file(key_file, &certificate.key, err)) {
        certificate_release(&certificate);
        return false;
    }
    *ret_certificate = certificate;
    return true;
}

bool certificate_equals(const struct certificate *a, const struct certificate *b)
{
    return secret_equals(&a->chain, &b->chain) && secret_equals(&a->key, &b->key);
}

void certificate_release(struct certificate *certificate)
{
    secret_release(&certificate->chain);
    secret_release(&certificate->key);
}
