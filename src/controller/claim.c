#include "controller/claim.h"

#include "base/memory.h"
#include "controller/password_reset.h"
#include "controller/plan.h"
#include "controller/transfer.h"

#include <string.h>
#include <strings.h>

enum ownership claim_owner_of_user(const struct plan_input *input)
{
    return ownership_of_user(&input->facts->engine, input->facts->secret.description.tags,
                             input->owner);
}

bool claim_is_locked_by_us(const struct plan_input *input)
{
    const struct secret_facts *secret = &input->facts->secret;
    const struct engine_user_facts *user = &input->facts->engine.user;

    return user->present && !user->can_log_in && secret->state == SECRET_PRESENT &&
           document_string(secret->description.tags, TAG_DELETING) != NULL &&
           ownership_of_tags(secret->description.tags, input->owner) == OWNERSHIP_OURS &&
           claim_owner_of_user(input) == OWNERSHIP_OURS;
}

static enum ownership owner_of_database(const struct plan_input *input)
{
    return ownership_of_marker(&input->facts->engine.database.marker, input->owner);
}

bool claim_shares_database(const struct plan_input *input)
{
    const struct database_spec *spec = &input->database->spec;
    const struct engine_marker *marker = &input->facts->engine.database.marker;

    return spec->adopt_existing_database && !spec->privileges.all &&
           owner_of_database(input) == OWNERSHIP_OTHER &&
           ownership_neighbour_of_marker(marker, input->owner) != NULL;
}

bool claim_takes_database(const struct plan_input *input)
{
    switch (owner_of_database(input)) {
    case OWNERSHIP_OURS:
        return true;
    case OWNERSHIP_PREDECESSOR:
    case OWNERSHIP_RELEASED:
        return !input->database->spec.adopt_existing_database;
    case OWNERSHIP_NONE:
    case OWNERSHIP_OTHER:
        break;
    }
    return false;
}

static bool is_made_by_us(const struct plan_input *input)
{
    const struct engine_facts *engine = &input->facts->engine;
    const struct engine_marker *marker =
        engine->marks_users ? &engine->user.marker : &engine->database.marker;

    if (!engine->marks_users && claim_owner_of_user(input) == OWNERSHIP_OURS &&
        ownership_made_user(input->facts->secret.description.tags))
        return true;
    return ownership_of_marker(marker, input->owner) == OWNERSHIP_OURS && !marker->taken_over;
}

bool claim_may_revoke(const struct plan_input *input)
{
    const struct engine_database_facts *database = &input->facts->engine.database;
    const struct database_spec *spec = &input->database->spec;
    const json_t *applied = input->status->applied_privileges;

    /* Ownership is not taken from anybody but where we made the database, or took it over. */
    if (!spec->privileges.all && database->owned_by_target &&
        owner_of_database(input) != OWNERSHIP_OURS)
        return false;
    return is_made_by_us(input) || (applied != NULL && !json_equal(applied, spec->privilege_words));
}

bool claim_check_writable(const struct plan_input *input, struct failure *ret_refusal)
{
    if (!input->facts->engine.read_only)
        return true;
    return failure_set(ret_refusal, ERROR_UNAVAILABLE, "ServerReadOnly",
                       "the server at %s is read-only (a standby?): point the admin connection at "
                       "the primary",
                       input->server->hosts[0].host);
}

/* Only the user of an adopted database carries our mark. */
static bool has_our_user(const struct plan_input *input)
{
    const struct engine_facts *engine = &input->facts->engine;

    return engine->database.present && engine->user.present &&
           claim_owner_of_user(input) == OWNERSHIP_OURS;
}

static bool is_marked_as_ours(const struct plan_input *input)
{
    return owner_of_database(input) == OWNERSHIP_OURS ||
           (input->database->spec.adopt_existing_database && has_our_user(input));
}

bool claim_is_new_server_accepted(const struct plan_input *input)
{
    const char *accepted = database_annotation(input->database, ANNOTATION_ACCEPT_SERVER);
    const char *remembered = input->status->server_identity;
    const char *identity = input->facts->engine.server_identity;

    return accepted != NULL && remembered != NULL && identity[0] != '\0' &&
           strcmp(remembered, identity) != 0 && strcmp(accepted, identity) == 0;
}

