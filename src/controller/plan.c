#include "controller/plan.h"

#include "base/document.h"
#include "controller/claim.h"
#include "controller/password_reset.h"
#include "controller/secret_changes.h"

#include <assert.h>
#include <string.h>

void plan_add_step(struct plan *plan, enum plan_step step)
{
    plan->steps[plan->count++] = step;
}

/* Sets the refusal and drops the steps; false. */
#define REFUSE(plan, ...) ((plan)->count = 0, failure_set(&(plan)->refusal, __VA_ARGS__))

/* --- The state table ------------------------------------------------------------------------- */

/* Database and/or user exist, the secret does not: nobody knows the password. */
static bool refuse_unrecoverable(const struct plan_input *input, struct plan *plan)
{
    const struct engine_facts *engine = &input->facts->engine;
    const struct database_spec *spec = &input->database->spec;
    const char *what = engine->database.present && engine->user.present ? "both exist"
                       : engine->database.present                       ? "the database exists"
                                                                        : "the user exists";
    const char *adoption = engine->database.present && !engine->user.present
                               ? ", or set adoptExistingDatabase: true for a new user in it"
                           : password_reset_is_possible(input)
                               ? ", or set the annotation " ANNOTATION_RESET_PASSWORD
                                 " to a new value for a new password"
                               : "";

    return REFUSE(
        plan, ERROR_INVALID, "CannotRecoverPassword",
        "database and/or user exist but secret is missing - cannot recover password "
        "(%s; database '%s', user '%s', secret '%s' in region %s): restore the secret, "
        "store the known password in it by hand, or create a new resource with names that "
        "do not exist yet%s",
        what, spec->database_name, spec->username, spec->secret_name, input->region, adoption);
}

/* A database that we once made and that is gone is made again only by a person's act after that was
 * found: a spec that is newer than the finding, or the annotation reconcile-now. */
static bool is_lost(const struct plan_input *input)
{
    int64_t found_at = input->status->database_missing_generation;

    return input->status->server_identity != NULL && !claim_is_new_server_accepted(input) &&
           (found_at == 0 || (found_at >= input->database->generation && !input->person_acted));
}

/* Something of ours is there and something is missing: only what we made may be completed, and what
 * the spec adopts. */
static bool check_may_complete(const struct plan_input *input, struct plan *plan)
{
    const struct engine_facts *engine = &input->facts->engine;
    const struct database_spec *spec = &input->database->spec;

    if (engine->database.present && !spec->adopt_existing_database &&
        ownership_of_marker(&engine->database.marker, input->owner) != OWNERSHIP_OURS)
        return REFUSE(plan, ERROR_INVALID, "Conflict",
                      "database '%s' exists and was not made by this resource, and user '%s' does "
                      "not exist: set adoptExistingDatabase: true, create a new resource with "
                      "another databaseName, or create the user by hand with the password of "
                      "secret '%s'",
                      spec->database_name, spec->username, spec->secret_name);
    if (!engine->database.present && is_lost(input))
        return REFUSE(plan, ERROR_INVALID, "DatabaseMissing",
                      "database '%s' was used by this resource and is gone from the server: "
                      "restore it from a backup, or have an empty one made by setting the "
                      "annotation database.opzkit.io/reconcile-now to a new value",
                      spec->database_name);
    if (engine->user.present && claim_owner_of_user(input) != OWNERSHIP_OURS)
        return REFUSE(plan, ERROR_INVALID, "Conflict",
                      "user '%s' exists and was not made by this resource, and database '%s' does "
                      "not exist: create a new resource with another username, or create the "
                      "database by hand",
                      spec->username, spec->database_name);
    return true;
}

static bool check_proof(const struct plan_input *input, struct plan *plan)
{
    const struct facts *facts = input->facts;

    switch (facts->proof) {
    case PROOF_NEEDED:
        plan_add_step(plan, PLAN_PROVE_LOGIN);
        return true;
    case PROOF_PASSED:
        return true;
    case PROOF_FAILED:
        return REFUSE(plan, ERROR_DENIED, "PasswordMismatch", "%s%s", facts->proof_detail,
                      password_reset_is_possible(input)
                          ? "; or set the annotation " ANNOTATION_RESET_PASSWORD
                            " to a new value for a new password"
                          : "");
    case PROOF_UNKNOWN:
        return REFUSE(plan, ERROR_DENIED, "LoginNotVerified", "%s", facts->proof_detail);
    }
    return true;
}

bool plan_check_administered(const struct plan_input *input, struct failure *ret_refusal)
{
    const char *name = input->database->spec.username;

    if (input->facts->engine.user.is_administered)
        return true;
    return failure_set(
        ret_refusal, ERROR_DENIED, "InsufficientRights",
        "user '%s' is not administered by the admin user '%s': run GRANT \"%s\" TO \"%s\" "
        "WITH ADMIN OPTION as the user's creator or a superuser",
        name, input->server->username, name, input->server->username);
}

static bool check_administered(const struct plan_input *input, struct plan *plan)
{
    if (plan_check_administered(input, &plan->refusal))
        return true;
    plan->count = 0;
    return false;
}

