#include "base/digest.h"
#include "base/encoding.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "engine/scram.h"
#include "support/fake_random.h"
#include "support/test.h"

#include <stdint.h>
#include <string.h>

/* The exchange of RFC 7677 section 3: user "user", password "pencil", 4096 rounds. */
#define RFC_SALT      "W22ZaJ0SNY7soEsUEjb6gQ=="
#define RFC_PROOF     "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
#define RFC_SIGNATURE "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
#define RFC_NONCE     "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define RFC_MESSAGE \
    "n=user,r=rOprNGfwEbeRWgbNEkqO,r=" RFC_NONCE ",s=" RFC_SALT ",i=4096,c=biws,r=" RFC_NONCE

static void decode(const char *base64, size_t length, uint8_t *ret_bytes, size_t expected)
{
    auto_strbuf struct strbuf decoded = {0};

    assert_true(encoding_append_base64_decoded(&decoded, base64, length));
    assert_int_equal(decoded.length, expected);
    memcpy(ret_bytes, strbuf_text(&decoded), expected);
}

static void make(const char *password, const struct random_source *random,
                 struct secret *ret_verifier)
{
    auto_secret struct secret secret = {0};
    struct error err = {0};

    secret_set_text(&secret, password);
    if (!scram_make_verifier(&secret, random, ret_verifier, &err))
        fail_msg("%s", err.message);
}

static void make_with_salt(const char *password, const uint8_t salt[SCRAM_SALT_SIZE],
                           struct secret *ret_verifier)
{
    struct fake_random random;

    fake_random_init_script(&random, salt, SCRAM_SALT_SIZE);
    make(password, &random.source, ret_verifier);
}

static void test_verifier_has_the_layout_that_postgresql_stores(void **state maybe_unused)
{
    auto_secret struct secret verifier = {0};
    uint8_t salt[SCRAM_SALT_SIZE];

    decode(RFC_SALT, strlen(RFC_SALT), salt, sizeof salt);
    make_with_salt("pencil", salt, &verifier);

    assert_string_equal(secret_reveal(&verifier), "SCRAM-SHA-256$4096:" RFC_SALT
                                                  "$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="
                                                  ":wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=");
    assert_int_equal(verifier.length, strlen(secret_reveal(&verifier)));
}

/* The two keys do what the RFC's exchange shows: one checks the client, the other signs. */
static void test_keys_check_the_proof_and_make_the_signature_of_rfc_7677(void **state maybe_unused)
{
    auto_secret struct secret verifier = {0};
    uint8_t salt[SCRAM_SALT_SIZE], stored_key[SHA256_SIZE], server_key[SHA256_SIZE];
    uint8_t client_key[SHA256_SIZE], proof[SHA256_SIZE], signature[SHA256_SIZE];
    uint8_t expected[SHA256_SIZE], digest[SHA256_SIZE];
    const char *keys;

    decode(RFC_SALT, strlen(RFC_SALT), salt, sizeof salt);
    make_with_salt("pencil", salt, &verifier);
    keys = strrchr(secret_reveal(&verifier), '$') + 1;
    decode(keys, strcspn(keys, ":"), stored_key, sizeof stored_key);
    keys = strrchr(keys, ':') + 1;
    decode(keys, strlen(keys), server_key, sizeof server_key);
    decode(RFC_PROOF, strlen(RFC_PROOF), proof, sizeof proof);
    decode(RFC_SIGNATURE, strlen(RFC_SIGNATURE), expected, sizeof expected);

    digest_hmac_sha256(server_key, sizeof server_key, RFC_MESSAGE, strlen(RFC_MESSAGE), signature);
    assert_memory_equal(signature, expected, sizeof expected);

    digest_hmac_sha256(stored_key, sizeof stored_key, RFC_MESSAGE, strlen(RFC_MESSAGE), signature);
    for (size_t i = 0; i < sizeof client_key; i++)
        client_key[i] = proof[i] ^ signature[i];
    digest_sha256(client_key, sizeof client_key, digest);
    assert_memory_equal(digest, stored_key, sizeof stored_key);
}

