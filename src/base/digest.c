#include "base/digest.h"

#include "base/fatal.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <assert.h>
#include <limits.h>

/* These algorithms cannot fail on valid arguments except for lack of memory. */
static void require(int succeeded)
{
    if (!succeeded)
        fatal("the cryptographic library refused a digest; check its configuration (FIPS mode?)");
}

/* libcrypto takes NULL for "no key given", not for one of length 0. */
static const void *or_empty(const void *bytes)
{
    return bytes != NULL ? bytes : "";
}

void digest_sha1(const void *bytes, size_t length, uint8_t ret_digest[static SHA1_SIZE])
{
    require(EVP_Digest(bytes, length, ret_digest, NULL, EVP_sha1(), NULL) == 1);
}

void digest_sha256(const void *bytes, size_t length, uint8_t ret_digest[static SHA256_SIZE])
{
    require(EVP_Digest(bytes, length, ret_digest, NULL, EVP_sha256(), NULL) == 1);
}

void digest_hmac_sha256(const void *key, size_t key_length, const void *bytes, size_t length,
                        uint8_t ret_digest[static SHA256_SIZE])
{
    assert(key_length <= INT_MAX);
    require(HMAC(EVP_sha256(), or_empty(key), (int)key_length, or_empty(bytes), length, ret_digest,
                 NULL) != NULL);
}

void digest_pbkdf2_sha256(const void *password, size_t password_length, const void *salt,
                          size_t salt_length, uint32_t iterations,
                          uint8_t ret_key[static SHA256_SIZE])
{
    assert(password_length <= INT_MAX && salt_length <= INT_MAX && iterations <= INT_MAX);
    require(PKCS5_PBKDF2_HMAC(or_empty(password), (int)password_length, or_empty(salt),
                              (int)salt_length, (int)iterations, EVP_sha256(), SHA256_SIZE,
                              ret_key) == 1);
}
