#include "base/encoding.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "engine/mysql_password.h"
#include "support/fake_random.h"
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

#define NATIVE       ENGINE_MYSQL_PLUGIN_NATIVE
#define CACHING_SHA2 ENGINE_MYSQL_PLUGIN_CACHING_SHA2

enum { KEPT_SIZE = 70, SALT_AT = 7, HASH_AT = 27 };

/* --- mysql_native_password ------------------------------------------------------------------- */

/* Computed with hashlib of Python; the last two are of PASSWORD() of a MariaDB server. */
static const struct {
    const char *password, *kept;
} native_cases[] = {
    {"password", "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19"},
    {"", "*BE1BDEC0AA74B4DCB079943E70528096CCA985F8"},
    {"Aa0-_~ !'\\\"$:@/", "*4F4C95CEC91F6ACB76F453DC962BC40988A56AD8"},
    {"p\xc3\xa9", "*331E8F1831BFC0C808AB61582D9AD26E97C5DB7A"},
    {"real-Password1", "*7918FB2161C0BA4F994A9AFB69BA74E18967C80C"},
    {"p\xc3\xa4ssword", "*809D64D632EB9BAB610456B482D94C2E267965C8"},
};

static enum engine_password compare(const char *password, const char *plugin, const char *kept,
                                    size_t length)
{
    auto_secret struct secret secret = {0};

    secret_set_text(&secret, password);
    return engine_mysql_password_compare(&secret, plugin, kept, length);
}

static void test_native_hash_is_that_of_an_independent_implementation(void **state maybe_unused)
{
    for (size_t i = 0; i < array_length(native_cases); i++) {
        auto_secret struct secret password = {0};
        auto_strbuf struct strbuf kept = {0};

        secret_set_text(&password, native_cases[i].password);
        strbuf_append_text(&kept, "before ");
        engine_mysql_password_append_native(&password, &kept);

        assert_string_equal(strbuf_text(&kept) + 7, native_cases[i].kept);
    }
}

static void test_native_hash_tells_right_from_wrong_in_any_case(void **state maybe_unused)
{
    for (size_t i = 0; i < array_length(native_cases); i++) {
        const char *password = native_cases[i].password, *kept = native_cases[i].kept;
        auto_free char *lower = mem_strdup(kept);

        for (char *c = lower; *c != '\0'; c++)
            *c = (char)(*c >= 'A' && *c <= 'F' ? *c + ('a' - 'A') : *c);
        assert_int_equal(compare(password, NATIVE, kept, 41), ENGINE_PASSWORD_MATCHES);
        assert_int_equal(compare(password, NATIVE, lower, 41), ENGINE_PASSWORD_MATCHES);
        assert_int_equal(compare("another", NATIVE, kept, 41), ENGINE_PASSWORD_DIFFERS);
    }
}

static void test_each_digit_of_a_native_hash_counts(void **state maybe_unused)
{
    for (size_t i = 1; i < 41; i++) {
        auto_free char *kept = mem_strdup(native_cases[0].kept);

        kept[i] = kept[i] == '0' ? '1' : '0';
        assert_int_equal(compare("password", NATIVE, kept, 41), ENGINE_PASSWORD_DIFFERS);
    }
}

/* --- caching_sha2_password ------------------------------------------------------------------- */

#define DOTS "2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e"

/* Computed with a Python program that follows Drepper's text and agrees with crypt(3) of glibc on
 * salts of up to 16 bytes.  `letter` repeated `count` times, or `password`. */
