/*
 * The rows of the state table for adopted and shared databases.
 */
#include "plan_fixture.h"
#include "support/test.h"

#include <string.h>

CHANGE(adopts)
{
    database->spec.adopt_existing_database = true;
    plan_fixture_replace(&facts->engine.database.owner, "dba");
    facts->engine.database.owned_by_target = false;
}

CHANGE(adopts_with_a_list)
{
    adopts(input, facts, database, status);
    database->spec.privileges.all = false;
    database->spec.privileges.words = 1;
}

CHANGE(needs_a_tag)
{
    input->requires_adoption_tag = true;
}

CHANGE(needs_a_tag_and_has_it)
{
    input->requires_adoption_tag = true;
    document_set_string(facts->secret.description.tags, TAG_ADOPT_BY, "team/app");
}

CHANGE(needs_a_tag_and_has_that_of_another)
{
    input->requires_adoption_tag = true;
    document_set_string(facts->secret.description.tags, TAG_ADOPT_BY, "team/app2");
}

CHANGE(database_of_another_owner)
{
    plan_fixture_replace(&facts->engine.database.owner, "dba");
    facts->engine.database.owned_by_target = false;
}

CHANGE(adopts_and_lacks_a_privilege)
{
    adopts(input, facts, database, status);
    facts->engine.privileges.missing = mem_strdup("SELECT");
}

CHANGE(adopts_and_has_too_much)
{
    adopts_with_a_list(input, facts, database, status);
    facts->engine.privileges.excess = mem_strdup("SELECT");
}

CHANGE(adopts_and_may_not_grant)
{
    adopts(input, facts, database, status);
    facts->engine.privileges.ungranted = mem_strdup("SELECT on table t of dba");
}

CHANGE(adopted_database_vanished)
{
    adopts(input, facts, database, status);
    plan_fixture_replace(&status->server_identity, "server-1");
}

CHANGE(adopts_on_another_server)
{
    adopts(input, facts, database, status);
    plan_fixture_replace(&status->server_identity, "server-0");
}

CHANGE(adopts_where_users_are_not_marked)
{
    adopts_with_a_list(input, facts, database, status);
    facts->engine.marks_users = false;
    facts->engine.user.password = ENGINE_PASSWORD_MATCHES;
}

CHANGE(made_the_user_in_this_pass)
{
    adopts_where_users_are_not_marked(input, facts, database, status);
    input->made_user = true;
}

CHANGE(says_that_it_made_the_user)
{
    adopts_where_users_are_not_marked(input, facts, database, status);
    document_set_string(facts->secret.description.tags, TAG_CREATED, TAG_CREATED_USER);
    facts->engine.privileges.excess = mem_strdup("SELECT");
}

CHANGE(says_nothing_of_the_user)
{
    adopts_where_users_are_not_marked(input, facts, database, status);
    facts->engine.privileges.excess = mem_strdup("SELECT");
}

