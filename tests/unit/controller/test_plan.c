/*
 * Every row of the state table, and every refusal, as pure decisions.
 */
#include "base/memory.h"
#include "controller/plan.h"
#include "payload/canonical.h"
#include "payload/template.h"
#include "plan_fixture.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

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

CHANGE(was_ready)
{
    plan_fixture_replace(&status->server_identity, "server-1");
    status->database_created = true;
    status->observed_generation = 1;
}

CHANGE(was_ready_and_spec_changed)
{
    was_ready(input, facts, database, status);
    database->generation = 2;
}

CHANGE(loss_was_found_and_spec_changed)
{
    was_ready_and_spec_changed(input, facts, database, status);
    status->database_missing_generation = 1;
}

CHANGE(loss_was_found_and_a_person_asked)
{
    was_ready(input, facts, database, status);
    status->database_missing_generation = 1;
    input->person_acted = true;
}

CHANGE(a_person_asked_before_the_loss_was_found)
{
    was_ready(input, facts, database, status);
    input->person_acted = true;
}

CHANGE(loss_was_found_after_the_change)
{
    was_ready_and_spec_changed(input, facts, database, status);
    status->database_missing_generation = 2;
}

CHANGE(user_is_locked)
{
    facts->engine.user.can_log_in = false;
}

CHANGE(user_is_expired)
{
    facts->engine.user.expired = true;
}

CHANGE(user_is_not_administered)
{
    facts->engine.user.is_administered = false;
}

CHANGE(secret_is_a_replica)
{
    facts->secret.description.primary_region = mem_strdup("eu-west-1");
}

CHANGE(secret_is_replicated)
{
    facts->secret.description.primary_region = mem_strdup("us-east-1");
}

/* The secret was stored elsewhere until now, with this password. */
static void move(struct plan_input *input, struct facts *facts, enum thing former,
                 const char *password)
{
    input->former_id = "arn:0";
    facts->former.state = SECRET_PRESENT;
    facts->former.is_readable = true;
    facts->former.description.tags = plan_fixture_make_tags(former);
    secret_set_text(&facts->former.credentials.password, password);
}

CHANGE(moves)
{
    move(input, facts, OURS, "p");
}

CHANGE(moves_and_is_not_retained)
{
    move(input, facts, OURS, "p");
    database->spec.retain_on_delete = false;
}

CHANGE(moves_from_a_foreign_secret)
{
    move(input, facts, UNMARKED, "p");
    database->spec.retain_on_delete = false;
}

CHANGE(moves_to_another_password)
{
    move(input, facts, OURS, "q");
}

CHANGE(moves_from_nowhere)
{
    input->former_id = "arn:0";
}

CHANGE(moves_from_unknown)
{
    input->former_id = "arn:0";
    facts->former_known = false;
    failure_set(&facts->former_failure, ERROR_UNAVAILABLE, "SecretsManagerUnavailable", "later");
}

CHANGE(secret_has_keys_of_people)
{
    json_object_set_new(facts->secret.credentials.document, "note", json_string("kept"));
}

CHANGE(secret_is_of_the_old_format)
{
    json_t *document = json_pack("{s:s,s:i,s:s,s:s,s:s}", "host", "db.example.com", "port", 5432,
                                 "dbname", "app", "username", "app", "password", "p");

    json_decref(facts->secret.credentials.document);
    facts->secret.credentials.document = document;
    facts->secret.credentials.format_version = "v1";
}

CHANGE(secret_lacks_the_url)
{
    json_object_del(facts->secret.credentials.document, "POSTGRES_URL");
}

static void set_template(struct database *database)
{
    static const char text[] = "{\"p\":\"{{.DBPassword}}\"}";
    struct error err;

    assert_true(template_parse(text, sizeof text - 1, &database->spec.secret_template, &err));
}

CHANGE(template_is_not_applied)
{
    set_template(database);
    secret_set_text(&facts->secret.value, "{}");
}

CHANGE(template_is_not_applied_and_read)
{
    template_is_not_applied(input, facts, database, status);
    facts->secret.credentials.format_version = PAYLOAD_FORMAT_TEMPLATE;
}

CHANGE(template_is_applied)
{
    set_template(database);
    secret_set_text(&facts->secret.value, "{\"p\":\"p\"}");
    facts->secret.canonical =
        canonical_make(facts->secret.credentials.document, &facts->secret.value, NULL);
    facts->secret.credentials.format_version = PAYLOAD_FORMAT_TEMPLATE;
}

CHANGE(template_is_applied_and_nothing_beside_it)
{
    template_is_applied(input, facts, database, status);
    json_decref(facts->secret.canonical);
    facts->secret.canonical = NULL;
}