static bool check_server(const struct plan_input *input, struct failure *refusal)
{
    const struct engine_facts *engine = &input->facts->engine;
    const char *remembered = input->status->server_identity;

    if (!claim_check_writable(input, refusal))
        return false;
    if (remembered != NULL && strcmp(remembered, engine->server_identity) != 0 &&
        !is_marked_as_ours(input) && !claim_is_new_server_accepted(input))
        return failure_set(
            refusal, ERROR_INVALID, "ServerChanged",
            "the admin connection now points at another server (identity %s, before %s) "
            "on which database '%s' is not this resource's: point it back at the former server, "
            "accept this one with the annotation " ANNOTATION_ACCEPT_SERVER "=%s, or create a new "
            "resource",
            engine->server_identity, remembered, input->database->spec.database_name,
            engine->server_identity);
    return true;
}

/* A server answers these as it answers a wrong password, so they are looked at before the proof. */
static bool check_may_log_in(const struct engine_user_facts *user, const char *name,
                             struct failure *refusal)
{
    if (!user->can_log_in)
        return failure_set(
            refusal, ERROR_DENIED, "UserLocked",
            "user '%s' is not allowed to log in (NOLOGIN, or a locked account): allow it "
            "on the server",
            name);
    if (user->expired)
        return failure_set(
            refusal, ERROR_DENIED, "UserExpired",
            "the password of user '%s' has expired (VALID UNTIL): extend it on the server", name);
    return true;
}

static bool check_user(const struct plan_input *input, struct failure *refusal)
{
    const struct engine_user_facts *user = &input->facts->engine.user;
    const char *name = input->database->spec.username;
    auto_free char *other = NULL;

    if (!user->present)
        return true;
    if (user->is_admin_itself)
        return failure_set(
            refusal, ERROR_INVALID, "ReservedName",
            "user '%s' is the admin user of the connection: create a new resource with "
            "another username",
            name);
    if (user->privileged_as != NULL)
        return failure_set(
            refusal, ERROR_INVALID, "ReservedName",
            "user '%s' already exists with the attribute %s and is never touched: create "
            "a new resource with another username",
            name, user->privileged_as);
    if (claim_owner_of_user(input) == OWNERSHIP_OTHER) {
        other = ownership_describe_marker(&user->marker);
        return failure_set(
            refusal, ERROR_INVALID, "Conflict",
            "user '%s' belongs to %s: create a new resource with another username, or "
            "remove the mark (the comment on the user) if that one is gone",
            name, other);
    }
    return claim_is_locked_by_us(input) || check_may_log_in(user, name, refusal);
}

/* What a resource of the same namespace has may be shared, by a spec that says so. */
static bool refuse_others(const struct plan_input *input, struct failure *refusal)
{
    const struct engine_marker *marker = &input->facts->engine.database.marker;
    const char *name = input->database->spec.database_name;
    auto_free char *other = ownership_describe_marker(marker);

    if (ownership_neighbour_of_marker(marker, input->owner) == NULL)
        return failure_set(
            refusal, ERROR_INVALID, "Conflict",
            "database '%s' belongs to %s: create a new resource with another databaseName, or "
            "remove the mark (the comment on the database) if that one is gone",
            name, other);
    return failure_set(
        refusal, ERROR_INVALID, "Conflict",
        "database '%s' belongs to %s: create a new resource with another databaseName, or add a "
        "user to that database with a list of privileges (not ALL) and adoptExistingDatabase: true",
        name, other);
}

static bool check_database(const struct plan_input *input, struct failure *refusal)
{
    const struct engine_database_facts *database = &input->facts->engine.database;
    const char *name = input->database->spec.database_name;

    if (!database->present)
        return true;
    if (database->is_reserved)
        return failure_set(
            refusal, ERROR_INVALID, "ReservedName",
            "database '%s' belongs to the server itself and is never touched: create a "
            "new resource with another databaseName",
            name);
    if (database->half_dropped)
        return failure_set(
            refusal, ERROR_INVALID, "DatabaseInvalid",
            "an interrupted DROP DATABASE left '%s' unusable: drop it by hand, then it "
            "is created again",
            name);
    return owner_of_database(input) != OWNERSHIP_OTHER || claim_shares_database(input) ||
           refuse_others(input, refusal);
}

