#include "controller/observe.h"

#include "base/memory.h"
#include "controller/claim.h"
#include "controller/pass.h"
#include "controller/password_reset.h"
#include "controller/prepare.h"
#include "controller/proof_memory.h"
#include "controller/secret_reading.h"
#include "controller/sharing.h"

#include <stdio.h>
#include <string.h>

/* How long what AWS has just stored may stay invisible to it. */
enum { VISIBILITY_LIMIT_S = 120 };

static void release_secret(struct secret_facts *secret)
{
    secret_description_release(&secret->description);
    secret_release(&secret->value);
    json_decref(secret->canonical);
    credentials_release(&secret->credentials);
}

void facts_release(struct facts *facts)
{
    engine_facts_release(&facts->engine);
    release_secret(&facts->secret);
    release_secret(&facts->former);
    *facts = (struct facts){0};
}

/* --- Owners that may have gone --------------------------------------------------------------- */

static void forget_released(struct pass *pass)
{
    json_decref(pass->released);
    pass->released = json_array();
    pass->owner.released = pass->released;
}

static void release_owner(struct pass *pass, const char *cluster, const char *namespace_name,
                          const char *name)
{
    auto_free char *key = ownership_key(cluster, namespace_name, name);

    json_array_append_new(pass->released, json_string(key));
}

/* What a deleted resource of this namespace left behind may be taken over.  Asked of the API server
 * itself: a cache may be filtered, or behind. */
static bool check_neighbour(struct pass *pass, const char *cluster, const char *name,
                            struct error *err)
{
    struct kube_object_reference reference = database_reference(&pass->database);
    auto_json json_t *object = NULL;
    struct error reading;

    if (name == NULL)
        return true;
    reference.name = name;
    if (kube_client_get(pass->reconciler->kube, &reference, &object, &reading))
        return true;
    if (reading.kind != ERROR_NOT_FOUND) {
        *err = reading;
        return false;
    }
    release_owner(pass, cluster, pass->owner.namespace_name, name);
    return true;
}

static bool check_owner_of_secret(struct pass *pass, const json_t *tags, struct error *err)
{
    if (ownership_is_transferred(tags, &pass->owner))
        release_owner(pass, document_string(tags, TAG_CLUSTER),
                      document_string(tags, TAG_OWNER_NAMESPACE),
                      document_string(tags, TAG_OWNER_NAME));
    return check_neighbour(pass, document_string(tags, TAG_CLUSTER),
                           ownership_neighbour_of_tags(tags, &pass->owner), err);
}

static bool check_owner_of_marked(struct pass *pass, const struct engine_marker *marker,
                                  struct error *err)
{
    return check_neighbour(pass, marker->cluster,
                           ownership_neighbour_of_marker(marker, &pass->owner), err);
}

/* --- Values of the secret -------------------------------------------------------------------- */

/* One version of the value.  *ret_flaw, unless it is ERROR_NONE, says why the value that is
 * there cannot be used, which is a fact; false when it could not be read. */
static bool read_version(struct pass *pass, const struct secrets_manager_target *target,
                         const char *version, struct secret *ret_value, int64_t *ret_created_s,
                         struct error *ret_flaw, struct error *err)
{
    *ret_flaw = (struct error){0};
    if (secrets_manager_get_value(pass->reconciler->secrets, target, version, NULL, ret_value,
                                  ret_created_s, err))
        return true;
    *ret_flaw = *err;
    return err->kind == ERROR_INVALID;
}

/* A canonical version that is no JSON object is as good as none. */
static bool read_canonical(struct pass *pass, const struct secrets_manager_target *target,
                           struct secret_facts *secret, struct error *err)
{
    const char *version = secret->description.canonical_version;
    auto_secret struct secret value = {0};
    auto_json json_t *canonical = NULL;
    struct error flaw;

    if (version == NULL)
        return true;
    if (!read_version(pass, target, version, &value, NULL, &flaw, err))
        return false;
    if (document_parse(secret_reveal(&value), value.length, &canonical, &flaw) &&
        json_is_object(canonical))
        secret->canonical = json_incref(canonical);
    return true;
}