CHANGE(template_was_removed)
{
    facts->secret.credentials.format_version = PAYLOAD_FORMAT_TEMPLATE;
}

CHANGE(user_is_superuser)
{
    plan_fixture_replace(&facts->engine.user.privileged_as, "SUPERUSER");
}

CHANGE(user_is_admin)
{
    facts->engine.user.is_admin_itself = true;
}

CHANGE(database_reserved)
{
    facts->engine.database.is_reserved = true;
}

CHANGE(database_half_dropped)
{
    facts->engine.database.half_dropped = true;
}

CHANGE(database_of_somebody)
{
    plan_fixture_replace(&facts->engine.database.owner, "dba");
    facts->engine.database.owned_by_target = false;
}

CHANGE(secret_scheduled)
{
    facts->secret.state = SECRET_SCHEDULED_FOR_DELETION;
    facts->secret.is_readable = false;
}

CHANGE(secret_not_json)
{
    facts->secret.is_readable = false;
    error_set(&facts->secret.unreadable, ERROR_INVALID, NULL, "its value is not a JSON object");
}

CHANGE(secret_of_service)
{
    facts->secret.description.owning_service = mem_strdup("rds");
}

CHANGE(secret_names_other_database)
{
    plan_fixture_replace(&facts->secret.credentials.database, "billing");
}

CHANGE(secret_names_other_user)
{
    plan_fixture_replace(&facts->secret.credentials.username, "billing");
}

CHANGE(secret_names_other_host)
{
    plan_fixture_replace(&facts->secret.credentials.host, "other.example.com");
    plan_fixture_store(&facts->secret.credentials);
}

CHANGE(secret_names_other_port)
{
    facts->secret.credentials.port = 6432;
    plan_fixture_store(&facts->secret.credentials);
}

CHANGE(secret_names_other_host_of_the_same_server)
{
    secret_names_other_host(input, facts, database, status);
    plan_fixture_replace(&status->server_identity, "server-1");
}

CHANGE(secret_names_host_in_capitals)
{
    plan_fixture_replace(&facts->secret.credentials.host, "DB.Example.COM");
}

CHANGE(secret_names_another_port_alone)
{
    plan_fixture_replace(&facts->secret.credentials.host, NULL);
    facts->secret.credentials.port = 6432;
    json_object_set_new(facts->secret.credentials.document, "DB_PORT", json_integer(6432));
    json_object_del(facts->secret.credentials.document, "DB_HOST");
}

CHANGE(secret_names_the_second_host)
{
    struct connection_string *server = (struct connection_string *)(uintptr_t)input->server;

    server->hosts[1] = (struct engine_host){.host = mem_strdup("db2.example.com"), .port = 5433};
    server->host_count = 2;
    plan_fixture_replace(&facts->secret.credentials.host, "db2.example.com");
    facts->secret.credentials.port = 5433;
    plan_fixture_store(&facts->secret.credentials);
}

CHANGE(secret_names_only_password)
{
    plan_fixture_replace(&facts->secret.credentials.host, NULL);
    plan_fixture_replace(&facts->secret.credentials.database, NULL);
    plan_fixture_replace(&facts->secret.credentials.username, NULL);
    facts->secret.credentials.port = 0;
    json_object_clear(facts->secret.credentials.document);
    json_object_set_new(facts->secret.credentials.document, "DB_PASSWORD", json_string("p"));
}

CHANGE(privilege_missing)
{
    plan_fixture_replace(&facts->engine.database.owner, "");
    facts->engine.privileges.missing = mem_strdup("SELECT");
}

CHANGE(privilege_too_many)
{
    plan_fixture_replace(&facts->engine.database.owner, "");
    facts->engine.privileges.excess = mem_strdup("DROP");
}

CHANGE(taken_over_with_too_much)
{
    privilege_too_many(input, facts, database, status);
    facts->engine.user.marker.taken_over = true;
}

CHANGE(taken_over_with_too_much_and_the_same_list)
{
    taken_over_with_too_much(input, facts, database, status);
    database->spec.privilege_words = json_pack("[s]", "SELECT");
    status->applied_privileges = json_pack("[s]", "SELECT");
}

CHANGE(taken_over_with_too_much_and_another_list)
{
    taken_over_with_too_much(input, facts, database, status);
    database->spec.privilege_words = json_pack("[s]", "SELECT");
    status->applied_privileges = json_pack("[s,s]", "SELECT", "DROP");
}

CHANGE(privilege_missing_and_too_many)
{
    privilege_missing(input, facts, database, status);
    privilege_too_many(input, facts, database, status);
}

