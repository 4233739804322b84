#include "controller/observe.h"

#include "base/memory.h"
#include "controller/pass.h"
#include "controller/proof_memory.h"

#include <stdio.h>
#include <string.h>

enum { PROOF_AGE_LIMIT_MS = 60 * 60 * 1000 };

void facts_release(struct facts *facts)
{
    engine_facts_release(&facts->engine);
    secret_description_release(&facts->secret.description);
    credentials_release(&facts->secret.credentials);
    *facts = (struct facts){0};
}

static void observe_server(struct pass *pass)
{
    struct engine_connect_request request = pass_connect_request(pass);
    struct engine_target target = pass_engine_target(pass);
    struct facts *facts = &pass->facts;
    struct error err;

    if (pass->session == NULL && !pass->driver->connect(&request, &pass->session, &err)) {
        failure_of_stage(&facts->server_failure, STAGE_CONNECT, &err);
        return;
    }
    if (!pass->driver->observe(pass->session, &target, &facts->engine, &err)) {
        failure_of_stage(&facts->server_failure, STAGE_SERVER, &err);
        return;
    }
    facts->server_known = true;
}

/* The value of a present secret; what is wrong with it is a fact, what cannot be read is not. */
static bool read_value(struct pass *pass, struct secret_facts *secret, struct error *err)
{
    struct secrets_manager_target target = pass_secret_target(pass);
    auto_secret struct secret value = {0};
    struct error reading;

    if (secret->description.current_version == NULL) {
        error_set(&secret->unreadable, ERROR_INVALID, NULL, "it has no current value");
        return true;
    }
    if (!secrets_manager_get_value(pass->reconciler->secrets, &target,
                                   secret->description.current_version, NULL, &value, NULL,
                                   &reading)) {
        if (reading.kind != ERROR_INVALID) {
            *err = reading;
            return false;
        }
        secret->unreadable = reading;
        return true;
    }
    secret->is_readable = payload_parse(&value, &secret->credentials, &secret->unreadable);
    return true;
}

static bool read_secret(struct pass *pass, struct secret_facts *secret, struct error *err)
{
    struct secrets_manager_target target = pass_secret_target(pass);
    struct error describing;

    if (!secrets_manager_describe(pass->reconciler->secrets, &target, &secret->description,
                                  &describing)) {
        if (describing.kind != ERROR_NOT_FOUND) {
            *err = describing;
            return false;
        }
        secret->state = SECRET_ABSENT;
        return true;
    }
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
    return read_value(pass, secret, err);
}

static void observe_secret(struct pass *pass)
{
    struct error err;

    pass->facts.secret_known = read_secret(pass, &pass->facts.secret, &err);
    if (!pass->facts.secret_known)
        failure_of_stage(&pass->facts.secret_failure, STAGE_SECRETS, &err);
}

char *observe_proof_subject(const struct pass *pass)
{
    const struct engine_host *host = &pass->admin.server.hosts[0];

    return mem_printf("%s %s:%u %s %s", pass->facts.secret.description.current_version, host->host,
                      (unsigned)host->port, pass->database.spec.database_name,
                      pass->database.spec.username);
}

/* A refusal outlives a restart of the operator through the status. */
static bool is_refused_by_status(const struct pass *pass)
{
    const struct condition *verified = &pass->status.conditions[CONDITION_CREDENTIALS_VERIFIED];
    const char *version = pass->facts.secret.description.current_version;

    return verified->value == CONDITION_FALSE &&
           strcmp(verified->reason, "PasswordMismatch") == 0 &&
           pass->status.observed_generation == pass->database.generation &&
           pass->status.secret_version != NULL && strcmp(pass->status.secret_version, version) == 0;
}

static void recall_proof(struct pass *pass)
{
    const struct reconciler *reconciler = pass->reconciler;
    int64_t now_ms = timesource_monotonic_ms(reconciler->timesource);
    auto_free char *subject = NULL;
    struct proof proof = {0};

    pass->facts.proof = PROOF_NEEDED;
    if (!pass->facts.secret_known || !pass->facts.secret.is_readable)
        return;
    subject = observe_proof_subject(pass);
    if (!proof_memory_find(reconciler->proofs, pass->database.uid, subject, &proof)) {
        if (!is_refused_by_status(pass))
            return;
        proof = (struct proof){.passed = false, .tried_at_ms = now_ms};
        proof_memory_store(reconciler->proofs, pass->database.uid, subject, &proof);
    }
    if (now_ms - proof.tried_at_ms >= PROOF_AGE_LIMIT_MS)
        return;
    if (!proof.passed && pass->status.observed_generation != pass->database.generation)
        return; /* a person changed the spec: worth one more attempt */
    pass->facts.proof = proof.passed ? PROOF_PASSED : PROOF_FAILED;
    if (!proof.passed)
        snprintf(pass->facts.proof_detail, sizeof pass->facts.proof_detail, "%s",
                 pass->status.conditions[CONDITION_CREDENTIALS_VERIFIED].message);
}

void observe(struct pass *pass)
{
    facts_release(&pass->facts);
    observe_server(pass);
    observe_secret(pass);
    recall_proof(pass);
}
