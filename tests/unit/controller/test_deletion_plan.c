/*
 * What a deletion takes away in each situation, and what it leaves alone.
 */
#include "controller/deletion_plan.h"
#include "plan_fixture.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

struct row {
    const char *name;
    struct setup setup;
    const char *steps;  /* letters of step_letters, "" = nothing of ours is left */
    const char *reason; /* NULL = not refused */
    const char *rest;   /* part of what is said to stay; NULL = not looked at */
};

static const char step_letters[PLAN_STEP_COUNT] = {
    [PLAN_NOTE_DELETION] = 'n', [PLAN_LOCK_USER] = 'l',      [PLAN_DROP_DATABASE] = 'D',
    [PLAN_DROP_USER] = 'U',     [PLAN_DELETE_SECRET] = 'S',  [PLAN_DELETE_FORMER] = 'F',
    [PLAN_END_SESSIONS] = 'e',  [PLAN_RESTORE_SECRET] = 'R', [PLAN_UNLOCK_USER] = 'u',
    [PLAN_UNTAG_SECRET] = 't',  [PLAN_REVOKE] = 'r',
};

CHANGE(server_unknown)
{
    facts->server_known = false;
    failure_set(&facts->server_failure, ERROR_UNAVAILABLE, "ServerUnreachable", "no answer");
}

CHANGE(secret_unknown)
{
    facts->secret_known = false;
    failure_set(&facts->secret_failure, ERROR_DENIED, "SecretsManagerAccessDenied", "not allowed");
}

CHANGE(server_read_only)
{
    facts->engine.read_only = true;
}

CHANGE(other_server_remembered)
{
    plan_fixture_replace(&status->server_identity, "server-0");
}

CHANGE(deletion_noted)
{
    json_object_set_new(facts->secret.description.tags, TAG_DELETING, json_string("u-1"));
}

CHANGE(deletion_noted_and_user_locked)
{
    deletion_noted(input, facts, database, status);
    facts->engine.user.can_log_in = false;
}

CHANGE(deletion_noted_and_server_unknown)
{
    deletion_noted(input, facts, database, status);
    server_unknown(input, facts, database, status);
}

CHANGE(secret_scheduled)
{
    facts->secret.state = SECRET_SCHEDULED_FOR_DELETION;
}

CHANGE(user_is_superuser)
{
    plan_fixture_replace(&facts->engine.user.privileged_as, "SUPERUSER");
}

CHANGE(user_is_admin)
{
    facts->engine.user.is_admin_itself = true;
}

CHANGE(database_is_reserved)
{
    facts->engine.database.is_reserved = true;
}

CHANGE(drop_confirmed)
{
    database->object =
        json_pack("{s:{s:{s:s}}}", "metadata", "annotations", ANNOTATION_CONFIRM_DROP, "app");
}

CHANGE(drop_of_another_name_confirmed)
{
    database->object =
        json_pack("{s:{s:{s:s}}}", "metadata", "annotations", ANNOTATION_CONFIRM_DROP, "app2");
}

CHANGE(database_is_reserved_and_drop_confirmed)
{
    database_is_reserved(input, facts, database, status);
    drop_confirmed(input, facts, database, status);
}

CHANGE(moving)
{
    input->former_id = "arn:0";
    facts->former.state = SECRET_PRESENT;
    facts->former.description.tags = plan_fixture_make_tags(OURS);
}

CHANGE(moving_from_a_foreign_secret)
{
    input->former_id = "arn:0";
    facts->former.state = SECRET_PRESENT;
    facts->former.description.tags = plan_fixture_make_tags(UNMARKED);
}

CHANGE(engine_marks_no_users_and_password_matches)
{
    facts->engine.marks_users = false;
    facts->engine.user.password = ENGINE_PASSWORD_MATCHES;
    plan_fixture_replace(&facts->engine.database.owner, "");
}

CHANGE(engine_marks_no_users_and_the_secret_says_who_made_this_one)
{
    engine_marks_no_users_and_password_matches(input, facts, database, status);
    document_set_string(facts->secret.description.tags, TAG_CREATED, TAG_CREATED_USER);
}

