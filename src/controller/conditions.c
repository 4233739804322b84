#include "controller/conditions.h"

#include "base/memory.h"
#include "base/strbuf.h"
#include "controller/claim.h"
#include "controller/pass.h"
#include "controller/transfer.h"

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

/* Something that is there and cannot be used is not ready; `flaw` says why, NULL = nothing. */
static void set_presence(struct pass *pass, enum condition_type type, bool present,
                         const char *flaw, const char *what, const char *name)
{
    auto_free char *message = NULL;

    if (!present) {
        message = mem_printf("%s '%s' does not exist", what, name);
        set(pass, type, CONDITION_FALSE, "Missing", message);
    } else if (flaw != NULL) {
        message = mem_printf("%s '%s' exists and %s", what, name, flaw);
        set(pass, type, CONDITION_FALSE, "NotUsable", message);
    } else {
        message = mem_printf("%s '%s' exists", what, name);
        set(pass, type, CONDITION_TRUE, "Exists", message);
    }
}

static bool is_adopted(const struct pass *pass)
{
    struct plan_input input = pass_plan_input(pass);

    return pass->facts.engine.database.present && pass->database.spec.adopt_existing_database &&
           !claim_takes_database(&input);
}

static const char *find_database_flaw(const struct pass *pass)
{
    const struct engine_database_facts *database = &pass->facts.engine.database;
    struct plan_input input = pass_plan_input(pass);

    if (database->half_dropped)
        return "an interrupted DROP DATABASE left it unusable";
    if (database->is_reserved)
        return "is a template, takes no connections or belongs to a superuser";
    if (ownership_of_marker(&database->marker, &pass->owner) == OWNERSHIP_OTHER &&
        !claim_shares_database(&input))
        return "belongs to another resource";
    return NULL;
}

/* One that is somebody else's is used, and never dropped. */
static void set_database(struct pass *pass)
{
    const char *name = pass->database.spec.database_name, *flaw = find_database_flaw(pass);
    auto_free char *message = NULL;

    if (!is_adopted(pass) || flaw != NULL) {
        set_presence(pass, CONDITION_DATABASE_READY, pass->facts.engine.database.present, flaw,
                     "database", name);
        return;
    }
    message =
        mem_printf("database '%s' exists and is not this resource's: it is never dropped", name);
    set(pass, CONDITION_DATABASE_READY, CONDITION_TRUE, "Adopted", message);
}

static const char *find_user_flaw(const struct pass *pass)
{
    const struct engine_user_facts *user = &pass->facts.engine.user;

    if (user->is_admin_itself || user->privileged_as != NULL)
        return "has rights beyond one database";
    if (ownership_of_marker(&user->marker, &pass->owner) == OWNERSHIP_OTHER)
        return "belongs to another resource";
    if (!user->can_log_in)
        return "is not allowed to log in";
    if (user->expired)
        return "its password has expired";
    return NULL;
}

static const char *find_secret_flaw(const struct pass *pass)
{
    const struct secret_facts *secret = &pass->facts.secret;

    if (secret->state == SECRET_SCHEDULED_FOR_DELETION)
        return "is scheduled for deletion";
    if (ownership_of_tags(secret->description.tags, &pass->owner) == OWNERSHIP_OTHER)
        return "belongs to another resource";
    return secret->is_readable ? NULL : secret->unreadable.message;
}

static const char *describe_rights(const struct pass *pass)
{
    const struct engine_database_facts *database = &pass->facts.engine.database;

    if (database->owned_by_target)
        return "owns";
    return pass->database.spec.privileges.all && database->owner[0] != '\0'
               ? "has every right that can be granted, but not ownership, on"
               : "has what is asked for on";
}

