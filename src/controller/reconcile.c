#include "controller/reconcile.h"

#include "base/memory.h"
#include "controller/apply.h"
#include "controller/claim.h"
#include "controller/conditions.h"
#include "controller/events.h"
#include "controller/finalize.h"
#include "controller/observe.h"
#include "controller/pass.h"
#include "controller/password_reset.h"
#include "controller/plan.h"
#include "controller/prepare.h"
#include "controller/status_writer.h"
#include "controller/watch_scope.h"

#include <string.h>

/* A pass that still finds something to do after so many rounds is fighting somebody. */
enum { ROUNDS_LIMIT = 8 };

/* Problems that a person must solve are looked at again slowly, besides every change. */
enum { SLOW_RETRY_MS = 30 * 1000, DENIED_RETRY_MS = 5 * 1000 };

struct secrets_manager_target pass_secret_target(const struct pass *pass)
{
    return (struct secrets_manager_target){
        .region = pass->region,
        .id = pass->database.spec.secret_name,
    };
}

struct engine_connect_request pass_connect_request(const struct pass *pass)
{
    const struct reconciler *reconciler = pass->reconciler;

    return (struct engine_connect_request){
        .server = &pass->admin.server,
        .ca_pem = pass->admin.ca_pem,
        .ca_file = reconciler->database_ca_file,
        .timesource = reconciler->timesource,
        .random = reconciler->random,
        .cancellation = reconciler->cancellation,
    };
}

struct engine_target pass_engine_target(const struct pass *pass)
{
    struct plan_input input = pass_plan_input(pass);

    return (struct engine_target){
        .engine = pass->database.spec.engine,
        .database = pass->database.spec.database_name,
        .username = pass->database.spec.username,
        .privileges = &pass->database.spec.privileges,
        .password =
            pass->facts.secret.is_readable ? &pass->facts.secret.credentials.password : NULL,
        .is_ours = ownership_of_marker(&pass->facts.engine.database.marker, &pass->owner) ==
                   OWNERSHIP_OURS,
        .may_own = claim_takes_database(&input),
        .has_access = pass->facts.privileges_known && pass->facts.engine.privileges.missing == NULL,
    };
}

struct plan_input pass_plan_input(const struct pass *pass)
{
    return (struct plan_input){
        .database = &pass->database,
        .status = &pass->status,
        .owner = &pass->owner,
        .server = &pass->admin.server,
        .region = pass->region,
        .former_id = pass->former_id,
        .person_acted = pass->person_acted,
        .requires_adoption_tag = pass->reconciler->require_adoption_tag,
        .made_user = pass->made_user,
        .reset_token = pass->reset_token,
        .reset_done = pass->reset_done,
        .facts = &pass->facts,
    };
}

void pass_drop_session(struct pass *pass)
{
    if (pass->session != NULL)
        pass->driver->disconnect(pass->session);
    pass->session = NULL;
}

static void pass_release(struct pass *pass)
{
    pass_drop_session(pass);
    facts_release(&pass->facts);
    admin_connection_release(&pass->admin);
    database_status_release(&pass->status);
    json_decref(pass->status_before);
    database_release(&pass->database);
    free(pass->region);
    free(pass->admin_region);
    free(pass->former_id);
    free(pass->former_region);
    free(pass->stored_arn);
    free(pass->reset_token);
    json_decref(pass->released);
    *pass = (struct pass){0};
}

#define auto_pass run_at_scope_end(pass_release)

/* --- The rounds: observe, plan, apply, until nothing is left to do --------------------------- */

/* Nothing outside may be made before the finalizer is there to remember it. */
static bool ensure_finalizer(struct pass *pass, struct failure *failure)
{
    struct kube_object_reference reference = database_reference(&pass->database);
    auto_json json_t *object = NULL;
    struct error err;

    if (pass->database.has_finalizer)
        return true;
    if (!kube_client_add_finalizer(pass->reconciler->kube, &reference, pass->database.object,
                                   DATABASE_FINALIZER, &object, &err))
        return failure_of_stage(failure, STAGE_KUBERNETES, &err);
    if (object != NULL) {
        json_decref(pass->database.object);
        pass->database.object = json_incref(object);
        free(pass->database.resource_version);
        pass->database.resource_version =
            mem_strdup(json_string_value(document_at(object, "metadata", "resourceVersion", NULL)));
    }
    pass->database.has_finalizer = true;
    return true;
}