CHANGE(privileges_unknown)
{
    facts->privileges_known = false;
    failure_set(&facts->privileges_failure, ERROR_DENIED, "InsufficientRights", "lacks CONNECT");
}

CHANGE(all_after_a_list)
{
    plan_fixture_replace(&facts->engine.database.owner, "adm");
    facts->engine.database.owned_by_target = false;
    facts->engine.database.owned_by_admin = true;
    facts->engine.privileges.missing = mem_strdup("ownership");
}

CHANGE(all_after_a_list_without_administration)
{
    all_after_a_list(input, facts, database, status);
    facts->engine.user.is_administered = false;
}

CHANGE(list_after_all)
{
    database->spec.privileges.all = false;
    facts->engine.privileges.excess = mem_strdup("ownership");
}

CHANGE(list_after_all_without_administration)
{
    list_after_all(input, facts, database, status);
    facts->engine.user.is_administered = false;
}

CHANGE(engine_marks_no_users)
{
    facts->engine.marks_users = false;
    facts->engine.user.password = ENGINE_PASSWORD_UNKNOWN;
}

CHANGE(engine_marks_no_users_and_password_matches)
{
    facts->engine.marks_users = false;
    facts->engine.user.password = ENGINE_PASSWORD_MATCHES;
}

CHANGE(engine_marks_no_users_and_password_differs)
{
    facts->engine.marks_users = false;
    facts->engine.user.password = ENGINE_PASSWORD_DIFFERS;
}

CHANGE(description_changed)
{
    plan_fixture_replace(&database->spec.description, "Something else");
}

CHANGE(tag_added)
{
    database->spec.tags = json_pack("{s:s}", "Team", "payments");
}

CHANGE(tag_removed)
{
    json_object_set_new(facts->secret.description.tags, "Team", json_string("payments"));
    status->managed_tags = json_pack("[s]", "Team");
}

CHANGE(foreign_tag_claimed_by_status)
{
    status->managed_tags = json_pack("[s]", TAG_OWNER_NAME);
}

