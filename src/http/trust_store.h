/*
 * Parsed collections of trusted certificates, shared by all connections.
 *
 * libcurl keeps one collection per connection (or per multi handle).  Measured with the bundle of
 * Debian 12 and OpenSSL 3.0: 0.8 MB and 28 ms of CPU for each; so it is parsed once here and lent
 * to every TLS session.  A collection is found by what it was made from, including the identity of
 * the file at this moment, so that a rotated file is read again.
 *
 * Thread-safe.
 */
#ifndef HTTP_TRUST_STORE_H
#define HTTP_TRUST_STORE_H

#include "base/compiler.h"
#include "base/error.h"

#include <stdbool.h>

struct http_tls;
struct strbuf;
struct trust_stores;
struct x509_store_st; /* X509_STORE of libcrypto, counted by reference */

/* `system_bundle` is the file that is read when a request names no CA; borrowed. */
struct trust_stores *trust_stores_new(const char *system_bundle) returns_owned;
/* NULL is fine.  Sessions that use a collection keep it alive. */
void trust_stores_free(struct trust_stores *stores);

/* Finds or reads the collection that `tls` (may be NULL) asks for.  The caller holds a reference
 * and gives it back with trust_store_unref().  Appends to ret_identity what tells it from any other
 * collection.  INVALID with the code "Tls" when the file cannot be read or holds no certificate. */
bool trust_stores_get(struct trust_stores *stores, const struct http_tls *tls,
                      struct x509_store_st **ret_store, struct strbuf *ret_identity,
                      struct error *err) must_check;
/* NULL is fine. */
void trust_store_unref(struct x509_store_st *store);

/* Makes a TLS context of libssl (`ssl_context`, an SSL_CTX) trust this collection instead of its
 * own. */
void trust_store_lend(struct x509_store_st *store, void *ssl_context);

/* Appends what tells this file from the one that was at this path before, without reading it.
 * INVALID with the code "Tls" when there is none; `what` names its use, e.g. "the CA file". */
bool trust_store_append_file_identity(const char *what, const char *path,
                                      struct strbuf *ret_identity, struct error *err) must_check;

#endif
