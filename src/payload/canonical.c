#include "payload/canonical.h"

#include "base/digest.h"
#include "base/encoding.h"
#include "base/strbuf.h"

#include <string.h>

static json_t *make_digest(const struct secret *value)
{
    auto_strbuf struct strbuf text = {0};
    uint8_t digest[SHA256_SIZE];

    digest_sha256(secret_reveal(value), value->length, digest);
    encoding_append_hex(&text, digest, sizeof digest);
    return json_string(strbuf_text(&text));
}

bool canonical_describes(const json_t *canonical, const struct secret *value)
{
    const json_t *digests = json_object_get(canonical, CANONICAL_DIGESTS);
    auto_json json_t *digest = make_digest(value);

    return document_array_has(digests, json_string_value(digest));
}

json_t *canonical_documented(const json_t *canonical)
{
    json_t *documented = json_copy((json_t *)(uintptr_t)canonical);

    json_object_del(documented, CANONICAL_DIGESTS);
    return documented;
}

json_t *canonical_make(const json_t *documented, const struct secret *value,
                       const struct secret *former)
{
    json_t *canonical = json_copy((json_t *)(uintptr_t)documented);
    json_t *digests = json_array();

    json_array_append_new(digests, make_digest(value));
    if (former != NULL)
        json_array_append_new(digests, make_digest(former));
    json_object_set_new(canonical, CANONICAL_DIGESTS, digests);
    return canonical;
}
