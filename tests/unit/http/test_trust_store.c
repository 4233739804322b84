#include "base/strbuf.h"
#include "certificates.h"
#include "http/transport.h"
#include "http/trust_store.h"
#include "support/test.h"

static struct x509_store_st *get(struct trust_stores *stores, const char *ca_pem,
                                 struct strbuf *identity)
{
    struct http_tls tls = {.ca_pem = ca_pem};
    struct x509_store_st *store = NULL;
    struct error err = {0};

    strbuf_clear(identity);
    if (!trust_stores_get(stores, &tls, &store, identity, &err))
        fail_msg("%s", err.message);
    return store;
}

static void test_same_certificates_are_parsed_once(void **state)
{
    struct trust_stores *stores = trust_stores_new("/nonexistent");
    auto_certificate struct certificate one = {0}, two = {0};
    auto_strbuf struct strbuf first_identity = {0}, again_identity = {0}, other_identity = {0};
    struct x509_store_st *first, *again, *other;

    (void)state;
    certificate_make_authority(&one, "one");
    certificate_make_authority(&two, "two");
    first = get(stores, one.certificate_pem, &first_identity);
    other = get(stores, two.certificate_pem, &other_identity);
    again = get(stores, one.certificate_pem, &again_identity);

    assert_ptr_equal(first, again);
    assert_ptr_not_equal(first, other);
    assert_string_equal(strbuf_text(&first_identity), strbuf_text(&again_identity));
    assert_string_not_equal(strbuf_text(&first_identity), strbuf_text(&other_identity));
    trust_store_unref(first);
    trust_store_unref(again);
    trust_store_unref(other);
    trust_stores_free(stores);
}

static void test_collection_outlives_its_place_in_the_cache(void **state)
{
    struct trust_stores *stores = trust_stores_new("/nonexistent");
    auto_certificate struct certificate kept = {0};
    auto_strbuf struct strbuf identity = {0};
    struct x509_store_st *store;

    (void)state;
    certificate_make_authority(&kept, "kept");
    store = get(stores, kept.certificate_pem, &identity);
    for (int i = 0; i < 10; i++) {
        auto_certificate struct certificate passing = {0};

        certificate_make_authority(&passing, "passing");
        trust_store_unref(get(stores, passing.certificate_pem, &identity));
    }
    trust_stores_free(stores);

    trust_store_unref(store); /* memory checkers see it when this was freed before */
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_certificates_are_parsed_once),
        cmocka_unit_test(test_collection_outlives_its_place_in_the_cache),
    };

    return cmocka_run_group_tests_name("http/trust_store", tests, NULL, NULL);
}
