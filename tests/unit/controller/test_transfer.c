/*
 * Handing over to another resource: the tag, and what the old one does once the heir has begun.
 */
#include "controller/failure.h"
#include "controller/secret_changes.h"
#include "controller/transfer.h"
#include "plan_fixture.h"
#include "support/test.h"

#include <string.h>

static void annotate(struct database *database, const char *target)
{
    database->object =
        json_pack("{s:{s:{s:s}}}", "metadata", "annotations", ANNOTATION_TRANSFER_TO, target);
}

static void tag(struct facts *facts, const char *target)
{
    document_set_string(facts->secret.description.tags, TAG_TRANSFER_TO, target);
}

CHANGE(asked)
{
    annotate(database, "heirs/new-app");
}

CHANGE(asked_for_a_neighbour)
{
    annotate(database, "team/other");
}

CHANGE(asked_and_tagged)
{
    asked(input, facts, database, status);
    tag(facts, "heirs/new-app");
}

CHANGE(asked_for_another_and_tagged)
{
    annotate(database, "heirs/newer-app");
    tag(facts, "heirs/new-app");
}

CHANGE(taken_back)
{
    tag(facts, "heirs/new-app");
    database_status_set(&status->transfer_to, "heirs/new-app");
}

CHANGE(tagged_by_hand)
{
    tag(facts, "heirs/new-app");
}

static const struct plan_row rows[] = {
    {"asked for", {OURS, OURS, OURS, PROOF_PASSED, asked}, "t", NULL, NULL},
    {"asked for, not proven", {OURS, OURS, OURS, PROOF_NEEDED, asked}, "Pt", NULL, NULL},
    {"asked for, refused", {OURS, OURS, OURS, PROOF_FAILED, asked}, "", "PasswordMismatch", NULL},
    {"tagged", {OURS, OURS, OURS, PROOF_PASSED, asked_and_tagged}, "", NULL, NULL},
    {"for another now",
     {OURS, OURS, OURS, PROOF_PASSED, asked_for_another_and_tagged},
     "t",
     NULL,
     NULL},
    {"taken back", {OURS, OURS, OURS, PROOF_PASSED, taken_back}, "u", NULL, NULL},
    {"a person's tag stays", {OURS, OURS, OURS, PROOF_PASSED, tagged_by_hand}, "", NULL, NULL},

    /* The fixture's OTHERS are team/other's. */
    {"taken over",
     {OTHERS, OTHERS, OTHERS, 0, asked_for_a_neighbour},
     "",
     "Transferred",
     "delete this resource; nothing is dropped"},
    {"being taken over, the server first",
     {OTHERS, OTHERS, OURS, 0, asked_for_a_neighbour},
     "",
     "Transferred",
     "team/other"},
    {"taken over, the user was dropped since",
     {OTHERS, ABSENT, OTHERS, 0, asked_for_a_neighbour},
     "",
     "Transferred",
     NULL},
    {"somebody else has it", {OTHERS, OTHERS, OTHERS, 0, asked}, "", "Conflict", "team/other"},
    {"another cluster has it",
     {FOREIGN_CLUSTERS, FOREIGN_CLUSTERS, FOREIGN_CLUSTERS, 0, asked_for_a_neighbour},
     "",
     "Conflict",
     NULL},
};

static void test_each_state_has_its_plan(void **state maybe_unused)
{
    for (size_t i = 0; i < array_length(rows); i++)
        plan_fixture_check_row(&rows[i]);
}

static void check_tag(void *context, const struct plan_input *input)
{
    auto_json json_t *set = NULL, *remove = NULL;

    secret_changes_of_tags(input, &set, &remove);
    assert_string_equal(document_string(set, TAG_TRANSFER_TO), context);
    assert_int_equal(json_array_size(remove), 0);
}

static void check_no_tag(void *context maybe_unused, const struct plan_input *input)
{
    auto_json json_t *set = NULL, *remove = NULL;

    secret_changes_of_tags(input, &set, &remove);
    assert_null(document_string(set, TAG_TRANSFER_TO));
    assert_true(document_array_has(remove, TAG_TRANSFER_TO));
}

static void test_the_tag_says_what_the_annotation_says(void **state maybe_unused)
{
    static const struct setup set = {OURS, OURS, OURS, PROOF_PASSED, asked_for_another_and_tagged};
    static const struct setup back = {OURS, OURS, OURS, PROOF_PASSED, taken_back};
    char wanted[] = "heirs/newer-app";

    plan_fixture_run(&set, check_tag, wanted);
    plan_fixture_run(&back, check_no_tag, NULL);
}

static void test_an_annotation_that_names_nobody_is_refused(void **state maybe_unused)
{
    static const struct {
        const char *target;
        bool accepted;
    } cases[] = {
        {"heirs/new-app", true}, {"team/other.app", true}, {"team/app", false},    {"", false},
        {"heirs", false},        {"heirs/", false},        {"/app", false},        {"a/b/c", false},
        {"Heirs/app", false},    {"heirs/a p", false},     {"heirs/app\n", false},
    };

    for (size_t i = 0; i < array_length(cases); i++) {
        auto_database struct database database = {0};
        struct failure refusal = {0};

        plan_fixture_make_database(&database);
        annotate(&database, cases[i].target);
        if (transfer_check_target(&database, &refusal) != cases[i].accepted)
            fail_msg("'%s': %s", cases[i].target, refusal.error.message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_state_has_its_plan),
        cmocka_unit_test(test_the_tag_says_what_the_annotation_says),
        cmocka_unit_test(test_an_annotation_that_names_nobody_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
