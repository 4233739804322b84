#include "controller/plan.h"

#include "base/memory.h"

#include <string.h>
#include <strings.h>

static void add_step(struct plan *plan, enum plan_step step)
{
    plan->steps[plan->count++] = step;
}

static bool refuse(struct plan *plan, const struct failure *failure)
{
    *plan = (struct plan){.refusal = *failure};
    return false;
}

#define REFUSE(plan, kind, reason, ...)                    \
    ({                                                     \
        struct failure failure_ = {0};                     \
                                                           \
        failure_set(&failure_, kind, reason, __VA_ARGS__); \
        refuse(plan, &failure_);                           \
    })

static enum ownership owner_of_user(const struct plan_input *input)
{
    return ownership_of_user(&input->facts->engine, input->facts->secret.description.tags,
                             input->owner);
}

/* --- Is what exists allowed to be ours? ------------------------------------------------------ */

static bool check_server(const struct plan_input *input, struct plan *plan)
{
    const struct engine_facts *engine = &input->facts->engine;
    const char *remembered = input->status->server_identity;
    bool is_marked = ownership_of_marker(&engine->database.marker, input->owner) == OWNERSHIP_OURS;

    if (engine->read_only)
        return REFUSE(plan, ERROR_UNAVAILABLE, "ServerReadOnly",
                      "the server at %s is read-only (a standby?): point the admin connection at "
                      "the primary",
                      input->server->hosts[0].host);
    if (remembered != NULL && strcmp(remembered, engine->server_identity) != 0 && !is_marked)
        return REFUSE(plan, ERROR_INVALID, "ServerChanged",
                      "the admin connection now points at another server (identity %s, before %s) "
                      "on which database '%s' is not this resource's: point it back at the former "
                      "server, or create a new resource",
                      engine->server_identity, remembered, input->database->spec.database_name);
    return true;
}

/* A server answers these as it answers a wrong password, so they are looked at before the proof. */
static bool check_may_log_in(const struct engine_user_facts *user, const char *name,
                             struct plan *plan)
{
    if (!user->can_log_in)
        return REFUSE(plan, ERROR_DENIED, "UserLocked",
                      "user '%s' is not allowed to log in (NOLOGIN, or a locked account): allow it "
                      "on the server",
                      name);
    if (user->expired)
        return REFUSE(
            plan, ERROR_DENIED, "UserExpired",
            "the password of user '%s' has expired (VALID UNTIL): extend it on the server", name);
    return true;
}

static bool check_user(const struct plan_input *input, struct plan *plan)
{
    const struct engine_user_facts *user = &input->facts->engine.user;
    const char *name = input->database->spec.username;
    auto_free char *other = NULL;

    if (!user->present)
        return true;
    if (user->is_admin_itself)
        return REFUSE(plan, ERROR_INVALID, "ReservedName",
                      "user '%s' is the admin user of the connection: create a new resource with "
                      "another username",
                      name);
    if (user->privileged_as != NULL)
        return REFUSE(plan, ERROR_INVALID, "ReservedName",
                      "user '%s' already exists with the attribute %s and is never touched: create "
                      "a new resource with another username",
                      name, user->privileged_as);
    if (owner_of_user(input) == OWNERSHIP_OTHER) {
        other = ownership_describe_marker(&user->marker);
        return REFUSE(plan, ERROR_INVALID, "Conflict",
                      "user '%s' belongs to %s: create a new resource with another username, or "
                      "remove the mark (the comment on the user) if that one is gone",
                      name, other);
    }
    return check_may_log_in(user, name, plan);
}

static bool check_database(const struct plan_input *input, struct plan *plan)
{
    const struct engine_database_facts *database = &input->facts->engine.database;
    const char *name = input->database->spec.database_name;
    auto_free char *other = NULL;

    if (!database->present)
        return true;
    if (database->is_reserved)
        return REFUSE(plan, ERROR_INVALID, "ReservedName",
                      "database '%s' belongs to the server itself and is never touched: create a "
                      "new resource with another databaseName",
                      name);
    if (database->half_dropped)
        return REFUSE(plan, ERROR_INVALID, "DatabaseInvalid",
                      "an interrupted DROP DATABASE left '%s' unusable: drop it by hand, then it "
                      "is created again",
                      name);
    if (ownership_of_marker(&database->marker, input->owner) != OWNERSHIP_OTHER)
        return true;
    other = ownership_describe_marker(&database->marker);
    return REFUSE(
        plan, ERROR_INVALID, "Conflict",
        "database '%s' belongs to %s: create a new resource with another databaseName, or "
        "remove the mark (the comment on the database) if that one is gone",
        name, other);
}

