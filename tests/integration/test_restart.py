"""The operator ends and starts again: nothing is written that was right, and nothing half-made is lost."""

from __future__ import annotations

import random
import signal
import time

import pytest
from devstack.operator import Operator
from devstack.process import wait_until
from support.resources import database, unique
from support.tenant import Tenant, assert_works
from support.watching import CallWatch, SqlWatch


@pytest.mark.parametrize("how", ["SIGTERM", "SIGKILL"])
def test_a_restart_writes_nothing(tenant: Tenant, operator: Operator, how: str) -> None:
    names = [unique("kept") for _ in range(3)]
    tenant.apply(*[database(name, awsSecretsManager={"tags": {"Team": "x"}}) for name in names])
    for name in names:
        tenant.wait_ready(name)
    before = {name: (tenant.get("database", name), tenant.stored(f"rds/postgres/{name}")) for name in names}
    sql, calls = SqlWatch(tenant.postgres), CallWatch(tenant.secretsmanager)

    operator.stop() if how == "SIGTERM" else operator.kill()
    operator.start()
    wait_until(lambda: all(proofs(operator, name) == 2 for name in names), "a pass over every resource", 20)
    wait_until(lambda: is_idle(operator), "the end of the passes", 20)

    assert {name: (tenant.get("database", name), tenant.stored(f"rds/postgres/{name}")) for name in names} == before
    assert sql.changes() == []
    assert calls.writes() == []
    assert set(calls.operations()) == {"DescribeSecret", "GetSecretValue"}


def test_the_stored_password_is_proven_after_creation_and_after_a_start_only(tenant: Tenant, operator: Operator) -> None:
    name = unique("proven")
    tenant.apply(database(name))
    tenant.wait_ready(name)
    operator.restart()
    wait_until(lambda: proofs(operator, name) == 2, "the proof after the start", 20)

    tenant.patch(name, {"spec": {"awsSecretsManager": {"description": "another pass"}}})
    tenant.wait_ready(name)

    assert tenant.description(f"rds/postgres/{name}")["Description"] == "another pass"
    assert proofs(operator, name) == 2


def test_sigterm_ends_an_idle_operator_at_once_with_code_0(tenant: Tenant, operator: Operator) -> None:
    name = unique("idle")
    tenant.apply(database(name))
    tenant.wait_ready(name)

    seconds, code = end(operator)

    assert code == 0
    assert seconds < 1.5
    assert operator.log_lines(msg="stopped")


def test_sigterm_lets_a_running_pass_finish(tenant: Tenant, operator: Operator) -> None:
    names = [unique("busy") for _ in range(8)]
    tenant.apply(*[database(name) for name in names])

    seconds, code = end(operator)

    assert code == 0
    assert seconds < 5
    operator.start()
    for name in names:
        tenant.wait_ready(name)
        assert_works(tenant.stored(f"rds/postgres/{name}"))


def test_sigterm_does_not_wait_for_a_silent_server_longer_than_its_timeout(
    second_tenant: Tenant, operator: Operator
) -> None:
    name = unique("silent")
    second_tenant.postgres.pause()
    try:
        passes = CallWatch(second_tenant.secretsmanager)
        second_tenant.apply(database(name))
        wait_until(lambda: operator.metric("controller_runtime_active_workers") > 0, "a running pass", 10)
        seconds, code = end(operator)
    finally:
        second_tenant.postgres.resume()

    assert code == 0
    assert seconds < 8
    assert passes.writes() == []
    operator.start()
    second_tenant.wait_ready(name)


def test_a_resource_that_was_created_while_nobody_looked_becomes_ready(tenant: Tenant, operator: Operator) -> None:
    operator.stop()
    name = unique("unseen")
    tenant.apply(database(name))

    operator.start()

    tenant.wait_ready(name)
    assert_works(tenant.stored(f"rds/postgres/{name}"))


def test_killing_the_operator_at_any_instant_of_a_creation_loses_nothing(tenant: Tenant, operator: Operator) -> None:
    instants = [i * 0.012 for i in range(10)]
    random.Random(4711).shuffle(instants)

    for instant in instants:
        name = unique("crash")
        seen = CallWatch(tenant.secretsmanager)
        tenant.apply(database(name))
        # From the first call on the creation takes some 150 ms: the instants are spread over it.
        wait_until(lambda: bool(seen.operations()), "the begin of the pass", 10)  # noqa: B023
        time.sleep(instant)  # the very thing that is varied, not a wait for something
        operator.kill()
        operator.start()

        status = tenant.wait_ready(name)

        assert tenant.versions(f"rds/postgres/{name}") == [status["secretVersion"]]
        assert_works(tenant.stored(f"rds/postgres/{name}"))
    assert tenant.postgres.sql("SELECT datname FROM pg_database WHERE datname LIKE 'dbuo%'") == []


@pytest.mark.parametrize(
    "marker",
    ["CREATE ROLE", "CREATE DATABASE", "RENAME TO"],
    ids=["at the role", "at the database", "at its name"],
)
def test_a_lost_connection_in_the_middle_of_a_creation_loses_nothing(tenant: Tenant, marker: str) -> None:
    name = unique("cut")
    sql = SqlWatch(tenant.postgres)
    tenant.apply(database(name))
    wait_until(lambda: marker in sql.text, f"{marker} in the server's log", 10)
    tenant.postgres.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'dbadmin'")

    tenant.wait_ready(name)

    assert_works(tenant.stored(f"rds/postgres/{name}"))
    assert tenant.postgres.sql("SELECT datname FROM pg_database WHERE datname LIKE 'dbuo%'") == []


def test_a_user_that_was_made_without_its_database_gets_it(tenant: Tenant) -> None:
    name, admin = unique("half"), unique("half_admin")
    tenant.postgres.sql(f"CREATE ROLE {admin} LOGIN CREATEROLE PASSWORD 'x'")
    tenant.set_admin(f"postgresql://{admin}:x@127.0.0.1:{tenant.postgres.port}/postgres")
    tenant.apply(database(name))
    tenant.wait_error(name, "InsufficientRights")
    assert tenant.has_role(name) and not tenant.has_database(name)
    stored = tenant.stored(f"rds/postgres/{name}")

    tenant.postgres.sql(f"ALTER ROLE {admin} CREATEDB")
    tenant.set_admin(f"postgresql://{admin}:x@127.0.0.1:{tenant.postgres.port}/postgres?sslmode=require")

    tenant.wait_ready(name)
    assert tenant.stored(f"rds/postgres/{name}") == stored
    assert_works(stored)


def proofs(operator: Operator, name: str) -> int:
    """How often the operator logged in with a stored password."""
    return len(operator.log_lines(name=name, msg=f"user '{name}': the stored password logs in"))


def is_idle(operator: Operator) -> bool:
    """Whether no pass is running and none is due."""
    return operator.metric("controller_runtime_active_workers") + operator.metric("workqueue_depth") == 0


def end(operator: Operator) -> tuple[float, int]:
    """Sends SIGTERM; how long the end took, and the exit code."""
    child = operator.process._child
    assert child is not None
    begin = time.monotonic()
    operator.process.send(signal.SIGTERM)
    code = child.wait(timeout=40)
    seconds = time.monotonic() - begin
    operator.stop()
    return seconds, code