/* What the value says. */
static bool find_credentials(const struct pass *pass, struct secret_facts *secret)
{
    const struct engine_host *host = &pass->admin.server.hosts[0];
    const struct database_spec *spec = &pass->database.spec;
    const struct credentials target = {
        .host = host->host,
        .port = host->port,
        .database = spec->database_name,
        .username = spec->username,
    };
    const struct secret_reading reading = {
        .value = &secret->value,
        .canonical = secret->canonical,
        .program = spec->secret_template,
        .target = &target,
        .driver = pass->driver,
        .engine = spec->engine,
        .ownership = ownership_of_tags(secret->description.tags, &pass->owner),
    };

    return secret_reading_run(&reading, &secret->credentials, &secret->unreadable);
}

/* The value of a present secret; what is wrong with it is a fact, what cannot be read is not. */
static bool read_value(struct pass *pass, const struct secrets_manager_target *target,
                       struct secret_facts *secret, struct error *err)
{
    struct credential_times times = {0};

    if (secret->description.current_version == NULL) {
        error_set(&secret->unreadable, ERROR_INVALID, NULL, "it has no current value");
        return true;
    }
    if (!read_version(pass, target, secret->description.current_version, &secret->value,
                      &times.stored_at_s, &secret->unreadable, err))
        return false;
    if (secret->unreadable.kind != ERROR_NONE)
        return true;
    if (!read_canonical(pass, target, secret, err))
        return false;
    secret->is_readable = find_credentials(pass, secret);
    if (secret->is_readable)
        proof_memory_note_times(pass->reconciler->proofs, pass->database.uid, &times);
    return true;
}

/* --- The server and the secret --------------------------------------------------------------- */

static bool is_others(const struct pass *pass, const struct engine_marker *marker)
{
    return ownership_of_marker(marker, &pass->owner) == OWNERSHIP_OTHER;
}

static void observe_privileges(struct pass *pass)
{
    struct engine_target target = pass_engine_target(pass);
    struct facts *facts = &pass->facts;
    const struct engine_database_facts *database = &facts->engine.database;
    struct plan_input input = pass_plan_input(pass);
    struct error err;

    if (!database->present || !facts->engine.user.present || database->is_reserved ||
        database->half_dropped ||
        (is_others(pass, &database->marker) && !claim_shares_database(&input)) ||
        is_others(pass, &facts->engine.user.marker))
        return;
    facts->privileges_known =
        database_call(pass, observe_privileges, &err, pass->session, &target, &facts->engine);
    if (!facts->privileges_known)
        failure_of_stage(&facts->privileges_failure, STAGE_SERVER, &err);
}

/* The password of the version before the current one; empty where there is none to be read. */
static bool read_former_password(struct pass *pass, struct secret *ret_password, struct error *err)
{
    struct secrets_manager_target target = pass_secret_target(pass);
    const struct secret_facts *secret = &pass->facts.secret;
    struct secret_facts former = {.description.tags = json_incref(secret->description.tags)};
    const char *version = secret->description.previous_version;
    bool known = version == NULL ||
                 read_version(pass, &target, version, &former.value, NULL, &former.unreadable, err);

    former.canonical = json_incref(secret->canonical);
    if (known && !secret_is_empty(&former.value) && find_credentials(pass, &former))
        secret_copy(ret_password, &former.credentials.password);
    release_secret(&former);
    return known;
}

/* A reset that was interrupted left the user with the password of the version before: where users
 * cannot be marked, that is what shows whose it is. */