static const struct plan_row rows[] = {
    /* The state table of the usage guide and of the design. */
    {"nothing exists", {ABSENT, ABSENT, ABSENT, 0, NULL}, "SUD", NULL, NULL},
    {"only the secret", {ABSENT, ABSENT, OURS, 0, NULL}, "UD", NULL, NULL},
    {"only a secret stored by hand", {ABSENT, ABSENT, UNMARKED, 0, NULL}, "UD", NULL, NULL},
    {"all present, not proven yet", {OURS, OURS, OURS, PROOF_NEEDED, NULL}, "P", NULL, NULL},
    {"all present and proven", {OURS, OURS, OURS, PROOF_PASSED, NULL}, "", NULL, NULL},
    {"all present, made by hand",
     {UNMARKED, UNMARKED, UNMARKED, PROOF_NEEDED, NULL},
     "P",
     NULL,
     NULL},
    {"all present, the predecessor's",
     {PREDECESSORS, PREDECESSORS, PREDECESSORS, PROOF_NEEDED, NULL},
     "P",
     NULL,
     NULL},
    {"all present, made for an earlier uid",
     {OLDER_UID, OLDER_UID, OURS, PROOF_PASSED, NULL},
     "",
     NULL,
     NULL},
    {"user of ours without database, not proven",
     {ABSENT, OURS, OURS, PROOF_NEEDED, NULL},
     "P",
     NULL,
     NULL},
    {"user of ours without database", {ABSENT, OURS, OURS, PROOF_PASSED, NULL}, "D", NULL, NULL},
    {"user of ours without database, password refused",
     {ABSENT, OURS, OURS, PROOF_FAILED, NULL},
     "",
     "PasswordMismatch",
     ""},
    {"user of ours that the admin may not act for, without database",
     {ABSENT, OURS, OURS, PROOF_PASSED, user_is_not_administered},
     "",
     "InsufficientRights",
     "WITH ADMIN OPTION"},
    {"database of ours without user", {OURS, ABSENT, OURS, 0, NULL}, "U", NULL, NULL},
    {"database without secret",
     {OURS, ABSENT, ABSENT, 0, NULL},
     "",
     "CannotRecoverPassword",
     "database and/or user exist but secret is missing - cannot recover password"},
    {"user without secret",
     {ABSENT, OURS, ABSENT, 0, NULL},
     "",
     "CannotRecoverPassword",
     "the user exists"},
    {"database and user without secret",
     {UNMARKED, UNMARKED, ABSENT, 0, NULL},
     "",
     "CannotRecoverPassword",
     "both exist"},
    {"secret of ours scheduled", {OURS, OURS, OURS, 0, secret_scheduled}, "R", NULL, NULL},
    {"secret scheduled, nothing else",
     {ABSENT, ABSENT, OURS, 0, secret_scheduled},
     "R",
     NULL,
     NULL},
    {"secret scheduled, not ours",
     {ABSENT, ABSENT, UNMARKED, 0, secret_scheduled},
     "",
     "Conflict",
     "scheduled for deletion"},

    /* Completing what is not ours. */
    {"unmarked database without user",
     {UNMARKED, ABSENT, OURS, 0, NULL},
     "",
     "Conflict",
     "was not made by this resource"},
    {"unmarked user without database",
     {ABSENT, UNMARKED, OURS, 0, NULL},
     "",
     "Conflict",
     "user 'app'"},

    /* Left behind by a resource that is gone, or marked before the cluster was rebuilt. */
    {"all left behind, not proven",
     {RELEASED, RELEASED, RELEASED, PROOF_NEEDED, NULL},
     "P",
     NULL,
     NULL},
    {"all left behind", {RELEASED, RELEASED, RELEASED, PROOF_PASSED, NULL}, "Mt", NULL, NULL},
    {"all left behind, password refused",
     {RELEASED, RELEASED, RELEASED, PROOF_FAILED, NULL},
     "",
     "PasswordMismatch",
     ""},
    {"take-over that was interrupted",
     {RELEASED, RELEASED, OURS, PROOF_PASSED, NULL},
     "M",
     NULL,
     NULL},
    {"secret left behind alone", {ABSENT, ABSENT, RELEASED, 0, NULL}, "UD", NULL, NULL},
    {"database left behind without user",
     {RELEASED, ABSENT, RELEASED, 0, NULL},
     "",
     "Conflict",
     "was not made by this resource"},
    {"left behind without secret",
     {RELEASED, RELEASED, ABSENT, 0, NULL},
     "",
     "CannotRecoverPassword",
     "both exist"},
    {"marked by the former cluster",
     {FORMER_CLUSTERS, FORMER_CLUSTERS, FORMER_CLUSTERS, PROOF_PASSED, NULL},
     "Mt",
     NULL,
     NULL},
    {"database of the former cluster without user",
     {FORMER_CLUSTERS, ABSENT, FORMER_CLUSTERS, 0, NULL},
     "U",
     NULL,
     NULL},
    {"the predecessor's, proven",
     {PREDECESSORS, PREDECESSORS, PREDECESSORS, PROOF_PASSED, NULL},
     "Mt",
     NULL,
     NULL},

    /* Somebody else's. */
    {"database of another resource", {OTHERS, OURS, OURS, 0, NULL}, "", "Conflict", "team/other"},
    {"user of another resource", {OURS, OTHERS, OURS, 0, NULL}, "", "Conflict", "team/other"},
    {"secret of another resource", {OURS, OURS, OTHERS, 0, NULL}, "", "Conflict", "team/other"},
    {"secret of another resource, nothing else",
     {ABSENT, ABSENT, OTHERS, 0, NULL},
     "",
     "Conflict",
     "set another secretName"},
    {"database of another cluster", {FOREIGN_CLUSTERS, OURS, OURS, 0, NULL}, "", "Conflict", "c-2"},
    {"secret of another cluster",
     {ABSENT, ABSENT, FOREIGN_CLUSTERS, 0, NULL},
     "",
     "Conflict",
     "c-2"},
    {"another's database, no secret",
     {OTHERS, ABSENT, ABSENT, 0, NULL},
     "",
     "Conflict",
     "team/other"},
    {"secret of an AWS service",
     {ABSENT, ABSENT, UNMARKED, 0, secret_of_service},
     "",
     "Conflict",
     "rds"},

    /* The content of the secret. */
    {"secret for another database, not ours",
     {ABSENT, ABSENT, UNMARKED, 0, secret_names_other_database},
     "",
     "SecretMismatch",
     "names another database than 'app'"},
    {"secret for another user",
     {OURS, OURS, OURS, 0, secret_names_other_user},
     "",
     "SecretMismatch",
     "billing"},
    {"secret for another host, nothing of ours on the server",
     {ABSENT, ABSENT, OURS, 0, secret_names_other_host},
     "",
     "SecretMismatch",
     "other.example.com"},
    {"secret for another host, unmarked",
     {UNMARKED, UNMARKED, UNMARKED, 0, secret_names_other_host},
     "",
     "SecretMismatch",
     "names another server"},
    {"secret for another port, nothing of ours on the server",
     {ABSENT, ABSENT, OURS, 0, secret_names_other_port},
     "",
     "SecretMismatch",
     "6432"},
    {"secret for another host, our marks on the server, not proven",
     {OURS, OURS, OURS, PROOF_NEEDED, secret_names_other_host},
     "PW",
     NULL,
     NULL},
    {"secret for another host, our marks on the server",
     {OURS, OURS, OURS, PROOF_PASSED, secret_names_other_host},
     "W",
     NULL,
     NULL},
    {"secret for another host name of the same server",
     {UNMARKED, UNMARKED, OURS, PROOF_PASSED, secret_names_other_host_of_the_same_server},
     "W",
     NULL,
     NULL},
    {"secret moves", {OURS, OURS, ABSENT, 0, moves}, "C", NULL, NULL},
    {"secret moves before anything was made", {ABSENT, ABSENT, ABSENT, 0, moves}, "C", NULL, NULL},
    {"secret moved", {OURS, OURS, OURS, PROOF_PASSED, moves}, "", NULL, NULL},
    {"secret moved, not proven", {OURS, OURS, OURS, PROOF_NEEDED, moves}, "P", NULL, NULL},
    {"secret moved, not retained",
     {OURS, OURS, OURS, PROOF_PASSED, moves_and_is_not_retained},
     "X",
     NULL,
     NULL},
    {"secret moved, not retained and not proven",
     {OURS, OURS, OURS, PROOF_NEEDED, moves_and_is_not_retained},
     "P",
     NULL,
     NULL},
    {"secret moved from one that is not ours",
     {OURS, OURS, OURS, PROOF_PASSED, moves_from_a_foreign_secret},
     "",
     NULL,
     NULL},
    {"secret shall move from one that is not ours",
     {OURS, OURS, ABSENT, 0, moves_from_a_foreign_secret},
     "",
     "CannotRecoverPassword",
     "cannot recover password"},
    {"secret shall move to a place with another password",
     {OURS, OURS, OURS, PROOF_PASSED, moves_to_another_password},
     "",
     "Conflict",
     "another password"},
    {"secret shall move and is gone",
     {OURS, OURS, ABSENT, 0, moves_from_nowhere},
     "",
     "CannotRecoverPassword",
     "cannot recover password"},
    {"secret shall move and the former one is unknown",
     {OURS, OURS, ABSENT, 0, moves_from_unknown},
     "",
     "SecretsManagerUnavailable",
     "later"},
    {"secret in the old format",
     {OURS, OURS, OURS, PROOF_PASSED, secret_is_of_the_old_format},
     "W",
     NULL,
     NULL},
    {"secret in the old format, the predecessor's",
     {PREDECESSORS, PREDECESSORS, PREDECESSORS, PROOF_PASSED, secret_is_of_the_old_format},
     "MtW",
     NULL,
     NULL},
    {"secret with keys of people",
     {OURS, OURS, OURS, PROOF_PASSED, secret_has_keys_of_people},
     "",
     NULL,
     NULL},
    {"host names have no case",
     {OURS, OURS, OURS, PROOF_PASSED, secret_names_host_in_capitals},
     "",
     NULL,
     NULL},
    {"secret for another port alone",
     {ABSENT, ABSENT, OURS, 0, secret_names_another_port_alone},
     "",
     "SecretMismatch",
     "6432"},
    {"secret for the second of the hosts",
     {OURS, OURS, OURS, PROOF_PASSED, secret_names_the_second_host},
     "",
     NULL,
     NULL},
    {"secret that names only a password",
     {ABSENT, ABSENT, UNMARKED, 0, secret_names_only_password},
     "UD",
     NULL,
     NULL},
    {"secret that names only a password, everything made",
     {OURS, OURS, OURS, PROOF_PASSED, secret_names_only_password},
     "W",
     NULL,
     NULL},
    {"template not applied",
     {OURS, OURS, OURS, PROOF_PASSED, template_is_not_applied},
     "W",
     NULL,
     NULL},
    {"template not applied, not proven",
     {OURS, OURS, OURS, PROOF_NEEDED, template_is_not_applied},
     "PW",
     NULL,
     NULL},
    {"template not applied, no user yet",
     {ABSENT, ABSENT, OURS, PROOF_NEEDED, template_is_not_applied},
     "UD",
     NULL,
     NULL},
    {"template applied", {OURS, OURS, OURS, PROOF_PASSED, template_is_applied}, "", NULL, NULL},
    {"template applied, nothing beside it",
     {OURS, OURS, OURS, PROOF_PASSED, template_is_applied_and_nothing_beside_it},
     "W",
     NULL,
     NULL},
    {"template of the predecessor's",
     {PREDECESSORS, PREDECESSORS, PREDECESSORS, PROOF_NEEDED, template_is_not_applied_and_read},
     "P",
     NULL,
     NULL},
    {"template of the predecessor's, nothing there",
     {ABSENT, ABSENT, PREDECESSORS, PROOF_NEEDED, template_is_not_applied_and_read},
     "",
     "SecretInvalid",
     "whose password"},
    {"template removed", {OURS, OURS, OURS, PROOF_PASSED, template_was_removed}, "W", NULL, NULL},
    {"secret without URL", {OURS, OURS, OURS, PROOF_PASSED, secret_lacks_the_url}, "W", NULL, NULL},
    {"secret that is a replica",
     {OURS, OURS, OURS, PROOF_PASSED, secret_is_a_replica},
     "",
     "Conflict",
     "eu-west-1"},
    {"secret that is replicated from here",
     {OURS, OURS, OURS, PROOF_PASSED, secret_is_replicated},
     "",
     NULL,
     NULL},
    {"secret that is not JSON",
     {ABSENT, ABSENT, UNMARKED, 0, secret_not_json},
     "",
     "SecretInvalid",
     "not a JSON object"},

    /* The server. */
    {"read-only server",
     {ABSENT, ABSENT, ABSENT, 0, server_read_only},
     "",
     "ServerReadOnly",
     "primary"},
    {"another server without our marks",
     {ABSENT, ABSENT, OURS, 0, other_server_remembered},
     "",
     "ServerChanged",
     "server-0"},
    {"another server, unmarked namesakes",
     {UNMARKED, UNMARKED, OURS, 0, other_server_remembered},
     "",
     "ServerChanged",
     "server-1"},
    {"another server with our marks",
     {OURS, OURS, OURS, PROOF_PASSED, other_server_remembered},
     "",
     NULL,
     NULL},
    {"our database vanished", {ABSENT, OURS, OURS, 0, was_ready}, "", "DatabaseMissing", "backup"},
    {"our database vanished with its user",
     {ABSENT, ABSENT, OURS, 0, was_ready},
     "",
     "DatabaseMissing",
     "backup"},
    {"our database vanished unseen and a person changed the spec",
     {ABSENT, OURS, OURS, PROOF_PASSED, was_ready_and_spec_changed},
     "",
     "DatabaseMissing",
     "backup"},
    {"our database vanished, which was found after the change",
     {ABSENT, OURS, OURS, PROOF_PASSED, loss_was_found_after_the_change},
     "",
     "DatabaseMissing",
     "backup"},
    {"our database vanished, and a person asked after that was found",
     {ABSENT, OURS, OURS, PROOF_PASSED, loss_was_found_and_a_person_asked},
     "D",
     NULL,
     NULL},
    {"our database vanished unseen, and a person asked",
     {ABSENT, OURS, OURS, PROOF_PASSED, a_person_asked_before_the_loss_was_found},
     "",
     "DatabaseMissing",
     "reconcile-now"},
    {"our database vanished, and a person changed the spec after that was found",
     {ABSENT, OURS, OURS, PROOF_PASSED, loss_was_found_and_spec_changed},
     "D",
     NULL,
     NULL},
    {"our user vanished", {OURS, ABSENT, OURS, 0, was_ready}, "U", NULL, NULL},

    /* A user who cannot log in is not one with a wrong password. */
    {"locked user", {OURS, OURS, OURS, PROOF_NEEDED, user_is_locked}, "", "UserLocked", "NOLOGIN"},
    {"locked user, proven before",
     {OURS, OURS, OURS, PROOF_PASSED, user_is_locked},
     "",
     "UserLocked",
     "on the server"},
    {"expired user",
     {OURS, OURS, OURS, PROOF_NEEDED, user_is_expired},
     "",
     "UserExpired",
     "VALID UNTIL"},

    /* Names that are never touched. */
    {"privileged user",
     {ABSENT, UNMARKED, ABSENT, 0, user_is_superuser},
     "",
     "ReservedName",
     "SUPERUSER"},
    {"the admin itself", {ABSENT, UNMARKED, OURS, 0, user_is_admin}, "", "ReservedName", "admin"},
    {"database of the server",
     {UNMARKED, ABSENT, ABSENT, 0, database_reserved},
     "",
     "ReservedName",
     "never touched"},
    {"half-dropped database",
     {OURS, OURS, OURS, 0, database_half_dropped},
     "",
     "DatabaseInvalid",
     "drop it by hand"},

    /* Unknown facts block. */
    {"server unknown",
     {ABSENT, ABSENT, ABSENT, 0, server_unknown},
     "",
     "ServerUnreachable",
     "no answer"},
    {"secret unknown",
     {ABSENT, ABSENT, ABSENT, 0, secret_unknown},
     "",
     "SecretsManagerAccessDenied",
     "not allowed"},

    /* Everything exists; does it match? */
    {"database of another owner",
     {OURS, OURS, OURS, PROOF_NEEDED, database_of_somebody},
     "",
     "PrivilegesDiffer",
     "dba"},
    {"privileges missing, user of ours",
     {OURS, OURS, OURS, PROOF_NEEDED, privilege_missing},
     "G",
     NULL,
     NULL},
    {"privileges missing, user made by hand and not proven",
     {UNMARKED, UNMARKED, UNMARKED, PROOF_NEEDED, privilege_missing},
     "P",
     NULL,
     NULL},
    {"privileges missing, user made by hand and proven",
     {UNMARKED, UNMARKED, UNMARKED, PROOF_PASSED, privilege_missing},
     "G",
     NULL,
     NULL},
    {"privileges missing, password refused",
     {UNMARKED, UNMARKED, UNMARKED, PROOF_FAILED, privilege_missing},
     "",
     "PasswordMismatch",
     ""},
    {"more privileges than asked for",
     {OURS, OURS, OURS, PROOF_PASSED, privilege_too_many},
     "V",
     NULL,
     NULL},
    {"more privileges than asked for, user of a resource that is gone",
     {OURS, RELEASED, OURS, PROOF_PASSED, privilege_too_many},
     "M",
     NULL,
     NULL},
    {"more privileges than asked for, user made by hand",
     {UNMARKED, UNMARKED, OURS, PROOF_PASSED, privilege_too_many},
     "",
     NULL,
     NULL},
    {"more privileges than asked for, user taken over",
     {OURS, OURS, OURS, PROOF_PASSED, taken_over_with_too_much},
     "",
     NULL,
     NULL},
    {"more privileges than asked for, user taken over, list as before",
     {OURS, OURS, OURS, PROOF_PASSED, taken_over_with_too_much_and_the_same_list},
     "",
     NULL,
     NULL},
    {"more privileges than asked for, user taken over, list changed",
     {OURS, OURS, OURS, PROOF_PASSED, taken_over_with_too_much_and_another_list},
     "V",
     NULL,
     NULL},
    {"more privileges than asked for, user by hand, list changed, not proven",
     {UNMARKED, UNMARKED, UNMARKED, PROOF_NEEDED, taken_over_with_too_much_and_another_list},
     "P",
     NULL,
     NULL},
    {"too many and too few privileges, user made by hand",
     {UNMARKED, UNMARKED, UNMARKED, PROOF_PASSED, privilege_missing_and_too_many},
     "G",
     NULL,
     NULL},
    {"too many and too few privileges",
     {OURS, OURS, OURS, PROOF_NEEDED, privilege_missing_and_too_many},
     "V",
     NULL,
     NULL},
    {"privileges that cannot be read",
     {OURS, OURS, OURS, PROOF_PASSED, privileges_unknown},
     "",
     "InsufficientRights",
     "CONNECT"},
    {"ALL after a list", {OURS, OURS, OURS, PROOF_PASSED, all_after_a_list}, "G", NULL, NULL},
    {"ALL after a list, user that the admin may not act for",
     {OURS, OURS, OURS, PROOF_PASSED, all_after_a_list_without_administration},
     "",
     "InsufficientRights",
     "WITH ADMIN OPTION"},
    {"ALL in a database of another owner that is not ours",
     {UNMARKED, OURS, OURS, PROOF_PASSED, all_after_a_list},
     "G",
     NULL,
     NULL},
    {"a list after ALL", {OURS, OURS, OURS, PROOF_PASSED, list_after_all}, "V", NULL, NULL},
    {"a list after ALL, user that the admin may not act for",
     {OURS, OURS, OURS, PROOF_PASSED, list_after_all_without_administration},
     "",
     "InsufficientRights",
     "WITH ADMIN OPTION"},
    {"a list, database made by hand that its user owns",
     {UNMARKED, UNMARKED, OURS, PROOF_PASSED, list_after_all},
     "",
     NULL,
     NULL},

    /* Engines that cannot mark users: the database first, and a user is told by his password. */
    {"nothing exists, users without marks",
     {ABSENT, ABSENT, ABSENT, 0, engine_marks_no_users},
     "SDU",
     NULL,
     NULL},
    {"database of ours without user, users without marks",
     {OURS, ABSENT, OURS, 0, engine_marks_no_users},
     "U",
     NULL,
     NULL},
    {"user with our password without database",
     {ABSENT, UNMARKED, OURS, PROOF_PASSED, engine_marks_no_users_and_password_matches},
     "D",
     NULL,
     NULL},
    {"user with another password without database",
     {ABSENT, UNMARKED, OURS, PROOF_NEEDED, engine_marks_no_users_and_password_differs},
     "",
     "Conflict",
     "was not made by this resource"},
    {"user with the password of a secret that is not ours, without database",
     {ABSENT, UNMARKED, UNMARKED, PROOF_PASSED, engine_marks_no_users_and_password_matches},
     "",
     "Conflict",
     "was not made by this resource"},
    {"password refused", {OURS, OURS, OURS, PROOF_FAILED, NULL}, "", "PasswordMismatch", ""},
    {"login told nothing", {OURS, OURS, OURS, PROOF_UNKNOWN, NULL}, "", "LoginNotVerified", ""},
    {"description changed", {OURS, OURS, OURS, PROOF_PASSED, description_changed}, "d", NULL, NULL},
    {"tag added", {OURS, OURS, OURS, PROOF_PASSED, tag_added}, "t", NULL, NULL},
    {"tag removed", {OURS, OURS, OURS, PROOF_PASSED, tag_removed}, "u", NULL, NULL},
    {"a status that claims our own tag removes nothing",
     {OURS, OURS, OURS, PROOF_PASSED, foreign_tag_claimed_by_status},
     "",
     NULL,
     NULL},
    {"metadata waits for the proof",
     {OURS, OURS, OURS, PROOF_NEEDED, description_changed},
     "Pd",
     NULL,
     NULL},
};

