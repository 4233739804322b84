#include "controller/deletion_plan.h"

#include "base/memory.h"
#include "base/strbuf.h"
#include "controller/claim.h"

#include <string.h>

/* --- What is ours ---------------------------------------------------------------------------- */

/* The predecessor's comment is on what it made and on what it found: it counts where it is on both,
 * or where a person confirms the name. */
static bool is_confirmed(const struct plan_input *input)
{
    const char *name = database_annotation(input->database, ANNOTATION_CONFIRM_DROP);

    return name != NULL && strcmp(name, input->database->spec.database_name) == 0;
}

static bool is_predecessors(const struct plan_input *input)
{
    const struct engine_facts *engine = &input->facts->engine;
    bool on_database = engine->database.marker.kind == ENGINE_MARKER_PREDECESSOR;
    bool on_user = engine->user.marker.kind == ENGINE_MARKER_PREDECESSOR;

    return (on_database && on_user) || ((on_database || on_user) && is_confirmed(input));
}

static bool owns_database(const struct plan_input *input)
{
    const struct engine_database_facts *database = &input->facts->engine.database;

    switch (ownership_of_marker(&database->marker, input->owner)) {
    case OWNERSHIP_OURS:
        return true; /* what has become of it since keeps it from being dropped, and is told */
    case OWNERSHIP_PREDECESSOR:
        return !database->is_reserved && is_predecessors(input) &&
               !input->database->spec.adopt_existing_database;
    case OWNERSHIP_NONE:
    case OWNERSHIP_RELEASED:
    case OWNERSHIP_OTHER:
        break;
    }
    return false;
}

static bool owns_user(const struct plan_input *input)
{
    const struct engine_user_facts *user = &input->facts->engine.user;

    if (user->is_admin_itself || user->privileged_as != NULL)
        return false;
    switch (claim_owner_of_user(input)) {
    case OWNERSHIP_OURS:
        return input->facts->engine.marks_users || is_confirmed(input) ||
               ownership_made_user(input->facts->secret.description.tags);
    case OWNERSHIP_PREDECESSOR:
        return is_predecessors(input);
    case OWNERSHIP_NONE:
    case OWNERSHIP_RELEASED:
    case OWNERSHIP_OTHER:
        break;
    }
    return false;
}

static bool owns_secret(const struct plan_input *input, const struct secret_facts *secret)
{
    return secret->state == SECRET_PRESENT &&
           ownership_of_tags(secret->description.tags, input->owner) == OWNERSHIP_OURS;
}

/* --- The plan -------------------------------------------------------------------------------- */

/* On another server than the one that was used, that nothing is there proves nothing. */
static bool is_same_server(const struct plan_input *input)
{
    const struct secret_facts *secret = &input->facts->secret;
    const char *remembered = input->status->server_identity;

    /* Without an identity (nothing was ever ready, or the server has none) the address tells. */
    if (remembered == NULL || remembered[0] == '\0')
        return !secret->is_readable || claim_is_for_this_server(input);
    return strcmp(remembered, input->facts->engine.server_identity) == 0;
}

static bool check_same_server(const struct plan_input *input, struct plan *plan)
{
    const char *remembered = input->status->server_identity;

    if (is_same_server(input) || owns_database(input) || owns_user(input))
        return true;
    return failure_set(&plan->refusal, ERROR_INVALID, "ServerChanged",
                       "the admin connection points at another server (%s, identity '%s') than the "
                       "one with the database (identity '%s'): point it back to the address in the "
                       "secret, so that database and user can be dropped there",
                       input->server->hosts[0].host, input->facts->engine.server_identity,
                       remembered != NULL ? remembered : "");
}

/* Whoever lives in the database has to leave first. */
static bool check_residents(const struct plan_input *input, struct plan *plan)
{
    const struct engine_database_facts *database = &input->facts->engine.database;

    if (!database->present || database->residents == NULL || !owns_database(input))
        return true;
    return failure_set(&plan->refusal, ERROR_INVALID, "DatabaseShared",
                       "database '%s' is not dropped while others use it: %s: delete that resource "
                       "with retainOnDelete: false, or drop that user, first",
                       input->database->spec.database_name, database->residents);
}