/* The host and port that the secret names must be one of those that the admin connection names. */
static bool is_for_this_server(const struct credentials *stored,
                               const struct connection_string *server)
{
    for (size_t i = 0; i < server->host_count; i++) {
        const struct engine_host *host = &server->hosts[i];

        if ((stored->host == NULL || strcasecmp(stored->host, host->host) == 0) &&
            (stored->port == 0 || stored->port == host->port))
            return true;
    }
    return false;
}

/* What the secret says is quoted only where the secret is ours: a secretName may point at anything
 * that the operator can read. */
static bool refuse_mismatch(const struct plan_input *input, struct plan *plan, const char *what,
                            const char *stored, const char *wanted)
{
    const json_t *tags = input->facts->secret.description.tags;
    const char *name = input->database->spec.secret_name;

    if (ownership_of_tags(tags, input->owner) == OWNERSHIP_OURS)
        return REFUSE(plan, ERROR_INVALID, "SecretMismatch",
                      "secret '%s' is for %s '%s', not for '%s': set another secretName", name,
                      what, stored, wanted);
    return REFUSE(plan, ERROR_INVALID, "SecretMismatch",
                  "secret '%s' names another %s than '%s': set another secretName", name, what,
                  wanted);
}

/* Every one of host and port, database and user that the secret names must be the target's. */
static bool check_secret_names_target(const struct plan_input *input, struct plan *plan)
{
    const struct credentials *stored = &input->facts->secret.credentials;
    const struct database_spec *spec = &input->database->spec;
    const struct engine_host *host = &input->server->hosts[0];
    auto_free char *stored_server = NULL, *server = NULL;

    if (stored->database != NULL && strcmp(stored->database, spec->database_name) != 0)
        return refuse_mismatch(input, plan, "database", stored->database, spec->database_name);
    if (stored->username != NULL && strcmp(stored->username, spec->username) != 0)
        return refuse_mismatch(input, plan, "user", stored->username, spec->username);
    if (is_for_this_server(stored, input->server))
        return true;
    stored_server =
        mem_printf("%s:%lld", stored->host != NULL ? stored->host : "", (long long)stored->port);
    server = mem_printf("%s:%u", host->host, (unsigned)host->port);
    return refuse_mismatch(input, plan, "server", stored_server, server);
}

/* Applications read every documented key; rewriting an older form is not built yet. */
static bool check_secret_is_complete(const struct plan_input *input, struct plan *plan)
{
    const char *missing = input->facts->secret.credentials.missing_key;

    if (missing == NULL)
        return true;
    return REFUSE(plan, ERROR_INVALID, "SecretIncomplete",
                  "secret '%s' lacks the key %s, and this version of the operator does not rewrite "
                  "stored secrets: complete it by hand, or set another secretName",
                  input->database->spec.secret_name, missing);
}

static bool check_secret(const struct plan_input *input, struct plan *plan)
{
    const struct secret_facts *secret = &input->facts->secret;
    const char *name = input->database->spec.secret_name;
    auto_free char *other = NULL;

    if (secret->state == SECRET_ABSENT)
        return true;
    if (ownership_of_tags(secret->description.tags, input->owner) == OWNERSHIP_OTHER) {
        other = ownership_describe_tags(secret->description.tags);
        return REFUSE(plan, ERROR_INVALID, "Conflict",
                      "secret '%s' belongs to %s: set another secretName, or remove its tags "
                      "database.opzkit.io/... if that one is gone",
                      name, other);
    }
    if (secret->description.owning_service != NULL)
        return REFUSE(plan, ERROR_INVALID, "Conflict",
                      "secret '%s' is managed by the AWS service '%s': set another secretName",
                      name, secret->description.owning_service);
    if (secret->description.primary_region != NULL &&
        strcmp(secret->description.primary_region, input->region) != 0)
        return REFUSE(plan, ERROR_INVALID, "Conflict",
                      "secret '%s' is a replica of one in region %s, and replicas are read-only: "
                      "set awsSecretsManager.region to that region, or another secretName",
                      name, secret->description.primary_region);
    if (secret->state == SECRET_SCHEDULED_FOR_DELETION)
        return true;
    if (!secret->is_readable)
        return REFUSE(plan, secret->unreadable.kind, "SecretInvalid",
                      "secret '%s' exists but cannot be used: %s", name,
                      secret->unreadable.message);
    return check_secret_names_target(input, plan) && check_secret_is_complete(input, plan);
}