bool claim_is_for_this_server(const struct plan_input *input)
{
    const struct credentials *stored = &input->facts->secret.credentials;
    const struct connection_string *server = input->server;

    for (size_t i = 0; i < server->host_count; i++) {
        const struct engine_host *host = &server->hosts[i];

        if ((stored->host == NULL || strcasecmp(stored->host, host->host) == 0) &&
            (stored->port == 0 || stored->port == host->port))
            return true;
    }
    return false;
}

/* A secret of ours may name another host where the server is known to be the same, or carries our
 * marks (a restored or moved server): the host in it follows. */
static bool follows_the_server(const struct plan_input *input)
{
    const char *remembered = input->status->server_identity;

    if (ownership_of_tags(input->facts->secret.description.tags, input->owner) != OWNERSHIP_OURS)
        return false;
    if (remembered != NULL && remembered[0] != '\0' &&
        strcmp(remembered, input->facts->engine.server_identity) == 0)
        return true;
    return claim_is_new_server_accepted(input) || (is_marked_as_ours(input) && has_our_user(input));
}

/* What the secret says is quoted only where the secret is ours: a secretName may point at anything
 * that the operator can read. */
static bool refuse_mismatch(const struct plan_input *input, struct failure *refusal,
                            const char *what, const char *stored, const char *wanted)
{
    const json_t *tags = input->facts->secret.description.tags;
    const char *name = input->database->spec.secret_name;

    if (ownership_of_tags(tags, input->owner) == OWNERSHIP_OURS)
        return failure_set(refusal, ERROR_INVALID, "SecretMismatch",
                           "secret '%s' is for %s '%s', not for '%s': set another secretName", name,
                           what, stored, wanted);
    return failure_set(refusal, ERROR_INVALID, "SecretMismatch",
                       "secret '%s' names another %s than '%s': set another secretName", name, what,
                       wanted);
}

/* Every one of host and port, database and user that the secret names must be the target's. */
static bool check_secret_names_target(const struct plan_input *input, struct failure *refusal)
{
    const struct credentials *stored = &input->facts->secret.credentials;
    const struct database_spec *spec = &input->database->spec;
    const struct engine_host *host = &input->server->hosts[0];
    auto_free char *stored_server = NULL, *server = NULL;

    if (stored->database != NULL && strcmp(stored->database, spec->database_name) != 0)
        return refuse_mismatch(input, refusal, "database", stored->database, spec->database_name);
    if (stored->username != NULL && strcmp(stored->username, spec->username) != 0)
        return refuse_mismatch(input, refusal, "user", stored->username, spec->username);
    if (claim_is_for_this_server(input) || follows_the_server(input))
        return true;
    stored_server =
        mem_printf("%s:%lld", stored->host != NULL ? stored->host : "", (long long)stored->port);
    server = mem_printf("%s:%u", host->host, (unsigned)host->port);
    return refuse_mismatch(input, refusal, "server", stored_server, server);
}

/* A password that was read by the template of whoever names the secret says nothing about whose it
 * is: without a mark of ours only a login shows it, of a user that is there. */
static bool check_reading(const struct plan_input *input, struct failure *refusal)
{
    const struct secret_facts *secret = &input->facts->secret;
    const struct engine_facts *engine = &input->facts->engine;
    const struct database_spec *spec = &input->database->spec;

    if (secret->credentials.format_version == NULL ||
        strcmp(secret->credentials.format_version, PAYLOAD_FORMAT_TEMPLATE) != 0 ||
        (engine->database.present && engine->user.present) ||
        ownership_of_tags(secret->description.tags, input->owner) != OWNERSHIP_PREDECESSOR)
        return true;
    return failure_set(
        refusal, ERROR_INVALID, "SecretInvalid",
        "secret '%s' does not say whose password it holds, and database '%s' and user '%s' do not "
        "both exist: store DB_NAME, DB_USERNAME and DB_PASSWORD in it, or set another secretName",
        spec->secret_name, spec->database_name, spec->username);
}

/* What cannot be read is no obstacle to a new password. */
static bool may_be_replaced(const struct plan_input *input)
{
    return password_reset_is_due(input) &&
           ownership_of_tags(input->facts->secret.description.tags, input->owner) == OWNERSHIP_OURS;
}

