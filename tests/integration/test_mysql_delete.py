"""Deletion that retains nothing, on MySQL and MariaDB: sessions, locks, and what DROP USER would take along."""

from __future__ import annotations

from typing import Any

import pytest
from devstack.mysql import ADMIN_RIGHTS
from support.cluster import condition
from support.deletion import ABANDON, mysql_transaction, wait_blocked, wait_gone
from support.mysql_log import GeneralLog
from support.mysql_tenant import MySqlTenant, assert_works, is_mariadb, mysql_database, run_sql
from support.resources import unique

KEPT = "INSERT INTO kept VALUES (1)"


def make(tenant: MySqlTenant, prefix: str, **spec: Any) -> tuple[str, dict[str, Any]]:
    """A Ready Database that retains nothing, with a table: its name and its credentials."""
    name = unique(prefix)
    tenant.apply(mysql_database(name, retainOnDelete=False, **spec))
    tenant.wait_ready(name)
    credentials = tenant.stored(f"rds/mysql/{name}")
    run_sql(tenant.server, credentials, "CREATE TABLE kept (x int)")
    return name, credentials


def set_strong_admin(tenant: MySqlTenant) -> str:
    """An admin who may end sessions of others; its name."""
    name = unique("strong")
    right = "CONNECTION ADMIN" if is_mariadb(tenant.server) else "CONNECTION_ADMIN"
    password = tenant.server.make_admin(name, (*ADMIN_RIGHTS, right))
    tenant.set_admin(tenant.server.admin_url(user=name, password=password))
    return name


def assert_locked(tenant: MySqlTenant, credentials: dict[str, Any]) -> None:
    """The user exists and cannot log in; its secret can be read."""
    name = credentials["DB_USERNAME"]
    assert tenant.hosts_of(name) == ["%"]
    with pytest.raises(Exception, match="(?i)locked"):
        run_sql(tenant.server, credentials, "SELECT 1")
    assert tenant.stored(f"rds/mysql/{name}") == credentials


def assert_all_gone(tenant: MySqlTenant, name: str) -> None:
    """The deletion comes to its end."""
    wait_gone(tenant, name, 60)
    assert not tenant.has_database(name)
    assert "%" not in tenant.hosts_of(name)
    assert "DeletedDate" in tenant.description(f"rds/mysql/{name}")


def test_everything_goes_and_the_name_can_be_used_again_at_once(mysql_tenant: MySqlTenant) -> None:
    tenant = mysql_tenant
    name, credentials = make(tenant, "temporary")
    log = GeneralLog(tenant.server)

    tenant.delete(name)
    assert_all_gone(tenant, name)
    words = ("ALTER USER", "DROP DATABASE", "DROP USER")
    assert [next(word for word in words if word in text) for text in log.changes()] == list(words)
    tenant.apply(mysql_database(name, retainOnDelete=False))
    tenant.wait_ready(name)

    assert tenant.stored(f"rds/mysql/{name}") == credentials
    assert_works(tenant.server, credentials)
    assert "DeletedDate" not in tenant.description(f"rds/mysql/{name}")


def test_a_transaction_that_cannot_be_ended_is_waited_for_and_named(mysql_tenant: MySqlTenant) -> None:
    tenant = mysql_tenant
    name, credentials = make(tenant, "busy")
    with mysql_transaction(tenant.server, name, credentials["DB_PASSWORD"], name, KEPT) as client:
        tenant.delete(name, wait=False)
        status = wait_blocked(tenant, name, "BlockedBySessions")

        assert f"dropping the database: database '{name}' cannot be dropped" in status["message"]
        assert f"of '{name}'" in status["message"] and "the right CONNECTION" in status["message"]
        assert condition(status, "UserReady")["message"] == f"user '{name}' exists and is not allowed to log in"
        assert client.is_alive()
        assert tenant.has_database(name)
        assert_locked(tenant, credentials)
    assert_all_gone(tenant, name)


def test_transactions_of_the_user_are_ended_by_an_admin_who_may(mysql_tenant: MySqlTenant) -> None:
    tenant = mysql_tenant
    name, credentials = make(tenant, "ended")
    set_strong_admin(tenant)
    with mysql_transaction(tenant.server, name, credentials["DB_PASSWORD"], name, KEPT) as client:
        tenant.delete(name)

        assert_all_gone(tenant, name)
        client.join(5)
        assert not client.is_alive()


def test_transactions_of_the_user_are_ended_by_the_procedure_of_rds(mysql_tenant: MySqlTenant) -> None:
    tenant = mysql_tenant
    name, credentials = make(tenant, "hosted")
    tenant.server.sql("CREATE PROCEDURE rds_kill (IN id BIGINT) SQL SECURITY DEFINER KILL id", "mysql")
    try:
        with mysql_transaction(tenant.server, name, credentials["DB_PASSWORD"], name, KEPT):
            tenant.delete(name)

            assert_all_gone(tenant, name)
    finally:
        tenant.server.sql("DROP PROCEDURE rds_kill", "mysql")


def test_another_account_of_the_same_name_is_left_alone(mysql_tenant: MySqlTenant) -> None:
    tenant = mysql_tenant
    name, _ = make(tenant, "namesake")
    set_strong_admin(tenant)
    other = f"'{name}'@'127.0.0.%'"
    tenant.server.sql(f"SET SESSION sql_log_off = 1; CREATE USER {other} IDENTIFIED BY 'of-Another-1'")
    with mysql_transaction(tenant.server, name, "of-Another-1", "", "SELECT 1") as client:
        tenant.delete(name)

        assert_all_gone(tenant, name)
        client.join(1)
        assert client.is_alive()
    assert tenant.hosts_of(name) == ["127.0.0.%"]
    tenant.server.sql(f"DROP USER {other}")