/* --- The state table ------------------------------------------------------------------------- */

/* Database and/or user exist, the secret does not: nobody knows the password. */
static bool refuse_unrecoverable(const struct plan_input *input, struct plan *plan)
{
    const struct engine_facts *engine = &input->facts->engine;
    const struct database_spec *spec = &input->database->spec;
    const char *what = engine->database.present && engine->user.present ? "both exist"
                       : engine->database.present                       ? "the database exists"
                                                                        : "the user exists";

    return REFUSE(
        plan, ERROR_INVALID, "CannotRecoverPassword",
        "database and/or user exist but secret is missing - cannot recover password "
        "(%s; database '%s', user '%s', secret '%s' in region %s): restore the secret, "
        "store the known password in it by hand, or create a new resource with names that "
        "do not exist yet",
        what, spec->database_name, spec->username, spec->secret_name, input->region);
}

/* A database that we once made and that is gone is made again only by a person's act after that was
 * found: a spec that is newer than the finding. */
static bool is_lost(const struct plan_input *input)
{
    int64_t found_at = input->status->database_missing_generation;

    return input->status->server_identity != NULL &&
           (found_at == 0 || found_at >= input->database->generation);
}

/* Something of ours is there and something is missing: only what we made may be completed. */
static bool check_may_complete(const struct plan_input *input, struct plan *plan)
{
    const struct engine_facts *engine = &input->facts->engine;
    const struct database_spec *spec = &input->database->spec;

    if (engine->database.present &&
        ownership_of_marker(&engine->database.marker, input->owner) != OWNERSHIP_OURS)
        return REFUSE(plan, ERROR_INVALID, "Conflict",
                      "database '%s' exists and was not made by this resource, and user '%s' does "
                      "not exist: create a new resource with another databaseName, or create the "
                      "user by hand with the password of secret '%s'",
                      spec->database_name, spec->username, spec->secret_name);
    if (!engine->database.present && is_lost(input))
        return REFUSE(plan, ERROR_INVALID, "DatabaseMissing",
                      "database '%s' was made by this resource and is gone from the server: "
                      "restore it from a backup, or change the spec to have an empty one made",
                      spec->database_name);
    if (engine->user.present && owner_of_user(input) != OWNERSHIP_OURS)
        return REFUSE(plan, ERROR_INVALID, "Conflict",
                      "user '%s' exists and was not made by this resource, and database '%s' does "
                      "not exist: create a new resource with another username, or create the "
                      "database by hand",
                      spec->username, spec->database_name);
    return true;
}

static bool check_proof(const struct plan_input *input, struct plan *plan)
{
    const struct facts *facts = input->facts;

    switch (facts->proof) {
    case PROOF_NEEDED:
        add_step(plan, PLAN_PROVE_LOGIN);
        return true;
    case PROOF_PASSED:
        return true;
    case PROOF_FAILED:
        return REFUSE(plan, ERROR_DENIED, "PasswordMismatch", "%s", facts->proof_detail);
    case PROOF_UNKNOWN:
        return REFUSE(plan, ERROR_DENIED, "LoginNotVerified", "%s", facts->proof_detail);
    }
    return true;
}

