#include "controller/conditions.h"

#include "base/memory.h"
#include "controller/pass.h"

#include <stdio.h>
#include <string.h>

static void set(struct pass *pass, enum condition_type type, enum condition_value value,
                const char *reason, const char *message)
{
    database_status_set_condition(&pass->status, type, value, reason, message,
                                  pass->reconciler->timesource);
}

/* What this pass did not learn is Unknown, whatever an earlier one saw. */
static void set_unknown(struct pass *pass, enum condition_type type, const struct failure *why)
{
    if (failure_is_set(why))
        set(pass, type, CONDITION_UNKNOWN, why->reason, why->error.message);
    else
        set(pass, type, CONDITION_UNKNOWN, "NotObserved", "not looked at yet");
}

static void set_presence(struct pass *pass, enum condition_type type, bool present,
                         const char *what, const char *name)
{
    auto_free char *message =
        mem_printf(present ? "%s '%s' exists" : "%s '%s' does not exist", what, name);

    set(pass, type, present ? CONDITION_TRUE : CONDITION_FALSE, present ? "Exists" : "Missing",
        message);
}

static void set_privileges(struct pass *pass)
{
    const struct engine_facts *engine = &pass->facts.engine;
    const struct database_spec *spec = &pass->database.spec;
    auto_free char *message = NULL;

    if (!engine->database.present || !engine->user.present) {
        set(pass, CONDITION_PRIVILEGES_READY, CONDITION_FALSE, "Missing",
            "database and user do not both exist");
    } else if (engine->database.owned_by_target) {
        message = mem_printf("user '%s' owns database '%s'", spec->username, spec->database_name);
        set(pass, CONDITION_PRIVILEGES_READY, CONDITION_TRUE, "Owner", message);
    } else {
        message = mem_printf("database '%s' is owned by '%s', not by user '%s'",
                             spec->database_name, engine->database.owner, spec->username);
        set(pass, CONDITION_PRIVILEGES_READY, CONDITION_FALSE, "PrivilegesDiffer", message);
    }
}

/* While something is wrong, only what carries our mark counts as made for this resource. */
static bool is_created(const struct pass *pass, const struct engine_marker *marker, bool present,
                       const struct failure *failure)
{
    return present && (!failure_is_set(failure) ||
                       ownership_of_marker(marker, &pass->owner) == OWNERSHIP_OURS);
}

static void set_server_conditions(struct pass *pass, const struct failure *failure)
{
    const struct facts *facts = &pass->facts;
    const struct failure *why =
        failure_is_set(&facts->server_failure) ? &facts->server_failure : failure;

    if (!facts->server_known) {
        set_unknown(pass, CONDITION_DATABASE_READY, why);
        set_unknown(pass, CONDITION_USER_READY, why);
        set_unknown(pass, CONDITION_PRIVILEGES_READY, why);
        return;
    }
    pass->status.database_created =
        is_created(pass, &facts->engine.database.marker, facts->engine.database.present, failure);
    pass->status.user_created =
        is_created(pass, &facts->engine.user.marker, facts->engine.user.present, failure);
    set_presence(pass, CONDITION_DATABASE_READY, facts->engine.database.present, "database",
                 pass->database.spec.database_name);
    set_presence(pass, CONDITION_USER_READY, facts->engine.user.present, "user",
                 pass->database.spec.username);
    set_privileges(pass);
}

static void set_secret_conditions(struct pass *pass, const struct failure *failure)
{
    const struct facts *facts = &pass->facts;
    const char *name = pass->database.spec.secret_name;
    auto_free char *message = NULL;

    if (!facts->secret_known) {
        set_unknown(pass, CONDITION_SECRET_READY,
                    failure_is_set(&facts->secret_failure) ? &facts->secret_failure : failure);
        return;
    }
    pass->status.secret_created =
        facts->secret.state == SECRET_PRESENT &&
        (!failure_is_set(failure) ||
         ownership_of_tags(facts->secret.description.tags, &pass->owner) == OWNERSHIP_OURS);
    if (facts->secret.state == SECRET_SCHEDULED_FOR_DELETION) {
        message = mem_printf("secret '%s' is scheduled for deletion", name);
        set(pass, CONDITION_SECRET_READY, CONDITION_FALSE, "ScheduledForDeletion", message);
    } else if (facts->secret.state == SECRET_PRESENT && !facts->secret.is_readable) {
        message =
            mem_printf("secret '%s' is not usable: %s", name, facts->secret.unreadable.message);
        set(pass, CONDITION_SECRET_READY, CONDITION_FALSE, "SecretInvalid", message);
    } else {
        set_presence(pass, CONDITION_SECRET_READY, facts->secret.state == SECRET_PRESENT, "secret",
                     name);
    }
}