def test_a_transaction_of_somebody_else_is_named(mysql_tenant: MySqlTenant) -> None:
    tenant = mysql_tenant
    name, credentials = make(tenant, "read")
    set_strong_admin(tenant)
    reader = unique("reader")
    tenant.server.sql(
        f"SET SESSION sql_log_off = 1; CREATE USER {reader} IDENTIFIED BY 'of-Reader-1'; GRANT SELECT ON {name}.* TO {reader}"
    )
    with mysql_transaction(tenant.server, reader, "of-Reader-1", name, "SELECT * FROM kept") as client:
        tenant.delete(name, wait=False)
        status = wait_blocked(tenant, name, "BlockedBySessions")

        assert f"of '{reader}'" in status["message"] and f"of '{name}'" not in status["message"]
        assert client.is_alive()
        assert_locked(tenant, credentials)
    assert_all_gone(tenant, name)
    tenant.server.sql(f"DROP USER {reader}")


def test_what_the_user_has_elsewhere_is_named_and_never_taken(mysql_tenant: MySqlTenant) -> None:
    tenant = mysql_tenant
    name, credentials = make(tenant, "rooted_here")
    sql, other = tenant.server.sql, unique("else_where")
    definer = f"DEFINER = '{name}'@'%'"
    sql(f"CREATE DATABASE {other}; CREATE TABLE {other}.t (x int); CREATE ROLE role_of_{name}")
    things = {
        f"has privileges on database {other}": (f"GRANT SELECT ON `{other}`.* TO {name}", f"REVOKE SELECT ON `{other}`.* FROM {name}"),
        f"has privileges on table {other}.t": (f"GRANT INSERT ON {other}.t TO {name}", f"REVOKE INSERT ON {other}.t FROM {name}"),
        f"has the role role_of_{name}": (f"GRANT role_of_{name} TO {name}", f"REVOKE role_of_{name} FROM {name}"),
        f"is the definer of view {other}.v": (f"CREATE {definer} VIEW {other}.v AS SELECT 1", f"DROP VIEW {other}.v"),
        f"is the definer of routine {other}.r": (f"CREATE {definer} PROCEDURE {other}.r () SELECT 1", f"DROP PROCEDURE {other}.r"),
        f"is the definer of trigger {other}.g": (
            f"CREATE {definer} TRIGGER {other}.g BEFORE INSERT ON {other}.t FOR EACH ROW SET @x = 1", f"DROP TRIGGER {other}.g",
        ),
        f"is the definer of event {other}.e": (
            f"CREATE {definer} EVENT {other}.e ON SCHEDULE EVERY 1 YEAR DO SET @x = 1", f"DROP EVENT {other}.e",
        ),
    }  # fmt: skip
    for make_it, _ in things.values():
        sql(make_it)
    tenant.delete(name, wait=False)

    ordered = sorted(things.items())
    for named in (ordered[:3], ordered[3:6], ordered[6:]):
        said = ", ".join(words for words, _ in named)
        status = tenant.wait_for(
            name, lambda status, said=said: f"it {said}" in status["message"], f"blocked as it {said}", 40
        )
        assert condition(status, "Ready")["reason"] == "BlockedByDependencies"
        assert "dropping the user: " in status["message"] and status["phase"] == "Deleting"
        assert_locked(tenant, credentials)
        for _, (_, undo) in named:
            sql(undo)
    assert_all_gone(tenant, name)
    sql(f"DROP DATABASE {other}; DROP ROLE role_of_{name}")


def test_giving_up_in_the_middle_lets_the_user_in_again(mysql_tenant: MySqlTenant) -> None:
    tenant = mysql_tenant
    name, credentials = make(tenant, "mind")
    with mysql_transaction(tenant.server, name, credentials["DB_PASSWORD"], name, KEPT):
        tenant.delete(name, wait=False)
        wait_blocked(tenant, name, "BlockedBySessions")

        tenant.patch(name, {"spec": {"retainOnDelete": True}})
        wait_gone(tenant, name)

    assert_works(tenant.server, credentials)
    assert "database.opzkit.io/deleting" not in tenant.description(f"rds/mysql/{name}")["Tags"]


def test_abandoning_in_the_middle_keeps_what_is_left(mysql_tenant: MySqlTenant) -> None:
    tenant = mysql_tenant
    name, credentials = make(tenant, "abandoned")
    with mysql_transaction(tenant.server, name, credentials["DB_PASSWORD"], name, KEPT):
        tenant.delete(name, wait=False)
        wait_blocked(tenant, name, "BlockedBySessions")

        tenant.kubectl("annotate", "database", name, ABANDON)
        wait_gone(tenant, name)

    assert tenant.has_database(name)
    assert_locked(tenant, credentials)


def test_a_secret_that_somebody_scheduled_for_deletion_does_not_hide_the_user(mysql_tenant: MySqlTenant) -> None:
    tenant = mysql_tenant
    name, _ = make(tenant, "scheduled")
    tenant.secretsmanager.client().delete_secret(SecretId=f"rds/mysql/{name}", RecoveryWindowInDays=30)

    tenant.delete(name)

    assert_all_gone(tenant, name)