/* PostgreSQL 16 and later let an admin act only for roles that it made or was given. */
static bool check_administered(const struct plan_input *input, struct plan *plan)
{
    const char *name = input->database->spec.username;

    if (input->facts->engine.user.is_administered)
        return true;
    return REFUSE(
        plan, ERROR_DENIED, "InsufficientRights",
        "user '%s' is not administered by the admin user '%s': run GRANT \"%s\" TO \"%s\" "
        "WITH ADMIN OPTION as the user's creator or a superuser",
        name, input->server->username, name, input->server->username);
}

/* What carries the mark comes first. */
static void add_creation_steps(const struct engine_facts *engine, struct plan *plan)
{
    if (!engine->user.present && engine->marks_users)
        add_step(plan, PLAN_CREATE_USER);
    if (!engine->database.present)
        add_step(plan, PLAN_CREATE_DATABASE);
    if (!engine->user.present && !engine->marks_users)
        add_step(plan, PLAN_CREATE_USER);
}

static bool plan_creation(const struct plan_input *input, struct plan *plan)
{
    const struct engine_facts *engine = &input->facts->engine;
    bool anything_exists = engine->database.present || engine->user.present;

    if (input->facts->secret.state == SECRET_ABSENT) {
        if (anything_exists)
            return refuse_unrecoverable(input, plan);
        if (!check_may_complete(input, plan))
            return false;
        add_step(plan, PLAN_CREATE_SECRET);
    } else if (!engine->database.present || !engine->user.present) {
        if (!check_may_complete(input, plan))
            return false;
    }
    if (engine->user.present && !engine->database.present) {
        /* No database for a user whose password is not known to be the stored one. */
        if (!check_administered(input, plan) || !check_proof(input, plan))
            return false;
        if (plan->count > 0)
            return true;
    }
    add_creation_steps(engine, plan);
    return true;
}

/* --- What exists and is allowed: does it match? ---------------------------------------------- */

static bool check_owner(const struct plan_input *input, struct plan *plan)
{
    const struct engine_database_facts *database = &input->facts->engine.database;
    const struct database_spec *spec = &input->database->spec;

    if (database->owner[0] == '\0' || !spec->privileges.all || database->owned_by_target)
        return true;
    return REFUSE(plan, ERROR_INVALID, "PrivilegesDiffer",
                  "database '%s' is owned by '%s', but privileges ALL mean that user '%s' owns it: "
                  "run ALTER DATABASE \"%s\" OWNER TO \"%s\" as its owner",
                  spec->database_name, database->owner, spec->username, spec->database_name,
                  spec->username);
}

/* Rights are given before the login is proven, which needs them on some engines; taking rights away
 * that somebody else gave is not built yet. */
static bool check_privileges(const struct plan_input *input, struct plan *plan)
{
    const struct engine_privilege_facts *privileges = &input->facts->engine.privileges;
    const struct database_spec *spec = &input->database->spec;

    if (!check_owner(input, plan))
        return false;
    if (privileges->missing != NULL)
        add_step(plan, PLAN_GRANT);
    else if (privileges->excess != NULL)
        return REFUSE(plan, ERROR_INVALID, "PrivilegesDiffer",
                      "user '%s' has more privileges on database '%s' than spec.privileges says "
                      "(%s), and this version of the operator takes none away: revoke them, or add "
                      "them to spec.privileges",
                      spec->username, spec->database_name, privileges->excess);
    return true;
}

static void add_metadata_steps(const struct plan_input *input, struct plan *plan)
{
    const char *description = input->facts->secret.description.description;
    auto_json json_t *set = NULL;
    auto_json json_t *remove = NULL;

    plan_tag_changes(input, &set, &remove);
    if (json_object_size(set) > 0)
        add_step(plan, PLAN_TAG_SECRET);
    if (json_array_size(remove) > 0)
        add_step(plan, PLAN_UNTAG_SECRET);
    if (description == NULL || strcmp(description, input->database->spec.description) != 0)
        add_step(plan, PLAN_DESCRIBE_SECRET);
}

/* Everything exists.  A user that is not marked as ours gets nothing before the stored password is
 * proven to be his; one of ours needs his rights for the login that proves it. */
static void plan_convergence(const struct plan_input *input, struct plan *plan)
{
    if (owner_of_user(input) != OWNERSHIP_OURS && !check_proof(input, plan))
        return;
    if (plan->count > 0 || !check_privileges(input, plan) || plan->count > 0)
        return;
    if (check_proof(input, plan))
        add_metadata_steps(input, plan);
}

