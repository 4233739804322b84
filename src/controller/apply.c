#include "controller/apply.h"

#include "base/memory.h"
#include "controller/claim.h"
#include "controller/events.h"
#include "controller/observe.h"
#include "controller/pass.h"
#include "controller/proof_memory.h"
#include "controller/reset_steps.h"
#include "controller/secret_changes.h"
#include "controller/secret_writing.h"

#include <stdio.h>
#include <stdlib.h>

enum { RECOVERY_WINDOW_DAYS = 7 };

/* --- Secrets Manager ------------------------------------------------------------------------- */

/* The password exists in the secret before any server has seen it; in the documented format, from
 * which it can always be read.  A template is applied once everything else is right. */
static bool create_secret(struct pass *pass, struct failure *failure)
{
    const struct database_spec *spec = &pass->database.spec;
    auto_credentials struct credentials credentials = {0};
    auto_secret struct secret value = {0};

    secret_writing_make_credentials(pass, &credentials);
    payload_render(&credentials, pass->driver, spec->engine, &value);
    if (!secret_writing_check_template(pass, &credentials, failure) ||
        !secret_writing_create(pass, &value, NULL, true, failure))
        return false;
    events_tell(pass, EVENT_PASSWORD_STORED, "stored a new password in secret '%s' (%s)",
                spec->secret_name, pass->stored_arn);
    /* The steps that follow take the password from the facts, as they would after a restart. */
    pass->facts.secret.state = SECRET_PRESENT;
    pass->facts.secret.is_readable = true;
    pass->facts.secret.credentials = credentials;
    credentials = (struct credentials){0};
    return true;
}

static bool copy_secret(struct pass *pass, struct failure *failure)
{
    const struct credentials *former = &pass->facts.former.credentials;
    struct plan_input input = pass_plan_input(pass);
    auto_secret struct secret value = {0};

    secret_changes_render(&input, former, &value);
    if (!secret_writing_check_template(pass, former, failure) ||
        !secret_writing_create(pass, &value, NULL,
                               ownership_made_user(pass->facts.former.description.tags), failure))
        return false;
    events_tell(pass, EVENT_PASSWORD_STORED, "stored the password of %s in secret '%s' (%s)",
                pass->former_id, pass->database.spec.secret_name, pass->stored_arn);
    return true;
}

static bool delete_former(struct pass *pass, struct failure *failure)
{
    struct secrets_manager_target target = {.region = pass->former_region, .id = pass->former_id};
    struct error err;

    if (!secrets_manager_delete(pass->reconciler->secrets, &target, RECOVERY_WINDOW_DAYS, &err))
        return failure_of_stage(failure, STAGE_SECRETS, &err);
    return true;
}

static bool restore_secret(struct pass *pass, struct failure *failure)
{
    struct secrets_manager_target target = pass_secret_target(pass);
    struct error err;

    if (!secrets_manager_restore(pass->reconciler->secrets, &target, &err))
        return failure_of_stage(failure, STAGE_SECRETS, &err);
    events_tell(pass, EVENT_SECRET_RESTORED,
                "restored secret '%s', which was scheduled for deletion", target.id);
    return true;
}

static bool tag_secret(struct pass *pass, struct failure *failure)
{
    struct secrets_manager_target target = pass_secret_target(pass);
    struct plan_input input = pass_plan_input(pass);
    auto_json json_t *set = NULL;
    auto_json json_t *remove = NULL;
    struct error err;

    secret_changes_of_tags(&input, &set, &remove);
    if (!secrets_manager_tag(pass->reconciler->secrets, &target, set, &err))
        return failure_of_stage(failure, STAGE_SECRETS, &err);
    events_tell(pass, EVENT_SECRET_CHANGED, "set %zu tags of secret '%s'", json_object_size(set),
                target.id);
    return true;
}