static bool observe_former_password(struct pass *pass, struct error *err)
{
    struct plan_input input = pass_plan_input(pass);
    struct engine_target target = pass_engine_target(pass);
    auto_secret struct secret password = {0};
    auto_engine_facts struct engine_facts facts = {0};

    if (pass->facts.engine.marks_users || !password_reset_is_due(&input) ||
        !password_reset_is_stored(&input) ||
        pass->facts.engine.user.password == ENGINE_PASSWORD_MATCHES)
        return true;
    if (!read_former_password(pass, &password, err))
        return false;
    if (secret_is_empty(&password))
        return true;
    target.password = &password;
    if (!database_call(pass, observe, err, pass->session, &target, &facts))
        return false;
    pass->facts.user_has_former_password = facts.user.password == ENGINE_PASSWORD_MATCHES;
    return true;
}

/* An owner may comment on its database, and so remove or forge our mark on it.  That of its user it
 * cannot write: where we made the user and the user's mark names this very database, it counts. */
static void mend_mark(struct pass *pass)
{
    struct engine_database_facts *database = &pass->facts.engine.database;
    const struct engine_marker *of_user = &pass->facts.engine.user.marker;

    if (!pass->facts.engine.marks_users || !database->present || !database->owned_by_target ||
        of_user->database == NULL || strcmp(of_user->database, database->id) != 0 ||
        of_user->taken_over || ownership_of_marker(of_user, &pass->owner) != OWNERSHIP_OURS ||
        ownership_of_marker(&database->marker, &pass->owner) == OWNERSHIP_OURS)
        return;
    engine_marker_copy(&database->marker, of_user);
    pass->facts.database_mark_is_lost = true;
}

static bool may_be_dropped(const struct pass *pass)
{
    enum ownership ownership =
        ownership_of_marker(&pass->facts.engine.database.marker, &pass->owner);

    return ownership == OWNERSHIP_OURS || ownership == OWNERSHIP_PREDECESSOR;
}

/* Who else lives in a database of ours.  Where users are not marked, only the resources tell. */
static bool observe_residents(struct pass *pass, struct error *err)
{
    struct engine_target target = pass_engine_target(pass);
    struct engine_facts *engine = &pass->facts.engine;

    if (!engine->database.present || !may_be_dropped(pass))
        return true;
    return engine->marks_users
               ? database_call(pass, observe_residents, err, pass->session, &target, engine)
               : sharing_find(pass, &engine->database.residents, err);
}

/* Reads the admin connection again; true when it now logs in otherwise. */
static bool reread_admin(struct pass *pass)
{
    auto_admin_connection struct admin_connection admin = {0};
    struct failure failure = {0};

    if (!prepare_admin(pass, &admin, &failure) ||
        admin_connection_logs_in_like(&admin, &pass->admin))
        return false;
    admin_connection_release(&pass->admin);
    pass->admin = admin;
    admin = (struct admin_connection){0};
    log_info(&pass->log, "the admin connection was changed after it was read: trying it again");
    return true;
}

/* A refused login is tried once more when the password was rotated meanwhile, and only then: a
 * server may count refusals. */
static bool connect_as_admin(struct pass *pass, struct error *err)
{
    struct engine_connect_request request = pass_connect_request(pass);

    if (database_call(pass, connect, err, &request, &pass->session))
        return true;
    if (err->kind != ERROR_DENIED || !reread_admin(pass))
        return false;
    request = pass_connect_request(pass);
    return database_call(pass, connect, err, &request, &pass->session);
}

static void observe_server(struct pass *pass)
{
    struct engine_target target = pass_engine_target(pass);
    struct facts *facts = &pass->facts;
    struct error err;

    if (pass->session == NULL && !connect_as_admin(pass, &err)) {
        failure_of_stage(&facts->server_failure, STAGE_CONNECT, &err);
        return;
    }
    if (!database_call(pass, observe, &err, pass->session, &target, &facts->engine)) {
        failure_of_stage(&facts->server_failure, STAGE_SERVER, &err);
        pass_drop_session(pass);
        return;
    }
    if (!observe_former_password(pass, &err)) {
        failure_of_stage(&facts->server_failure, STAGE_SECRETS, &err);
        return;
    }
    mend_mark(pass);
    if (!check_owner_of_marked(pass, &facts->engine.database.marker, &err) ||
        !check_owner_of_marked(pass, &facts->engine.user.marker, &err)) {
        failure_of_stage(&facts->server_failure, STAGE_KUBERNETES, &err);
        return;
    }
    if (pass->database.deleting && !observe_residents(pass, &err)) {
        failure_of_stage(&facts->server_failure, STAGE_SERVER, &err);
        return;
    }
    facts->server_known = true;
    observe_privileges(pass);
}