/* Computed with hashlib and hmac of Python. */
static void test_verifiers_are_those_of_an_independent_implementation(void **state maybe_unused)
{
    static const uint8_t salt[] = {0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7,
                                   0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff};
    auto_secret struct secret password = {0};
    auto_secret struct secret made = {0};
    auto_secret struct secret rendered = {0};

    make_with_salt("Aa0-_~ !'\\\"$:@/", salt, &made);
    secret_set_text(&password, "p");
    scram_render_verifier(&password, (const uint8_t *)"NaCl", 4, 1, &rendered);

    assert_string_equal(secret_reveal(&made), "SCRAM-SHA-256$4096:8PHy8/T19vf4+fr7/P3+/w=="
                                              "$m6NXU6Ra4YRchTWincPex+ensJYW6m/KtPVSX/8J9+s="
                                              ":Do2qn5dwKs1AZHKU4EtYkIioAW8qxr6ZTsB1/J9du3c=");
    assert_string_equal(secret_reveal(&rendered), "SCRAM-SHA-256$1:TmFDbA=="
                                                  "$2mT/pbO5F2q/XNp1k4mWnEn2ZGCswv+3J1s1wRaje30="
                                                  ":lsVpihK40+AunZelEtxovM5aVqPTkt0l0IyXhi0fHqE=");
}

static void test_salt_is_new_each_time(void **state maybe_unused)
{
    auto_secret struct secret first = {0};
    auto_secret struct secret second = {0};
    struct fake_random random;

    fake_random_init(&random, 1);
    make("pencil", &random.source, &first);
    make("pencil", &random.source, &second);

    assert_false(secret_equals(&first, &second));
    assert_int_equal(atomic_load(&random.position), 2 * SCRAM_SALT_SIZE);
}

static void test_passwords_that_clients_would_change_are_refused(void **state maybe_unused)
{
    static const struct {
        const char *name, *bytes;
        size_t length;
        const char *expected;
    } cases[] = {
        {"empty", "", 0, "is empty"},
        {"accented letter", "canary\xc3\xa9", 8, "printable ASCII"},
        {"Latin-1", "canary\xe9", 7, "printable ASCII"},
        {"line break", "canary\n", 7, "printable ASCII"},
        {"NUL at the end", "canary\0", 7, "printable ASCII"},
        {"NUL inside", "can\0ary", 7, "printable ASCII"},
        {"DEL",
         "\x7f"
         "canary",
         7, "printable ASCII"},
        {"unit separator", "canary\x1f", 7, "printable ASCII"},
    };

    for (size_t i = 0; i < array_length(cases); i++) {
        auto_secret struct secret password = {0};
        auto_secret struct secret verifier = {0};
        struct fake_random random;
        struct error err = {0};

        fake_random_init(&random, 1);
        secret_set(&password, cases[i].bytes, cases[i].length);
        if (scram_make_verifier(&password, &random.source, &verifier, &err))
            fail_msg("%s: was accepted", cases[i].name);
        if (err.kind != ERROR_INVALID || strstr(err.message, cases[i].expected) == NULL ||
            strstr(err.message, "canary") != NULL || verifier.bytes != NULL)
            fail_msg("%s: %s: %s", cases[i].name, error_kind_name(err.kind), err.message);
    }
}

static void test_every_printable_character_may_be_in_a_password(void **state maybe_unused)
{
    auto_secret struct secret verifier = {0};
    struct fake_random random;
    char password['~' - ' ' + 2] = "";

    for (int c = ' '; c <= '~'; c++)
        password[c - ' '] = (char)c;
    fake_random_init(&random, 1);
    make(password, &random.source, &verifier);

    assert_memory_equal(secret_reveal(&verifier), "SCRAM-SHA-256$4096:", 19);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verifier_has_the_layout_that_postgresql_stores),
        cmocka_unit_test(test_keys_check_the_proof_and_make_the_signature_of_rfc_7677),
        cmocka_unit_test(test_verifiers_are_those_of_an_independent_implementation),
        cmocka_unit_test(test_salt_is_new_each_time),
        cmocka_unit_test(test_passwords_that_clients_would_change_are_refused),
        cmocka_unit_test(test_every_printable_character_may_be_in_a_password),
    };

    return cmocka_run_group_tests_name("engine/scram", tests, NULL, NULL);
}
