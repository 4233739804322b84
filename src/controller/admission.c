#include "controller/admission.h"

#include "base/memory.h"
#include "controller/ownership.h"
#include "controller/transfer.h"
#include "engine/engine.h"

#include <string.h>

static bool refuse(struct failure *failure, const char *field, const char *advice)
{
    failure_set(failure, ERROR_INVALID, "NotSupported",
                "%s is not supported by this version of the operator: %s", field, advice);
    return false;
}

static bool check_unchanged(const char *before, const char *now, const char *field,
                            struct failure *failure)
{
    if (before == NULL || strcmp(before, now) == 0)
        return true;
    failure_set(failure, ERROR_INVALID, "ImmutableField",
                "%s was '%s' and cannot be changed to '%s': put it back, and create a new resource "
                "for the other value",
                field, before, now);
    return false;
}

/* The API server refuses these through CEL; an older CRD may have let them in. */
static bool check_immutable(const struct database_spec *spec, const struct database_status *status,
                            struct failure *failure)
{
    return check_unchanged(status->info_engine, spec->engine, "spec.engine", failure) &&
           check_unchanged(status->info_database, spec->database_name, "spec.databaseName",
                           failure) &&
           check_unchanged(status->info_username, spec->username, "spec.username", failure);
}

static bool is_known_annotation(const char *key)
{
    static const char *const known[] = {ANNOTATION_RECONCILE_NOW, ANNOTATION_CONFIRM_DROP,
                                        ANNOTATION_ABANDON,       ANNOTATION_RESET_PASSWORD,
                                        ANNOTATION_ACCEPT_SERVER, ANNOTATION_TRANSFER_TO};

    for (size_t i = 0; i < array_length(known); i++) {
        if (strcmp(known[i], key) == 0)
            return true;
    }
    return false;
}

/* Whoever sets one of our annotations expects something of it; a new pass is all that this version
 * has to give. */
static bool check_annotations(const struct database *database, struct failure *failure)
{
    json_t *annotations =
        json_object_get(json_object_get(database->object, "metadata"), "annotations");
    const char *key;
    json_t *value;

    json_object_foreach(annotations, key, value) {
        auto_free char *field = NULL;

        if (strncmp(key, ANNOTATION_PREFIX, strlen(ANNOTATION_PREFIX)) != 0 ||
            is_known_annotation(key))
            continue;
        field = mem_printf("the annotation %.253s", key);
        return refuse(failure, field, "remove it");
    }
    return true;
}

bool admission_check_identity(const struct database *database, const struct database_status *status,
                              struct failure *ret_failure)
{
    const struct database_spec *spec = &database->spec;

    if (engine_driver_find(spec->engine) == NULL)
        return refuse(ret_failure, "this value of spec.engine",
                      "use postgres, postgresql, mysql or mariadb");
    return check_immutable(spec, status, ret_failure);
}

bool admission_check(const struct database *database, const struct database_status *status,
                     struct failure *ret_failure)
{
    struct error err;

    if (!admission_check_identity(database, status, ret_failure) ||
        !check_annotations(database, ret_failure) || !transfer_check_target(database, ret_failure))
        return false;
    if (!ownership_check_tags(database->spec.tags, &err))
        return failure_of_stage(ret_failure, STAGE_SPEC, &err);
    return true;
}
