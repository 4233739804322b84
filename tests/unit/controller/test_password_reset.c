/*
 * The one-shot reset of a password: for whom, and how it goes on after an interruption.
 */
#include "controller/password_reset.h"
#include "plan_fixture.h"
#include "support/test.h"

#include <string.h>

#define TOKEN "00000000-0000-8000-8000-000000000000"

CHANGE(asked)
{
    input->reset_token = TOKEN;
}

CHANGE(asked_and_stored)
{
    asked(input, facts, database, status);
    plan_fixture_replace(&facts->secret.description.current_version, TOKEN);
}

CHANGE(asked_and_stored_and_rewritten)
{
    asked(input, facts, database, status);
    plan_fixture_replace(&facts->secret.description.previous_version, TOKEN);
}

CHANGE(asked_and_stored_and_spoilt)
{
    asked_and_stored_and_rewritten(input, facts, database, status);
    facts->secret.is_readable = false;
    error_set(&facts->secret.unreadable, ERROR_INVALID, NULL, "it is no JSON");
}

CHANGE(asked_once_more_after_another_request)
{
    char token[RANDOM_UUID_SIZE];

    asked(input, facts, database, status);
    plan_fixture_replace(&status->last_password_reset, "2");
    password_reset_make_token(database->uid, "2", token);
    plan_fixture_replace(&facts->secret.description.current_version, token);
    plan_fixture_replace(&facts->secret.description.previous_version, TOKEN);
}

CHANGE(asked_and_the_secret_is_spoilt)
{
    asked(input, facts, database, status);
    facts->secret.is_readable = false;
    error_set(&facts->secret.unreadable, ERROR_INVALID, NULL, "it is no JSON");
}

CHANGE(asked_and_this_pass_made_the_user)
{
    asked(input, facts, database, status);
    input->made_user = true;
}

CHANGE(asked_and_the_secret_moves)
{
    asked(input, facts, database, status);
    input->former_id = "arn:0";
    facts->former.state = SECRET_PRESENT;
    facts->former.is_readable = true;
    facts->former.description.tags = plan_fixture_make_tags(OURS);
    secret_set_text(&facts->former.credentials.password, "p");
}

CHANGE(done_and_the_secret_moves)
{
    asked_and_the_secret_moves(input, facts, database, status);
    plan_fixture_replace(&facts->secret.description.current_version, TOKEN);
    secret_set_text(&facts->former.credentials.password, "former");
    input->reset_done = true;
}

/* The pass that gave the user its password failed afterwards; the next one has nothing to reset. */
CHANGE(handled_and_the_secret_still_moves)
{
    char token[RANDOM_UUID_SIZE];

    done_and_the_secret_moves(input, facts, database, status);
    input->reset_token = NULL;
    input->reset_done = false;
    plan_fixture_replace(&status->last_password_reset, "1");
    password_reset_make_token(database->uid, "1", token);
    plan_fixture_replace(&facts->secret.description.current_version, token);
}

CHANGE(another_was_handled_and_the_secret_still_moves)
{
    handled_and_the_secret_still_moves(input, facts, database, status);
    plan_fixture_replace(&status->last_password_reset, "2");
}

CHANGE(asked_and_the_former_secret_is_scheduled)
{
    asked_and_the_secret_moves(input, facts, database, status);
    facts->former.state = SECRET_SCHEDULED_FOR_DELETION;
}

CHANGE(asked_and_the_former_secret_is_spoilt)
{
    asked_and_the_secret_moves(input, facts, database, status);
    facts->former.is_readable = false;
}

CHANGE(asked_and_the_secret_is_scheduled)
{
    asked(input, facts, database, status);
    facts->secret.state = SECRET_SCHEDULED_FOR_DELETION;
}

CHANGE(asked_and_not_administered)
{
    asked(input, facts, database, status);
    facts->engine.user.is_administered = false;
}

CHANGE(asked_where_users_are_not_marked)
{
    asked(input, facts, database, status);
    facts->engine.marks_users = false;
    facts->engine.user.password = ENGINE_PASSWORD_DIFFERS;
}

CHANGE(asked_where_the_secret_opens_it)
{
    asked_where_users_are_not_marked(input, facts, database, status);
    facts->engine.user.password = ENGINE_PASSWORD_MATCHES;
}

CHANGE(asked_where_the_secret_says_who_made_it)
{
    asked_where_the_secret_opens_it(input, facts, database, status);
    document_set_string(facts->secret.description.tags, TAG_CREATED, TAG_CREATED_USER);
}