/* What carries the mark comes first. */
static void add_creation_steps(const struct engine_facts *engine, struct plan *plan)
{
    if (!engine->user.present && engine->marks_users)
        plan_add_step(plan, PLAN_CREATE_USER);
    if (!engine->database.present)
        plan_add_step(plan, PLAN_CREATE_DATABASE);
    if (!engine->user.present && !engine->marks_users)
        plan_add_step(plan, PLAN_CREATE_USER);
}

/* A new user for a database that is there. */
static bool is_adoption(const struct plan_input *input)
{
    const struct engine_facts *engine = &input->facts->engine;

    return input->database->spec.adopt_existing_database && engine->database.present &&
           !engine->user.present;
}

static bool plan_creation(const struct plan_input *input, struct plan *plan)
{
    const struct engine_facts *engine = &input->facts->engine;
    bool anything_exists = engine->database.present || engine->user.present;

    if (input->facts->secret.state == SECRET_ABSENT) {
        if (claim_may_copy_former(input)) {
            plan_add_step(plan, PLAN_COPY_SECRET);
            return true;
        }
        if (anything_exists && !is_adoption(input))
            return refuse_unrecoverable(input, plan);
        if (!check_may_complete(input, plan))
            return false;
        plan_add_step(plan, PLAN_CREATE_SECRET);
    } else if (!engine->database.present || !engine->user.present) {
        if (!check_may_complete(input, plan))
            return false;
    }
    if (engine->user.present && !engine->database.present) {
        /* No database for a user whose password is not known to be the stored one. */
        if (!check_administered(input, plan) || !check_proof(input, plan))
            return false;
        if (plan->count > 0)
            return true;
    }
    add_creation_steps(engine, plan);
    return true;
}

/* --- What exists and is allowed: does it match? ---------------------------------------------- */

/* ALL is ownership where the engine knows owners and the database is ours; only from ourselves may
 * it be handed on. */
static bool check_owner(const struct plan_input *input, struct plan *plan)
{
    const struct engine_database_facts *database = &input->facts->engine.database;
    const struct database_spec *spec = &input->database->spec;

    if (database->owner[0] == '\0' || !spec->privileges.all || database->owned_by_target ||
        !claim_takes_database(input))
        return true;
    if (database->owned_by_admin &&
        ownership_of_marker(&database->marker, input->owner) == OWNERSHIP_OURS)
        return check_administered(input, plan);
    return REFUSE(plan, ERROR_INVALID, "PrivilegesDiffer",
                  "database '%s' is owned by '%s', but privileges ALL mean that user '%s' owns it: "
                  "run ALTER DATABASE \"%s\" OWNER TO \"%s\" as its owner",
                  spec->database_name, database->owner, spec->username, spec->database_name,
                  spec->username);
}

/* Rights are set before the login is proven, which needs them on some engines.  An excess that
 * stays is for the conditions to tell. */
static bool check_privileges(const struct plan_input *input, struct plan *plan)
{
    const struct facts *facts = input->facts;
    const struct engine_privilege_facts *privileges = &facts->engine.privileges;

    if (!facts->privileges_known) {
        assert(failure_is_set(&facts->privileges_failure));
        plan->refusal = facts->privileges_failure;
        return false;
    }
    if (!check_owner(input, plan))
        return false;
    if (privileges->excess != NULL && claim_may_revoke(input)) {
        if (facts->engine.database.owned_by_target && !check_administered(input, plan))
            return false;
        plan_add_step(plan, PLAN_SET_PRIVILEGES);
    } else if (privileges->missing != NULL) {
        plan_add_step(plan, PLAN_GRANT);
    }
    return true;
}

/* In a database of others the admin may lack what only an owner can give; everything else is done
 * first.  In one of ours it is what some object lacks, and the conditions tell. */
static bool check_grantable(const struct plan_input *input, struct plan *plan)
{
    const char *ungranted = input->facts->engine.privileges.ungranted;
    const char *admin = input->server->username;

    return ungranted == NULL || claim_takes_database(input) ||
           REFUSE(plan, ERROR_DENIED, "InsufficientRights",
                  "the admin user '%s' may not grant in database '%s': %s: make it a member of the "
                  "owner (GRANT owner TO \"%s\"), or grant this to user '%s' as the owner",
                  admin, input->database->spec.database_name, ungranted, admin,
                  input->database->spec.username);
}

static void add_secret_steps(const struct plan_input *input, struct plan *plan)
{
    const char *description = input->facts->secret.description.description;
    auto_json json_t *set = NULL;
    auto_json json_t *remove = NULL;

    secret_changes_of_tags(input, &set, &remove);
    if (json_object_size(set) > 0)
        plan_add_step(plan, PLAN_TAG_SECRET);
    if (json_array_size(remove) > 0)
        plan_add_step(plan, PLAN_UNTAG_SECRET);
    if (description == NULL || strcmp(description, input->database->spec.description) != 0)
        plan_add_step(plan, PLAN_DESCRIBE_SECRET);
    if (!secret_changes_is_current(input))
        plan_add_step(plan, PLAN_REWRITE_SECRET);
}

