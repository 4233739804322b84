#include "base/document.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "kube/store.h"
#include "support/test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

/* Every projection of these tests is a counter of how often it was freed. */
static void count_free(void *projection)
{
    if (projection != NULL)
        ++*(int *)projection;
}

static int set_up(void **state)
{
    *state = kube_store_new(count_free);
    return 0;
}

static int tear_down(void **state)
{
    kube_store_free(*state);
    return 0;
}

static struct kube_entry *make(const struct kube_store *store, const char *namespace_name,
                               const char *name, const char *version, int *projection)
{
    auto_json json_t *object =
        json_pack("{s:{s:s*,s:s,s:s,s:s}}", "metadata", "namespace", namespace_name, "name", name,
                  "uid", "u", "resourceVersion", version);
    struct kube_entry *entry = kube_store_make_entry(store, object, projection);

    assert_non_null(entry);
    return entry;
}

/* Puts an entry where none was. */
static void put(struct kube_store *store, const char *namespace_name, const char *name,
                const char *version, int *projection)
{
    assert_null(kube_store_replace(store, make(store, namespace_name, name, version, projection)));
}

static void append_entry(void *context, const struct kube_entry *entry)
{
    strbuf_append_format(context, "%s/%s@%s ", entry->namespace_name, entry->name,
                         entry->resource_version);
}

/* Only for stores whose order is known: none or one entry. */
static void expect_content(struct kube_store *store, const char *expected)
{
    auto_strbuf struct strbuf content = {0};

    kube_store_for_each(store, append_entry, &content);
    assert_string_equal(strbuf_text(&content), expected);
}

/* ---- entries ---- */

static void test_entry_is_made_of_the_metadata(void **state)
{
    static const struct {
        const char *name;
        const char *object;
        const char *expected; /* NULL = no entry can be made */
    } cases[] = {
        {"namespaced",
         "{\"metadata\":{\"namespace\":\"n\",\"name\":\"a\",\"uid\":\"u\","
         "\"resourceVersion\":\"7\"}}",
         "n|a|u|7"},
        {"cluster-scoped",
         "{\"metadata\":{\"name\":\"a\",\"uid\":\"u\",\"resourceVersion\":\"7\"}}", "|a|u|7"},
        {"without a version", "{\"metadata\":{\"name\":\"a\",\"uid\":\"u\"}}", "|a|u|"},
        {"null namespace", "{\"metadata\":{\"namespace\":null,\"name\":\"a\",\"uid\":\"u\"}}",
         "|a|u|"},
        {"no name", "{\"metadata\":{\"uid\":\"u\"}}", NULL},
        {"no uid", "{\"metadata\":{\"name\":\"a\"}}", NULL},
        {"name that is no text", "{\"metadata\":{\"name\":1,\"uid\":\"u\"}}", NULL},
        {"no metadata", "{}", NULL},
        {"null metadata", "{\"metadata\":null}", NULL},
        {"metadata that is no object", "{\"metadata\":[]}", NULL},
    };
    struct kube_store *store = *state;

    for (size_t i = 0; i < array_length(cases); i++) {
        auto_json json_t *object = json_loads(cases[i].object, 0, NULL);
        auto_free char *made = NULL;
        int frees = 0;
        struct kube_entry *entry = kube_store_make_entry(store, object, &frees);

        if (entry != NULL) {
            assert_ptr_equal(entry->projection, &frees);
            made = mem_printf("%s|%s|%s|%s", entry->namespace_name, entry->name, entry->uid,
                              entry->resource_version);
        }
        if ((entry == NULL) != (cases[i].expected == NULL) ||
            (entry != NULL && strcmp(made, cases[i].expected) != 0))
            fail_msg("%s: %s", cases[i].name, made != NULL ? made : "no entry");
        if (frees != (entry == NULL))
            fail_msg("%s: the projection was freed %d times", cases[i].name, frees);
        kube_store_free_entry(store, entry);
        if (frees != 1)
            fail_msg("%s: the projection was freed %d times at the end", cases[i].name, frees);
    }
}