CHANGE(stored_where_the_user_has_the_former_password)
{
    asked_where_the_secret_says_who_made_it(input, facts, database, status);
    plan_fixture_replace(&facts->secret.description.current_version, TOKEN);
    facts->engine.user.password = ENGINE_PASSWORD_DIFFERS;
    facts->user_has_former_password = true;
}

CHANGE(stored_where_the_user_has_a_third_password)
{
    stored_where_the_user_has_the_former_password(input, facts, database, status);
    facts->user_has_former_password = false;
}

static const struct plan_row rows[] = {
    {"asked for", {OURS, OURS, OURS, PROOF_PASSED, asked}, "r", NULL, NULL},
    {"the password is refused", {OURS, OURS, OURS, PROOF_FAILED, asked}, "r", NULL, NULL},
    {"the secret is gone", {OURS, OURS, ABSENT, PROOF_NEEDED, asked}, "r", NULL, NULL},
    {"secret and database are gone", {ABSENT, OURS, ABSENT, PROOF_NEEDED, asked}, "r", NULL, NULL},
    {"the secret cannot be read",
     {OURS, OURS, OURS, PROOF_NEEDED, asked_and_the_secret_is_spoilt},
     "r",
     NULL,
     NULL},
    {"an adopted database", {UNMARKED, OURS, OURS, PROOF_PASSED, asked}, "r", NULL, NULL},
    {"a secret that was moved and whose password is refused",
     {OURS, OURS, OURS, PROOF_FAILED, asked_and_the_secret_moves},
     "r",
     NULL,
     NULL},
    {"a secret that was moved, done in this pass",
     {OURS, OURS, OURS, PROOF_NEEDED, done_and_the_secret_moves},
     "P",
     NULL,
     NULL},
    {"a secret that was moved, done in a pass before",
     {OURS, OURS, OURS, PROOF_NEEDED, handled_and_the_secret_still_moves},
     "P",
     NULL,
     NULL},
    {"a secret that was moved, and holds the password of no reset",
     {OURS, OURS, OURS, PROOF_NEEDED, another_was_handled_and_the_secret_still_moves},
     "",
     "Conflict",
     "another password"},
    {"nothing at the new place, and the former secret is scheduled for deletion",
     {OURS, OURS, ABSENT, PROOF_NEEDED, asked_and_the_former_secret_is_scheduled},
     "r",
     NULL,
     NULL},
    {"nothing at the new place, and the former secret cannot be read",
     {OURS, OURS, ABSENT, PROOF_NEEDED, asked_and_the_former_secret_is_spoilt},
     "r",
     NULL,
     NULL},
    {"stored, killed", {OURS, OURS, OURS, PROOF_NEEDED, asked_and_stored}, "p", NULL, NULL},
    {"stored, rewritten, killed",
     {OURS, OURS, OURS, PROOF_PASSED, asked_and_stored_and_rewritten},
     "p",
     NULL,
     NULL},
    {"used before another request, which is stored",
     {OURS, OURS, OURS, PROOF_PASSED, asked_once_more_after_another_request},
     "r",
     NULL,
     NULL},
    {"stored, spoilt by somebody",
     {OURS, OURS, OURS, PROOF_NEEDED, asked_and_stored_and_spoilt},
     "r",
     NULL,
     NULL},

    /* Nothing to reset, or not yet. */
    {"no user", {ABSENT, ABSENT, ABSENT, 0, asked}, "SUD", NULL, NULL},
    {"a user of this pass",
     {OURS, OURS, OURS, PROOF_PASSED, asked_and_this_pass_made_the_user},
     "",
     NULL,
     NULL},
    {"a secret that is to be copied first",
     {OURS, OURS, ABSENT, PROOF_NEEDED, asked_and_the_secret_moves},
     "C",
     NULL,
     NULL},
    {"a secret that is scheduled for deletion",
     {OURS, OURS, OURS, 0, asked_and_the_secret_is_scheduled},
     "R",
     NULL,
     NULL},

    /* For whom it is not. */
    {"a user made by hand",
     {OURS, UNMARKED, OURS, PROOF_PASSED, asked},
     "",
     "ResetRefused",
     "nothing proves"},
    {"another's user", {OURS, OTHERS, OURS, PROOF_PASSED, asked}, "", "Conflict", "team/other"},
    {"the user of one that is gone",
     {OURS, RELEASED, OURS, PROOF_PASSED, asked},
     "",
     "ResetRefused",
     NULL},
    {"the predecessor's", {OURS, PREDECESSORS, OURS, 0, asked}, "", "ResetRefused", NULL},
    {"a secret made by hand",
     {OURS, OURS, UNMARKED, PROOF_FAILED, asked},
     "",
     "ResetRefused",
     "not tagged"},
    {"another's secret", {OURS, OURS, OTHERS, 0, asked}, "", "Conflict", "team/other"},
    {"the admin may not act for it",
     {OURS, OURS, OURS, PROOF_PASSED, asked_and_not_administered},
     "",
     "InsufficientRights",
     "ADMIN OPTION"},

    /* Engines that cannot mark users. */
    {"unmarked, another password",
     {OURS, UNMARKED, OURS, 0, asked_where_users_are_not_marked},
     "",
     "ResetRefused",
     "nothing proves"},
    {"unmarked, no secret",
     {OURS, UNMARKED, ABSENT, 0, asked_where_users_are_not_marked},
     "",
     "ResetRefused",
     "nothing proves"},
    {"unmarked, the stored password",
     {OURS, UNMARKED, OURS, PROOF_PASSED, asked_where_the_secret_opens_it},
     "",
     "ResetRefused",
     NULL},
    {"unmarked, the stored password, made by us",
     {OURS, UNMARKED, OURS, PROOF_PASSED, asked_where_the_secret_says_who_made_it},
     "r",
     NULL,
     NULL},
    {"unmarked, stored, the former password",
     {OURS, UNMARKED, OURS, 0, stored_where_the_user_has_the_former_password},
     "p",
     NULL,
     NULL},
    {"unmarked, stored, a third password",
     {OURS, UNMARKED, OURS, 0, stored_where_the_user_has_a_third_password},
     "",
     "ResetRefused",
     NULL},

    /* The way out is named where there is one. */
    {"refused, of ours",
     {OURS, OURS, OURS, PROOF_FAILED, NULL},
     "",
     "PasswordMismatch",
     ANNOTATION_RESET_PASSWORD},
    {"lost, of ours",
     {OURS, OURS, ABSENT, 0, NULL},
     "",
     "CannotRecoverPassword",
     ANNOTATION_RESET_PASSWORD},
};