static bool check_known(const struct plan_input *input, struct plan *plan)
{
    if (!input->facts->server_known)
        return refuse(plan, &input->facts->server_failure);
    if (!input->facts->secret_known)
        return refuse(plan, &input->facts->secret_failure);
    return true;
}

static bool check_existing(const struct plan_input *input, struct plan *plan)
{
    return check_known(input, plan) && check_server(input, plan) && check_user(input, plan) &&
           check_database(input, plan) && check_secret(input, plan);
}

void plan_make(const struct plan_input *input, struct plan *ret_plan)
{
    const struct secret_facts *secret = &input->facts->secret;

    *ret_plan = (struct plan){0};
    if (!check_existing(input, ret_plan))
        return;
    if (secret->state == SECRET_SCHEDULED_FOR_DELETION) {
        if (ownership_of_tags(secret->description.tags, input->owner) != OWNERSHIP_OURS)
            REFUSE(ret_plan, ERROR_INVALID, "Conflict",
                   "secret '%s' is scheduled for deletion and was not made for this resource: "
                   "restore it by hand or set another secretName",
                   input->database->spec.secret_name);
        else
            add_step(ret_plan, PLAN_RESTORE_SECRET); /* its content decides the rest */
        return;
    }
    if (!plan_creation(input, ret_plan))
        return;
    if (ret_plan->count > 0)
        return; /* observed again before anything else is decided */
    plan_convergence(input, ret_plan);
}

/* --- Tags ------------------------------------------------------------------------------------ */

static bool array_has(const json_t *array, const char *text)
{
    const json_t *item;
    size_t i;

    json_array_foreach(array, i, item) {
        if (json_is_string(item) && strcmp(json_string_value(item), text) == 0)
            return true;
    }
    return false;
}

void plan_tag_changes(const struct plan_input *input, json_t **ret_set, json_t **ret_remove)
{
    const json_t *present = input->facts->secret.description.tags;
    const json_t *managed = input->status->managed_tags;
    auto_json json_t *wanted = ownership_make_tags(&input->database->spec, input->owner);
    json_t *value, *item;
    const char *key;
    size_t i;

    *ret_set = json_object();
    *ret_remove = json_array();
    json_object_foreach(wanted, key, value) {
        const char *now = document_string(present, key);

        if (now == NULL || strcmp(now, json_string_value(value)) != 0)
            json_object_set(*ret_set, key, value);
    }
    json_array_foreach(managed, i, item) {
        const char *text = json_string_value(item);

        /* A key of our own was never the spec's, whatever the status says. */
        if (text != NULL && json_object_get(wanted, text) == NULL &&
            document_string(present, text) != NULL && !array_has(*ret_remove, text) &&
            strncmp(text, TAG_RESERVED_PREFIX, strlen(TAG_RESERVED_PREFIX)) != 0)
            json_array_append(*ret_remove, item);
    }
}

const char *plan_step_name(enum plan_step step)
{
    static const char *const names[PLAN_STEP_COUNT] = {
        [PLAN_CREATE_SECRET] = "storing the new password",
        [PLAN_RESTORE_SECRET] = "restoring the secret",
        [PLAN_CREATE_USER] = "creating the user",
        [PLAN_CREATE_DATABASE] = "creating the database",
        [PLAN_GRANT] = "granting privileges",
        [PLAN_PROVE_LOGIN] = "logging in with the stored password",
        [PLAN_TAG_SECRET] = "setting tags of the secret",
        [PLAN_UNTAG_SECRET] = "removing tags of the secret",
        [PLAN_DESCRIBE_SECRET] = "setting the description of the secret",
    };

    return names[step];
}

bool plan_has(const struct plan *plan, enum plan_step step)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->steps[i] == step)
            return true;
    }
    return false;
}

bool plan_creates(const struct plan *plan)
{
    return plan_has(plan, PLAN_CREATE_SECRET) || plan_has(plan, PLAN_RESTORE_SECRET) ||
           plan_has(plan, PLAN_CREATE_USER) || plan_has(plan, PLAN_CREATE_DATABASE);
}
