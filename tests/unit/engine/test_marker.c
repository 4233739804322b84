#include "base/memory.h"
#include "base/strbuf.h"
#include "engine/marker.h"
#include "support/test.h"

#include <string.h>

#define auto_marker run_at_scope_end(engine_marker_release)

/* The struct owns its strings; those of the examples are never released. */
static char *borrow(const char *text)
{
    return (char *)(uintptr_t)text;
}

static struct engine_marker example(void)
{
    return (struct engine_marker){
        .kind = ENGINE_MARKER_OURS,
        .cluster = borrow("c1"),
        .namespace_name = borrow("team-a"),
        .name = borrow("orders"),
        .uid = borrow("0b9c"),
        .database = borrow("16385"),
    };
}

static void check_marker(const char *name, const struct engine_marker *marker,
                         const struct engine_marker *expected)
{
    if (marker->kind != expected->kind)
        fail_msg("%s: kind %d", name, (int)marker->kind);
    if (strcmp(marker->cluster, expected->cluster) != 0 ||
        strcmp(marker->namespace_name, expected->namespace_name) != 0 ||
        strcmp(marker->name, expected->name) != 0 || strcmp(marker->uid, expected->uid) != 0 ||
        strcmp(marker->database, expected->database) != 0)
        fail_msg("%s: got %s, %s, %s, %s, %s", name, marker->cluster, marker->namespace_name,
                 marker->name, marker->uid, marker->database);
}

static void test_marker_is_one_json_object_that_people_can_read(void **state maybe_unused)
{
    struct engine_marker marker = example();
    auto_free char *text = engine_marker_render(&marker);

    assert_string_equal(text, "{\"managed-by\":\"database-user-operator\",\"cluster\":\"c1\","
                              "\"namespace\":\"team-a\",\"name\":\"orders\",\"uid\":\"0b9c\","
                              "\"database\":\"16385\"}");
}

static void test_what_is_not_known_is_left_out_and_read_as_empty(void **state maybe_unused)
{
    struct engine_marker marker = example(), expected = example();
    auto_marker struct engine_marker parsed = {0};
    auto_free char *text = NULL;

    marker.database = NULL;
    expected.database = borrow("");
    text = engine_marker_render(&marker);
    engine_marker_parse(text, &parsed);

    assert_null(strstr(text, "database\":"));
    check_marker("without database", &parsed, &expected);
}

static void test_markers_survive_rendering_and_parsing(void **state maybe_unused)
{
    static const char *const names[] = {
        "orders",
        "",
        "it's \"quoted\"",
        "back\\slash",
        "{\"managed-by\":\"x\"}",
        "\xc3\xa9\xe2\x82\xac",
        "a\nb\tc",
        "$1; DROP DATABASE x; --",
    };

    for (size_t i = 0; i < array_length(names); i++) {
        struct engine_marker marker = example();
        auto_marker struct engine_marker parsed = {0};
        auto_free char *text = NULL;

        marker.name = borrow(names[i]);
        text = engine_marker_render(&marker);
        engine_marker_parse(text, &parsed);

        check_marker(names[i], &parsed, &marker);
    }
}

static void test_that_somebody_else_had_made_it_is_kept(void **state maybe_unused)
{
    struct engine_marker marker = example();
    auto_marker struct engine_marker parsed = {0}, copied = {0};
    auto_free char *text = NULL;

    marker.taken_over = true;
    text = engine_marker_render(&marker);
    engine_marker_parse(text, &parsed);
    engine_marker_copy(&copied, &parsed);

    assert_true(parsed.taken_over);
    assert_true(copied.taken_over);
}

static void test_comment_of_the_predecessor_is_recognised_in_full_only(void **state maybe_unused)
{
    static const struct {
        const char *text;
        enum engine_marker_kind kind;
    } cases[] = {
        {"Managed by database-user-operator", ENGINE_MARKER_PREDECESSOR},
        {"Managed by database-user-operator ", ENGINE_MARKER_NONE},
        {" Managed by database-user-operator", ENGINE_MARKER_NONE},
        {"Managed by database-user-operator, once", ENGINE_MARKER_NONE},
        {"managed by database-user-operator", ENGINE_MARKER_NONE},
        {"Managed by database-user-operato", ENGINE_MARKER_NONE},
    };

    for (size_t i = 0; i < array_length(cases); i++) {
        auto_marker struct engine_marker marker = {0};

        engine_marker_parse(cases[i].text, &marker);

        if (marker.kind != cases[i].kind || marker.cluster != NULL)
            fail_msg("'%s': kind %d", cases[i].text, (int)marker.kind);
    }
}