static const struct sha2_case {
    const char *password;
    char letter;
    size_t count;
    const char *head; /* "$A$", rounds, '$' and salt in hexadecimal */
    const char *hash;
} sha2_cases[] = {
    {"password", 0, 0, "244124303035242e2f303132333435363738394142434445464748",
     "tUyg0Wr.H0cNDRMUIcqbq.FoLZTtkhvJqpdXAoVnw/7"},
    /* a salt of any bytes: quotes, a dollar, a line break, no UTF-8 */
    {"Aa0-_~ !'\\\"$:@/", 0, 0, "244124303035240127225cff247f80090a0de94160255ffec3283b",
     "9pU8nh4gGNPZQRQ0Yb1ezNuISEODaBCI9MzkNp.szx2"},
    /* NUL in the salt, the rounds of MySQL 9 */
    {"p", 0, 0, "244124303041244e554c00696e00746865006d6964646c65000000",
     ".h.w1hv7U7ZZsYbX9eixGlgPNC1vRZ0dPPXkUWfZN3B"},
    /* lengths about those of the digest */
    {NULL, 'x', 31, "24412430303524" DOTS, "ocRvzJ6n5t2AnHRvKrcomO7veWXfpRN9V9QpKH80GFC"},
    {NULL, 'x', 32, "24412430303524" DOTS, "DHB2V9F2HEZ7JrdiQMLxHtYdsukAShofGs.Ne1.Jay1"},
    {NULL, 'x', 33, "24412430303524" DOTS, "0MPOJFFqGWi4ivauRqkZPy6q7pXbanflaYPwguiwKX4"},
    {NULL, 'x', 64, "24412430303524" DOTS, "tyiBYkdIyB3amf6FKmpjeEHICS58rQpQwEoMVpA.EsD"},
    {NULL, 'x', 256, "24412430303524" DOTS, "I6Cd.VYTMjGJgbOPEY/F9MGr4ADnx1mciMRIGuOSQv6"},
    /* the most that is taken */
    {"p", 0, 0, "24412430464624" DOTS, "XtZCPibPm9cQWPFJXz0LYDWSH3ZushLorG2ZLVpoHi5"},
};

/* The whole of what MySQL 9.7 kept for accounts that it made from passwords in clear. */
static const struct {
    const char *password, *kept;
} real_cases[] = {
    {"real-Password1", "244124303041247C73431A083C1830127F1B4E3D586B5D1F653D65426144486277423147556"
                       "5732E72766D44637A39"
                       "596F724D335758706E4753666841774358526350457835"},
    {"p@ss:w/o%rd \"x\" \xf0\x9f\x99\x82",
     "24412430304124055F720D397A4863617918491E020634320D192E4644517A6B34772E5174674138712F4C6D7131"
     "6B63416E5067436354687A353776735331456C6F6A414239"},
};

static void decode(const char *hex, struct strbuf *ret_bytes)
{
    assert_true(encoding_append_hex_decoded(ret_bytes, hex, strlen(hex)));
}

static void make_kept(const struct sha2_case *example, struct strbuf *ret_kept)
{
    decode(example->head, ret_kept);
    strbuf_append_text(ret_kept, example->hash);
    assert_int_equal(ret_kept->length, KEPT_SIZE);
}

static char *make_password(const struct sha2_case *example)
{
    auto_strbuf struct strbuf password = {0};

    if (example->password != NULL)
        return mem_strdup(example->password);
    for (size_t i = 0; i < example->count; i++)
        strbuf_append_char(&password, example->letter);
    return strbuf_detach(&password);
}

static void test_hashes_of_an_independent_implementation_match(void **state maybe_unused)
{
    for (size_t i = 0; i < array_length(sha2_cases); i++) {
        auto_strbuf struct strbuf kept = {0};
        auto_free char *password = make_password(&sha2_cases[i]);

        make_kept(&sha2_cases[i], &kept);

        if (compare(password, CACHING_SHA2, strbuf_text(&kept), kept.length) !=
            ENGINE_PASSWORD_MATCHES)
            fail_msg("case %zu: does not match", i);
    }
}

static void test_hashes_that_a_server_made_match_their_password_alone(void **state maybe_unused)
{
    for (size_t i = 0; i < array_length(real_cases); i++) {
        auto_strbuf struct strbuf kept = {0};

        decode(real_cases[i].kept, &kept);

        assert_int_equal(
            compare(real_cases[i].password, CACHING_SHA2, strbuf_text(&kept), kept.length),
            ENGINE_PASSWORD_MATCHES);
        assert_int_equal(compare("real-Password2", CACHING_SHA2, strbuf_text(&kept), kept.length),
                         ENGINE_PASSWORD_DIFFERS);
        assert_int_equal(compare("", CACHING_SHA2, strbuf_text(&kept), kept.length),
                         ENGINE_PASSWORD_DIFFERS);
    }
}

