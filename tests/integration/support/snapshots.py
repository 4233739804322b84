"""Everything that belongs to one Database, as values that can be compared before and after."""

from __future__ import annotations

from typing import Any

from support.mysql_tenant import MySqlTenant, is_mariadb
from support.tenant import Team, Tenant

# Reading a secret changes these.
_VOLATILE = {"LastAccessedDate", "ResponseMetadata"}


def secret_state(team: Team, path: str) -> dict[str, Any]:
    """What Secrets Manager says and keeps of a secret; empty when there is none."""
    description = team.description(path)
    if not description:
        return {}
    kept = {key: value for key, value in description.items() if key not in _VOLATILE}
    value = None if "DeletedDate" in description else team.stored(path)
    return {"description": kept, "versions": team.versions(path), "value": value}


def postgres_state(tenant: Tenant, name: str, user: str | None = None) -> dict[str, Any]:
    """Database and role in the catalog: marks, rights, owner, verifier."""
    sql, role = tenant.postgres.sql, user or name
    return {
        "database": sql(
            "SELECT oid, pg_get_userbyid(datdba), datacl, datconnlimit, datallowconn, shobj_description(oid, 'pg_database')"
            f" FROM pg_database WHERE datname = '{name}'"
        ),
        "role": sql(
            "SELECT a.oid, rolcanlogin, rolvaliduntil, rolpassword, shobj_description(a.oid, 'pg_authid')"
            f" FROM pg_authid a WHERE rolname = '{role}'"
        ),
        "settings": sql(
            "SELECT setconfig FROM pg_db_role_setting WHERE setdatabase IN (SELECT oid FROM pg_database WHERE "
            f"datname = '{name}') OR setrole IN (SELECT oid FROM pg_authid WHERE rolname = '{role}')"
        ),
        "memberships": sql(
            "SELECT roleid::regrole, member::regrole FROM pg_auth_members WHERE "
            f"'{role}' IN (roleid::regrole::text, member::regrole::text) ORDER BY 1, 2"
        ),
    }


def mysql_state(tenant: MySqlTenant, name: str, user: str | None = None) -> dict[str, Any]:
    """Database and account on the server: marks, grants, hash."""
    sql, account = tenant.server.sql, user or name
    comment = "SCHEMA_COMMENT" if is_mariadb(tenant.server) else "''"
    state: dict[str, Any] = {
        "database": sql(
            f"SELECT DEFAULT_CHARACTER_SET_NAME, {comment} FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = '{name}'"
        ),
        "hosts": tenant.hosts_of(account),
    }
    if "%" in state["hosts"]:
        state["grants"], state["hash"] = tenant.grants(account), tenant.kept_hash(account)
    if not is_mariadb(tenant.server):
        state["attribute"] = sql(
            f"SELECT ATTRIBUTE FROM information_schema.USER_ATTRIBUTES WHERE USER = '{account}'"
        )
    return state