static void test_texts_of_others_are_no_marker(void **state maybe_unused)
{
    static const char *const texts[] = {
        NULL,
        "",
        " ",
        "orders of the shop",
        "{",
        "{}",
        "[]",
        "[\"managed-by\", \"database-user-operator\"]",
        "[{\"managed-by\":\"database-user-operator\"}]",
        "\"database-user-operator\"",
        "null",
        "{\"managed-by\":\"another-operator\",\"uid\":\"0b9c\"}",
        "{\"managed-by\":\"database-user-operator2\"}",
        "{\"managed-by\":\"Database-User-Operator\"}",
        "{\"managed-by\":[\"database-user-operator\"]}",
        "{\"managed-by\":null}",
        "{\"managed-by\":1}",
        "{\"Managed-By\":\"database-user-operator\"}",
        "{\"x\":{\"managed-by\":\"database-user-operator\"}}",
        /* repeated keys could be read in two ways */
        "{\"managed-by\":\"x\",\"managed-by\":\"database-user-operator\"}",
        "{\"managed-by\":\"database-user-operator\",\"uid\":\"a\",\"uid\":\"b\"}",
        "{\"managed-by\":\"database-user-operator\"} {}",
        "{\"managed-by\":\"database-user-operator\"",
        "{\"managed-by\":\"database-user-operator\\u0000\"}",
        "{\"managed-by\":\"database-user-operator\",\"uid\":\"a\\u0000b\"}",
        "{\"managed-by\":\"database-user-operator\",\"uid\":\"\xff\"}",
        "{\"managed-by\":\"database-user-operator\",\"uid\":\"\\ud800\"}",
        "{'managed-by':'database-user-operator'}",
    };

    for (size_t i = 0; i < array_length(texts); i++) {
        auto_marker struct engine_marker marker = {0};

        engine_marker_parse(texts[i], &marker);

        if (marker.kind != ENGINE_MARKER_NONE || marker.uid != NULL)
            fail_msg("'%s': kind %d", texts[i] != NULL ? texts[i] : "NULL", (int)marker.kind);
    }
}

static void test_members_of_another_kind_are_read_as_empty(void **state maybe_unused)
{
    auto_marker struct engine_marker marker = {0};
    struct engine_marker expected = {
        .kind = ENGINE_MARKER_OURS,
        .cluster = borrow(""),
        .namespace_name = borrow(""),
        .name = borrow(""),
        .uid = borrow(""),
        .database = borrow(""),
    };

    engine_marker_parse(
        " {\"managed-by\": \"database-user-operator\", \"cluster\": 1, \"namespace\":"
        " null, \"name\": [\"orders\"], \"uid\": {\"a\": 1}, \"foreign\": true}\n",
        &marker);

    check_marker("other kinds", &marker, &expected);
}

static char *repeat(const char *text, size_t count)
{
    auto_strbuf struct strbuf repeated = {0};

    for (size_t i = 0; i < count; i++)
        strbuf_append_text(&repeated, text);
    return strbuf_detach(&repeated);
}

static void test_deep_and_long_texts_are_survived(void **state maybe_unused)
{
    auto_free char *brackets = repeat("[", 100000);
    auto_free char *objects = repeat("{\"a\":", 100000);
    auto_free char *name = repeat("n", 1000000);
    auto_free char *long_text =
        mem_printf("{\"managed-by\":\"database-user-operator\",\"name\":\"%s\"}", name);
    auto_marker struct engine_marker deep = {0}, deeper = {0}, marker = {0};

    engine_marker_parse(brackets, &deep);
    engine_marker_parse(objects, &deeper);
    engine_marker_parse(long_text, &marker);

    assert_int_equal(deep.kind, ENGINE_MARKER_NONE);
    assert_int_equal(deeper.kind, ENGINE_MARKER_NONE);
    assert_int_equal(marker.kind, ENGINE_MARKER_OURS);
    assert_string_equal(marker.name, name);
}