static void test_entries_need_no_projection(void **state maybe_unused)
{
    struct kube_store *store = kube_store_new(NULL);
    int never_freed = 0;

    put(store, "n", "a", "1", NULL);
    put(store, "n", "b", "1", &never_freed);
    kube_store_free_entry(store, NULL);
    kube_store_free(store);
    kube_store_free(NULL);

    assert_int_equal(never_freed, 0);
}

/* ---- the table ---- */

static void test_replacing_gives_the_former_entry_back(void **state maybe_unused)
{
    struct kube_store *store = kube_store_new(count_free);
    int first = 0, second = 0;
    struct kube_entry *former;

    put(store, "n", "a", "1", &first);
    former = kube_store_replace(store, make(store, "n", "a", "2", &second));

    assert_string_equal(former->resource_version, "1");
    assert_int_equal(first, 0);
    expect_content(store, "n/a@2 ");
    kube_store_free_entry(store, former);
    assert_int_equal(first, 1);
    assert_int_equal(second, 0);
    kube_store_free(store);
    assert_int_equal(second, 1);
}

static void test_namespace_and_name_together_are_the_key(void **state)
{
    struct kube_store *store = *state;

    put(store, "n", "a", "1", NULL);
    put(store, "m", "a", "1", NULL);
    put(store, "n", "b", "1", NULL);
    put(store, "", "a", "1", NULL);
    put(store, "na", "", "1", NULL); /* the same letters */
    put(store, "", "na", "1", NULL);

    assert_int_equal(kube_store_count(store), 6);
}

static void test_entry_is_taken_out_once(void **state)
{
    struct kube_store *store = *state;
    struct kube_entry *taken;

    put(store, "n", "a", "1", NULL);
    assert_null(kube_store_take(store, "n", "b"));
    assert_null(kube_store_take(store, "m", "a"));
    taken = kube_store_take(store, "n", "a");

    assert_string_equal(taken->name, "a");
    assert_null(kube_store_take(store, "n", "a"));
    assert_int_equal(kube_store_count(store), 0);
    kube_store_free_entry(store, taken);
}

enum { MANY = 1000 };

static void put_many(struct kube_store *store, const char *version)
{
    for (int i = 0; i < MANY; i++) {
        char name[16];

        snprintf(name, sizeof name, "%d", i);
        kube_store_free_entry(store,
                              kube_store_replace(store, make(store, "n", name, version, NULL)));
    }
}

static void test_iteration_meets_every_entry_once(void **state)
{
    struct kube_store *store = *state;
    bool is_met[MANY] = {false};
    size_t count = 0;

    put_many(store, "1");
    for (const struct kube_entry *entry = NULL; (entry = kube_store_next(store, entry)) != NULL;) {
        bool *met = &is_met[strtol(entry->name, NULL, 10)];

        assert_false(*met);
        *met = true;
        count++;
    }

    assert_int_equal(count, MANY);
    assert_int_equal(kube_store_count(store), MANY);
}

static void test_empty_store_has_nothing_to_meet(void **state)
{
    struct kube_store *store = *state;

    assert_null(kube_store_next(store, NULL));
    assert_null(kube_store_take(store, "n", "a"));
    assert_int_equal(kube_store_count(store), 0);
    expect_content(store, "");
}

struct drain {
    struct kube_store *store;
    size_t count;
};

static void take_drained(void *context, struct kube_entry *entry)
{
    struct drain *drain = context;

    assert_int_equal(kube_store_count(drain->store), 0); /* also: it takes no lock */
    drain->count++;
    kube_store_free_entry(drain->store, entry);
}

static void test_draining_hands_every_entry_out(void **state)
{
    struct kube_store *store = *state;
    struct drain drain = {.store = store};

    put_many(store, "1");
    kube_store_drain(store, take_drained, &drain);

    assert_int_equal(drain.count, MANY);
    put(store, "n", "a", "1", NULL); /* it can be used again */
    expect_content(store, "n/a@1 ");
}

