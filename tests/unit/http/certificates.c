#include "certificates.h"

#include "base/memory.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <stdlib.h>

static void check(int result)
{
    if (result <= 0)
        abort(); /* the fixture itself is broken */
}

static void add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509_EXTENSION *extension;
    X509V3_CTX context;

    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    check(extension != NULL);
    check(X509_add_ext(certificate, extension, -1));
    X509_EXTENSION_free(extension);
}

static X509 *new_certificate(EVP_PKEY *key, const char *name)
{
    static long serial = 1; /* tests make them on one thread */
    X509 *certificate = X509_new();
    X509_NAME *subject = X509_get_subject_name(certificate);

    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    check(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1,
                                     -1, 0));
    X509_set_pubkey(certificate, key);
    return certificate;
}

static char *drain(BIO *bio)
{
    char *bytes, *text;
    long length = BIO_get_mem_data(bio, &bytes);

    text = mem_strndup(bytes, (size_t)length);
    BIO_free(bio);
    return text;
}

static void render(struct certificate *ret_certificate, X509 *certificate, EVP_PKEY *key)
{
    BIO *certificate_bio = BIO_new(BIO_s_mem()), *key_bio = BIO_new(BIO_s_mem());

    check(PEM_write_bio_X509(certificate_bio, certificate));
    check(PEM_write_bio_PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL));
    ret_certificate->certificate_pem = drain(certificate_bio);
    ret_certificate->key_pem = drain(key_bio);
}

void certificate_make_authority(struct certificate *ret_authority, const char *name)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = new_certificate(key, name);

    X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
    add_extension(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE");
    add_extension(certificate, certificate, NID_subject_key_identifier, "hash");
    check(X509_sign(certificate, key, EVP_sha256()));
    render(ret_authority, certificate, key);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

void certificate_issue(struct certificate *ret_certificate, const struct certificate *authority,
                       const char *name, const char *subject_alt_names)
{
    BIO *issuer_bio = BIO_new_mem_buf(authority->certificate_pem, -1);
    BIO *issuer_key_bio = BIO_new_mem_buf(authority->key_pem, -1);
    X509 *issuer = PEM_read_bio_X509(issuer_bio, NULL, NULL, NULL);
    EVP_PKEY *issuer_key = PEM_read_bio_PrivateKey(issuer_key_bio, NULL, NULL, NULL);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = new_certificate(key, name);

    X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
    add_extension(certificate, issuer, NID_subject_alt_name, subject_alt_names);
    check(X509_sign(certificate, issuer_key, EVP_sha256()));
    render(ret_certificate, certificate, key);
    X509_free(certificate);
    EVP_PKEY_free(key);
    EVP_PKEY_free(issuer_key);
    X509_free(issuer);
    BIO_free(issuer_key_bio);
    BIO_free(issuer_bio);
}

void certificate_release(struct certificate *certificate)
{
    free(certificate->certificate_pem);
    free(certificate->key_pem);
    *certificate = (struct certificate){0};
}