/* Whoever may write resources may name any secret that the operator can read; where that is too
 * much, one without a mark needs a word from somebody with rights in AWS. */
static bool check_adoption_tag(const struct plan_input *input, struct failure *refusal)
{
    const json_t *tags = input->facts->secret.description.tags;
    const struct owner *owner = input->owner;

    if (!input->requires_adoption_tag || ownership_of_tags(tags, owner) != OWNERSHIP_NONE ||
        ownership_may_adopt(tags, owner))
        return true;
    return failure_set(refusal, ERROR_INVALID, "AdoptionTagMissing",
                       "secret '%s' exists and was not made by the operator, which is run with "
                       "--require-adoption-tag: tag it in AWS with " TAG_ADOPT_BY
                       "=%s/%s, or set another secretName",
                       input->database->spec.secret_name, owner->namespace_name, owner->name);
}

static bool check_secret(const struct plan_input *input, struct failure *refusal)
{
    const struct secret_facts *secret = &input->facts->secret;
    const char *name = input->database->spec.secret_name;
    auto_free char *other = NULL;

    if (secret->state == SECRET_ABSENT)
        return true;
    if (ownership_of_tags(secret->description.tags, input->owner) == OWNERSHIP_OTHER) {
        other = ownership_describe_tags(secret->description.tags);
        return failure_set(refusal, ERROR_INVALID, "Conflict",
                           "secret '%s' belongs to %s: set another secretName, or remove its tags "
                           "database.opzkit.io/... if that one is gone",
                           name, other);
    }
    if (!check_adoption_tag(input, refusal))
        return false;
    if (secret->description.owning_service != NULL)
        return failure_set(refusal, ERROR_INVALID, "Conflict",
                           "secret '%s' is managed by the AWS service '%s': set another secretName",
                           name, secret->description.owning_service);
    if (secret->description.primary_region != NULL &&
        strcmp(secret->description.primary_region, input->region) != 0)
        return failure_set(
            refusal, ERROR_INVALID, "Conflict",
            "secret '%s' is a replica of one in region %s, and replicas are read-only: "
            "set awsSecretsManager.region to that region, or another secretName",
            name, secret->description.primary_region);
    if (secret->state == SECRET_SCHEDULED_FOR_DELETION)
        return true;
    if (!secret->is_readable && may_be_replaced(input))
        return true;
    if (!secret->is_readable)
        return failure_set(refusal, secret->unreadable.kind, "SecretInvalid",
                           "secret '%s' exists but cannot be used: %s", name,
                           secret->unreadable.message);
    return check_reading(input, refusal) && check_secret_names_target(input, refusal);
}

bool claim_may_copy_former(const struct plan_input *input)
{
    const struct secret_facts *former = &input->facts->former;

    return input->former_id != NULL && former->state == SECRET_PRESENT && former->is_readable &&
           ownership_of_tags(former->description.tags, input->owner) == OWNERSHIP_OURS;
}

/* While a secret moves, what is at the new place already must be the same password, or one that a
 * reset has stored there since. */
static bool check_move(const struct plan_input *input, struct failure *refusal)
{
    const struct secret_facts *former = &input->facts->former;
    const struct secret_facts *secret = &input->facts->secret;

    if (input->former_id == NULL || former->state != SECRET_PRESENT || !former->is_readable ||
        secret->state != SECRET_PRESENT || password_reset_is_stored(input) ||
        password_reset_was_stored(input) ||
        secret_equals(&former->credentials.password, &secret->credentials.password))
        return true;
    return failure_set(
        refusal, ERROR_INVALID, "Conflict",
        "the secret shall move to '%s', but a secret with another password is there: "
        "set another secretName, or remove that one (the former one is %s)",
        input->database->spec.secret_name, input->former_id);
}

bool claim_check(const struct plan_input *input, struct failure *ret_refusal)
{
    return transfer_check_pending(input, ret_refusal) && check_server(input, ret_refusal) &&
           check_user(input, ret_refusal) && check_database(input, ret_refusal) &&
           check_secret(input, ret_refusal) && check_move(input, ret_refusal);
}