/* AWS may not show for seconds what it has just stored: then "not found" says nothing.  The status
 * carries that over to the next pass, with the time since which it is so. */
static bool was_stored_just_now(const struct pass *pass)
{
    const struct condition *ready = &pass->status.conditions[CONDITION_SECRET_READY];
    char limit[TIMESTAMP_SIZE];

    if (pass->stored_arn != NULL)
        return true;
    timestamp_render_seconds(timesource_realtime_us(pass->reconciler->timesource) -
                                 (int64_t)VISIBILITY_LIMIT_S * 1000000,
                             limit);
    return ready->value == CONDITION_UNKNOWN &&
           strcmp(ready->reason, SECRET_NOT_VISIBLE_YET) == 0 &&
           strcmp(ready->last_transition, limit) > 0;
}

static bool check_absence(const struct pass *pass, struct error *err)
{
    if (!was_stored_just_now(pass))
        return true;
    return error_set(
        err, ERROR_UNAVAILABLE, SECRET_NOT_VISIBLE_YET,
        "secret '%s' was stored just now, and AWS does not show it yet: nothing has to "
        "be done, it is looked for again",
        pass->database.spec.secret_name);
}

/* A secret that is not found is absent, which the caller may know better. */
static bool read_secret(struct pass *pass, const struct secrets_manager_target *target,
                        struct secret_facts *secret, struct error *err)
{
    struct error describing;

    if (!secrets_manager_describe(pass->reconciler->secrets, target, &secret->description,
                                  &describing)) {
        secret->state = SECRET_ABSENT;
        if (describing.kind != ERROR_NOT_FOUND)
            *err = describing;
        return describing.kind == ERROR_NOT_FOUND;
    }
    if (!check_owner_of_secret(pass, secret->description.tags, err))
        return false;
    if (secret->description.scheduled_for_deletion) {
        secret->state = SECRET_SCHEDULED_FOR_DELETION;
        return true;
    }
    secret->state = SECRET_PRESENT;
    /* A secret of somebody else is named in the refusal, and never read. */
    if (ownership_of_tags(secret->description.tags, &pass->owner) == OWNERSHIP_OTHER) {
        error_set(&secret->unreadable, ERROR_INVALID, NULL, "it belongs to another resource");
        return true;
    }
    return read_value(pass, target, secret, err);
}

static void observe_secret(struct pass *pass)
{
    struct secrets_manager_target target = pass_secret_target(pass);
    struct facts *facts = &pass->facts;
    struct error err;

    facts->secret_known = read_secret(pass, &target, &facts->secret, &err) &&
                          (facts->secret.state != SECRET_ABSENT || check_absence(pass, &err));
    if (facts->secret_known)
        return;
    failure_of_stage(&facts->secret_failure, STAGE_SECRETS, &err);
    if (error_has_code(&err, SECRET_NOT_VISIBLE_YET))
        facts->secret_failure.reason = SECRET_NOT_VISIBLE_YET;
}

static void observe_former(struct pass *pass)
{
    struct secrets_manager_target target = {.region = pass->former_region, .id = pass->former_id};
    struct facts *facts = &pass->facts;
    struct error err;

    facts->former_known =
        pass->former_id == NULL || read_secret(pass, &target, &facts->former, &err);
    if (!facts->former_known)
        failure_of_stage(&facts->former_failure, STAGE_SECRETS, &err);
}

