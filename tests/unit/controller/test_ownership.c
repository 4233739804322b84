#include "controller/ownership.h"
#include "support/test.h"

#include <string.h>

static const struct owner owner = {"c-1", "team", "app", "u-1", NULL, NULL};

static void test_tags_tell_whose_a_secret_is(void **state maybe_unused)
{
    static const struct {
        const char *tags;
        enum ownership expected;
    } rows[] = {
        {"{}", OWNERSHIP_NONE},
        {"{\"Team\":\"x\"}", OWNERSHIP_NONE},
        {"{\"ManagedBy\":\"terraform\"}", OWNERSHIP_NONE},
        {"{\"ManagedBy\":\"database-user-operator\"}", OWNERSHIP_PREDECESSOR},
        {"{\"" TAG_CLUSTER "\":\"c-1\",\"" TAG_OWNER_NAMESPACE "\":\"team\",\"" TAG_OWNER_NAME
         "\":\"app\"}",
         OWNERSHIP_OURS},
        {"{\"" TAG_CLUSTER "\":\"c-2\",\"" TAG_OWNER_NAMESPACE "\":\"team\",\"" TAG_OWNER_NAME
         "\":\"app\"}",
         OWNERSHIP_OTHER},
        {"{\"" TAG_CLUSTER "\":\"c-1\",\"" TAG_OWNER_NAMESPACE "\":\"other\",\"" TAG_OWNER_NAME
         "\":\"app\"}",
         OWNERSHIP_OTHER},
        {"{\"" TAG_CLUSTER "\":\"c-1\",\"" TAG_OWNER_NAMESPACE "\":\"team\",\"" TAG_OWNER_NAME
         "\":\"apps\"}",
         OWNERSHIP_OTHER},
        {"{\"" TAG_OWNER_NAME "\":\"app\"}", OWNERSHIP_OTHER},
        {"{\"" TAG_CLUSTER "\":\"c-1\"}", OWNERSHIP_OTHER},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        auto_json json_t *tags = json_loads(rows[i].tags, 0, NULL);

        if (ownership_of_tags(tags, &owner) != rows[i].expected)
            fail_msg("row %zu: %s", i, rows[i].tags);
    }
}

static void test_an_owner_without_known_cluster_owns_nothing(void **state maybe_unused)
{
    auto_json json_t *tags = json_pack("{s:s,s:s,s:s}", TAG_CLUSTER, "c-1", TAG_OWNER_NAMESPACE,
                                       "team", TAG_OWNER_NAME, "app");
    struct owner unknown = {NULL, "team", "app", "u-1", NULL, NULL};

    assert_int_equal(ownership_of_tags(tags, &unknown), OWNERSHIP_OTHER);
}

static void test_a_marker_of_an_earlier_uid_is_ours(void **state maybe_unused)
{
    struct owner earlier = {"c-1", "team", "app", "u-0", NULL, NULL};
    struct engine_marker marker;

    ownership_make_marker(&earlier, &marker);

    assert_int_equal(ownership_of_marker(&marker, &owner), OWNERSHIP_OURS);
    engine_marker_release(&marker);
}

static void test_a_marker_survives_being_stored_on_a_server(void **state maybe_unused)
{
    struct engine_marker made, read;
    char *text;

    ownership_make_marker(&owner, &made);
    text = engine_marker_render(&made);
    engine_marker_parse(text, &read);

    assert_int_equal(ownership_of_marker(&read, &owner), OWNERSHIP_OURS);
    engine_marker_release(&made);
    engine_marker_release(&read);
    free(text);
}

static void test_our_tags_win_over_the_spec(void **state maybe_unused)
{
    struct database_spec spec = {.tags = json_pack("{s:s}", "Team", "payments")};
    auto_json json_t *tags = ownership_make_tags(&spec, &owner);

    assert_string_equal(document_string(tags, "Team"), "payments");
    assert_string_equal(document_string(tags, TAG_MANAGED_BY), TAG_MANAGED_BY_VALUE);
    assert_string_equal(document_string(tags, TAG_CLUSTER), "c-1");
    assert_string_equal(document_string(tags, TAG_OWNER_NAMESPACE), "team");
    assert_string_equal(document_string(tags, TAG_OWNER_NAME), "app");
    assert_int_equal(json_object_size(spec.tags), 1);
    json_decref(spec.tags);
}

