"""spec.suspend: nothing is looked at or changed, and the status says so."""

from __future__ import annotations

from typing import Any

from devstack.process import wait_until
from support.cluster import condition
from support.deletion import wait_blocked, wait_gone
from support.resources import database, unique
from support.tenant import Tenant, assert_works, run_sql
from support.watching import CallWatch, SqlWatch

FINALIZER = "database.opzkit.io/database-finalizer"


def wait_suspended(tenant: Tenant, name: str) -> dict[str, Any]:
    """Until the status says so for the present generation."""
    return tenant.wait_for(name, lambda s: condition(s, "Ready").get("reason") == "Suspended", "suspended")


def assert_says_nothing_else(status: dict[str, Any]) -> None:
    """What is not looked at is Unknown."""
    states = {item["type"]: item["status"] for item in status["conditions"]}
    assert states.pop("Reconciling") == "False"
    assert states.pop("Stalled") == "False"
    assert set(states.values()) == {"Unknown"}
    assert status["phase"] == "Pending"
    assert "spec.suspend" in status["message"]


def test_a_suspended_resource_is_made_when_it_is_suspended_no_longer(tenant: Tenant) -> None:
    sql, calls, name = SqlWatch(tenant.postgres), CallWatch(tenant.secretsmanager), unique("asleep")
    tenant.apply(database(name, suspend=True))

    assert_says_nothing_else(wait_suspended(tenant, name))

    assert FINALIZER not in tenant.get("database", name)["metadata"].get("finalizers", [])
    assert (sql.text, calls.operations()) == ("", [])
    tenant.patch(name, {"spec": {"suspend": False}})
    tenant.wait_ready(name)
    assert_works(tenant.stored(f"rds/postgres/{name}"))


def test_what_happens_while_it_is_suspended_is_dealt_with_afterwards(tenant: Tenant) -> None:
    name = unique("paused")
    tenant.apply(database(name, privileges=["SELECT"]))
    tenant.wait_ready(name)
    before = tenant.stored(f"rds/postgres/{name}")
    tenant.patch(name, {"spec": {"suspend": True}})
    assert_says_nothing_else(wait_suspended(tenant, name))
    tenant.postgres.sql(f"GRANT CREATE ON DATABASE {name} TO {name}")
    sql, calls = SqlWatch(tenant.postgres), CallWatch(tenant.secretsmanager)

    tenant.kubectl("annotate", "database", name, "database.opzkit.io/reconcile-now=1")
    tenant.set_admin(tenant.postgres.admin_url() + "&connect_timeout=9")
    tenant.patch(name, {"spec": {"awsSecretsManager": {"description": "changed meanwhile"}}})
    assert_says_nothing_else(wait_suspended(tenant, name))

    assert (sql.text, calls.operations()) == ("", [])
    events = tenant.kube.kubectl("-n", tenant.name, "get", "events", "-o", "jsonpath={.items[*].reason}").stdout.split()
    assert events.count("Suspended") == 1
    tenant.patch(name, {"spec": {"suspend": False}})
    status = tenant.wait_ready(name)
    assert status["lastHandledReconcileAt"] == "1"
    assert tenant.description(f"rds/postgres/{name}")["Description"] == "changed meanwhile"
    assert tenant.stored(f"rds/postgres/{name}") == before
    assert "permission denied" in run_sql(before["POSTGRES_URL"], "CREATE SCHEMA mine", check=False).stderr


def test_a_suspended_resource_goes_when_it_takes_nothing_with_it(tenant: Tenant) -> None:
    name = unique("let-go")
    tenant.apply(database(name, databaseName=name.replace("-", "_"), secretName=f"rds/postgres/{name}"))
    tenant.wait_ready(name)
    tenant.patch(name, {"spec": {"suspend": True}})
    wait_suspended(tenant, name)
    sql, calls = SqlWatch(tenant.postgres), CallWatch(tenant.secretsmanager)

    tenant.delete(name)

    assert (sql.text, calls.operations()) == ("", [])
    assert_works(tenant.stored(f"rds/postgres/{name}"))


def test_nothing_is_dropped_while_the_resource_is_suspended(tenant: Tenant) -> None:
    name = unique("held")
    tenant.apply(database(name, retainOnDelete=False))
    tenant.wait_ready(name)
    tenant.patch(name, {"spec": {"suspend": True}})
    wait_suspended(tenant, name)
    sql, calls = SqlWatch(tenant.postgres), CallWatch(tenant.secretsmanager)

    tenant.delete(name, wait=False)
    status = wait_blocked(tenant, name, "Suspended")

    assert "spec.suspend" in status["message"]
    assert (sql.text, calls.operations()) == ("", [])
    assert_works(tenant.stored(f"rds/postgres/{name}"))
    tenant.patch(name, {"spec": {"suspend": False}})
    wait_gone(tenant, name)
    wait_until(lambda: not tenant.has_database(name), "the drop", 20)