static bool untag_secret(struct pass *pass, struct failure *failure)
{
    struct secrets_manager_target target = pass_secret_target(pass);
    struct plan_input input = pass_plan_input(pass);
    auto_json json_t *set = NULL;
    auto_json json_t *remove = NULL;
    struct error err;

    secret_changes_of_tags(&input, &set, &remove);
    if (!secrets_manager_untag(pass->reconciler->secrets, &target, remove, &err))
        return failure_of_stage(failure, STAGE_SECRETS, &err);
    events_tell(pass, EVENT_SECRET_CHANGED, "removed %zu tags of secret '%s'",
                json_array_size(remove), target.id);
    return true;
}

static bool describe_secret(struct pass *pass, struct failure *failure)
{
    struct secrets_manager_target target = pass_secret_target(pass);
    char token[RANDOM_UUID_SIZE];
    struct error err;

    random_uuid(pass->reconciler->random, token);
    if (!secrets_manager_set_description(pass->reconciler->secrets, &target, token,
                                         pass->database.spec.description, &err))
        return failure_of_stage(failure, STAGE_SECRETS, &err);
    events_tell(pass, EVENT_SECRET_CHANGED, "set the description of secret '%s'", target.id);
    return true;
}

static bool rewrite_secret(struct pass *pass, struct failure *failure)
{
    struct plan_input input = pass_plan_input(pass);
    auto_secret_rewrite struct secret_rewrite rewrite = {0};
    struct error err;

    if (!secret_changes_plan(&input, &rewrite, &err))
        return failure_of_stage(failure, STAGE_SPEC, &err);
    if ((!secret_is_empty(&rewrite.canonical) &&
         !secret_writing_put_canonical(pass, &rewrite.canonical, &err)) ||
        (!secret_is_empty(&rewrite.value) &&
         !secret_writing_put_current(pass, &rewrite.value, NULL, &err)))
        return failure_of_stage(failure, STAGE_SECRETS, &err);
    events_tell(pass, EVENT_SECRET_CHANGED, "rewrote secret '%s' with the same password",
                pass->database.spec.secret_name);
    return true;
}

/* --- The database server --------------------------------------------------------------------- */

/* Where users cannot be marked, a secret of ours says that we made the user before we do; that of
 * another only once the password is proven. */
static bool note_new_user(struct pass *pass, struct failure *failure)
{
    const json_t *tags = pass->facts.secret.description.tags;
    struct secrets_manager_target target = pass_secret_target(pass);
    auto_json json_t *created = NULL;
    struct error err;

    if (pass->facts.engine.marks_users || ownership_made_user(tags) ||
        ownership_of_tags(tags, &pass->owner) != OWNERSHIP_OURS)
        return true;
    created = json_object();
    document_set_string(created, TAG_CREATED, TAG_CREATED_USER);
    return secrets_manager_tag(pass->reconciler->secrets, &target, created, &err) ||
           failure_of_stage(failure, STAGE_SECRETS, &err);
}

static bool create_user(struct pass *pass, struct failure *failure)
{
    struct engine_marker marker = {0};
    struct engine_user_creation creation = {
        .username = pass->database.spec.username,
        .password = &pass->facts.secret.credentials.password,
        .marker = &marker,
    };
    struct error err;
    bool done;

    if (!note_new_user(pass, failure))
        return false;
    ownership_make_marker(&pass->owner, &marker);
    if (pass->facts.engine.database.present &&
        ownership_of_marker(&pass->facts.engine.database.marker, &pass->owner) == OWNERSHIP_OURS)
        marker.database = mem_strdup(pass->facts.engine.database.id);
    done = database_call(pass, create_user, &err, pass->session, &creation);
    engine_marker_release(&marker);
    if (!done)
        return failure_of_stage(failure, STAGE_SERVER, &err);
    pass->made_user = true;
    events_tell(pass, EVENT_CREATED, "created user '%s'", creation.username);
    return true;
}

