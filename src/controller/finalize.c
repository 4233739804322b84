#include "controller/finalize.h"

#include "controller/pass.h"
#include "controller/proof_memory.h"

bool finalize(struct pass *pass, struct failure *ret_failure)
{
    struct kube_object_reference reference = database_reference(&pass->database);
    struct error err;

    if (!pass->database.has_finalizer)
        return true;
    if (!database_retains_on_delete(&pass->database)) {
        failure_set(ret_failure, ERROR_INVALID, "DeletionNotSupported",
                    "deleting the database, user and secret (retainOnDelete: false) is not "
                    "supported by this version of the operator: set spec.retainOnDelete to true, "
                    "and the resource goes while they stay");
        return false;
    }
    if (!kube_client_remove_finalizer(pass->reconciler->kube, &reference, pass->database.object,
                                      DATABASE_FINALIZER, &err)) {
        failure_of_stage(ret_failure, STAGE_KUBERNETES, &err);
        return false;
    }
    log_info(&pass->log, "deleted; database, user and secret stay (retainOnDelete)");
    proof_memory_forget(pass->reconciler->proofs, pass->database.uid);
    return true;
}