static void test_owner_is_the_same_when_all_four_parts_are(void **state maybe_unused)
{
    static const struct {
        const char *name;
        size_t member; /* the part that is changed */
        const char *value;
        bool is_same;
    } cases[] = {
        {"database", offsetof(struct engine_marker, database), "1", true},
        {"no database", offsetof(struct engine_marker, database), NULL, true},
        {"cluster", offsetof(struct engine_marker, cluster), "c2", false},
        {"namespace", offsetof(struct engine_marker, namespace_name), "team-b", false},
        {"name", offsetof(struct engine_marker, name), "order", false},
        {"uid", offsetof(struct engine_marker, uid), "0b9d", false},
        {"longer uid", offsetof(struct engine_marker, uid), "0b9c0", false},
        {"empty uid", offsetof(struct engine_marker, uid), "", false},
        {"no uid", offsetof(struct engine_marker, uid), NULL, false},
    };

    for (size_t i = 0; i < array_length(cases); i++) {
        struct engine_marker a = example(), b = example();

        *(char **)((char *)&b + cases[i].member) = borrow(cases[i].value);

        if (engine_marker_same_owner(&a, &b) != cases[i].is_same ||
            engine_marker_same_owner(&b, &a) != cases[i].is_same)
            fail_msg("%s: wrong", cases[i].name);
    }
}

static void test_nobody_owns_what_is_not_ours_or_names_no_owner(void **state maybe_unused)
{
    struct engine_marker none = example(), predecessor = example();
    auto_marker struct engine_marker empty = {0};

    none.kind = ENGINE_MARKER_NONE;
    predecessor.kind = ENGINE_MARKER_PREDECESSOR;
    engine_marker_parse("{\"managed-by\":\"database-user-operator\"}", &empty);

    assert_false(engine_marker_same_owner(&none, &none));
    assert_false(engine_marker_same_owner(&predecessor, &predecessor));
    assert_int_equal(empty.kind, ENGINE_MARKER_OURS);
    assert_false(engine_marker_same_owner(&empty, &empty));
}

static void test_copy_replaces_and_stands_alone(void **state maybe_unused)
{
    struct engine_marker from = example();
    auto_marker struct engine_marker copy = {.kind = ENGINE_MARKER_NONE, .uid = mem_strdup("old")};

    from.database = NULL;
    engine_marker_copy(&copy, &from);

    assert_true(engine_marker_same_owner(&copy, &from));
    assert_ptr_not_equal(copy.uid, from.uid);
    assert_null(copy.database);
}

static void test_copy_of_itself_keeps_it(void **state maybe_unused)
{
    struct engine_marker from = example();
    auto_marker struct engine_marker copy = {0};

    engine_marker_copy(&copy, &from);
    engine_marker_copy(&copy, &copy);

    check_marker("itself", &copy, &from);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_marker_is_one_json_object_that_people_can_read),
        cmocka_unit_test(test_what_is_not_known_is_left_out_and_read_as_empty),
        cmocka_unit_test(test_markers_survive_rendering_and_parsing),
        cmocka_unit_test(test_that_somebody_else_had_made_it_is_kept),
        cmocka_unit_test(test_comment_of_the_predecessor_is_recognised_in_full_only),
        cmocka_unit_test(test_texts_of_others_are_no_marker),
        cmocka_unit_test(test_members_of_another_kind_are_read_as_empty),
        cmocka_unit_test(test_deep_and_long_texts_are_survived),
        cmocka_unit_test(test_owner_is_the_same_when_all_four_parts_are),
        cmocka_unit_test(test_nobody_owns_what_is_not_ours_or_names_no_owner),
        cmocka_unit_test(test_copy_replaces_and_stands_alone),
        cmocka_unit_test(test_copy_of_itself_keeps_it),
    };

    return cmocka_run_group_tests_name("engine/marker", tests, NULL, NULL);
}