/* Whoever looks at a resource that has no status yet must not take it for a finished one. */
static bool announce_first_sight(struct pass *pass, struct failure *failure)
{
    struct error err;

    if (pass->status.phase != DATABASE_PHASE_NONE)
        return true;
    conditions_set_pending(pass);
    return status_write(pass, &err) || failure_of_stage(failure, STAGE_KUBERNETES, &err);
}

/* Says in the status what is about to be made or tagged, before it is: should we be killed then,
 * the next process knows. */
static bool announce(struct pass *pass, const struct plan *plan, struct failure *failure)
{
    struct error err;

    if (plan_has(plan, PLAN_CREATE_SECRET) || plan_has(plan, PLAN_RESET_SECRET) ||
        plan_has(plan, PLAN_TAG_SECRET))
        conditions_remember_tags(pass);
    if (plan_creates(plan))
        conditions_set_creating(pass, plan);
    return status_write(pass, &err) || failure_of_stage(failure, STAGE_KUBERNETES, &err);
}

static bool fail_to_converge(const struct failure *last, struct failure *failure)
{
    failure_set(
        failure, ERROR_UNAVAILABLE, "NotConverging",
        "something keeps changing what the operator sets: look for another operator or a job that "
        "works on the same database, user or secret%s%s",
        failure_is_set(last) ? "; last: " : "", failure_is_set(last) ? last->error.message : "");
    return false;
}

static bool converge(struct pass *pass, struct failure *failure)
{
    struct failure conflict = {0};
    bool changed = true;

    for (int round = 0; round < ROUNDS_LIMIT; round++) {
        struct plan_input input;
        struct plan plan;

        if (changed)
            observe(pass);
        input = pass_plan_input(pass);
        plan_make(&input, &plan);
        *failure = plan.refusal;
        if (failure_is_set(failure))
            return false;
        if (!ensure_finalizer(pass, failure))
            return false;
        if (plan.count == 0)
            return true;
        if (!announce(pass, &plan, failure))
            return false;
        if (!apply(pass, &plan, &changed, failure)) {
            if (!observe_after_failure(pass, changed, failure))
                return false;
            conflict = *failure;
            changed = true;
        }
    }
    return fail_to_converge(&conflict, failure);
}

/* --- The end of a pass ----------------------------------------------------------------------- */

/* When to look again, by what stopped the pass. */
static void decide(const struct pass *pass, const struct failure *failure,
                   struct reconcile_outcome *outcome)
{
    uint64_t jitter = pass->reconciler->sync_period_ms / 10;

    *outcome = (struct reconcile_outcome){.kind = failure->error.kind,
                                          .result = RECONCILE_FAILED,
                                          .requeue_after_ms = failure->error.retry_after_ms};
    switch (failure->error.kind) {
    case ERROR_NONE:
        outcome->result = RECONCILE_DONE;
        outcome->requeue_after_ms = pass->reconciler->sync_period_ms;
        if (jitter > 0)
            outcome->requeue_after_ms +=
                random_below(pass->reconciler->random, 2 * jitter + 1) - jitter;
        return;
    case ERROR_CONFLICT:
    case ERROR_GONE:
        outcome->result = RECONCILE_AGAIN;
        return;
    case ERROR_CANCELLED:
        outcome->result = RECONCILE_STOPPED;
        return;
    case ERROR_INVALID:
    case ERROR_NOT_FOUND:
        outcome->requeue_after_ms = SLOW_RETRY_MS;
        return;
    case ERROR_DENIED:
        outcome->requeue_after_ms = DENIED_RETRY_MS;
        return;
    case ERROR_UNAVAILABLE:
    case ERROR_INTERNAL:
        return;
    }
}