static void test_each_state_has_its_plan(void **state maybe_unused)
{
    for (size_t i = 0; i < array_length(rows); i++)
        plan_fixture_check_row(&rows[i]);
}

/* Whatever exists and whoever's it is: nothing is made that exists, a secret is made only when
 * nothing exists at all, and a refusal never comes with steps. */
static void check_invariants(const struct setup *setup, const struct plan *plan)
{
    char steps[PLAN_STEPS_LIMIT + 1];

    plan_fixture_render_steps(plan, steps);
    if (failure_is_set(&plan->refusal))
        assert_int_equal(plan->count, 0);
    if (strchr(steps, 'S') != NULL)
        assert_true(setup->database == ABSENT && setup->user == ABSENT && setup->secret == ABSENT);
    if (strchr(steps, 'U') != NULL)
        assert_int_equal(setup->user, ABSENT);
    if (strchr(steps, 'D') != NULL)
        assert_int_equal(setup->database, ABSENT);
    if (strchr(steps, 'D') != NULL && setup->user != ABSENT)
        assert_int_equal(setup->proof, PROOF_PASSED);
    if (setup->database >= OTHERS && setup->database != PREDECESSORS)
        assert_true(failure_is_set(&plan->refusal));
    if (setup->user >= OTHERS && setup->user != PREDECESSORS)
        assert_true(failure_is_set(&plan->refusal));
    if (setup->secret >= OTHERS && setup->secret != PREDECESSORS)
        assert_true(failure_is_set(&plan->refusal));
}

