#include "base/compiler.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "engine/postgres_difference.h"
#include "engine/postgres_operations.h"
#include "engine/postgres_owner.h"
#include "engine/postgres_privileges.h"
#include "engine/postgres_rights.h"

#include <stdlib.h>

#define DOING "setting privileges"

/* Changes of one object by several sessions at once fail with an internal error of the server. */
enum { ATTEMPTS_LIMIT = 5, PAUSE_MS = 20, PAUSE_JITTER_MS = 80 };

/* --- What there is --------------------------------------------------------------------------- */

static void add_ownership(char **excess)
{
    char *more = mem_printf("ownership of what it made%s%s", *excess != NULL ? "; " : "",
                            *excess != NULL ? *excess : "");

    free(*excess);
    *excess = more;
}

static bool describe(struct engine_session *session, const struct engine_target *target,
                     struct engine_privilege_facts *privileges, struct error *err)
{
    struct postgres_owned owned;

    if (!postgres_owner_read(session, target, &owned, err) ||
        !postgres_difference_describe(session, target, privileges, err))
        return false;
    if (target->is_ours && owned.objects)
        add_ownership(&privileges->excess);
    return true;
}

static bool describe_in_transaction(struct engine_session *session,
                                    const struct engine_target *target,
                                    struct engine_privilege_facts *privileges, struct error *err)
{
    static const char doing[] = "reading the user's privileges";

    if (!postgres_begin_reading(session, doing, err))
        return false;
    if (!describe(session, target, privileges, err))
        return postgres_roll_back(session);
    return postgres_commit(session, doing, err);
}

/* Somebody may have given the database back to the user, but not what was kept from it. */
static bool observe_keeper(struct engine_session *session, const struct engine_target *target,
                           struct engine_facts *facts, struct error *err)
{
    auto_free char *keeper = NULL;

    if (!target->privileges->all || !target->is_ours || !facts->database.has_keeper)
        return true;
    if (!postgres_owner_find_keeper(session, target->database, &keeper, err))
        return false;
    if (keeper != NULL)
        facts->privileges.missing = mem_strdup("ownership of what it made");
    return true;
}

/* Where the database is not to be owned, ALL is every word. */
static struct engine_target hold_to_words(const struct engine_target *target,
                                          struct engine_privileges *every_word)
{
    struct engine_target held = *target;

    postgres_privileges_set_every_word(every_word);
    if (target->privileges->all && !target->may_own)
        held.privileges = every_word;
    return held;
}

static bool observe_inside(struct engine_session *session, const struct engine_target *target,
                           struct engine_privilege_facts *privileges, struct error *err)
{
    auto_session struct engine_session *inside = NULL;
    struct engine_privileges every_word;
    struct engine_target held = hold_to_words(target, &every_word);

    return held.privileges->all ||
           (postgres_connect_to_database(session, target->database, &inside, err) &&
            describe_in_transaction(inside, &held, privileges, err));
}

/* ALL is ownership of what is ours; whoever owns the database cannot be held to a list. */
bool postgres_observe_privileges(struct engine_session *session, const struct engine_target *target,
                                 struct engine_facts *facts, struct error *err)
{
    bool owns = facts->database.owned_by_target;

    if (target->privileges->all && target->may_own && !owns)
        facts->privileges.missing = mem_strdup("ownership");
    if (!target->privileges->all && owns)
        facts->privileges.excess = mem_strdup("ownership");
    if (owns)
        return observe_keeper(session, target, facts, err);
    return observe_inside(session, target, &facts->privileges, err);
}

/* --- What there shall be --------------------------------------------------------------------- */

static bool end_difference(struct engine_session *session, const struct engine_target *target,
                           bool may_revoke, struct error *err)
{
    auto_strbuf struct strbuf sql = {0};

    return postgres_difference_append_statements(session, target, may_revoke, &sql, err) &&
           (sql.length == 0 || postgres_execute(session, DOING, strbuf_text(&sql), err));
}

/* Everything that a list took away comes back, whoever gave the database back. */
static bool give(struct engine_session *session, const struct engine_target *target,
                 const struct postgres_owned *owned, struct error *err)
{
    auto_free char *keeper = NULL;

    if (owned->database && target->is_ours &&
        !postgres_owner_find_keeper(session, target->database, &keeper, err))
        return false;
    return (owned->database && keeper == NULL) || postgres_owner_give(session, target, err);
}

static bool change(struct engine_session *session, const struct engine_target *target,
                   bool may_revoke, struct error *err)
{
    struct postgres_owned owned;

    if (!postgres_owner_read(session, target, &owned, err))
        return false;
    if (target->privileges->all)
        return give(session, target, &owned, err);
    if (may_revoke && target->is_ours && (owned.database || owned.objects) &&
        !postgres_owner_take(session, target, &owned, err))
        return false;
    return end_difference(session, target, may_revoke, err);
}

/* All or nothing: who keeps a right never lacks it. */
static bool attempt(struct engine_session *session, const struct engine_target *target,
                    bool may_revoke, struct error *err)
{
    if (!postgres_begin(session, DOING, err))
        return false;
    if (!change(session, target, may_revoke, err))
        return postgres_roll_back(session);
    return postgres_commit(session, DOING, err);
}

/* Changed by several sessions at once, or gone between being read and being changed. */
static bool is_worth_another(const struct error *err)
{
    static const char *const codes[] = {
        "XX000", "40001", "40P01", "42P01", "3F000", "42704", "42703", "42883",
    };

    for (size_t i = 0; i < array_length(codes); i++) {
        if (error_has_code(err, codes[i]))
            return true;
    }
    return false;
}

/* An owner may close its database; what it is to be held to comes before. */
static bool connect_inside(struct engine_session *session, const struct engine_target *target,
                           bool may_revoke, struct engine_session **ret_inside, struct error *err)
{
    struct error failure;
    bool opened = false;

    if (postgres_connect_to_database(session, target->database, ret_inside, &failure))
        return true;
    if (may_revoke && target->is_ours && !target->privileges->all &&
        (error_has_code(&failure, "55000") || error_has_code(&failure, "53300")) &&
        !postgres_owner_open(session, target, &opened, err))
        return false;
    if (opened)
        return postgres_connect_to_database(session, target->database, ret_inside, err);
    *err = failure;
    return false;
}

bool postgres_set_privileges(struct engine_session *session, const struct engine_target *target,
                             bool may_revoke, struct error *err)
{
    auto_session struct engine_session *inside = NULL;
    struct engine_privileges every_word;
    struct engine_target held = hold_to_words(target, &every_word);

    /* The owner alone lets others into what is closed to the public. */
    if (target->is_ours &&
        !postgres_rights_join_owner(session, target->database, target->username, err))
        return false;
    if (!connect_inside(session, &held, may_revoke, &inside, err))
        return false;
    for (int i = 1;; i++) {
        struct error failure;

        if (attempt(inside, &held, may_revoke, &failure))
            return true;
        if (i == ATTEMPTS_LIMIT || !is_worth_another(&failure)) {
            *err = failure;
            return false;
        }
        if (cancellation_wait(session->cancellation,
                              PAUSE_MS + (int64_t)random_below(session->random, PAUSE_JITTER_MS)))
            return cancellation_error(err);
    }
}
