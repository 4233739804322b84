#include "controller/finalize.h"

#include "base/memory.h"
#include "controller/apply.h"
#include "controller/conditions.h"
#include "controller/deletion_plan.h"
#include "controller/events.h"
#include "controller/observe.h"
#include "controller/pass.h"
#include "controller/prepare.h"
#include "controller/proof_memory.h"
#include "controller/status_writer.h"
#include "controller/tenant_rules.h"
#include "controller/transfer.h"

#include <string.h>

/* Each round takes at least one thing away; a conflict is looked at again. */
enum { ROUNDS_LIMIT = 8 };

#define WAY_OUT                                                                                \
    ". To let the resource go and keep what is left, set spec.retainOnDelete to true, or the " \
    "annotation " ANNOTATION_ABANDON " to \"true\""

static bool release(struct pass *pass, struct failure *failure)
{
    struct kube_object_reference reference = database_reference(&pass->database);
    struct error err;

    if (!kube_client_remove_finalizer(pass->reconciler->kube, &reference, pass->database.object,
                                      DATABASE_FINALIZER, &err))
        return failure_of_stage(failure, STAGE_KUBERNETES, &err);
    proof_memory_forget(pass->reconciler->proofs, pass->database.uid);
    return true;
}

static bool is_abandoned(const struct pass *pass)
{
    const char *value = database_annotation(&pass->database, ANNOTATION_ABANDON);

    return value != NULL && strcmp(value, "true") == 0;
}

static bool fail_to_converge(struct failure *failure)
{
    return failure_set(failure, ERROR_UNAVAILABLE, "NotConverging",
                       "something keeps making what the operator takes away: look for another "
                       "operator or a job that works on the same database, user or secret");
}

/* Before anything is touched the status says so: whoever finds the resource then knows that the
 * user may be locked out.  What a repetition waits for is in the status already. */
static bool announce(struct pass *pass, const struct plan *plan, struct failure *failure)
{
    struct error err;

    if (pass->status.phase == DATABASE_PHASE_DELETING && pass->status.server_identity != NULL &&
        strcmp(pass->status.server_identity, pass->facts.engine.server_identity) == 0)
        return true;
    conditions_set_deletion_begun(pass, plan);
    return status_write(pass, &err) || failure_of_stage(failure, STAGE_KUBERNETES, &err);
}

/* Takes away what is ours, looking again after each plan. */
static bool take_away(struct pass *pass, struct failure *failure)
{
    for (int round = 0; round < ROUNDS_LIMIT; round++) {
        struct plan_input input;
        struct plan plan;
        bool changed;

        observe(pass);
        input = pass_plan_input(pass);
        deletion_plan_make(&input, &plan);
        *failure = plan.refusal;
        if (failure_is_set(failure))
            return false;
        if (plan.count == 0)
            return true;
        if (!announce(pass, &plan, failure))
            return false;
        if (!apply(pass, &plan, &changed, failure) &&
            !observe_after_failure(pass, changed, failure))
            return false;
    }
    return fail_to_converge(failure);
}

static void report_rest(const struct pass *pass)
{
    struct plan_input input = pass_plan_input(pass);
    auto_free char *rest = deletion_plan_describe_rest(&input);

    if (rest == NULL)
        events_tell(pass, EVENT_DELETED, "deleted with its database, user and secret");
    else
        events_tell(pass, EVENT_DELETED,
                    "deleted; left alone, because not marked as this resource's: %s", rest);
}

static bool finalize_with_everything(struct pass *pass, struct failure *failure)
{
    if (!prepare_for_deletion(pass, failure) || !take_away(pass, failure)) {
        if (failure->error.kind != ERROR_CANCELLED && failure->error.kind != ERROR_CONFLICT)
            failure_append(failure, WAY_OUT);
        return false;
    }
    report_rest(pass);
    return release(pass, failure);
}

/* A deletion that had begun may have locked the user out.  One attempt: the resource must be able
 * to go when the server is gone. */
static void undo_lock_out(struct pass *pass)
{
    struct failure failure = {0};
    struct plan_input input;
    struct plan plan = {0};
    bool changed, done = prepare_for_deletion(pass, &failure);

    if (done) {
        observe(pass);
        input = pass_plan_input(pass);
        deletion_plan_make_undoing(&input, &plan);
        done = plan_check_known(&input, &plan) && apply(pass, &plan, &changed, &failure);
        if (failure_is_set(&plan.refusal))
            failure = plan.refusal;
    }
    if (!done)
        events_tell(pass, EVENT_ABANDONED,
                    "user '%s' may still be locked out by the deletion that was given up: %s",
                    pass->status.actual_username != NULL ? pass->status.actual_username : "",
                    failure.error.message);
}

/* Names what nobody takes care of any longer. */
static void report_abandoned(struct pass *pass)
{
    const struct database_spec *spec = &pass->database.spec;
    bool has_begun = pass->status.phase == DATABASE_PHASE_DELETING;
    struct error err;

    if (!database_parse_spec(&pass->database, &err)) {
        events_tell(pass, EVENT_ABANDONED,
                    "deleted; database, user and secret stay as they are (%s): %s",
                    ANNOTATION_ABANDON, err.message);
        return;
    }
    tenant_rules_place_secret(pass->reconciler->rules, &pass->database, &pass->status);
    events_tell(pass, EVENT_ABANDONED,
                "deleted; what there is of database '%s', user '%s' and secret '%s' stays as "
                "it is (%s)%s",
                spec->database_name, spec->username, spec->secret_name, ANNOTATION_ABANDON,
                has_begun ? "; the user may be locked out" : "");
}

bool finalize(struct pass *pass, struct failure *ret_failure)
{
    if (!pass->database.has_finalizer)
        return true;
    if (database_retains_on_delete(&pass->database) || transfer_target(&pass->database) != NULL) {
        if (pass->status.phase == DATABASE_PHASE_DELETING)
            undo_lock_out(pass);
        events_tell(pass, EVENT_DELETED, "deleted; database, user and secret stay (%s)",
                    transfer_target(&pass->database) != NULL ? ANNOTATION_TRANSFER_TO
                                                             : "retainOnDelete");
        return release(pass, ret_failure);
    }
    if (is_abandoned(pass)) {
        report_abandoned(pass);
        return release(pass, ret_failure);
    }
    return finalize_with_everything(pass, ret_failure);
}
