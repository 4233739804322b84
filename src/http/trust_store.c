#include "http/trust_store.h"

#include "base/digest.h"
#include "base/encoding.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "http/transport.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    /* The API server's, the system's, AWS_CA_BUNDLE, and room for those just rotated out. */
    COLLECTIONS_LIMIT = 6,
    BUNDLE_LIMIT_BYTES = 8 * 1024 * 1024,
};

struct collection {
    char *identity;
    X509_STORE *store;
};

struct trust_stores {
    const char *system_bundle;
    pthread_mutex_t lock;

    /* Below: guarded by lock.  Most recently used first. */
    struct collection collections[COLLECTIONS_LIMIT];
    size_t count;
};

struct trust_stores *trust_stores_new(const char *system_bundle)
{
    struct trust_stores *stores = mem_alloc(sizeof *stores);

    stores->system_bundle = system_bundle;
    pthread_mutex_init(&stores->lock, NULL);
    return stores;
}

static void collection_release(struct collection *collection)
{
    free(collection->identity);
    X509_STORE_free(collection->store);
    *collection = (struct collection){0};
}

void trust_stores_free(struct trust_stores *stores)
{
    if (stores == NULL)
        return;
    for (size_t i = 0; i < stores->count; i++)
        collection_release(&stores->collections[i]);
    pthread_mutex_destroy(&stores->lock);
    free(stores);
}

bool trust_store_append_file_identity(const char *what, const char *path,
                                      struct strbuf *ret_identity, struct error *err)
{
    struct stat status;

    if (stat(path, &status) != 0)
        return error_set(err, ERROR_INVALID, "Tls", "%s '%s' cannot be read: %s", what, path,
                         strerrordesc_np(errno));
    strbuf_append_format(ret_identity, "file:%s:%ju:%ju:%jd:%jd.%09ld;", path,
                         (uintmax_t)status.st_dev, (uintmax_t)status.st_ino,
                         (intmax_t)status.st_size, (intmax_t)status.st_mtim.tv_sec,
                         status.st_mtim.tv_nsec);
    return true;
}

static void append_text_identity(const char *text, struct strbuf *identity)
{
    uint8_t digest[SHA256_SIZE];

    digest_sha256(text, strlen(text), digest);
    strbuf_append_text(identity, "pem:");
    encoding_append_hex(identity, digest, sizeof digest);
    strbuf_append_char(identity, ';');
}

/* ---- reading ---- */

/* Adds every certificate in the text and skips what is none (comments, keys, or a certificate that
 * this libcrypto cannot read, which must not cost us the others).  Returns how many it added. */
static size_t add_certificates(X509_STORE *store, const char *text, size_t length)
{
    BIO *bio = BIO_new_mem_buf(text, length > INT_MAX ? INT_MAX : (int)length);
    size_t added = 0;

    if (bio == NULL)
        abort();
    for (;;) {
        X509 *certificate = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL);

        if (certificate != NULL) {
            if (X509_STORE_add_cert(store, certificate) == 1)
                added++;
            X509_free(certificate);
        } else if (ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE) {
            break;
        }
        ERR_clear_error();
    }
    ERR_clear_error();
    BIO_free(bio);
    return added;
}

static bool read_collection(const char *pem, const char *path, X509_STORE **ret_store,
                            struct error *err)
{
    auto_strbuf struct strbuf content = {0};
    struct error cause;
    X509_STORE *store;

    if (pem != NULL)
        strbuf_append_text(&content, pem);
    else if (!file_read(path, BUNDLE_LIMIT_BYTES, &content, &cause))
        return error_set(err, ERROR_INVALID, "Tls", "no CA certificates: %s", cause.message);
    store = X509_STORE_new();
    if (store == NULL)
        abort();
    /* A certificate in the collection is trusted as it is, intermediates too, as Go and curl do. */
    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST);
    if (add_certificates(store, strbuf_text(&content), content.length) == 0) {
        X509_STORE_free(store);
        if (pem != NULL)
            return error_set(err, ERROR_INVALID, "Tls",
                             "the CA data holds no certificate in PEM form");
        return error_set(err, ERROR_INVALID, "Tls",
                         "the CA file '%s' holds no certificate in PEM form", path);
    }
    *ret_store = store;
    return true;
}

/* ---- finding ---- */

/* Moves the collection to the front and returns it, or NULL. */
static struct collection *find(struct trust_stores *stores, const char *identity)
{
    for (size_t i = 0; i < stores->count; i++) {
        struct collection found = stores->collections[i];

        if (strcmp(found.identity, identity) != 0)
            continue;
        memmove(stores->collections + 1, stores->collections, i * sizeof found);
        stores->collections[0] = found;
        return &stores->collections[0];
    }
    return NULL;
}

static struct collection *add(struct trust_stores *stores, const char *identity, X509_STORE *store)
{
    if (stores->count == COLLECTIONS_LIMIT)
        collection_release(&stores->collections[--stores->count]);
    memmove(stores->collections + 1, stores->collections,
            stores->count * sizeof stores->collections[0]);
    stores->count++;
    stores->collections[0] = (struct collection){.identity = mem_strdup(identity), .store = store};
    return &stores->collections[0];
}

/* The lock is held while a file is parsed: whoever comes meanwhile mostly wants the same one. */
static bool find_or_read(struct trust_stores *stores, const char *identity, const char *pem,
                         const char *path, X509_STORE **ret_store, struct error *err)
{
    struct collection *collection;
    X509_STORE *fresh;
    bool done = true;

    pthread_mutex_lock(&stores->lock);
    collection = find(stores, identity);
    if (collection == NULL) {
        done = read_collection(pem, path, &fresh, err);
        if (done)
            collection = add(stores, identity, fresh);
    }
    if (done) {
        X509_STORE_up_ref(collection->store);
        *ret_store = collection->store;
    }
    pthread_mutex_unlock(&stores->lock);
    return done;
}

bool trust_stores_get(struct trust_stores *stores, const struct http_tls *tls,
                      struct x509_store_st **ret_store, struct strbuf *ret_identity,
                      struct error *err)
{
    const char *pem = tls != NULL ? tls->ca_pem : NULL;
    const char *path = tls != NULL && tls->ca_file != NULL ? tls->ca_file : stores->system_bundle;
    auto_strbuf struct strbuf identity = {0};

    if (pem != NULL)
        append_text_identity(pem, &identity);
    else if (!trust_store_append_file_identity("the CA file", path, &identity, err))
        return false;
    if (!find_or_read(stores, strbuf_text(&identity), pem, path, ret_store, err))
        return false;
    strbuf_append(ret_identity, strbuf_text(&identity), identity.length);
    return true;
}

void trust_store_unref(struct x509_store_st *store)
{
    X509_STORE_free(store);
}

void trust_store_lend(struct x509_store_st *store, void *ssl_context)
{
    SSL_CTX_set1_cert_store(ssl_context, store);
}