static bool create_database(struct pass *pass, struct failure *failure)
{
    struct engine_marker marker = {0};
    struct engine_database_creation creation = {
        .database = pass->database.spec.database_name,
        .username = pass->database.spec.username,
        .owned_by_user = pass->database.spec.privileges.all,
        .marker = &marker,
    };
    struct error err;
    bool done;

    ownership_make_marker(&pass->owner, &marker);
    done = database_call(pass, create_database, &err, pass->session, &creation);
    engine_marker_release(&marker);
    if (!done)
        return failure_of_stage(failure, STAGE_SERVER, &err);
    events_tell(pass, EVENT_CREATED, "created database '%s'", creation.database);
    return true;
}

/* --- Taking away ----------------------------------------------------------------------------- */

static bool note_deletion(struct pass *pass, struct failure *failure)
{
    struct secrets_manager_target target = pass_secret_target(pass);
    auto_json json_t *tags = json_object();
    struct error err;

    document_set_string(tags, TAG_DELETING, pass->owner.uid);
    return secrets_manager_tag(pass->reconciler->secrets, &target, tags, &err) ||
           failure_of_stage(failure, STAGE_SECRETS, &err);
}

static bool set_login(struct pass *pass, bool allowed, struct failure *failure)
{
    const char *username = pass->database.spec.username;
    struct error err;

    if (!database_call(pass, set_login, &err, pass->session, username, allowed))
        return failure_of_stage(failure, STAGE_SERVER, &err);
    events_tell(pass, allowed ? EVENT_UNLOCKED : EVENT_LOCKED, "%s user '%s'",
                allowed ? "unlocked" : "locked out", username);
    return true;
}

static bool lock_user(struct pass *pass, struct failure *failure)
{
    return set_login(pass, false, failure);
}

static bool unlock_user(struct pass *pass, struct failure *failure)
{
    return set_login(pass, true, failure);
}

static bool end_sessions(struct pass *pass, struct failure *failure)
{
    struct error err;

    return database_call(pass, end_sessions, &err, pass->session, pass->database.spec.username) ||
           failure_of_stage(failure, STAGE_SERVER, &err);
}

static bool drop_database(struct pass *pass, struct failure *failure)
{
    const char *database = pass->database.spec.database_name;
    struct error err;

    if (!database_call(pass, drop_database, &err, pass->session, database))
        return failure_of_stage(failure, STAGE_SERVER, &err);
    events_tell(pass, EVENT_DROPPED, "dropped database '%s'", database);
    return true;
}

static bool revoke(struct pass *pass, struct failure *failure)
{
    static const struct engine_privileges none = {.none = true};
    struct engine_target target = pass_engine_target(pass);
    struct error err;

    target.privileges = &none;
    if (!database_call(pass, set_privileges, &err, pass->session, &target, true))
        return failure_of_stage(failure, STAGE_SERVER, &err);
    events_tell(pass, EVENT_PRIVILEGES_CHANGED,
                "took from user '%s' what it had on database '%s', which stays", target.username,
                target.database);
    return true;
}

static bool drop_user(struct pass *pass, struct failure *failure)
{
    struct engine_target target = pass_engine_target(pass);
    struct error err;

    if (!database_call(pass, drop_user, &err, pass->session, &target,
                       pass->facts.engine.user.marker.uid))
        return failure_of_stage(failure, STAGE_SERVER, &err);
    events_tell(pass, EVENT_DROPPED, "dropped user '%s'", target.username);
    return true;
}

static bool delete_secret(struct pass *pass, struct failure *failure)
{
    struct secrets_manager_target target = pass_secret_target(pass);
    struct error err;

    if (!secrets_manager_delete(pass->reconciler->secrets, &target, RECOVERY_WINDOW_DAYS, &err))
        return failure_of_stage(failure, STAGE_SECRETS, &err);
    events_tell(pass, EVENT_SECRET_DELETED, "secret '%s' is scheduled for deletion in %d days",
                target.id, RECOVERY_WINDOW_DAYS);
    return true;
}