static void test_each_state_has_its_plan(void **state maybe_unused)
{
    for (size_t i = 0; i < array_length(rows); i++)
        plan_fixture_check_row(&rows[i]);
}

static void check_way_out(void *context maybe_unused, const struct plan_input *input)
{
    struct plan plan;

    plan_make(input, &plan);
    assert_non_null(plan.refusal.reason);
    assert_null(strstr(plan.refusal.error.message, ANNOTATION_RESET_PASSWORD));
}

static void test_a_way_that_does_not_lead_out_is_not_named(void **state maybe_unused)
{
    static const struct setup setups[] = {
        {OURS, UNMARKED, OURS, PROOF_FAILED, NULL},
        {OURS, UNMARKED, ABSENT, PROOF_NEEDED, NULL},
        {UNMARKED, UNMARKED, ABSENT, PROOF_NEEDED, NULL},
    };

    for (size_t i = 0; i < array_length(setups); i++)
        plan_fixture_run(&setups[i], check_way_out, NULL);
}

static void test_a_value_has_one_version_for_each_resource(void **state maybe_unused)
{
    char first[RANDOM_UUID_SIZE], again[RANDOM_UUID_SIZE], other[RANDOM_UUID_SIZE];

    password_reset_make_token("u-1", "1", first);
    password_reset_make_token("u-1", "1", again);
    assert_string_equal(first, again);
    assert_int_equal(strlen(first), 36);
    assert_int_equal(first[14], '8');
    assert_non_null(strchr("89ab", first[19]));
    password_reset_make_token("u-1", "2", other);
    assert_string_not_equal(first, other);
    password_reset_make_token("u-2", "1", other);
    assert_string_not_equal(first, other);
}

static void test_a_value_that_was_acted_on_is_no_request(void **state maybe_unused)
{
    struct database database = {.object = json_pack("{s:{s:{s:s}}}", "metadata", "annotations",
                                                    ANNOTATION_RESET_PASSWORD, "1")};
    struct database without = {.object = json_object()};
    struct database_status status = {0};

    assert_string_equal(password_reset_request(&database, &status), "1");
    assert_null(password_reset_request(&without, &status));
    database_status_set(&status.last_password_reset, "0");
    assert_string_equal(password_reset_request(&database, &status), "1");
    database_status_set(&status.last_password_reset, "1");
    assert_null(password_reset_request(&database, &status));
    database_status_release(&status);
    database_release(&database);
    database_release(&without);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_state_has_its_plan),
        cmocka_unit_test(test_a_way_that_does_not_lead_out_is_not_named),
        cmocka_unit_test(test_a_value_has_one_version_for_each_resource),
        cmocka_unit_test(test_a_value_that_was_acted_on_is_no_request),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