static void set_privileges(struct pass *pass)
{
    const struct engine_facts *engine = &pass->facts.engine;
    const char *unmanaged = engine->privileges.unmanaged;
    const struct database_spec *spec = &pass->database.spec;
    auto_free char *message = NULL;

    if (!engine->database.present || !engine->user.present) {
        set(pass, CONDITION_PRIVILEGES_READY, CONDITION_FALSE, "Missing",
            "database and user do not both exist");
    } else if (!pass->facts.privileges_known) {
        set_unknown(pass, CONDITION_PRIVILEGES_READY, &pass->facts.privileges_failure);
    } else if (engine->privileges.missing != NULL) {
        message = mem_printf("user '%s' lacks on database '%s': %s", spec->username,
                             spec->database_name, engine->privileges.missing);
        set(pass, CONDITION_PRIVILEGES_READY, CONDITION_FALSE, "PrivilegesDiffer", message);
    } else if (engine->privileges.excess != NULL) {
        message = mem_printf("user '%s' has on database '%s' more than is asked for: %s",
                             spec->username, spec->database_name, engine->privileges.excess);
        set(pass, CONDITION_PRIVILEGES_READY, CONDITION_FALSE, "PrivilegesDiffer", message);
    } else if (engine->privileges.ungranted != NULL) {
        message =
            mem_printf("user '%s' lacks on database '%s' what the admin user may not grant: %s",
                       spec->username, spec->database_name, engine->privileges.ungranted);
        set(pass, CONDITION_PRIVILEGES_READY, CONDITION_FALSE, "InsufficientRights", message);
    } else {
        message = mem_printf("user '%s' %s database '%s'%s%s", spec->username,
                             describe_rights(pass), spec->database_name,
                             unmanaged != NULL ? "; not for the admin user to change: " : "",
                             unmanaged != NULL ? unmanaged : "");
        set(pass, CONDITION_PRIVILEGES_READY, CONDITION_TRUE,
            engine->database.owned_by_target ? "Owner" : "Granted", message);
    }
}

/* While something is wrong, only what carries our mark counts as made for this resource. */
static bool is_created(bool present, enum ownership ownership, const struct failure *failure)
{
    return present && (!failure_is_set(failure) || ownership == OWNERSHIP_OURS);
}

static enum ownership owner_of_user(const struct pass *pass)
{
    return ownership_of_user(&pass->facts.engine, pass->facts.secret.description.tags,
                             &pass->owner);
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
        is_created(facts->engine.database.present && !is_adopted(pass),
                   ownership_of_marker(&facts->engine.database.marker, &pass->owner), failure);
    pass->status.user_created =
        is_created(facts->engine.user.present, owner_of_user(pass), failure);
    set_database(pass);
    set_presence(pass, CONDITION_USER_READY, facts->engine.user.present, find_user_flaw(pass),
                 "user", pass->database.spec.username);
    set_privileges(pass);
}

static void set_secret_conditions(struct pass *pass, const struct failure *failure)
{
    const struct facts *facts = &pass->facts;

    if (!facts->secret_known) {
        set_unknown(pass, CONDITION_SECRET_READY,
                    failure_is_set(&facts->secret_failure) ? &facts->secret_failure : failure);
        return;
    }
    pass->status.secret_created =
        is_created(facts->secret.state == SECRET_PRESENT,
                   ownership_of_tags(facts->secret.description.tags, &pass->owner), failure);
    set_presence(pass, CONDITION_SECRET_READY, facts->secret.state != SECRET_ABSENT,
                 find_secret_flaw(pass), "secret", pass->database.spec.secret_name);
}

/* A refusal of the password stands until this version of the secret is tried again: not having
 * tried it is no news. */
static bool is_refusal_still_true(const struct pass *pass)
{
    const struct condition *verified = &pass->status.conditions[CONDITION_CREDENTIALS_VERIFIED];
    const char *version = pass->facts.secret.description.current_version;

    return verified->value == CONDITION_FALSE &&
           (version == NULL || (pass->status.secret_version != NULL &&
                                strcmp(pass->status.secret_version, version) == 0));
}