/* Everything exists.  A user that is not marked as ours gets nothing before the stored password is
 * proven to be his; one of ours needs his rights for the login that proves it. */
static void plan_convergence(const struct plan_input *input, struct plan *plan)
{
    if (claim_owner_of_user(input) != OWNERSHIP_OURS && !check_proof(input, plan))
        return;
    if (input->facts->database_mark_is_lost)
        plan_add_step(plan, PLAN_MARK);
    if (plan->count > 0 || !check_privileges(input, plan) || plan->count > 0)
        return;
    if ((input->facts->proof == PROOF_UNKNOWN && !check_grantable(input, plan)) ||
        !check_proof(input, plan))
        return;
    /* Before the tags: what says that an owner handed everything over stands there. */
    if ((claim_takes_database(input) &&
         ownership_is_stale(&input->facts->engine.database.marker, input->owner)) ||
        ownership_is_stale(&input->facts->engine.user.marker, input->owner))
        plan_add_step(plan, PLAN_MARK);
    add_secret_steps(input, plan);
    if (plan->count == 0 && claim_may_copy_former(input) && !input->database->spec.retain_on_delete)
        plan_add_step(plan, PLAN_DELETE_FORMER);
    if (plan->count == 0 && !check_grantable(input, plan))
        return;
}

bool plan_check_known(const struct plan_input *input, struct plan *plan)
{
    if (!input->facts->server_known)
        plan->refusal = input->facts->server_failure;
    else if (!input->facts->secret_known)
        plan->refusal = input->facts->secret_failure;
    else if (!input->facts->former_known)
        plan->refusal = input->facts->former_failure;
    return !failure_is_set(&plan->refusal);
}

void plan_make(const struct plan_input *input, struct plan *ret_plan)
{
    const struct secret_facts *secret = &input->facts->secret;

    *ret_plan = (struct plan){0};
    if (!plan_check_known(input, ret_plan) || !claim_check(input, &ret_plan->refusal))
        return;
    if (secret->state == SECRET_SCHEDULED_FOR_DELETION) {
        if (ownership_of_tags(secret->description.tags, input->owner) != OWNERSHIP_OURS)
            REFUSE(ret_plan, ERROR_INVALID, "Conflict",
                   "secret '%s' is scheduled for deletion and was not made for this resource: "
                   "restore it by hand or set another secretName",
                   input->database->spec.secret_name);
        else
            plan_add_step(ret_plan, PLAN_RESTORE_SECRET); /* its content decides the rest */
        return;
    }
    if (claim_is_locked_by_us(input)) {
        plan_add_step(ret_plan, PLAN_UNLOCK_USER);
        return;
    }
    if (password_reset_is_due(input)) {
        password_reset_plan(input, ret_plan);
        return;
    }
    if (!plan_creation(input, ret_plan))
        return;
    if (ret_plan->count > 0)
        return; /* observed again before anything else is decided */
    plan_convergence(input, ret_plan);
}

const char *plan_step_name(enum plan_step step)
{
    static const char *const names[PLAN_STEP_COUNT] = {
        [PLAN_CREATE_SECRET] = "storing the new password",
        [PLAN_RESTORE_SECRET] = "restoring the secret",
        [PLAN_RESET_SECRET] = "storing a new password",
        [PLAN_SET_PASSWORD] = "setting the stored password",
        [PLAN_CREATE_USER] = "creating the user",
        [PLAN_CREATE_DATABASE] = "creating the database",
        [PLAN_GRANT] = "granting privileges",
        [PLAN_SET_PRIVILEGES] = "setting privileges",
        [PLAN_PROVE_LOGIN] = "logging in with the stored password",
        [PLAN_TAG_SECRET] = "setting tags of the secret",
        [PLAN_UNTAG_SECRET] = "removing tags of the secret",
        [PLAN_UNLOCK_USER] = "unlocking the user",
        [PLAN_NOTE_DELETION] = "noting the deletion",
        [PLAN_LOCK_USER] = "locking the user out",
        [PLAN_END_SESSIONS] = "ending the user's sessions",
        [PLAN_DROP_DATABASE] = "dropping the database",
        [PLAN_REVOKE] = "taking the user's privileges",
        [PLAN_DROP_USER] = "dropping the user",
        [PLAN_DELETE_SECRET] = "scheduling the deletion of the secret",
        [PLAN_MARK] = "marking what is taken over",
        [PLAN_COPY_SECRET] = "storing the password at its new place",
        [PLAN_DELETE_FORMER] = "deleting the secret at its former place",
        [PLAN_REWRITE_SECRET] = "rewriting the secret",
        [PLAN_DESCRIBE_SECRET] = "setting the description of the secret",
    };

    return names[step];
}

bool plan_has(const struct plan *plan, enum plan_step step)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->steps[i] == step)
            return true;
    }
    return false;
}

bool plan_creates(const struct plan *plan)
{
    return plan_has(plan, PLAN_CREATE_SECRET) || plan_has(plan, PLAN_COPY_SECRET) ||
           plan_has(plan, PLAN_RESTORE_SECRET) || plan_has(plan, PLAN_CREATE_USER) ||
           plan_has(plan, PLAN_CREATE_DATABASE);
}