static const struct plan_row rows[] = {
    /* A user for a database that is there. */
    {"no user, a secret made by hand", {UNMARKED, ABSENT, UNMARKED, 0, adopts}, "U", NULL, NULL},
    {"no user, a secret of ours", {UNMARKED, ABSENT, OURS, 0, adopts}, "U", NULL, NULL},
    {"no user, no secret", {UNMARKED, ABSENT, ABSENT, 0, adopts}, "SU", NULL, NULL},
    {"no user, no secret, a database of a resource that is gone",
     {RELEASED, ABSENT, ABSENT, 0, adopts},
     "SU",
     NULL,
     NULL},
    {"a user, no secret",
     {UNMARKED, OURS, ABSENT, 0, adopts},
     "",
     "CannotRecoverPassword",
     "both exist"},
    {"nothing but the field", {ABSENT, ABSENT, ABSENT, 0, adopts}, "SUD", NULL, NULL},
    {"only a secret", {ABSENT, ABSENT, UNMARKED, 0, adopts}, "UD", NULL, NULL},
    {"an adopted database is gone",
     {ABSENT, OURS, OURS, PROOF_PASSED, adopted_database_vanished},
     "",
     "DatabaseMissing",
     "reconcile-now"},

    /* The way out is named where the field is not set. */
    {"without the field, a secret",
     {UNMARKED, ABSENT, UNMARKED, 0, NULL},
     "",
     "Conflict",
     "adoptExistingDatabase: true"},
    {"without the field, no secret",
     {UNMARKED, ABSENT, ABSENT, 0, NULL},
     "",
     "CannotRecoverPassword",
     "adoptExistingDatabase: true"},

    /* Whose it is stays as it is. */
    {"everything is there", {UNMARKED, OURS, OURS, PROOF_PASSED, adopts}, "", NULL, NULL},
    {"an owner that is gone", {RELEASED, OURS, OURS, PROOF_PASSED, adopts}, "", NULL, NULL},
    {"an owner that is gone, with his user",
     {RELEASED, RELEASED, OURS, PROOF_PASSED, adopts},
     "M",
     NULL,
     NULL},
    {"the predecessor's", {PREDECESSORS, OURS, OURS, PROOF_PASSED, adopts}, "", NULL, NULL},
    {"one that we made", {FORMER_CLUSTERS, OURS, OURS, PROOF_PASSED, NULL}, "M", NULL, NULL},
    {"another cluster's",
     {FOREIGN_CLUSTERS, ABSENT, ABSENT, 0, adopts_with_a_list},
     "",
     "Conflict",
     "cluster c-2"},
    {"another's user", {UNMARKED, OTHERS, ABSENT, 0, adopts}, "", "Conflict", "team/other"},
    {"on a server that carries only the mark of our user",
     {UNMARKED, OURS, OURS, PROOF_PASSED, adopts_on_another_server},
     "",
     NULL,
     NULL},
    {"on a server without our user",
     {UNMARKED, ABSENT, OURS, 0, adopts_on_another_server},
     "",
     "ServerChanged",
     "server-0"},

    /* Sharing: a list, and a resource of the same namespace. */
    {"shared, no secret", {OTHERS, ABSENT, ABSENT, 0, adopts_with_a_list}, "SU", NULL, NULL},
    {"shared, a secret", {OTHERS, ABSENT, OURS, 0, adopts_with_a_list}, "U", NULL, NULL},
    {"shared, everything is there",
     {OTHERS, OURS, OURS, PROOF_PASSED, adopts_with_a_list},
     "",
     NULL,
     NULL},
    {"shared, ALL", {OTHERS, ABSENT, ABSENT, 0, adopts}, "", "Conflict", "not ALL"},
    {"shared, without the field",
     {OTHERS, ABSENT, ABSENT, 0, NULL},
     "",
     "Conflict",
     "adoptExistingDatabase: true"},

    /* A secret that exists, under --require-adoption-tag. */
    {"a secret without a mark and without the tag",
     {ABSENT, ABSENT, UNMARKED, 0, needs_a_tag},
     "",
     "AdoptionTagMissing",
     "adopt-by=team/app"},
    {"a secret without a mark, with the tag of another",
     {ABSENT, ABSENT, UNMARKED, 0, needs_a_tag_and_has_that_of_another},
     "",
     "AdoptionTagMissing",
     NULL},
    {"a secret without a mark, with the tag",
     {ABSENT, ABSENT, UNMARKED, 0, needs_a_tag_and_has_it},
     "UD",
     NULL,
     NULL},
    {"a secret of ours needs no tag",
     {OURS, OURS, OURS, PROOF_PASSED, needs_a_tag},
     "",
     NULL,
     NULL},
    {"nor does that of an owner who is gone",
     {RELEASED, RELEASED, RELEASED, PROOF_PASSED, needs_a_tag},
     "Mt",
     NULL,
     NULL},
    {"nor does the predecessor's",
     {PREDECESSORS, PREDECESSORS, PREDECESSORS, PROOF_PASSED, needs_a_tag},
     "Mt",
     NULL,
     NULL},

    /* Privileges. */
    {"ALL means what can be granted",
     {UNMARKED, OURS, OURS, PROOF_NEEDED, adopts_and_lacks_a_privilege},
     "G",
     NULL,
     NULL},
    {"ALL in a database of a resource that is gone",
     {RELEASED, RELEASED, RELEASED, PROOF_PASSED, database_of_another_owner},
     "",
     "PrivilegesDiffer",
     "dba"},
    {"too much, a user of ours",
     {UNMARKED, OURS, OURS, PROOF_PASSED, adopts_and_has_too_much},
     "V",
     NULL,
     NULL},
    {"too much, a user made by hand",
     {UNMARKED, UNMARKED, OURS, PROOF_PASSED, adopts_and_has_too_much},
     "",
     NULL,
     NULL},
    {"the admin may not grant",
     {UNMARKED, OURS, OURS, PROOF_PASSED, adopts_and_may_not_grant},
     "",
     "InsufficientRights",
     "table t of dba"},
    {"the admin may not grant, not proven yet",
     {UNMARKED, OURS, OURS, PROOF_NEEDED, adopts_and_may_not_grant},
     "P",
     NULL,
     NULL},
    {"the admin may not grant, so the login tells nothing",
     {UNMARKED, OURS, OURS, PROOF_UNKNOWN, adopts_and_may_not_grant},
     "",
     "InsufficientRights",
     "table t of dba"},
    {"the admin may not grant, tags first",
     {UNMARKED, OURS, UNMARKED, PROOF_PASSED, adopts_and_may_not_grant},
     "t",
     NULL,
     NULL},

    /* Engines that cannot mark users: the secret says what we made. */
    {"made in this pass, by hand the secret",
     {UNMARKED, UNMARKED, UNMARKED, PROOF_PASSED, made_the_user_in_this_pass},
     "t",
     NULL,
     NULL},
    {"made in this pass, of ours the secret",
     {UNMARKED, UNMARKED, OURS, PROOF_PASSED, made_the_user_in_this_pass},
     "t",
     NULL,
     NULL},
    {"too much, the secret says that we made the user",
     {UNMARKED, UNMARKED, OURS, PROOF_PASSED, says_that_it_made_the_user},
     "V",
     NULL,
     NULL},
    {"too much, the secret says nothing",
     {UNMARKED, UNMARKED, OURS, PROOF_PASSED, says_nothing_of_the_user},
     "",
     NULL,
     NULL},
};