static bool is_noted(const struct secret_facts *secret)
{
    return document_string(secret->description.tags, TAG_DELETING) != NULL;
}

/* Where databases have owners, a user that has rights in one cannot be dropped. */
static bool keeps_rights(const struct plan_input *input, bool drops_database)
{
    const struct engine_database_facts *database = &input->facts->engine.database;

    return database->present && !drops_database && !database->is_reserved &&
           !database->half_dropped && database->owner[0] != '\0';
}

static void plan_server(const struct plan_input *input, struct plan *plan)
{
    const struct engine_facts *engine = &input->facts->engine;
    bool has_user = engine->user.present && owns_user(input);
    bool has_database = engine->database.present && owns_database(input);

    if ((has_user || has_database) && owns_secret(input, &input->facts->secret) &&
        !is_noted(&input->facts->secret))
        plan_add_step(plan, PLAN_NOTE_DELETION);
    if (has_user && engine->user.can_log_in)
        plan_add_step(plan, PLAN_LOCK_USER);
    if (has_user)
        plan_add_step(plan, PLAN_END_SESSIONS);
    if (has_database)
        plan_add_step(plan, PLAN_DROP_DATABASE);
    if (has_user && keeps_rights(input, has_database))
        plan_add_step(plan, PLAN_REVOKE);
    if (has_user)
        plan_add_step(plan, PLAN_DROP_USER);
}

/* A user that stays may log in with the password that only the secret knows. */
static void plan_secrets(const struct plan_input *input, struct plan *plan)
{
    if (plan->count > 0 || input->facts->engine.user.present)
        return;
    if (input->former_id != NULL && owns_secret(input, &input->facts->former))
        plan_add_step(plan, PLAN_DELETE_FORMER);
    if (owns_secret(input, &input->facts->secret))
        plan_add_step(plan, PLAN_DELETE_SECRET);
}

/* Where users carry no mark, only the stored password tells whose one is: a secret that somebody
 * has scheduled for deletion comes back for that.  One whose deletion is noted we have scheduled.
 */
static bool needs_secret(const struct plan_input *input)
{
    const struct facts *facts = input->facts;

    return facts->engine.user.present && !facts->engine.marks_users &&
           facts->secret.state == SECRET_SCHEDULED_FOR_DELETION && !is_noted(&facts->secret) &&
           ownership_of_tags(facts->secret.description.tags, input->owner) == OWNERSHIP_OURS;
}

void deletion_plan_make(const struct plan_input *input, struct plan *ret_plan)
{
    *ret_plan = (struct plan){0};
    if (!plan_check_known(input, ret_plan) || !claim_check_writable(input, &ret_plan->refusal) ||
        !check_same_server(input, ret_plan) || !check_residents(input, ret_plan))
        return;
    if (needs_secret(input)) {
        plan_add_step(ret_plan, PLAN_RESTORE_SECRET);
        return;
    }
    plan_server(input, ret_plan);
    plan_secrets(input, ret_plan);
}

void deletion_plan_make_undoing(const struct plan_input *input, struct plan *ret_plan)
{
    *ret_plan = (struct plan){0};
    if (!input->facts->server_known)
        return;
    if (claim_is_locked_by_us(input))
        plan_add_step(ret_plan, PLAN_UNLOCK_USER);
    if (owns_secret(input, &input->facts->secret) && is_noted(&input->facts->secret))
        plan_add_step(ret_plan, PLAN_UNTAG_SECRET);
}

/* --- What stays ------------------------------------------------------------------------------ */

static void append_item(struct strbuf *text, const char *what, const char *name)
{
    strbuf_append_format(text, "%s%s '%s'", text->length > 0 ? ", " : "", what, name);
}

char *deletion_plan_describe_rest(const struct plan_input *input)
{
    const struct database_spec *spec = &input->database->spec;
    const struct facts *facts = input->facts;
    auto_strbuf struct strbuf text = {0};

    if (facts->engine.database.present)
        append_item(&text, "database", spec->database_name);
    if (facts->engine.user.present)
        append_item(&text, "user", spec->username);
    if (facts->secret.state == SECRET_PRESENT)
        append_item(&text, "secret", spec->secret_name);
    return text.length > 0 ? strbuf_detach(&text) : NULL;
}