static void test_swap_exchanges_the_contents(void **state maybe_unused)
{
    struct kube_store *store = kube_store_new(count_free), *other = kube_store_new(count_free);
    int in_store = 0, in_other = 0;

    put(store, "n", "a", "1", &in_store);
    put(other, "n", "b", "2", &in_other);
    kube_store_swap(store, other);
    expect_content(store, "n/b@2 ");
    expect_content(other, "n/a@1 ");
    kube_store_free(other);

    assert_int_equal(in_store, 1);
    assert_int_equal(in_other, 0);
    kube_store_free(store);
    assert_int_equal(in_other, 1);
}

static void test_freeing_the_store_frees_its_entries(void **state maybe_unused)
{
    struct kube_store *store = kube_store_new(count_free);
    int a = 0, b = 0;

    put(store, "n", "a", "1", &a);
    put(store, "n", "b", "1", &b);
    kube_store_free(store);

    assert_int_equal(a, 1);
    assert_int_equal(b, 1);
}

/* ---- threads ---- */

struct reader {
    struct kube_store *store;
    atomic_bool is_enough;
    size_t rounds;
    size_t surprises; /* cmocka belongs to the test's thread */
};

struct glance {
    const char *version;
    size_t count;
    bool is_mixed;
};

static void look_at(void *context, const struct kube_entry *entry)
{
    struct glance *glance = context;

    if (glance->version != NULL && strcmp(glance->version, entry->resource_version) != 0)
        glance->is_mixed = true;
    glance->version = entry->resource_version;
    glance->count++;
}

static void *read_on_thread(void *context)
{
    struct reader *reader = context;

    while (!atomic_load(&reader->is_enough) || reader->rounds == 0) {
        struct glance glance = {0};

        kube_store_for_each(reader->store, look_at, &glance);
        if (glance.count != MANY || glance.is_mixed || kube_store_count(reader->store) != MANY)
            reader->surprises++;
        reader->rounds++;
    }
    return NULL;
}

static void test_readers_see_a_swap_as_a_whole(void **state)
{
    struct kube_store *store = *state, *staging = kube_store_new(count_free);
    struct reader reader = {.store = store};
    pthread_t thread;

    put_many(store, "0");
    assert_int_equal(pthread_create(&thread, NULL, read_on_thread, &reader), 0);
    for (int i = 1; i < 20; i++) {
        char version[16];

        snprintf(version, sizeof version, "%d", i);
        put_many(staging, version);
        kube_store_swap(store, staging);
    }
    atomic_store(&reader.is_enough, true);
    pthread_join(thread, NULL);
    kube_store_free(staging);

    assert_int_equal(reader.surprises, 0);
}

static void *count_on_thread(void *context)
{
    struct reader *reader = context;

    while (!atomic_load(&reader->is_enough) || reader->rounds == 0) {
        struct glance glance = {0};

        kube_store_for_each(reader->store, look_at, &glance);
        if (glance.count > 1)
            reader->surprises++;
        reader->rounds++;
    }
    return NULL;
}

static void test_readers_and_the_writer_do_not_disturb_each_other(void **state)
{
    struct kube_store *store = *state;
    struct reader reader = {.store = store};
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, count_on_thread, &reader), 0);
    for (int i = 0; i < 2000; i++) {
        put(store, "n", "a", "1", NULL);
        kube_store_free_entry(store, kube_store_replace(store, make(store, "n", "a", "2", NULL)));
        kube_store_free_entry(store, kube_store_take(store, "n", "a"));
    }
    atomic_store(&reader.is_enough, true);
    pthread_join(thread, NULL);

    assert_int_equal(reader.surprises, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_entry_is_made_of_the_metadata),
        TEST(test_entries_need_no_projection),
        TEST(test_replacing_gives_the_former_entry_back),
        TEST(test_namespace_and_name_together_are_the_key),
        TEST(test_entry_is_taken_out_once),
        TEST(test_iteration_meets_every_entry_once),
        TEST(test_empty_store_has_nothing_to_meet),
        TEST(test_draining_hands_every_entry_out),
        TEST(test_swap_exchanges_the_contents),
        TEST(test_freeing_the_store_frees_its_entries),
        TEST(test_readers_see_a_swap_as_a_whole),
        TEST(test_readers_and_the_writer_do_not_disturb_each_other),
    };

    return cmocka_run_group_tests_name("kube/store", tests, NULL, NULL);
}