static void set_proof_condition(struct pass *pass, const struct failure *failure)
{
    const struct facts *facts = &pass->facts;

    switch (facts->proof) {
    case PROOF_PASSED:
        set(pass, CONDITION_CREDENTIALS_VERIFIED, CONDITION_TRUE, "LoginSucceeded",
            "the stored password logs in");
        return;
    case PROOF_FAILED:
        set(pass, CONDITION_CREDENTIALS_VERIFIED, CONDITION_FALSE, "PasswordMismatch",
            facts->proof_detail);
        return;
    case PROOF_UNKNOWN:
        set(pass, CONDITION_CREDENTIALS_VERIFIED, CONDITION_UNKNOWN, "LoginNotVerified",
            facts->proof_detail);
        return;
    case PROOF_NEEDED:
        set_unknown(pass, CONDITION_CREDENTIALS_VERIFIED, failure);
        return;
    }
}

/* The effective names; once a secret is stored they move only with success. */
static void set_names(struct pass *pass)
{
    database_status_set(&pass->status.actual_username, pass->database.spec.username);
    database_status_set(&pass->status.actual_secret_name, pass->database.spec.secret_name);
}

/* Where the secret is, as far as this pass read it. */
static void set_secret_details(struct pass *pass)
{
    struct database_status *status = &pass->status;
    const struct secret_facts *secret = &pass->facts.secret;

    if (!secret->is_readable)
        return;
    database_status_set(&status->secret_arn, secret->description.arn);
    database_status_set(&status->secret_version, secret->description.current_version);
    database_status_set(&status->secret_region, pass->region);
    database_status_set(&status->secret_format_version, secret->credentials.format_version);
}

/* The keys that the spec asks for now, so that a later pass can tell which of them went. */
static void remember_tags(struct pass *pass)
{
    json_t *keys = json_array();
    const char *key;
    json_t *value;

    json_object_foreach(pass->database.spec.tags, key, value)
        json_array_append_new(keys, json_string(key));
    json_decref(pass->status.managed_tags);
    pass->status.managed_tags = keys;
}

/* What holds only once everything was seen to be right.  The server's identity is remembered from
 * then on: a server without our database is a changed server, not a deleted database. */
static void set_ready_details(struct pass *pass)
{
    struct database_status *status = &pass->status;
    const struct database_spec *spec = &pass->database.spec;

    database_status_set(&status->server_identity, pass->facts.engine.server_identity);
    database_status_set(&status->info_host, pass->admin.server.hosts[0].host);
    status->info_port = pass->admin.server.hosts[0].port;
    database_status_set(&status->info_database, spec->database_name);
    database_status_set(&status->info_username, spec->username);
    database_status_set(&status->info_engine, spec->engine);
    remember_tags(pass);
}

static void set_summary(struct pass *pass, enum database_phase phase, const struct failure *failure)
{
    bool failed = failure_is_set(failure);
    bool stalled =
        failed && (failure->error.kind == ERROR_INVALID || failure->error.kind == ERROR_NOT_FOUND ||
                   failure->error.kind == ERROR_DENIED);
    const char *reason = failed ? failure->reason : "Ready";
    const char *message = failed ? failure->error.message : "Database, user, and secret are ready";

    pass->status.phase = phase;
    pass->status.observed_generation = pass->database.generation;
    database_status_set(&pass->status.message, message);
    set(pass, CONDITION_READY, failed ? CONDITION_FALSE : CONDITION_TRUE, reason, message);
    set(pass, CONDITION_RECONCILING, failed && !stalled ? CONDITION_TRUE : CONDITION_FALSE,
        failed && !stalled ? "Retrying" : reason, failed && !stalled ? message : "");
    set(pass, CONDITION_STALLED, stalled ? CONDITION_TRUE : CONDITION_FALSE, reason,
        stalled ? message : "");
}

void conditions_set_creating(struct pass *pass)
{
    static const char message[] = "creating what is missing of database, user and secret";
    struct failure none = {0};

    set_server_conditions(pass, &none);
    set_secret_conditions(pass, &none);
    set_proof_condition(pass, &none);
    pass->status.phase = DATABASE_PHASE_CREATING;
    pass->status.observed_generation = pass->database.generation;
    database_status_set(&pass->status.message, message);
    set(pass, CONDITION_READY, CONDITION_FALSE, "Creating", message);
    set(pass, CONDITION_RECONCILING, CONDITION_TRUE, "Creating", message);
    set(pass, CONDITION_STALLED, CONDITION_FALSE, "Creating", "");
    set_names(pass);
    /* From here on an absent database is one that is still to be made. */
    database_status_set(&pass->status.server_identity, NULL);
}

void conditions_set_outcome(struct pass *pass, const struct failure *failure)
{
    set_server_conditions(pass, failure);
    set_secret_conditions(pass, failure);
    set_proof_condition(pass, failure);
    set_secret_details(pass);
    if (pass->status.secret_arn == NULL || !failure_is_set(failure))
        set_names(pass);
    if (!failure_is_set(failure))
        set_ready_details(pass);
    set_summary(pass, failure_is_set(failure) ? DATABASE_PHASE_ERROR : DATABASE_PHASE_READY,
                failure);
}

void conditions_set_deleting(struct pass *pass, const struct failure *failure)
{
    set_summary(pass, DATABASE_PHASE_DELETING, failure);
}
