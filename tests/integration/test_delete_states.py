"""Deletions in every state of a resource and its surroundings: retained ones ask nobody, the others wait and say why."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from devstack.kube import ControlPlane
from devstack.operator import Operator
from devstack.postgres import PostgresServer
from devstack.process import wait_until
from devstack.secretsmanager import SecretsManagerServer
from secretsmanager.control_client import ControlClient
from support.cluster import condition
from support.deletion import ABANDON, wait_blocked, wait_gone
from support.mysql_tenant import MySqlTenant, mysql_database
from support.proxy import Proxy
from support.resources import database, unique
from support.tenant import Tenant, assert_works
from support.watching import CallWatch

FINALIZER = "database.opzkit.io/database-finalizer"
CRD = "crd/databases.database.opzkit.io"


def make_temporary(tenant: Tenant, prefix: str) -> str:
    """A Ready Database that retains nothing."""
    name = unique(prefix)
    tenant.apply(database(name, retainOnDelete=False))
    tenant.wait_ready(name)
    return name


def stored(tenant: Tenant, name: str) -> dict[str, Any]:
    """Its credentials."""
    return tenant.stored(f"rds/postgres/{name}")


def assert_all_gone(tenant: Tenant, name: str, seconds: float = 60) -> None:
    """The deletion comes to its end."""
    wait_gone(tenant, name, seconds)
    assert not tenant.has_database(name) and not tenant.has_role(name)
    assert "DeletedDate" in tenant.description(f"rds/postgres/{name}")


def assert_untouched(tenant: Tenant, name: str) -> None:
    """Nothing of the deletion has begun."""
    assert_works(stored(tenant, name))
    assert "database.opzkit.io/deleting" not in tenant.description(f"rds/postgres/{name}")["Tags"]


def block(tenant: Tenant, name: str) -> None:
    """Something that keeps the database from being dropped."""
    tenant.postgres.sql(f"ALTER DATABASE {name} IS_TEMPLATE true")


def unblock(tenant: Tenant, name: str) -> None:
    """Takes it away."""
    tenant.postgres.sql(f"ALTER DATABASE {name} IS_TEMPLATE false")


# --- retained ---


def leave(tenant: Tenant, name: str) -> None:
    """It stays Ready."""


def break_spec(tenant: Tenant, name: str) -> None:
    """A privilege of another engine."""
    tenant.patch(name, {"spec": {"privileges": ["INDEX"]}})
    tenant.wait_for(name, lambda status: status["phase"] == "Error", "in error")


def lose_admin(tenant: Tenant, name: str) -> None:
    """No admin Secret any longer."""
    tenant.kubectl("delete", "secret", "postgres-admin")
    tenant.kubectl("annotate", "database", name, "database.opzkit.io/reconcile-now=1")
    tenant.wait_error(name, "AdminSecretNotFound")


@pytest.mark.parametrize("change", [leave, break_spec, lose_admin])
def test_a_retained_deletion_asks_nobody(tenant: Tenant, change: Callable[[Tenant, str], None]) -> None:
    name = unique("retained")
    with Proxy(tenant.postgres.port) as proxy:
        tenant.set_admin(tenant.postgres.admin_url(port=proxy.port))
        tenant.apply(database(name))
        tenant.wait_ready(name)
        change(tenant, name)
        asked, calls = proxy.accepted, CallWatch(tenant.secretsmanager)

        tenant.delete(name)

        assert not tenant.exists("database", name)
        assert proxy.accepted == asked
        assert calls.operations() == []
    assert tenant.has_database(name) and tenant.has_role(name)


@pytest.mark.parametrize("retain", [True, False])
def test_a_resource_that_never_succeeded_goes(tenant: Tenant, faults: ControlClient, retain: bool) -> None:
    name = unique("never")
    faults.add_fault(operation="CreateSecret", secret=f"*{name}*", code="AccessDeniedException", status=400)
    tenant.apply(database(name, retainOnDelete=retain))
    tenant.wait_error(name, "SecretsManagerAccessDenied")
    assert tenant.get("database", name)["metadata"]["finalizers"] == [FINALIZER]

    tenant.delete(name)

    assert not tenant.exists("database", name)
    assert not tenant.has_database(name) and not tenant.has_role(name)
    assert tenant.description(f"rds/postgres/{name}") == {}


@contextmanager
def older_schema(kube: ControlPlane) -> Iterator[None]:
    """The CRD as one that took anything."""
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    place = "/spec/versions/0/schema/openAPIV3Schema/properties/spec"
    document = json.loads(kube.kubectl("get", CRD, "-o", "json").stdout)
    present = document["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]

    def set_schema(schema: dict[str, Any]) -> None:
        patch = [{"op": "replace", "path": place, "value": schema}]
        kube.kubectl("patch", CRD, "--type", "json", "-p", json.dumps(patch))

    set_schema(anything)
    try:
        yield
    finally:
        set_schema(present)


def make_older(tenant: Tenant, kube: ControlPlane, **spec: Any) -> str:
    """What the present CRD refuses, made when it was still taken."""
    name = unique("older")
    document = database(name, engine="oracle", databaseName="Of-Old", username="", unknownField=1, **spec)
    document["metadata"]["finalizers"] = [FINALIZER]

    def is_taken() -> bool:
        return tenant.kubectl("apply", "-f", "-", stdin=json.dumps(document), check=False).returncode == 0

    with older_schema(kube):
        wait_until(is_taken, "the older schema", 20)
    other = json.dumps({**document, "metadata": {"name": unique("refused")}})
    wait_until(lambda: tenant.kubectl("create", "--dry-run=server", "-f", "-", stdin=other, check=False).returncode != 0, "the schema", 20)
    return name


def test_a_resource_of_an_older_schema_goes(tenant: Tenant, kube: ControlPlane) -> None:
    name = make_older(tenant, kube)

    tenant.delete(name)

    assert not tenant.exists("database", name)


def test_a_resource_of_an_older_schema_that_retains_nothing_can_be_given_up(tenant: Tenant, kube: ControlPlane) -> None:
    name = make_older(tenant, kube, retainOnDelete=False)
    tenant.delete(name, wait=False)
    status = wait_blocked(tenant, name, "InvalidSpec")
    assert "spec.databaseName must start" in status["message"]

    tenant.kubectl("annotate", "database", name, ABANDON)

    wait_gone(tenant, name, 10)


# --- what is said ---


def test_what_is_about_to_happen_is_said_before_it_happens(tenant: Tenant, faults: ControlClient) -> None:
    name = make_temporary(tenant, "announced")
    faults.add_fault(operation="TagResource", secret=f"*{name}*", action="hang", times=1)
    tenant.delete(name, wait=False)

    status = tenant.wait_for(name, lambda status: status.get("phase") == "Deleting", "being deleted")

    assert status["message"] == (
        "noting the deletion, locking the user out, ending the user's sessions, dropping the database, dropping the user"
    )
    assert condition(status, "Ready")["reason"] == "Deleting" and condition(status, "Ready")["status"] == "False"
    assert_untouched(tenant, name)
    faults.clear_faults()
    assert_all_gone(tenant, name)


def test_a_blocked_deletion_tells_the_truth_about_the_rest(tenant: Tenant) -> None:
    name = make_temporary(tenant, "truth")
    block(tenant, name)
    tenant.delete(name, wait=False)

    status = wait_blocked(tenant, name, "BlockedByTemplate")

    assert status["message"].startswith(f"dropping the database: database '{name}' cannot be dropped: it is a template")
    said = {kind: condition(status, kind)["status"] for kind in ("Ready", "DatabaseReady", "UserReady", "SecretReady", "Stalled")}
    assert said == {"Ready": "False", "DatabaseReady": "False", "UserReady": "False", "SecretReady": "True", "Stalled": "True"}
    flaw = f"database '{name}' exists and is a template, takes no connections or belongs to a superuser"
    assert condition(status, "DatabaseReady")["message"] == flaw
    unblock(tenant, name)
    assert_all_gone(tenant, name)


# --- at the same time ---


@pytest.mark.parametrize("seconds", [0, 0.05, 0.15, 0.4])
def test_a_deletion_during_the_creation_leaves_nothing(tenant: Tenant, seconds: float) -> None:
    name = unique("short")
    tenant.apply(database(name, retainOnDelete=False))
    time.sleep(seconds)

    tenant.delete(name)

    assert not tenant.exists("database", name)
    assert not tenant.has_database(name) and not tenant.has_role(name)
    description = tenant.description(f"rds/postgres/{name}")
    assert description == {} or "DeletedDate" in description


@pytest.mark.parametrize("seconds", [0, 0.1])
def test_a_deletion_during_the_creation_leaves_nothing_on_mysql(mysql_tenant: MySqlTenant, seconds: float) -> None:
    tenant, name = mysql_tenant, unique("short")
    tenant.apply(mysql_database(name, retainOnDelete=False))
    time.sleep(seconds)

    tenant.delete(name)

    assert not tenant.exists("database", name)
    assert not tenant.has_database(name) and tenant.hosts_of(name) == []
    description = tenant.description(f"rds/mysql/{name}")
    assert description == {} or "DeletedDate" in description


def test_a_name_can_be_used_again_at_once(tenant: Tenant) -> None:
    name = make_temporary(tenant, "again")
    credentials = stored(tenant, name)

    tenant.delete(name)
    tenant.apply(database(name))
    tenant.wait_ready(name)

    assert stored(tenant, name) == credentials
    assert_works(credentials)


def test_who_applies_the_same_again_during_a_deletion_gets_it_afterwards(tenant: Tenant) -> None:
    name = make_temporary(tenant, "eager")
    credentials, uid = stored(tenant, name), tenant.get("database", name)["metadata"]["uid"]
    block(tenant, name)
    tenant.delete(name, wait=False)
    wait_blocked(tenant, name, "BlockedByTemplate")

    tenant.apply(database(name, retainOnDelete=False))

    assert tenant.status(name)["phase"] == "Deleting"
    unblock(tenant, name)
    assert_all_gone(tenant, name)
    tenant.apply(database(name, retainOnDelete=False))
    tenant.wait_ready(name)
    assert tenant.get("database", name)["metadata"]["uid"] != uid
    assert stored(tenant, name) == credentials
    assert_works(credentials)


def test_giving_up_while_no_operator_runs_lets_the_user_in_again(tenant: Tenant, operator: Operator) -> None:
    name = make_temporary(tenant, "mind")
    block(tenant, name)
    tenant.delete(name, wait=False)
    wait_blocked(tenant, name, "BlockedByTemplate")
    operator.kill()
    tenant.patch(name, {"spec": {"retainOnDelete": True}})

    operator.start()

    wait_gone(tenant, name)
    assert_untouched(tenant, name)
    unblock(tenant, name)


def test_giving_up_while_the_server_is_down_tells_who_may_be_locked_out(second_tenant: Tenant) -> None:
    tenant = second_tenant
    name = make_temporary(tenant, "dark")
    block(tenant, name)
    tenant.delete(name, wait=False)
    wait_blocked(tenant, name, "BlockedByTemplate")
    tenant.postgres.stop()
    try:
        tenant.patch(name, {"spec": {"retainOnDelete": True}})
        wait_gone(tenant, name)
    finally:
        tenant.postgres.start()

    told = tenant.kubectl("get", "events", "--field-selector", f"involvedObject.name={name},reason=Abandoned", "-o", "json").stdout
    messages = [event["message"] for event in json.loads(told)["items"]]
    assert any(f"user '{name}' may still be locked out by the deletion that was given up: " in text for text in messages)
    assert "DeletedDate" not in tenant.description(f"rds/postgres/{name}")
    unblock(tenant, name)


def test_whoever_waited_for_the_database_of_another_gets_none_of_its_secrets(tenant: Tenant) -> None:
    name, other = make_temporary(tenant, "first"), unique("second")
    tenant.apply(database(other, databaseName=name, retainOnDelete=False))
    tenant.wait_error(other, "Conflict")

    tenant.delete(name)
    assert_all_gone(tenant, name)
    tenant.kubectl("annotate", "database", other, "database.opzkit.io/reconcile-now=1")
    tenant.wait_for(other, lambda status: status.get("lastHandledReconcileAt") == "1", "looked at again")

    status = tenant.status(other)
    assert "is scheduled for deletion and was not made for this resource" in status["message"]
    assert not tenant.has_database(name) and not tenant.has_role(name)
    tenant.delete(other)
    assert "DeletedDate" in tenant.description(f"rds/postgres/{name}")


# --- what is not there, or another ---


def test_an_empty_server_does_not_mean_that_all_is_gone(tenant: Tenant, second_postgres: PostgresServer) -> None:
    name = make_temporary(tenant, "misled")
    tenant.set_admin(second_postgres.admin_url())
    tenant.wait_error(name, "ServerChanged")
    tenant.delete(name, wait=False)

    wait_blocked(tenant, name, "ServerChanged")

    assert_untouched(tenant, name)
    tenant.set_admin()
    assert_all_gone(tenant, name, 15)


def test_a_namespace_that_goes_is_held_until_somebody_gives_up(
    tenant: Tenant, kube: ControlPlane, secretsmanager: SecretsManagerServer
) -> None:
    doomed = Tenant(kube, unique("doomed-"), tenant.postgres, secretsmanager)
    name = make_temporary(doomed, "held")

    doomed.kubectl("delete", "secret", "postgres-admin")  # which of the two goes first is chance otherwise
    kube.kubectl("delete", "namespace", doomed.name, "--wait=false")

    status = wait_blocked(doomed, name, "AdminSecretNotFound")
    assert f"Secret '{doomed.name}/postgres-admin'" in status["message"]
    assert_untouched(doomed, name)
    doomed.kubectl("annotate", "database", name, ABANDON)
    kube.kubectl("wait", "--for=delete", f"namespace/{doomed.name}", "--timeout=30s")
    assert_works(stored(tenant, name))


def test_a_server_that_is_down_is_asked_ever_more_rarely(second_tenant: Tenant) -> None:
    tenant, name = second_tenant, unique("patient")
    with Proxy(tenant.postgres.port) as proxy:
        tenant.set_admin(tenant.postgres.admin_url(port=proxy.port))
        tenant.apply(database(name, retainOnDelete=False))
        tenant.wait_ready(name)
        tenant.postgres.stop()
        try:
            begin = proxy.accepted
            tenant.delete(name, wait=False)
            wait_blocked(tenant, name, "ServerUnreachable")
            time.sleep(4)
            early = proxy.accepted - begin
            time.sleep(8)
            late = proxy.accepted - begin - early
        finally:
            tenant.postgres.start()
        assert late < early < 20

        assert_all_gone(tenant, name, 30)


def test_while_secrets_manager_is_unreachable_nothing_is_dropped(tenant: Tenant, faults: ControlClient) -> None:
    name = make_temporary(tenant, "cut")
    faults.add_fault(secret=f"*{name}*", operation="DescribeSecret", action="reset")
    tenant.delete(name, wait=False)

    wait_blocked(tenant, name, "SecretsManagerUnavailable")

    faults.clear_faults()
    assert_all_gone(tenant, name)


def test_a_secret_that_may_not_be_deleted_is_named_and_stays_readable(tenant: Tenant, faults: ControlClient) -> None:
    name = make_temporary(tenant, "denied")
    credentials = stored(tenant, name)
    faults.add_fault(secret=f"*{name}*", operation="DeleteSecret", code="AccessDeniedException", status=400)
    tenant.delete(name, wait=False)

    status = wait_blocked(tenant, name, "SecretsManagerAccessDenied")

    assert status["message"].startswith("scheduling the deletion of the secret: ")
    assert not tenant.has_database(name) and not tenant.has_role(name)
    assert stored(tenant, name) == credentials
    faults.clear_faults()
    assert_all_gone(tenant, name)
