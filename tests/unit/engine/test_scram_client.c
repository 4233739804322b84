#include "base/memory.h"
#include "engine/scram_client.h"
#include "support/fake_random.h"
#include "support/test.h"

#include <string.h>

/* The exchange of RFC 7677 section 3: user "user", password "pencil". */
#define RFC_CLIENT_NONCE "rOprNGfwEbeRWgbNEkqO"
#define RFC_NONCE        RFC_CLIENT_NONCE "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define RFC_SALT         "W22ZaJ0SNY7soEsUEjb6gQ=="
#define RFC_SERVER_FIRST "r=" RFC_NONCE ",s=" RFC_SALT ",i=4096"
#define RFC_CLIENT_FINAL "c=biws,r=" RFC_NONCE ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
#define RFC_SERVER_FINAL "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

static void begin(struct scram_client *client)
{
    auto_strbuf struct strbuf first = {0};

    scram_client_begin_with(client, "user", RFC_CLIENT_NONCE, &first);
    assert_string_equal(strbuf_text(&first), "n,,n=user,r=" RFC_CLIENT_NONCE);
}

static bool answer(struct scram_client *client, const char *password, const char *server_first,
                   size_t length, struct strbuf *ret_final, struct error *err)
{
    auto_secret struct secret secret = {0};

    secret_set_text(&secret, password);
    return scram_client_answer(client, &secret, server_first, length, ret_final, err);
}

static void test_exchange_is_that_of_rfc_7677(void **state maybe_unused)
{
    auto_scram_client struct scram_client client = {0};
    auto_strbuf struct strbuf final = {0};
    struct error err = {0};

    begin(&client);

    if (!answer(&client, "pencil", RFC_SERVER_FIRST, strlen(RFC_SERVER_FIRST), &final, &err))
        fail_msg("%s", err.message);
    assert_string_equal(strbuf_text(&final), RFC_CLIENT_FINAL);
    if (!scram_client_finish(&client, RFC_SERVER_FINAL, strlen(RFC_SERVER_FINAL), &err))
        fail_msg("%s", err.message);
}

static void test_nonce_is_random_and_the_user_is_left_to_the_protocol(void **state maybe_unused)
{
    auto_scram_client struct scram_client client = {0}, other = {0};
    auto_strbuf struct strbuf first = {0}, second = {0};
    struct fake_random random;

    fake_random_init_script(&random, "abcdefghijklmnopqr", SCRAM_NONCE_BYTES);
    scram_client_begin(&client, &random.source, &first);
    assert_string_equal(strbuf_text(&first), "n,,n=,r=YWJjZGVmZ2hpamtsbW5vcHFy");

    fake_random_init(&random, 1);
    scram_client_begin(&other, &random.source, &second);
    assert_string_not_equal(strbuf_text(&first), strbuf_text(&second));
    assert_int_equal(first.length, second.length);
}