CHANGE(engine_marks_no_users_and_a_person_confirmed)
{
    engine_marks_no_users_and_password_matches(input, facts, database, status);
    drop_confirmed(input, facts, database, status);
}

CHANGE(adopts)
{
    database->spec.adopt_existing_database = true;
}

CHANGE(others_live_here)
{
    facts->engine.database.residents = mem_strdup("user 'reports' of Database team/reports");
}

CHANGE(others_live_here_and_we_adopt)
{
    others_live_here(input, facts, database, status);
    adopts(input, facts, database, status);
}

CHANGE(engine_marks_no_users_and_password_differs)
{
    facts->engine.marks_users = false;
    facts->engine.user.password = ENGINE_PASSWORD_DIFFERS;
}

CHANGE(engine_marks_no_users_and_secret_scheduled)
{
    facts->engine.marks_users = false;
    secret_scheduled(input, facts, database, status);
}

CHANGE(engine_marks_no_users_and_secret_scheduled_by_us)
{
    engine_marks_no_users_and_secret_scheduled(input, facts, database, status);
    deletion_noted(input, facts, database, status);
}

CHANGE(never_ready)
{
    plan_fixture_replace(&status->server_identity, NULL);
}

CHANGE(never_ready_and_secret_of_another_server)
{
    never_ready(input, facts, database, status);
    plan_fixture_replace(&facts->secret.credentials.host, "elsewhere.example.com");
}

CHANGE(no_identity_and_secret_of_another_server)
{
    never_ready_and_secret_of_another_server(input, facts, database, status);
    plan_fixture_replace(&status->server_identity, "");
    plan_fixture_replace(&facts->engine.server_identity, "");
}