static void test_reserved_tags_are_refused_by_name(void **state maybe_unused)
{
    static const struct {
        const char *key, *value;
        bool allowed;
    } rows[] = {
        {"Team", "x", true},
        {"ManagedBy", "database-user-operator", true},
        {"ManagedBy", "somebody", false},
        {"database.opzkit.io/owner-name", "app", false},
        {"database.opzkit.io/anything", "", false},
        {"aws:createdBy", "x", false},
        {"AWS:createdBy", "x", false},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        auto_json json_t *tags = json_pack("{s:s}", rows[i].key, rows[i].value);
        struct error err;

        if (ownership_check_tags(tags, &err) != rows[i].allowed)
            fail_msg("row %zu: %s", i, rows[i].key);
        if (!rows[i].allowed)
            assert_non_null(strstr(err.message, rows[i].key));
    }
}

static void test_what_the_cluster_marked_before_its_rebuild_is_ours(void **state maybe_unused)
{
    static const struct {
        const char *former, *cluster;
        enum ownership ownership;
    } cases[] = {
        {"c-0", "c-0", OWNERSHIP_OURS},   {"b,c-0,d", "c-0", OWNERSHIP_OURS},
        {"b,c-0", "c-0", OWNERSHIP_OURS}, {"", "c-0", OWNERSHIP_OTHER},
        {NULL, "c-0", OWNERSHIP_OTHER},   {"c-00", "c-0", OWNERSHIP_OTHER},
        {"c-,0", "c-0", OWNERSHIP_OTHER}, {",,", "", OWNERSHIP_OTHER},
        {"c-0", "c-1", OWNERSHIP_OURS},
    };

    for (size_t i = 0; i < array_length(cases); i++) {
        struct owner rebuilt = {"c-1", "team", "app", "u-1", cases[i].former, NULL};
        auto_json json_t *tags = json_pack("{s:s,s:s,s:s}", TAG_CLUSTER, cases[i].cluster,
                                           TAG_OWNER_NAMESPACE, "team", TAG_OWNER_NAME, "app");

        if (ownership_of_tags(tags, &rebuilt) != cases[i].ownership)
            fail_msg("'%s' after '%s'", cases[i].cluster, cases[i].former);
    }
}

static void test_a_released_owner_gives_up_what_it_had(void **state maybe_unused)
{
    auto_json json_t *released = json_pack("[s]", "c-1 team/gone");
    struct owner heir = {"c-1", "team", "app", "u-1", NULL, released};
    auto_json json_t *gone = json_pack("{s:s,s:s,s:s}", TAG_CLUSTER, "c-1", TAG_OWNER_NAMESPACE,
                                       "team", TAG_OWNER_NAME, "gone");
    auto_json json_t *other = json_pack("{s:s,s:s,s:s}", TAG_CLUSTER, "c-1", TAG_OWNER_NAMESPACE,
                                        "other-team", TAG_OWNER_NAME, "gone");

    assert_int_equal(ownership_of_tags(gone, &heir), OWNERSHIP_RELEASED);
    assert_int_equal(ownership_of_tags(gone, &owner), OWNERSHIP_OTHER);
    assert_int_equal(ownership_of_tags(other, &heir), OWNERSHIP_OTHER);
    assert_string_equal(ownership_neighbour_of_tags(gone, &heir), "gone");
    assert_null(ownership_neighbour_of_tags(other, &heir));
}

static void test_a_secret_is_handed_over_to_exactly_one(void **state maybe_unused)
{
    auto_json json_t *ours = json_pack("{s:s}", TAG_TRANSFER_TO, "team/app");
    auto_json json_t *longer = json_pack("{s:s}", TAG_TRANSFER_TO, "team/app2");

    assert_true(ownership_is_transferred(ours, &owner));
    assert_false(ownership_is_transferred(longer, &owner));
    assert_false(ownership_is_transferred(NULL, &owner));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_the_cluster_marked_before_its_rebuild_is_ours),
        cmocka_unit_test(test_a_released_owner_gives_up_what_it_had),
        cmocka_unit_test(test_a_secret_is_handed_over_to_exactly_one),
        cmocka_unit_test(test_tags_tell_whose_a_secret_is),
        cmocka_unit_test(test_an_owner_without_known_cluster_owns_nothing),
        cmocka_unit_test(test_a_marker_of_an_earlier_uid_is_ours),
        cmocka_unit_test(test_a_marker_survives_being_stored_on_a_server),
        cmocka_unit_test(test_our_tags_win_over_the_spec),
        cmocka_unit_test(test_reserved_tags_are_refused_by_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