static void test_server_that_answers_wrongly_gets_no_proof(void **state maybe_unused)
{
    static const struct {
        const char *name, *message;
        size_t length; /* 0 = of the text */
        const char *part;
    } cases[] = {
        {"empty", "", 0, "does not speak SCRAM"},
        {"another nonce", "r=sOprNGfwEbeRWgbNEkqOserver,s=" RFC_SALT ",i=4096", 0, "not ours"},
        {"our nonce alone", "r=" RFC_CLIENT_NONCE ",s=" RFC_SALT ",i=4096", 0, "not ours"},
        {"part of our nonce", "r=rOprNGfw,s=" RFC_SALT ",i=4096", 0, "not ours"},
        {"our nonce behind", "r=server" RFC_CLIENT_NONCE ",s=" RFC_SALT ",i=4096", 0, "not ours"},
        {"no nonce", "s=" RFC_SALT ",i=4096", 0, "does not speak SCRAM"},
        {"no salt", "r=" RFC_NONCE ",i=4096", 0, "does not speak SCRAM"},
        {"empty salt", "r=" RFC_NONCE ",s=,i=4096", 0, "no salt"},
        {"salt that is no base64", "r=" RFC_NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ,i=4096", 0, "no salt"},
        {"space in the salt", "r=" RFC_NONCE ",s=W22Z aJ0S,i=4096", 0, "does not speak SCRAM"},
        {"no iterations", "r=" RFC_NONCE ",s=" RFC_SALT, 0, "does not speak SCRAM"},
        {"empty iterations", "r=" RFC_NONCE ",s=" RFC_SALT ",i=", 0, "iterations"},
        {"no iteration", "r=" RFC_NONCE ",s=" RFC_SALT ",i=0", 0, "iterations"},
        {"leading zero", "r=" RFC_NONCE ",s=" RFC_SALT ",i=04096", 0, "iterations"},
        {"negative", "r=" RFC_NONCE ",s=" RFC_SALT ",i=-1", 0, "iterations"},
        {"letters", "r=" RFC_NONCE ",s=" RFC_SALT ",i=4096x", 0, "iterations"},
        {"too many", "r=" RFC_NONCE ",s=" RFC_SALT ",i=1000001", 0, "from 1 to 1000000"},
        {"wraps 32 bits", "r=" RFC_NONCE ",s=" RFC_SALT ",i=4294967297", 0, "iterations"},
        {"an extension we must know", "m=x," RFC_SERVER_FIRST, 0, "does not speak SCRAM"},
        {"an extension behind", RFC_SERVER_FIRST ",x=y", 0, "does not speak SCRAM"},
        {"a comma behind", RFC_SERVER_FIRST ",", 0, "does not speak SCRAM"},
        {"NUL behind", RFC_SERVER_FIRST "\0", sizeof RFC_SERVER_FIRST, "does not speak SCRAM"},
        {"NUL in the nonce", "r=" RFC_NONCE "\0,s=" RFC_SALT ",i=4096",
         sizeof "r=" RFC_NONCE "?,s=" RFC_SALT ",i=4096" - 1, "does not speak SCRAM"},
        {"beyond ASCII", "r=" RFC_NONCE "\xff,s=" RFC_SALT ",i=4096", 0, "does not speak SCRAM"},
    };

    for (size_t i = 0; i < array_length(cases); i++) {
        auto_scram_client struct scram_client client = {0};
        auto_strbuf struct strbuf final = {0};
        struct error err = {0};
        size_t length = cases[i].length > 0 ? cases[i].length : strlen(cases[i].message);

        begin(&client);
        if (answer(&client, "pencil", cases[i].message, length, &final, &err))
            fail_msg("%s: was answered", cases[i].name);
        if (err.kind != ERROR_DENIED || strstr(err.message, cases[i].part) == NULL ||
            final.length > 0)
            fail_msg("%s: %s '%s'", cases[i].name, err.message, strbuf_text(&final));
        if (scram_client_finish(&client, RFC_SERVER_FINAL, strlen(RFC_SERVER_FINAL), &err))
            fail_msg("%s: was believed", cases[i].name);
    }
}

static void test_every_cut_of_the_servers_message_is_refused(void **state maybe_unused)
{
    /* Cut within the digits it is a whole message. */
    for (size_t length = 0; length < strlen(RFC_SERVER_FIRST) - 3; length++) {
        auto_scram_client struct scram_client client = {0};
        auto_strbuf struct strbuf final = {0};
        auto_free char *exact = mem_alloc(length > 0 ? length : 1); /* for the sanitizer */
        struct error err = {0};

        memcpy(exact, RFC_SERVER_FIRST, length);
        begin(&client);
        if (answer(&client, "pencil", exact, length, &final, &err))
            fail_msg("%zu bytes were answered", length);
    }
}

static void test_server_that_does_not_know_the_password_is_not_believed(void **state maybe_unused)
{
    static const struct {
        const char *name, *message;
    } cases[] = {
        {"empty", ""},
        {"no signature", "v="},
        {"an error", "e=invalid-proof"},
        {"another signature", "v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="},
        {"last bit differs", "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G8="},
        {"cut", "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl9"},
        {"longer", "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4AAAAA"},
        {"no base64", "v=?rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="},
        {"something behind", RFC_SERVER_FINAL ",x=y"},
        {"something before", "x=y," RFC_SERVER_FINAL},
    };
    auto_scram_client struct scram_client client = {0};
    auto_strbuf struct strbuf final = {0};
    struct error err = {0};

    begin(&client);
    assert_false(scram_client_finish(&client, RFC_SERVER_FINAL, strlen(RFC_SERVER_FINAL), &err));
    assert_true(
        answer(&client, "pencil", RFC_SERVER_FIRST, strlen(RFC_SERVER_FIRST), &final, &err));
    for (size_t i = 0; i < array_length(cases); i++) {
        err = (struct error){0};
        if (scram_client_finish(&client, cases[i].message, strlen(cases[i].message), &err))
            fail_msg("%s: was believed", cases[i].name);
        if (err.kind != ERROR_DENIED || strstr(err.message, "cannot show that it knows") == NULL)
            fail_msg("%s: %s", cases[i].name, err.message);
    }
}

static void test_another_password_makes_another_proof_and_signature(void **state maybe_unused)
{
    auto_scram_client struct scram_client client = {0};
    auto_strbuf struct strbuf final = {0};
    struct error err = {0};

    begin(&client);
    assert_true(
        answer(&client, "Pencil", RFC_SERVER_FIRST, strlen(RFC_SERVER_FIRST), &final, &err));

    assert_string_not_equal(strbuf_text(&final), RFC_CLIENT_FINAL);
    assert_false(scram_client_finish(&client, RFC_SERVER_FINAL, strlen(RFC_SERVER_FINAL), &err));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exchange_is_that_of_rfc_7677),
        cmocka_unit_test(test_nonce_is_random_and_the_user_is_left_to_the_protocol),
        cmocka_unit_test(test_server_that_answers_wrongly_gets_no_proof),
        cmocka_unit_test(test_every_cut_of_the_servers_message_is_refused),
        cmocka_unit_test(test_server_that_does_not_know_the_password_is_not_believed),
        cmocka_unit_test(test_another_password_makes_another_proof_and_signature),
    };

    return cmocka_run_group_tests_name("engine/scram_client", tests, NULL, NULL);
}