static void test_each_byte_of_salt_and_hash_counts(void **state maybe_unused)
{
    for (size_t i = SALT_AT; i < KEPT_SIZE; i++) {
        auto_strbuf struct strbuf kept = {0};

        make_kept(&sha2_cases[0], &kept);
        kept.text[i] = kept.text[i] == 'Z' ? 'Y' : 'Z';
        if (compare("password", CACHING_SHA2, strbuf_text(&kept), kept.length) !=
            ENGINE_PASSWORD_DIFFERS)
            fail_msg("byte %zu does not count", i);
    }
}

static void test_hash_is_made_with_a_random_salt_that_needs_no_quoting(void **state maybe_unused)
{
    static const char salt[] = "./0123456789ABCDEFGH";
    static const uint8_t script[] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,
                                     10, 11, 12, 13, 14, 15, 16, 17, 18, 19};
    auto_secret struct secret password = {0};
    auto_strbuf struct strbuf kept = {0}, expected = {0};
    struct fake_random random;

    fake_random_init_script(&random, script, sizeof script);
    secret_set_text(&password, "password");
    engine_mysql_password_append_caching_sha2(&password, &random.source, &kept);
    make_kept(&sha2_cases[0], &expected);

    assert_memory_equal(strbuf_text(&kept) + SALT_AT, salt, sizeof salt - 1);
    assert_string_equal(strbuf_text(&kept), strbuf_text(&expected));
}

static void test_hashes_are_new_each_time_and_match(void **state maybe_unused)
{
    static const char allowed[] =
        "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    auto_secret struct secret password = {0};
    auto_strbuf struct strbuf former = {0}, salts = {0};
    struct fake_random random;

    fake_random_init(&random, 1);
    secret_set_text(&password, "password");
    for (int i = 0; i < 5; i++) {
        auto_strbuf struct strbuf kept = {0};

        engine_mysql_password_append_caching_sha2(&password, &random.source, &kept);
        assert_int_equal(kept.length, KEPT_SIZE);
        assert_int_equal(strspn(strbuf_text(&kept) + SALT_AT, allowed), KEPT_SIZE - SALT_AT);
        assert_string_not_equal(strbuf_text(&kept), strbuf_text(&former));
        assert_int_equal(compare("password", CACHING_SHA2, strbuf_text(&kept), kept.length),
                         ENGINE_PASSWORD_MATCHES);
        strbuf_clear(&former);
        strbuf_append_text(&former, strbuf_text(&kept));
        strbuf_append(&salts, strbuf_text(&kept) + SALT_AT, HASH_AT - SALT_AT);
    }
    /* of the whole alphabet */
    assert_non_null(strpbrk(strbuf_text(&salts), "./01234567"));
    assert_non_null(strpbrk(strbuf_text(&salts), "stuvwxyz"));
}

/* --- What cannot be compared ----------------------------------------------------------------- */

static void test_account_without_password_differs_from_every_password(void **state maybe_unused)
{
    assert_int_equal(compare("password", NATIVE, "", 0), ENGINE_PASSWORD_DIFFERS);
    assert_int_equal(compare("password", CACHING_SHA2, "", 0), ENGINE_PASSWORD_DIFFERS);
}

static void test_malformed_native_hashes_are_not_judged(void **state maybe_unused)
{
    static const char *const kept[] = {
        "2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19",   /* no star */
        "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E1",   /* a digit less */
        "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E190", /* a digit more */
        "+2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19",
        "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E1G",
        "*THISISNOTAVALIDPASSWORDTHATCANBEUSEDHERE",
        "invalid",
        "5d2e19393cc5ef67", /* of old servers */
        "*",
    };

    for (size_t i = 0; i < array_length(kept); i++) {
        if (compare("password", NATIVE, kept[i], strlen(kept[i])) != ENGINE_PASSWORD_UNKNOWN)
            fail_msg("'%s' was judged", kept[i]);
    }
}

static void test_nul_in_a_native_hash_ends_nothing(void **state maybe_unused)
{
    char kept[42] = "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19";

    kept[20] = '\0';
    assert_int_equal(compare("password", NATIVE, kept, 41), ENGINE_PASSWORD_UNKNOWN);
}

