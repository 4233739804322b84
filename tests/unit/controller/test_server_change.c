/*
 * Another server than before: nothing happens there until a person accepts exactly that one.
 */
#include "plan_fixture.h"
#include "support/test.h"

static void annotate(struct database *database, const char *identity)
{
    database->object =
        json_pack("{s:{s:{s:s}}}", "metadata", "annotations", ANNOTATION_ACCEPT_SERVER, identity);
}

CHANGE(changed)
{
    plan_fixture_replace(&status->server_identity, "server-0");
}

CHANGE(accepted)
{
    changed(input, facts, database, status);
    annotate(database, "server-1");
}

CHANGE(accepted_and_the_secret_names_the_former_host)
{
    accepted(input, facts, database, status);
    plan_fixture_replace(&facts->secret.credentials.host, "old.example.com");
    plan_fixture_store(&facts->secret.credentials);
}

CHANGE(accepted_and_the_loss_was_found)
{
    accepted(input, facts, database, status);
    status->database_missing_generation = 1;
}

CHANGE(another_one_accepted)
{
    changed(input, facts, database, status);
    annotate(database, "server-2");
}

CHANGE(the_former_one_accepted)
{
    changed(input, facts, database, status);
    annotate(database, "server-0");
}

CHANGE(accepted_without_an_identity)
{
    changed(input, facts, database, status);
    plan_fixture_replace(&facts->engine.server_identity, "");
    annotate(database, "");
}

CHANGE(accepted_before_and_the_database_vanished)
{
    plan_fixture_replace(&status->server_identity, "server-1");
    annotate(database, "server-1");
}

static const struct plan_row rows[] = {
    {"changed, nothing there",
     {ABSENT, ABSENT, OURS, 0, changed},
     "",
     "ServerChanged",
     ANNOTATION_ACCEPT_SERVER "=server-1"},
    {"accepted, nothing there", {ABSENT, ABSENT, OURS, 0, accepted}, "UD", NULL, NULL},
    {"accepted, the loss was found before",
     {ABSENT, ABSENT, OURS, 0, accepted_and_the_loss_was_found},
     "UD",
     NULL,
     NULL},
    {"accepted, nothing anywhere", {ABSENT, ABSENT, ABSENT, 0, accepted}, "SUD", NULL, NULL},
    {"accepted, the host follows",
     {OURS, OURS, OURS, PROOF_PASSED, accepted_and_the_secret_names_the_former_host},
     "W",
     NULL,
     NULL},
    {"accepted, the secret names the former host, nothing there",
     {ABSENT, ABSENT, OURS, 0, accepted_and_the_secret_names_the_former_host},
     "UD",
     NULL,
     NULL},
    {"accepted, a secret that is not ours names the former host",
     {ABSENT, ABSENT, UNMARKED, 0, accepted_and_the_secret_names_the_former_host},
     "",
     "SecretMismatch",
     NULL},
    {"accepted, the database of others there",
     {UNMARKED, ABSENT, OURS, 0, accepted},
     "",
     "Conflict",
     NULL},
    {"accepted, another resource's database there",
     {OTHERS, OTHERS, OURS, 0, accepted},
     "",
     "Conflict",
     NULL},
    {"accepted, unmarked ones there are proven first",
     {UNMARKED, UNMARKED, OURS, PROOF_NEEDED, accepted},
     "P",
     NULL,
     NULL},
    {"another one accepted",
     {ABSENT, ABSENT, OURS, 0, another_one_accepted},
     "",
     "ServerChanged",
     NULL},
    {"the former one accepted",
     {ABSENT, ABSENT, OURS, 0, the_former_one_accepted},
     "",
     "ServerChanged",
     NULL},
    {"a server without an identity",
     {ABSENT, ABSENT, OURS, 0, accepted_without_an_identity},
     "",
     "ServerChanged",
     NULL},
    {"accepted long ago, the database is gone since",
     {ABSENT, OURS, OURS, PROOF_PASSED, accepted_before_and_the_database_vanished},
     "",
     "DatabaseMissing",
     NULL},
};

static void test_each_state_has_its_plan(void **state maybe_unused)
{
    for (size_t i = 0; i < array_length(rows); i++)
        plan_fixture_check_row(&rows[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_state_has_its_plan),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
