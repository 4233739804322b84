"""MySQL and MariaDB when the operator ends and starts again, at whatever instant."""

from __future__ import annotations

import random
import time

import pytest
from devstack.mysql import ADMIN
from devstack.operator import Operator
from devstack.process import StackError, wait_until
from devstack.stack import Stack
from support.mysql_log import GeneralLog
from support.mysql_tenant import (
    FAMILIES,
    MySqlTenant,
    Server,
    assert_works,
    is_mariadb,
    mysql_database,
    run_sql,
    start_server,
)
from support.resources import unique
from support.watching import CallWatch


@pytest.fixture(scope="module", params=FAMILIES)
def mysql_server(request: pytest.FixtureRequest, stack: Stack) -> Server:
    """One server of each family: what is tested here does not depend on versions."""
    return start_server(stack, request.param)


def is_idle(operator: Operator) -> bool:
    """Whether no pass is running and none is due."""
    return operator.metric("controller_runtime_active_workers") + operator.metric("workqueue_depth") == 0


def test_a_restart_changes_nothing(mysql_tenant: MySqlTenant, operator: Operator) -> None:
    names = [unique("kept") for _ in range(3)]
    lists = [["ALL"], ["SELECT"], ["SELECT", "INSERT", "CREATE"]]
    mysql_tenant.apply(*[mysql_database(name, privileges=words) for name, words in zip(names, lists, strict=True)])
    for name in names:
        mysql_tenant.wait_ready(name)
    before = {name: (mysql_tenant.get("database", name), mysql_tenant.stored(f"rds/mysql/{name}")) for name in names}

    for end in (operator.stop, operator.kill):
        log, calls = GeneralLog(mysql_tenant.server), CallWatch(mysql_tenant.secretsmanager)
        end()
        operator.start()
        wait_until(lambda: all(name in log.text for name in names) and is_idle(operator), "passes over all", 20)  # noqa: B023

        after = {name: (mysql_tenant.get("database", name), mysql_tenant.stored(f"rds/mysql/{name}")) for name in names}
        assert after == before
        assert log.changes() == []
        assert calls.writes() == []


def test_killing_the_operator_at_any_instant_of_a_creation_loses_nothing(
    mysql_tenant: MySqlTenant, operator: Operator
) -> None:
    instants = [i * 0.012 for i in range(6)]
    random.Random(4712).shuffle(instants)
    mysql_tenant.set_verified_admin()

    for instant in instants:
        name = unique("crash")
        seen = CallWatch(mysql_tenant.secretsmanager)
        mysql_tenant.apply(mysql_database(name))
        wait_until(lambda: bool(seen.operations()), "the begin of the pass", 10)  # noqa: B023
        time.sleep(instant)  # the very thing that is varied, not a wait for something
        operator.kill()
        operator.start()

        status = mysql_tenant.wait_ready(name)

        assert mysql_tenant.versions(f"rds/mysql/{name}") == [status["secretVersion"]]
        assert_works(mysql_tenant.server, mysql_tenant.stored(f"rds/mysql/{name}"))


def test_a_lost_connection_in_the_middle_of_a_creation_loses_nothing(mysql_tenant: MySqlTenant) -> None:
    for step in ("CREATE USER", "CREATE DATABASE", "GRANT "):
        name, log = unique("cut"), GeneralLog(mysql_tenant.server)
        mysql_tenant.apply(mysql_database(name))
        wait_until(lambda: any(text.startswith(step) for text in log.changes()), f"{step} in the log", 10)  # noqa: B023
        for connection in mysql_tenant.server.sql(f"SELECT ID FROM information_schema.PROCESSLIST WHERE USER = '{ADMIN}'"):
            end_connection(mysql_tenant, connection)

        mysql_tenant.wait_ready(name)

        assert_works(mysql_tenant.server, mysql_tenant.stored(f"rds/mysql/{name}"))


@pytest.mark.parametrize(("lacking", "made"), [("CREATE USER", "database"), ("CREATE", "user")])
def test_what_an_interrupted_creation_left_is_completed_with_the_stored_password(
    mysql_tenant: MySqlTenant, operator: Operator, lacking: str, made: str
) -> None:
    name, admin, server = unique("half"), unique("half_admin"), mysql_tenant.server
    password = server.make_admin(admin, {"SELECT", "INSERT", "CREATE USER", "CREATE"} - {lacking, "INSERT"})
    mysql_tenant.set_admin(server.admin_url(user=admin, password=password))
    mysql_tenant.apply(mysql_database(name, privileges=["SELECT"]))
    mysql_tenant.wait_error(name, "InsufficientRights")
    left = {"database": mysql_tenant.has_database(name), "user": mysql_tenant.hosts_of(name) == ["%"]}
    stored = mysql_tenant.stored(f"rds/mysql/{name}")

    mysql_tenant.set_verified_admin()

    mysql_tenant.wait_ready(name)
    # MySQL marks the user and so makes it first, MariaDB the database
    first = "database" if is_mariadb(server) else "user"
    assert left == {kind: kind == first == made for kind in left}
    assert mysql_tenant.stored(f"rds/mysql/{name}") == stored
    assert run_sql(server, stored, "SELECT DATABASE()") == [name]


def end_connection(tenant: MySqlTenant, connection: str) -> None:
    """KILL, as an idle time-out or a proxy does it; one that is gone already is fine."""
    try:
        tenant.server.sql(f"KILL {connection}")
    except StackError as failure:
        assert "Unknown thread id" in str(failure)