static const struct row rows[] = {
    {"everything of ours", {OURS, OURS, OURS, 0, NULL}, "nleDU", NULL, NULL},
    {"the deletion is noted", {OURS, OURS, OURS, 0, deletion_noted}, "leDU", NULL, NULL},
    {"the user is locked out",
     {OURS, OURS, OURS, 0, deletion_noted_and_user_locked},
     "eDU",
     NULL,
     NULL},
    {"the database is gone",
     {ABSENT, OURS, OURS, 0, deletion_noted_and_user_locked},
     "eU",
     NULL,
     NULL},
    {"database and user are gone", {ABSENT, ABSENT, OURS, 0, deletion_noted}, "S", NULL, NULL},
    {"everything is gone", {ABSENT, ABSENT, ABSENT, 0, NULL}, "", NULL, NULL},
    {"the secret is scheduled already",
     {ABSENT, ABSENT, OURS, 0, secret_scheduled},
     "",
     NULL,
     NULL},
    {"the secret is lost", {OURS, OURS, ABSENT, 0, NULL}, "leDU", NULL, NULL},
    {"only the user is gone", {OURS, ABSENT, OURS, 0, deletion_noted}, "D", NULL, NULL},
    {"an earlier uid", {OLDER_UID, OLDER_UID, OURS, 0, NULL}, "nleDU", NULL, NULL},
    {"the former cluster's",
     {FORMER_CLUSTERS, FORMER_CLUSTERS, OURS, 0, NULL},
     "nleDU",
     NULL,
     NULL},

    /* Not ours: left alone, and the secret with what it opens. */
    {"nothing is marked",
     {UNMARKED, UNMARKED, UNMARKED, 0, NULL},
     "",
     NULL,
     "database 'app', user 'app', secret"},
    {"another's", {OTHERS, OTHERS, OTHERS, 0, NULL}, "", NULL, "database 'app'"},
    {"another cluster's",
     {FOREIGN_CLUSTERS, FOREIGN_CLUSTERS, FOREIGN_CLUSTERS, 0, NULL},
     "",
     NULL,
     NULL},
    {"left by another", {RELEASED, RELEASED, RELEASED, 0, NULL}, "", NULL, "user 'app'"},
    {"our secret opens another's user", {OTHERS, OTHERS, OURS, 0, NULL}, "", NULL, "secret"},
    {"our secret opens an unmarked user",
     {OURS, UNMARKED, OURS, 0, deletion_noted},
     "D",
     NULL,
     NULL},
    {"our secret opens an unmarked user, database gone",
     {ABSENT, UNMARKED, OURS, 0, NULL},
     "",
     NULL,
     "user 'app'"},
    {"our user, another's database", {OTHERS, OURS, OURS, 0, deletion_noted}, "lerU", NULL, NULL},
    {"our user, an unmarked database",
     {UNMARKED, OURS, OURS, 0, deletion_noted},
     "lerU",
     NULL,
     NULL},
    {"another's secret", {OURS, OURS, OTHERS, 0, NULL}, "leDU", NULL, NULL},
    {"an unmarked secret alone", {ABSENT, ABSENT, UNMARKED, 0, NULL}, "", NULL, "secret"},
    {"a user with rights beyond", {OURS, OURS, OURS, 0, user_is_superuser}, "nD", NULL, NULL},
    {"the admin itself", {ABSENT, OURS, OURS, 0, user_is_admin}, "", NULL, NULL},
    {"a database that was made a template",
     {OURS, ABSENT, OURS, 0, database_is_reserved},
     "nD",
     NULL,
     NULL},
    {"a database of the server",
     {PREDECESSORS, ABSENT, OURS, 0, database_is_reserved_and_drop_confirmed},
     "S",
     NULL,
     "database 'app'"},

    /* The predecessor's. */
    {"the predecessor's comment on both",
     {PREDECESSORS, PREDECESSORS, OURS, 0, deletion_noted},
     "leDU",
     NULL,
     NULL},
    {"its comment on the database alone",
     {PREDECESSORS, UNMARKED, OURS, 0, NULL},
     "",
     NULL,
     "database 'app'"},
    {"its comment on the user alone",
     {UNMARKED, PREDECESSORS, OURS, 0, NULL},
     "",
     NULL,
     "user 'app'"},
    {"its comment on the database alone, confirmed",
     {PREDECESSORS, ABSENT, OURS, 0, drop_confirmed},
     "nD",
     NULL,
     NULL},
    {"another name confirmed",
     {PREDECESSORS, ABSENT, OURS, 0, drop_of_another_name_confirmed},
     "S",
     NULL,
     NULL},
    {"unmarked and confirmed", {UNMARKED, UNMARKED, OURS, 0, drop_confirmed}, "", NULL, NULL},

    /* Engines that cannot mark users. */
    {"our password",
     {OURS, UNMARKED, OURS, 0, engine_marks_no_users_and_password_matches},
     "nD",
     NULL,
     "user 'app'"},
    {"our password, and the secret says that we made the user",
     {OURS, UNMARKED, OURS, 0, engine_marks_no_users_and_the_secret_says_who_made_this_one},
     "nleDU",
     NULL,
     NULL},
    {"our password, and the secret says that we made the user, adopted",
     {UNMARKED, UNMARKED, OURS, 0, engine_marks_no_users_and_the_secret_says_who_made_this_one},
     "nleU",
     NULL,
     "database 'app'"},
    {"our password, confirmed",
     {OURS, UNMARKED, OURS, 0, engine_marks_no_users_and_a_person_confirmed},
     "nleDU",
     NULL,
     NULL},
    {"our password in a foreign secret",
     {OURS, UNMARKED, UNMARKED, 0, engine_marks_no_users_and_password_matches},
     "D",
     NULL,
     NULL},
    {"another password",
     {OURS, UNMARKED, OURS, 0, engine_marks_no_users_and_password_differs},
     "nD",
     NULL,
     NULL},

    {"the secret was scheduled by hand, the user is there",
     {OURS, UNMARKED, OURS, 0, engine_marks_no_users_and_secret_scheduled},
     "R",
     NULL,
     NULL},
    {"another's secret was scheduled",
     {OURS, UNMARKED, OTHERS, 0, engine_marks_no_users_and_secret_scheduled},
     "D",
     NULL,
     NULL},
    {"the secret was scheduled by us, somebody's user is there",
     {ABSENT, UNMARKED, OURS, 0, engine_marks_no_users_and_secret_scheduled_by_us},
     "",
     NULL,
     "user 'app'"},

    /* Adopted, shared. */
    {"adopted", {UNMARKED, OURS, OURS, 0, adopts}, "nlerU", NULL, "database 'app'"},
    {"shared", {OTHERS, OURS, OURS, 0, adopts}, "nlerU", NULL, "database 'app'"},
    {"adopted from an owner that is gone", {RELEASED, OURS, OURS, 0, adopts}, "nlerU", NULL, NULL},
    {"adopted, the predecessor's",
     {PREDECESSORS, PREDECESSORS, OURS, 0, adopts},
     "nlerU",
     NULL,
     "database 'app'"},
    {"made by us, whatever the field says", {OURS, OURS, OURS, 0, adopts}, "nleDU", NULL, NULL},
    {"others live in it",
     {OURS, OURS, OURS, 0, others_live_here},
     "",
     "DatabaseShared",
     "database 'app'"},
    {"others live in it, and it is not ours",
     {UNMARKED, OURS, OURS, 0, others_live_here_and_we_adopt},
     "nlerU",
     NULL,
     NULL},

    /* A secret on its way to another place. */
    {"moving", {ABSENT, ABSENT, OURS, 0, moving}, "FS", NULL, NULL},
    {"moving, the user is there", {ABSENT, OURS, OURS, 0, moving}, "nleU", NULL, NULL},
    {"moving from a foreign secret",
     {ABSENT, ABSENT, OURS, 0, moving_from_a_foreign_secret},
     "S",
     NULL,
     NULL},

    /* Unknown facts block. */
    {"server unknown", {ABSENT, ABSENT, OURS, 0, server_unknown}, "", "ServerUnreachable", NULL},
    {"secret unknown",
     {OURS, OURS, ABSENT, 0, secret_unknown},
     "",
     "SecretsManagerAccessDenied",
     NULL},
    {"read-only server", {OURS, OURS, OURS, 0, server_read_only}, "", "ServerReadOnly", NULL},
    {"another server, nothing there",
     {ABSENT, ABSENT, OURS, 0, other_server_remembered},
     "",
     "ServerChanged",
     NULL},
    {"never ready", {ABSENT, ABSENT, OURS, 0, never_ready}, "S", NULL, NULL},
    {"never ready, the secret names another server",
     {ABSENT, ABSENT, OURS, 0, never_ready_and_secret_of_another_server},
     "",
     "ServerChanged",
     NULL},
    {"never ready, the secret names another server, marks are here",
     {OURS, OURS, OURS, 0, never_ready_and_secret_of_another_server},
     "nleDU",
     NULL,
     NULL},
    {"a server without identity, the secret names another one",
     {ABSENT, ABSENT, OURS, 0, no_identity_and_secret_of_another_server},
     "",
     "ServerChanged",
     NULL},
    {"another server with our marks",
     {OURS, OURS, OURS, 0, other_server_remembered},
     "nleDU",
     NULL,
     NULL},
};