static void set_proof_condition(struct pass *pass, const struct failure *failure)
{
    const struct condition *verified = &pass->status.conditions[CONDITION_CREDENTIALS_VERIFIED];
    const struct facts *facts = &pass->facts;

    switch (facts->proof) {
    case PROOF_PASSED:
        /* A remembered proof has its sentence in the status already. */
        if (facts->proof_detail[0] != '\0' || verified->value != CONDITION_TRUE)
            set(pass, CONDITION_CREDENTIALS_VERIFIED, CONDITION_TRUE, "PasswordProven",
                facts->proof_detail[0] != '\0' ? facts->proof_detail : "proven earlier");
        else
            set(pass, CONDITION_CREDENTIALS_VERIFIED, CONDITION_TRUE, verified->reason,
                verified->message);
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
        if (is_refusal_still_true(pass))
            return;
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
static void set_secret_details(struct pass *pass, const struct failure *failure)
{
    struct database_status *status = &pass->status;
    const struct secret_facts *secret = &pass->facts.secret;

    /* Until everything is right at the new place the status points at the former one. */
    if (pass->former_id != NULL && failure_is_set(failure))
        return;
    if (pass->stored_arn != NULL) {
        database_status_set(&status->secret_arn, pass->stored_arn);
        database_status_set(&status->secret_region, pass->region);
    }
    /* A refused secret of somebody else is not this resource's. */
    if (!secret->is_readable || secret->description.arn == NULL ||
        (failure_is_set(failure) &&
         ownership_of_tags(secret->description.tags, &pass->owner) != OWNERSHIP_OURS))
        return;
    database_status_set(&status->secret_arn, secret->description.arn);
    database_status_set(&status->secret_version, secret->description.current_version);
    database_status_set(&status->secret_region, pass->region);
    database_status_set(&status->secret_format_version, secret->credentials.format_version);
}

static void add_tag_key(json_t *keys, const char *key)
{
    if (!document_array_has(keys, key))
        json_array_append_new(keys, json_string(key));
}

/* The keys that the spec asks for, after those in `keys`, which it takes. */
static void set_managed_tags(struct pass *pass, json_t *keys)
{
    const char *key;
    json_t *value;

    json_object_foreach(pass->database.spec.tags, key, value)
        add_tag_key(keys, key);
    json_decref(pass->status.managed_tags);
    pass->status.managed_tags = keys;
}

void conditions_remember_tags(struct pass *pass)
{
    const json_t *known;
    json_t *keys = json_array();
    size_t i;

    json_array_foreach(pass->status.managed_tags, i, known) {
        if (json_is_string(known))
            add_tag_key(keys, json_string_value(known));
    }
    if (transfer_target(&pass->database) != NULL)
        database_status_set(&pass->status.transfer_to, transfer_target(&pass->database));
    set_managed_tags(pass, keys);
}

/* What holds only once everything was seen to be right.  The server's identity is remembered from
 * then on: a server without our database is a changed server, not a deleted database. */
static void set_ready_details(struct pass *pass)
{
    struct database_status *status = &pass->status;
    const struct database_spec *spec = &pass->database.spec;

    database_status_set(&status->server_identity, pass->facts.engine.server_identity);
    status->database_missing_generation = 0;
    database_status_set(&status->info_host, pass->facts.secret.credentials.host);
    status->info_port = pass->facts.secret.credentials.port;
    database_status_set(&status->info_database, spec->database_name);
    database_status_set(&status->info_username, spec->username);
    database_status_set(&status->info_engine, spec->engine);
    set_managed_tags(pass, json_array());
    database_status_set(&status->transfer_to, transfer_target(&pass->database));
    json_decref(status->applied_privileges);
    status->applied_privileges = json_incref(spec->privilege_words);
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
    database_status_set(&pass->status.message, message);
    set(pass, CONDITION_READY, failed ? CONDITION_FALSE : CONDITION_TRUE, reason, message);
    set(pass, CONDITION_RECONCILING, failed && !stalled ? CONDITION_TRUE : CONDITION_FALSE,
        failed && !stalled ? "Retrying" : reason, failed && !stalled ? message : "");
    set(pass, CONDITION_STALLED, stalled ? CONDITION_TRUE : CONDITION_FALSE, reason,
        stalled ? message : "");
}

/* Nothing was looked at: what an earlier pass saw is known no longer. */
static void set_unseen(struct pass *pass, const char *reason, const char *message, bool is_going_on)
{
    pass->status.observed_generation = pass->database.generation;
    pass->status.phase = DATABASE_PHASE_PENDING;
    database_status_set(&pass->status.message, message);
    set(pass, CONDITION_READY, CONDITION_UNKNOWN, reason, message);
    set(pass, CONDITION_RECONCILING, is_going_on ? CONDITION_TRUE : CONDITION_FALSE, reason,
        message);
    set(pass, CONDITION_STALLED, CONDITION_FALSE, reason, "");
}

void conditions_set_pending(struct pass *pass)
{
    struct failure none = {0};

    set_unseen(pass, "Pending", "looking at what exists", true);
    for (enum condition_type type = CONDITION_SECRET_READY; type < CONDITION_COUNT; type++)
        set_unknown(pass, type, &none);
    set_names(pass);
}

void conditions_set_suspended(struct pass *pass)
{
    static const char message[] = "spec.suspend is true: nothing is looked at or changed";

    set_unseen(pass, "Suspended", message, false);
    for (enum condition_type type = CONDITION_SECRET_READY; type < CONDITION_COUNT; type++)
        set(pass, type, CONDITION_UNKNOWN, "Suspended", message);
}

/* Creating is news, unless it is another attempt at what failed: then the reason why stays to be
 * read until the attempt has an end. */
static void set_creating_summary(struct pass *pass)
{
    static const char message[] = "creating what is missing of database, user and secret";

    if (pass->status.phase == DATABASE_PHASE_ERROR &&
        pass->status.conditions[CONDITION_READY].observed_generation == pass->database.generation &&
        pass->status.conditions[CONDITION_RECONCILING].value == CONDITION_TRUE)
        return;
    pass->status.phase = DATABASE_PHASE_CREATING;
    database_status_set(&pass->status.message, message);
    set(pass, CONDITION_READY, CONDITION_FALSE, "Creating", message);
    set(pass, CONDITION_RECONCILING, CONDITION_TRUE, "Creating", message);
    set(pass, CONDITION_STALLED, CONDITION_FALSE, "Creating", "");
}

void conditions_set_creating(struct pass *pass, const struct plan *plan)
{
    struct failure none = {0};

    pass->status.observed_generation = pass->database.generation;
    set_server_conditions(pass, &none);
    set_secret_conditions(pass, &none);
    set_proof_condition(pass, &none);
    set_creating_summary(pass);
    set_names(pass);
    if (!plan_has(plan, PLAN_CREATE_DATABASE))
        return;
    /* From here on an absent database is one that is still to be made. */
    database_status_set(&pass->status.server_identity, NULL);
    pass->status.database_missing_generation = 0;
}

void conditions_set_outcome(struct pass *pass, const struct failure *failure)
{
    pass->status.observed_generation = pass->database.generation;
    set_server_conditions(pass, failure);
    set_secret_conditions(pass, failure);
    set_proof_condition(pass, failure);
    if (pass->status.secret_arn == NULL || !failure_is_set(failure))
        set_names(pass);
    set_secret_details(pass, failure);
    if (!failure_is_set(failure))
        set_ready_details(pass);
    else if (strcmp(failure->reason, "DatabaseMissing") == 0 &&
             pass->status.database_missing_generation == 0)
        pass->status.database_missing_generation = pass->database.generation;
    set_summary(pass, failure_is_set(failure) ? DATABASE_PHASE_ERROR : DATABASE_PHASE_READY,
                failure);
}

void conditions_set_deleting(struct pass *pass, const struct failure *failure)
{
    pass->status.observed_generation = pass->database.generation;
    set_server_conditions(pass, failure);
    set_secret_conditions(pass, failure);
    set_proof_condition(pass, failure);
    set_summary(pass, DATABASE_PHASE_DELETING, failure);
}

void conditions_set_deletion_begun(struct pass *pass, const struct plan *plan)
{
    auto_strbuf struct strbuf steps = {0};
    struct failure begun = {0};

    for (size_t i = 0; i < plan->count; i++)
        strbuf_append_format(&steps, "%s%s", i > 0 ? ", " : "", plan_step_name(plan->steps[i]));
    failure_set(&begun, ERROR_UNAVAILABLE, "Deleting", "%s", strbuf_text(&steps));
    conditions_set_deleting(pass, &begun);
    /* From here on what is absent on this server was taken away. */
    database_status_set(&pass->status.server_identity, pass->facts.engine.server_identity);
}
