#include "base/digest.h"
#include "base/encoding.h"
#include "base/strbuf.h"
#include "support/test.h"

#include <string.h>

static void assert_digest(const char *name, const uint8_t *digest, size_t length,
                          const char *expected_hex)
{
    auto_strbuf struct strbuf hex = {0};

    encoding_append_hex(&hex, digest, length);
    if (strcmp(strbuf_text(&hex), expected_hex) != 0)
        fail_msg("%s: expected %s, got %s", name, expected_hex, strbuf_text(&hex));
}

/* The examples of FIPS 180. */
static const struct {
    const char *text, *sha1, *sha256;
} sha_cases[] = {
    {
        "",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    },
    {
        "abc",
        "a9993e364706816aba3e25717850c26c9cd0d89d",
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    },
    {
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "84983e441c3bd26ebaae4aa1f95129e5e54670f1",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
    },
};

static void test_sha_gives_the_digests_of_fips_180(void **state maybe_unused)
{
    uint8_t digest[SHA256_SIZE];

    for (size_t i = 0; i < array_length(sha_cases); i++) {
        const char *text = sha_cases[i].text;

        digest_sha1(text, strlen(text), digest);
        assert_digest(text, digest, SHA1_SIZE, sha_cases[i].sha1);
        digest_sha256(text, strlen(text), digest);
        assert_digest(text, digest, SHA256_SIZE, sha_cases[i].sha256);
    }
}

/* RFC 4231 section 4; a key or text that is NULL is a run of `length` times `fill`. */
static const struct {
    const char *name, *key, *text;
    unsigned char key_fill, text_fill;
    size_t key_length, text_length;
    size_t shown; /* bytes of the digest that the RFC shows */
    const char *expected;
} hmac_cases[] = {
    {"case 1", NULL, "Hi There", 0x0b, 0, 20, 0, 32,
     "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
    {"case 2", "Jefe", "what do ya want for nothing?", 0, 0, 0, 0, 32,
     "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
    {"case 3", NULL, NULL, 0xaa, 0xdd, 20, 50, 32,
     "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
    {"case 4",
     "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17"
     "\x18\x19",
     NULL, 0, 0xcd, 0, 50, 32, "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
    {"case 5", NULL, "Test With Truncation", 0x0c, 0, 20, 0, 16,
     "a3b6167473100ee06e0c796c2955552b"},
    {"case 6", NULL, "Test Using Larger Than Block-Size Key - Hash Key First", 0xaa, 0, 131, 0, 32,
     "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
    {"case 7", NULL,
     "This is a test using a larger than block-size key and a larger than block-size data. The key "
     "needs to be hashed before being used by the HMAC algorithm.",
     0xaa, 0, 131, 0, 32, "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
};

static void test_hmac_gives_the_codes_of_rfc_4231(void **state maybe_unused)
{
    for (size_t i = 0; i < array_length(hmac_cases); i++) {
        char key[160], text[200];
        size_t key_length = hmac_cases[i].key_length, text_length = hmac_cases[i].text_length;
        uint8_t digest[SHA256_SIZE];

        memset(key, hmac_cases[i].key_fill, sizeof key);
        memset(text, hmac_cases[i].text_fill, sizeof text);
        if (hmac_cases[i].key != NULL) {
            key_length = strlen(hmac_cases[i].key);
            memcpy(key, hmac_cases[i].key, key_length);
        }
        if (hmac_cases[i].text != NULL) {
            text_length = strlen(hmac_cases[i].text);
            memcpy(text, hmac_cases[i].text, text_length);
        }
        digest_hmac_sha256(key, key_length, text, text_length, digest);
        assert_digest(hmac_cases[i].name, digest, hmac_cases[i].shown, hmac_cases[i].expected);
    }
}

static void test_hmac_takes_an_empty_key_and_an_empty_text(void **state maybe_unused)
{
    uint8_t digest[SHA256_SIZE];

    digest_hmac_sha256(NULL, 0, NULL, 0, digest);

    assert_digest("empty", digest, SHA256_SIZE,
                  "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void test_pbkdf2_gives_the_keys_of_rfc_7914(void **state maybe_unused)
{
    uint8_t key[SHA256_SIZE];

    digest_pbkdf2_sha256("passwd", 6, "salt", 4, 1, key);
    assert_digest("1 round", key, sizeof key,
                  "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc");
    digest_pbkdf2_sha256("Password", 8, "NaCl", 4, 80000, key);
    assert_digest("80000 rounds", key, sizeof key,
                  "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha_gives_the_digests_of_fips_180),
        cmocka_unit_test(test_hmac_gives_the_codes_of_rfc_4231),
        cmocka_unit_test(test_hmac_takes_an_empty_key_and_an_empty_text),
        cmocka_unit_test(test_pbkdf2_gives_the_keys_of_rfc_7914),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
