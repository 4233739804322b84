#include "payload/password.h"
#include "support/fake_random.h"
#include "support/test.h"

#include <string.h>

static void assert_satisfies_policies(const struct secret *password)
{
    const char *text = secret_reveal(password);

    assert_int_equal(password->length, PASSWORD_LENGTH);
    assert_int_equal(strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789-_"),
                     PASSWORD_LENGTH);
    assert_non_null(strpbrk(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"));
    assert_non_null(strpbrk(text, "abcdefghijklmnopqrstuvwxyz"));
    assert_non_null(strpbrk(text, "0123456789"));
    assert_non_null(strpbrk(text, "-_"));
}

static void test_every_password_satisfies_the_policies(void **state maybe_unused)
{
    for (uint64_t seed = 1; seed <= 2000; seed++) {
        auto_secret struct secret password = {0};
        struct fake_random random;

        fake_random_init(&random, seed);
        password_generate(&random.source, &password);

        assert_satisfies_policies(&password);
    }
}

static void test_a_draw_without_all_classes_is_drawn_again(void **state maybe_unused)
{
    /* 24 zero bytes are "AAAA...": refused; the next 24 hold every class. */
    unsigned char script[48] = {0};
    auto_secret struct secret password = {0};
    struct fake_random random;

    memcpy(script + 24, "\x00\x10\x83\x69\xb7\x1d\xd3\x4d\x34\xfb\xef\xbe\xfb\xff\xff\x00", 16);
    fake_random_init_script(&random, script, sizeof script);
    password_generate(&random.source, &password);

    assert_satisfies_policies(&password);
    assert_int_equal(atomic_load(&random.position), 48);
}

static void test_two_passwords_differ(void **state maybe_unused)
{
    auto_secret struct secret one = {0}, two = {0};

    password_generate(&random_system, &one);
    password_generate(&random_system, &two);

    assert_false(secret_equals(&one, &two));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_password_satisfies_the_policies),
        cmocka_unit_test(test_a_draw_without_all_classes_is_drawn_again),
        cmocka_unit_test(test_two_passwords_differ),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