char *observe_proof_subject(const struct pass *pass)
{
    const struct engine_facts *engine = &pass->facts.engine;
    const struct engine_host *host = &pass->admin.server.hosts[0];

    return mem_printf("%s %s:%u %s %s %s", pass->facts.secret.description.current_version,
                      host->host, (unsigned)host->port, engine->server_identity,
                      engine->database.id, engine->user.id);
}

/* A refusal outlives a restart of the operator through the status. */
static bool is_refused_by_status(const struct pass *pass)
{
    const struct condition *verified = &pass->status.conditions[CONDITION_CREDENTIALS_VERIFIED];
    const char *version = pass->facts.secret.description.current_version;

    return verified->value == CONDITION_FALSE &&
           strcmp(verified->reason, "PasswordMismatch") == 0 &&
           verified->observed_generation == pass->database.generation &&
           pass->status.secret_version != NULL && strcmp(pass->status.secret_version, version) == 0;
}

/* A drift pass comes 0.9 sync periods after the last pass at the earliest, so it always proves the
 * login anew, and so do few others.  With a refused password that is also how often it is tried. */
static bool is_outdated(const struct pass *pass, const struct proof *proof)
{
    int64_t now_ms = timesource_monotonic_ms(pass->reconciler->timesource);
    int64_t limit_ms = (int64_t)(pass->reconciler->sync_period_ms / 10 * 8);

    return limit_ms > 0 && now_ms - proof->tried_at_ms >= limit_ms;
}

/* A person did something: worth one more attempt.  Whoever asks for a pass wants to know whether
 * the password logs in now; a changed spec may have mended what was refused. */
static bool is_asked_for_again(const struct pass *pass, const struct proof *proof)
{
    const struct condition *verified = &pass->status.conditions[CONDITION_CREDENTIALS_VERIFIED];

    return (pass->person_acted && proof->tried_at_ms < pass->began_ms) ||
           (!proof->passed && verified->observed_generation != pass->database.generation);
}

static void recall_proof(struct pass *pass)
{
    const struct reconciler *reconciler = pass->reconciler;
    const struct condition *verified = &pass->status.conditions[CONDITION_CREDENTIALS_VERIFIED];
    auto_free char *subject = NULL;
    struct proof proof = {0};

    pass->facts.proof = PROOF_NEEDED;
    if (!pass->facts.server_known || !pass->facts.secret_known || !pass->facts.secret.is_readable)
        return;
    subject = observe_proof_subject(pass);
    if (!proof_memory_find(reconciler->proofs, pass->database.uid, subject, &proof)) {
        if (!is_refused_by_status(pass) || pass->person_acted)
            return;
        proof.tried_at_ms = timesource_monotonic_ms(reconciler->timesource);
        proof_memory_store(reconciler->proofs, pass->database.uid, subject, &proof);
    }
    if (is_outdated(pass, &proof) || is_asked_for_again(pass, &proof))
        return;
    pass->facts.proof = proof.passed ? PROOF_PASSED : PROOF_FAILED;
    if (!proof.passed)
        snprintf(pass->facts.proof_detail, sizeof pass->facts.proof_detail, "%s",
                 verified->message);
}

void observe(struct pass *pass)
{
    char proof_detail[ERROR_MESSAGE_SIZE];

    memcpy(proof_detail, pass->facts.proof_detail, sizeof proof_detail);
    facts_release(&pass->facts);
    forget_released(pass);
    observe_secret(pass);
    observe_former(pass);
    observe_server(pass);
    recall_proof(pass);
    /* How this very pass has proven it is still worth telling. */
    if (pass->facts.proof == PROOF_PASSED)
        memcpy(pass->facts.proof_detail, proof_detail, sizeof proof_detail);
}

bool observe_after_failure(struct pass *pass, bool changed, const struct failure *failure)
{
    if (failure->error.kind == ERROR_CANCELLED)
        return false;
    if (failure->error.kind == ERROR_CONFLICT)
        return true;
    if (failure->error.kind == ERROR_UNAVAILABLE)
        pass_drop_session(pass);
    if (changed)
        observe(pass);
    return false;
}