static void check_rest(const struct row *row, const struct plan_input *input)
{
    auto_free char *rest = deletion_plan_describe_rest(input);

    if (row->rest != NULL && (rest == NULL || strstr(rest, row->rest) == NULL))
        fail_msg("%s: '%s' stays, which does not say '%s'", row->name, rest, row->rest);
}

static void check_plan(void *context, const struct plan_input *input)
{
    const struct row *row = context;
    char steps[PLAN_STEPS_LIMIT + 1] = "";
    struct plan plan;

    deletion_plan_make(input, &plan);
    for (size_t i = 0; i < plan.count; i++)
        steps[i] = step_letters[plan.steps[i]];
    if (strcmp(steps, row->steps) != 0)
        fail_msg("%s: steps are '%s', not '%s'", row->name, steps, row->steps);
    if ((plan.refusal.reason == NULL) != (row->reason == NULL) ||
        (row->reason != NULL && strcmp(plan.refusal.reason, row->reason) != 0))
        fail_msg("%s: reason is %s, not %s", row->name, plan.refusal.reason, row->reason);
    check_rest(row, input);
}

static void test_each_situation_has_its_deletion(void **state maybe_unused)
{
    for (size_t i = 0; i < array_length(rows); i++)
        plan_fixture_run(&rows[i].setup, check_plan, (void *)(uintptr_t)&rows[i]);
}