/* One failure, one line: a repetition of what the status says already is for debugging only. */
static void report(const struct pass *pass, const struct failure *failure, bool is_news)
{
    enum log_level level = is_news ? LOG_LEVEL_WARNING : LOG_LEVEL_DEBUG;

    if (failure->error.kind == ERROR_CANCELLED || failure->error.kind == ERROR_CONFLICT)
        level = LOG_LEVEL_DEBUG;
    if (failure->error.kind == ERROR_INTERNAL)
        level = LOG_LEVEL_ERROR;
    if (failure_is_set(failure))
        log_failure(&pass->log, level, &failure->error, "%s", failure->reason);
}

/* Is told once the status says it too. */
static void tell(const struct pass *pass, const struct failure *failure, bool is_news)
{
    if (failure_is_set(failure)) {
        if (is_news)
            events_tell_failure(pass, failure);
        return;
    }
    if (pass->former_id != NULL)
        events_tell(pass, EVENT_SECRET_MOVED,
                    "the secret moved to '%s' in region %s; the former one %s (%s)",
                    pass->database.spec.secret_name, pass->region,
                    pass->database.spec.retain_on_delete ? "stays" : "is scheduled for deletion",
                    pass->former_id);
    if (is_news)
        events_tell(pass, EVENT_READY, "ready");
}

static const char *find_request(const struct pass *pass)
{
    return database_annotation(&pass->database, ANNOTATION_RECONCILE_NOW);
}

static bool has_new_request(const struct pass *pass)
{
    const char *request = find_request(pass), *handled = pass->status.last_handled_reconcile;

    return request != NULL && (handled == NULL || strcmp(request, handled) != 0);
}

static void note_reset_request(struct pass *pass)
{
    const char *request = password_reset_request(&pass->database, &pass->status);
    char token[RANDOM_UUID_SIZE];

    if (request == NULL)
        return;
    password_reset_make_token(pass->database.uid, request, token);
    pass->reset_token = mem_strdup(token);
}

/* Whether the server has the new password, or there was no user to give one to. */
static void remember_reset(struct pass *pass, const struct failure *failure)
{
    const char *request = password_reset_request(&pass->database, &pass->status);

    if (request != NULL && (pass->reset_done || !failure_is_set(failure)))
        database_status_set(&pass->status.last_password_reset, request);
}

/* What a person asked for was tried: it succeeded, or failed for a reason that stays. */
static bool is_lasting(const struct failure *failure)
{
    return !failure_is_set(failure) || failure->error.kind == ERROR_INVALID ||
           failure->error.kind == ERROR_NOT_FOUND || failure->error.kind == ERROR_DENIED;
}

/* Whether the outcome is another than the status told before the pass.  Of what only a person can
 * change each new sentence counts; of what is tried again, each new reason. */
static bool is_news(const struct pass *pass, const struct failure *failure)
{
    const struct condition *ready = &pass->ready_before;

    if (!failure_is_set(failure))
        return ready->value != CONDITION_TRUE;
    return ready->value != CONDITION_FALSE || strcmp(ready->reason, failure->reason) != 0 ||
           (is_lasting(failure) && strcmp(ready->message, failure->error.message) != 0);
}

/* Publishes the outcome; a status that could not be written makes the pass a failed one. */
static void conclude(struct pass *pass, struct failure *failure, struct reconcile_outcome *outcome)
{
    enum error_kind kind = failure->error.kind;
    bool news = is_news(pass, failure);
    struct error err;

    if (kind != ERROR_CANCELLED && kind != ERROR_CONFLICT && kind != ERROR_GONE) {
        if (pass->person_acted && is_lasting(failure))
            database_status_set(&pass->status.last_handled_reconcile, find_request(pass));
        remember_reset(pass, failure);
        if (pass->database.deleting)
            conditions_set_deleting(pass, failure);
        else
            conditions_set_outcome(pass, failure);
        report(pass, failure, news);
        if (status_write(pass, &err)) {
            tell(pass, failure, news);
        } else {
            failure_of_stage(failure, STAGE_KUBERNETES, &err);
            report(pass, failure, true);
        }
    } else {
        report(pass, failure, false);
    }
    decide(pass, failure, outcome);
}

