#include "base/memory.h"
#include "base/strbuf.h"
#include "engine/mysql_account.h"
#include "engine/mysql_operations.h"
#include "engine/mysql_privileges.h"

/* GRANT names nothing that is missing, and takes all of its words or none. */
static bool explain_denial(const struct engine_session *session, const char *verb, uint32_t set,
                           uint32_t grantable, struct error *err)
{
    auto_free char *words = engine_mysql_privileges_render(set & ~grantable);

    if (err->kind != ERROR_DENIED || words == NULL)
        return false;
    return error_set(err, ERROR_DENIED, "GrantOption",
                     "the admin user '%s' cannot %s %s: give it these privileges WITH GRANT "
                     "OPTION",
                     session->username, verb, words);
}

static bool check_server_has(const struct engine_session *session, uint32_t missing,
                             uint32_t server, struct error *err)
{
    auto_free char *words = engine_mysql_privileges_render(missing & ~server);

    return words == NULL || error_set(err, ERROR_INVALID, "InvalidPrivileges",
                                      "this version of %s has no privilege %s: remove it from "
                                      "spec.privileges",
                                      session->is_mariadb ? "MariaDB" : "MySQL", words);
}

static bool run_on_words(struct engine_session *session, const struct engine_target *target,
                         const struct engine_mysql_privileges *privileges, uint32_t words,
                         bool revoke, struct error *err)
{
    auto_free char *text = engine_mysql_privileges_render(words);
    auto_strbuf struct strbuf sql = {0};

    if (text == NULL)
        return true;
    strbuf_append_format(&sql, "%s %s ON ", revoke ? "REVOKE" : "GRANT", text);
    engine_mysql_append_identifier(&sql, privileges->pattern);
    strbuf_append_text(&sql, revoke ? ".* FROM " : ".* TO ");
    engine_mysql_append_account(session, &sql, target->username);
    return engine_mysql_run(session, revoke ? "revoking privileges" : "granting privileges", &sql,
                            NULL, NULL, err) ||
           explain_denial(session, revoke ? "revoke" : "grant", words, privileges->grantable, err);
}

bool engine_mysql_set_privileges(struct engine_session *session, const struct engine_target *target,
                                 bool may_revoke, struct error *err)
{
    struct engine_mysql_privileges privileges = {0};
    uint32_t missing, excess, wanted, kept;
    bool succeeded;

    if (!engine_mysql_privileges_read(session, target, &privileges, err))
        return false;
    wanted = engine_mysql_privileges_wanted(&privileges, target);
    kept = may_revoke ? 0 : privileges.hidden;
    missing = (wanted | kept) & ~privileges.held;
    excess = may_revoke && !target->privileges->all ? privileges.held & ~wanted : 0;
    succeeded = check_server_has(session, missing, privileges.server, err) &&
                run_on_words(session, target, &privileges, missing, false, err) &&
                run_on_words(session, target, &privileges, excess, true, err);
    engine_mysql_privileges_release(&privileges);
    return succeeded;
}