static void test_no_combination_breaks_an_invariant(void **state maybe_unused)
{
    auto_json json_t *released = json_pack("[s]", CLUSTER " team/gone");
    struct owner owner = {CLUSTER, "team", "app", "u-1", "c-0", released};
    struct connection_string server = {
        .hosts = {{.host = mem_strdup("db.example.com"), .port = 5432}}, .host_count = 1};
    auto_database struct database database = {0};
    struct database_status status = {0};

    plan_fixture_make_database(&database);
    for (enum thing d = ABSENT; d <= FOREIGN_CLUSTERS; d++) {
        for (enum thing u = ABSENT; u <= FOREIGN_CLUSTERS; u++) {
            for (enum thing s = ABSENT; s <= FOREIGN_CLUSTERS; s++) {
                for (enum proof_state p = PROOF_NEEDED; p <= PROOF_UNKNOWN; p++) {
                    struct setup setup = {d, u, s, p, NULL};
                    auto_facts struct facts facts = {0};
                    struct plan_input input = {.database = &database,
                                               .status = &status,
                                               .owner = &owner,
                                               .server = &server,
                                               .region = "us-east-1",
                                               .facts = &facts};
                    struct plan plan;

                    plan_fixture_make_facts(&setup, &facts);
                    plan_make(&input, &plan);
                    check_invariants(&setup, &plan);
                }
            }
        }
    }
    free(server.hosts[0].host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_state_has_its_plan),
        cmocka_unit_test(test_no_combination_breaks_an_invariant),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