/* --- Rights, proof and marks ----------------------------------------------------------------- */

static bool set_privileges(struct pass *pass, bool may_revoke, struct failure *failure)
{
    struct engine_target target = pass_engine_target(pass);
    const struct engine_privilege_facts *before = &pass->facts.engine.privileges;
    struct error err;

    if (!database_call(pass, set_privileges, &err, pass->session, &target, may_revoke))
        return failure_of_stage(failure, STAGE_SERVER, &err);
    if (before->missing != NULL)
        events_tell(pass, EVENT_PRIVILEGES_CHANGED,
                    "granted user '%s' what it lacked on database '%s': %s", target.username,
                    target.database, before->missing);
    if (may_revoke && before->excess != NULL)
        events_tell(pass, EVENT_PRIVILEGES_CHANGED,
                    "revoked from user '%s' what it had beyond its list on '%s': %s",
                    target.username, target.database, before->excess);
    return true;
}

static bool grant(struct pass *pass, struct failure *failure)
{
    return set_privileges(pass, false, failure);
}

static bool grant_and_revoke(struct pass *pass, struct failure *failure)
{
    return set_privileges(pass, true, failure);
}

/* What another resource of an operator had made is as if it were made for this one. */
static bool was_made_by_others(const struct engine_marker *marker)
{
    return marker->kind != ENGINE_MARKER_OURS || marker->taken_over;
}

static bool mark(struct pass *pass, struct failure *failure)
{
    const struct engine_facts *engine = &pass->facts.engine;
    struct plan_input input = pass_plan_input(pass);
    bool takes_database = claim_takes_database(&input);
    struct engine_marker marker = {0}, user_marker = {0};
    struct engine_marking marking = {.marker = &marker, .user_marker = &user_marker};
    struct error err;
    bool done;

    if (pass->facts.database_mark_is_lost ||
        (takes_database && ownership_is_stale(&engine->database.marker, &pass->owner)))
        marking.database = pass->database.spec.database_name;
    if (ownership_is_stale(&engine->user.marker, &pass->owner))
        marking.username = pass->database.spec.username;
    ownership_make_marker(&pass->owner, &marker);
    ownership_make_marker(&pass->owner, &user_marker);
    if (takes_database)
        user_marker.database = mem_strdup(engine->database.id);
    marker.taken_over = was_made_by_others(&engine->database.marker);
    user_marker.taken_over = was_made_by_others(&engine->user.marker);
    done = database_call(pass, mark, &err, pass->session, &marking);
    engine_marker_release(&marker);
    engine_marker_release(&user_marker);
    if (!done)
        return failure_of_stage(failure, STAGE_SERVER, &err);
    if (pass->facts.database_mark_is_lost)
        log_warning(&pass->log, "the mark on the database was gone, and was written again");
    else
        events_tell(pass, EVENT_TAKEN_OVER, "took over%s%s",
                    marking.database != NULL ? " the database" : "",
                    marking.username != NULL ? " the user" : "");
    return true;
}

static void remember_proof(struct pass *pass, bool passed)
{
    const struct reconciler *reconciler = pass->reconciler;
    auto_free char *subject = observe_proof_subject(pass);
    struct proof proof = {
        .passed = passed,
        .tried_at_ms = timesource_monotonic_ms(reconciler->timesource),
    };

    proof_memory_store(reconciler->proofs, pass->database.uid, subject, &proof);
    if (passed)
        proof_memory_note_times(
            reconciler->proofs, pass->database.uid,
            &(struct credential_times){
                .proven_at_s = timesource_realtime_us(reconciler->timesource) / 1000000});
}