static const struct row undoing_rows[] = {
    {"locked out", {OURS, OURS, OURS, 0, deletion_noted_and_user_locked}, "ut", NULL, NULL},
    {"database gone", {ABSENT, OURS, OURS, 0, deletion_noted_and_user_locked}, "ut", NULL, NULL},
    {"only noted", {OURS, OURS, OURS, 0, deletion_noted}, "t", NULL, NULL},
    {"not begun", {OURS, OURS, OURS, 0, NULL}, "", NULL, NULL},
    {"all gone but the secret", {ABSENT, ABSENT, OURS, 0, deletion_noted}, "t", NULL, NULL},
    {"another's secret", {OURS, OURS, OTHERS, 0, deletion_noted_and_user_locked}, "", NULL, NULL},
    {"another's user", {OURS, OTHERS, OURS, 0, deletion_noted_and_user_locked}, "t", NULL, NULL},
    {"server unknown", {OURS, OURS, OURS, 0, deletion_noted_and_server_unknown}, "", NULL, NULL},
};

static void check_undoing(void *context, const struct plan_input *input)
{
    const struct row *row = context;
    char steps[PLAN_STEPS_LIMIT + 1] = "";
    struct plan plan;

    deletion_plan_make_undoing(input, &plan);
    for (size_t i = 0; i < plan.count; i++)
        steps[i] = step_letters[plan.steps[i]];
    if (strcmp(steps, row->steps) != 0)
        fail_msg("%s: steps are '%s', not '%s'", row->name, steps, row->steps);
}

static void test_each_deletion_can_be_given_up(void **state maybe_unused)
{
    for (size_t i = 0; i < array_length(undoing_rows); i++)
        plan_fixture_run(&undoing_rows[i].setup, check_undoing,
                         (void *)(uintptr_t)&undoing_rows[i]);
}

/* Whatever exists and whoever's it is: nothing that is not marked as ours goes, and the secret does
 * not go while the user is there. */
static void check_invariants(void *context, const struct plan_input *input)
{
    const struct setup *setup = context;
    struct plan plan;

    deletion_plan_make(input, &plan);
    if (plan_has(&plan, PLAN_DROP_DATABASE))
        assert_true(setup->database == OURS || setup->database == OLDER_UID ||
                    setup->database == FORMER_CLUSTERS ||
                    (setup->database == PREDECESSORS && setup->user == PREDECESSORS));
    if (plan_has(&plan, PLAN_DROP_USER) || plan_has(&plan, PLAN_LOCK_USER))
        assert_true(setup->user == OURS || setup->user == OLDER_UID ||
                    setup->user == FORMER_CLUSTERS ||
                    (setup->database == PREDECESSORS && setup->user == PREDECESSORS));
    if (plan_has(&plan, PLAN_DELETE_SECRET)) {
        assert_int_equal(setup->user, ABSENT);
        assert_true(setup->secret == OURS || setup->secret == OLDER_UID ||
                    setup->secret == FORMER_CLUSTERS);
    }
}

static void test_no_combination_takes_what_is_not_ours(void **state maybe_unused)
{
    for (enum thing d = ABSENT; d <= FOREIGN_CLUSTERS; d++) {
        for (enum thing u = ABSENT; u <= FOREIGN_CLUSTERS; u++) {
            for (enum thing s = ABSENT; s <= FOREIGN_CLUSTERS; s++) {
                struct setup setup = {d, u, s, PROOF_NEEDED, NULL};

                plan_fixture_run(&setup, check_invariants, &setup);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_situation_has_its_deletion),
        cmocka_unit_test(test_each_deletion_can_be_given_up),
        cmocka_unit_test(test_no_combination_takes_what_is_not_ours),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