static void test_malformed_sha2_hashes_are_not_judged(void **state maybe_unused)
{
    static const struct {
        const char *name;
        size_t at;
        const char *bytes;
        size_t length;
    } cases[] = {
        {"other scheme", 0, "$5$", 3},
        {"no dollar at the beginning", 0, "A", 1},
        {"no dollar before the salt", 6, "x", 1},
        {"rounds zero", 3, "000", 3},
        {"rounds not hexadecimal", 3, "00g", 3},
        {"rounds with a sign", 3, "-01", 3},
        {"rounds with a plus", 3, "+05", 3},
        {"rounds with a blank", 3, " 05", 3},
        {"rounds with a prefix", 3, "0x5", 3},
        {"rounds that end early", 3,
         "5\0"
         "0",
         3},
        /* seconds to hours of work, at the will of the server */
        {"too many rounds", 3, "100", 3},
        {"the most rounds", 3, "FFF", 3},
    };

    for (size_t i = 0; i < array_length(cases); i++) {
        auto_strbuf struct strbuf kept = {0};

        make_kept(&sha2_cases[0], &kept);
        memcpy(kept.text + cases[i].at, cases[i].bytes, cases[i].length);
        if (compare("password", CACHING_SHA2, strbuf_text(&kept), kept.length) !=
            ENGINE_PASSWORD_UNKNOWN)
            fail_msg("%s: was judged", cases[i].name);
    }
}

/* In memory of exactly that length, so that a sanitizer sees a byte too much. */
static void test_cut_and_prolonged_hashes_are_not_judged(void **state maybe_unused)
{
    auto_strbuf struct strbuf whole = {0};

    make_kept(&sha2_cases[0], &whole);
    strbuf_append_char(&whole, '.');
    for (size_t length = 1; length <= KEPT_SIZE + 1; length++) {
        char *kept = mem_alloc(length);

        memcpy(kept, strbuf_text(&whole), length);
        if (length != KEPT_SIZE &&
            compare("password", CACHING_SHA2, kept, length) != ENGINE_PASSWORD_UNKNOWN)
            fail_msg("%zu bytes were judged", length);
        if (compare("password", NATIVE, kept, length) != ENGINE_PASSWORD_UNKNOWN)
            fail_msg("%zu bytes were judged as the other plugin's", length);
        free(kept);
    }
}

static void test_other_plugins_are_not_judged(void **state maybe_unused)
{
    static const char *const plugins[] = {"",
                                          "ed25519",
                                          "sha256_password",
                                          "auth_socket",
                                          "mysql_native_passwor",
                                          "MYSQL_NATIVE_PASSWORD",
                                          "unix_socket"};

    for (size_t i = 0; i < array_length(plugins); i++) {
        if (compare("password", plugins[i], native_cases[0].kept, 41) != ENGINE_PASSWORD_UNKNOWN)
            fail_msg("%s: was judged", plugins[i]);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_native_hash_is_that_of_an_independent_implementation),
        cmocka_unit_test(test_native_hash_tells_right_from_wrong_in_any_case),
        cmocka_unit_test(test_each_digit_of_a_native_hash_counts),
        cmocka_unit_test(test_hashes_of_an_independent_implementation_match),
        cmocka_unit_test(test_hashes_that_a_server_made_match_their_password_alone),
        cmocka_unit_test(test_each_byte_of_salt_and_hash_counts),
        cmocka_unit_test(test_hash_is_made_with_a_random_salt_that_needs_no_quoting),
        cmocka_unit_test(test_hashes_are_new_each_time_and_match),
        cmocka_unit_test(test_account_without_password_differs_from_every_password),
        cmocka_unit_test(test_malformed_native_hashes_are_not_judged),
        cmocka_unit_test(test_nul_in_a_native_hash_ends_nothing),
        cmocka_unit_test(test_malformed_sha2_hashes_are_not_judged),
        cmocka_unit_test(test_cut_and_prolonged_hashes_are_not_judged),
        cmocka_unit_test(test_other_plugins_are_not_judged),
    };

    return cmocka_run_group_tests_name("engine/mysql_password", tests, NULL, NULL);
}