/* Says so, and leaves everything else as it is. */
static bool suspend(struct pass *pass, struct failure *failure)
{
    struct error err;

    conditions_set_suspended(pass);
    if (!status_write(pass, &err))
        return failure_of_stage(failure, STAGE_KUBERNETES, &err);
    if (strcmp(pass->ready_before.reason, pass->status.conditions[CONDITION_READY].reason) != 0)
        events_tell(pass, EVENT_SUSPENDED, "suspended: nothing is looked at or changed");
    return true;
}

/* True when the end is published already: gone, or suspended. */
static bool act(struct pass *pass, struct failure *failure)
{
    if (pass->database.deleting)
        return finalize(pass, failure);
    if (!prepare_spec(pass, failure))
        return false;
    if (pass->database.spec.suspend)
        return suspend(pass, failure);
    if (prepare_for_making(pass, failure) && announce_first_sight(pass, failure) &&
        !converge(pass, failure) && !failure_is_set(failure))
        failure_set(failure, ERROR_INTERNAL, "InternalError", "the pass stopped without cause");
    return false;
}

static void run(struct pass *pass, struct reconcile_outcome *outcome)
{
    struct failure failure = {0};

    database_status_parse(pass->database.object, &pass->status);
    pass->began_ms = timesource_monotonic_ms(pass->reconciler->timesource);
    pass->person_acted = has_new_request(pass);
    pass->ready_before = pass->status.conditions[CONDITION_READY];
    pass->was_ready = pass->ready_before.value == CONDITION_TRUE &&
                      pass->status.observed_generation == pass->database.generation;
    note_reset_request(pass);
    pass->status_before = database_status_render(&pass->status);
    if (act(pass, &failure))
        *outcome = (struct reconcile_outcome){.result = RECONCILE_DONE};
    else
        conclude(pass, &failure, outcome);
}

/* A resource whose labels lead elsewhere now is another operator's: NOT_FOUND, like one that is
 * gone, so that nothing of it is touched. */
static bool read_selected(const struct reconciler *reconciler,
                          const struct kube_object_reference *reference, json_t **ret_object,
                          struct error *err)
{
    auto_json json_t *object = NULL;

    if (!kube_client_get(reconciler->kube, reference, &object, err))
        return false;
    if (!watch_scope_selects(reconciler->scope, object))
        return error_set(err, ERROR_NOT_FOUND, NULL, "the resource is not selected");
    *ret_object = take(object);
    return true;
}

void reconcile_database(const struct reconciler *reconciler, const char *namespace_name,
                        const char *name, struct reconcile_outcome *ret_outcome)
{
    struct kube_object_reference reference = {
        .resource = &database_resource,
        .namespace_name = namespace_name,
        .name = name,
    };
    char reconcile_id[RANDOM_UUID_SIZE];
    auto_pass struct pass pass = {
        .reconciler = reconciler,
        .log = {.log = reconciler->log,
                .controller = "database",
                .namespace_name = namespace_name,
                .name = name,
                .reconcile_id = reconcile_id},
    };
    auto_json json_t *object = NULL;
    struct failure failure = {0};
    struct error err;

    random_uuid(reconciler->random, reconcile_id);
    if (!read_selected(reconciler, &reference, &object, &err)) {
        if (err.kind == ERROR_NOT_FOUND) {
            *ret_outcome = (struct reconcile_outcome){.result = RECONCILE_DONE};
            return;
        }
    } else if (database_parse_identity(object, &pass.database, &err)) {
        pass.owner = (struct owner){.namespace_name = pass.database.namespace_name,
                                    .name = pass.database.name,
                                    .uid = pass.database.uid,
                                    .former_clusters = reconciler->former_clusters};
        run(&pass, ret_outcome);
        return;
    }
    failure_of_stage(&failure, STAGE_KUBERNETES, &err);
    report(&pass, &failure, true);
    decide(&pass, &failure, ret_outcome);
}