static void take_login(struct pass *pass, enum engine_login login)
{
    struct facts *facts = &pass->facts;

    switch (login) {
    case ENGINE_LOGIN_PROVEN:
        facts->proof = PROOF_PASSED;
        remember_proof(pass, true);
        log_info(&pass->log, "user '%s': %s", pass->database.spec.username, facts->proof_detail);
        return;
    case ENGINE_LOGIN_WRONG_PASSWORD:
        facts->proof = PROOF_FAILED;
        remember_proof(pass, false);
        return;
    case ENGINE_LOGIN_NOT_ASKED:
    case ENGINE_LOGIN_REFUSED:
    case ENGINE_LOGIN_UNSAFE:
        facts->proof = PROOF_UNKNOWN;
        return;
    }
}

/* The outcome is a fact; the plan that is made from it next decides what it means. */
static bool prove_login(struct pass *pass, struct failure *failure)
{
    struct engine_connect_request request = pass_connect_request(pass);
    struct engine_target target = pass_engine_target(pass);
    enum engine_login login = ENGINE_LOGIN_REFUSED;
    struct error err;

    if (!database_call(pass, prove_login, &err, pass->session, &request, &target, &login,
                       pass->facts.proof_detail))
        return failure_of_stage(failure, STAGE_LOGIN, &err);
    take_login(pass, login);
    return true;
}

/* What each step does, and whether it changes something outside. */
static const struct step_operation {
    bool (*run)(struct pass *pass, struct failure *failure);
    bool changes;
} operations[PLAN_STEP_COUNT] = {
    [PLAN_CREATE_SECRET] = {create_secret, true},
    [PLAN_RESTORE_SECRET] = {restore_secret, true},
    [PLAN_RESET_SECRET] = {reset_steps_store, true},
    [PLAN_SET_PASSWORD] = {reset_steps_set_password, true},
    [PLAN_CREATE_USER] = {create_user, true},
    [PLAN_CREATE_DATABASE] = {create_database, true},
    [PLAN_GRANT] = {grant, true},
    [PLAN_SET_PRIVILEGES] = {grant_and_revoke, true},
    [PLAN_PROVE_LOGIN] = {prove_login, false},
    [PLAN_TAG_SECRET] = {tag_secret, true},
    [PLAN_REWRITE_SECRET] = {rewrite_secret, true},
    [PLAN_COPY_SECRET] = {copy_secret, true},
    [PLAN_MARK] = {mark, true},
    [PLAN_UNLOCK_USER] = {unlock_user, true},
    [PLAN_NOTE_DELETION] = {note_deletion, true},
    [PLAN_LOCK_USER] = {lock_user, true},
    [PLAN_END_SESSIONS] = {end_sessions, true},
    [PLAN_DROP_DATABASE] = {drop_database, true},
    [PLAN_REVOKE] = {revoke, true},
    [PLAN_DROP_USER] = {drop_user, true},
    [PLAN_DELETE_SECRET] = {delete_secret, true},
    [PLAN_DELETE_FORMER] = {delete_former, true},
    [PLAN_UNTAG_SECRET] = {untag_secret, true},
    [PLAN_DESCRIBE_SECRET] = {describe_secret, true},
};

bool apply(struct pass *pass, const struct plan *plan, bool *ret_changed,
           struct failure *ret_failure)
{
    *ret_changed = false;
    for (size_t i = 0; i < plan->count; i++) {
        const struct step_operation *operation = &operations[plan->steps[i]];

        if (cancellation_is_requested(pass->reconciler->cancellation)) {
            struct error err;

            cancellation_error(&err);
            return failure_of_stage(ret_failure, STAGE_KUBERNETES, &err);
        }
        *ret_changed = *ret_changed || operation->changes;
        log_debug(&pass->log, "%s", plan_step_name(plan->steps[i]));
        if (!operation->run(pass, ret_failure))
            return error_wrap(&ret_failure->error, "%s", plan_step_name(plan->steps[i]));
        if (plan->steps[i] == PLAN_PROVE_LOGIN && pass->facts.proof != PROOF_PASSED)
            return true; /* nothing is built on a password that was not proven */
    }
    return true;
}