static void test_each_state_has_its_plan(void **state maybe_unused)
{
    for (size_t i = 0; i < array_length(rows); i++)
        plan_fixture_check_row(&rows[i]);
}

/* Whatever exists and whoever's it is, an adopted database is neither taken over nor made again. */
static void check_invariants(void *context, const struct plan_input *input)
{
    const struct setup *setup = context;
    char steps[PLAN_STEPS_LIMIT + 1];
    struct plan plan;

    plan_make(input, &plan);
    plan_fixture_render_steps(&plan, steps);
    if (strchr(steps, 'D') != NULL)
        assert_int_equal(setup->database, ABSENT);
    if (strchr(steps, 'S') != NULL)
        assert_true(setup->user == ABSENT && setup->secret == ABSENT);
    if (setup->database == FOREIGN_CLUSTERS || setup->user == FOREIGN_CLUSTERS)
        assert_true(failure_is_set(&plan.refusal));
    if (setup->user == OTHERS || setup->secret == OTHERS)
        assert_true(failure_is_set(&plan.refusal));
    if (strchr(steps, 'M') != NULL)
        assert_true(setup->user == RELEASED || setup->user == PREDECESSORS ||
                    setup->user == FORMER_CLUSTERS || setup->database == FORMER_CLUSTERS);
}

static void test_no_combination_takes_what_is_not_ours(void **state maybe_unused)
{
    for (enum thing d = ABSENT; d <= FOREIGN_CLUSTERS; d++) {
        for (enum thing u = ABSENT; u <= FOREIGN_CLUSTERS; u++) {
            for (enum thing s = ABSENT; s <= FOREIGN_CLUSTERS; s++) {
                for (enum proof_state p = PROOF_NEEDED; p <= PROOF_UNKNOWN; p++) {
                    struct setup setup = {d, u, s, p, adopts_with_a_list};

                    plan_fixture_run(&setup, check_invariants, &setup);
                }
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_state_has_its_plan),
        cmocka_unit_test(test_no_combination_takes_what_is_not_ours),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
