"""Events: each thing that happened to a Database is told once, where `kubectl describe` shows it."""

from __future__ import annotations

import json
from typing import Any

from devstack.operator import Operator
from devstack.process import wait_until
from support.cluster import Namespace
from support.resources import database, secret, unique
from support.tenant import Tenant


def events(namespace: Namespace, name: str) -> list[dict[str, Any]]:
    """The events of a Database in their order, as `kubectl get events --field-selector` finds them."""
    selector = f"involvedObject.kind=Database,involvedObject.name={name}"
    answer = namespace.kubectl("get", "events", "--field-selector", selector, "-o", "json").stdout
    return sorted(json.loads(answer)["items"], key=lambda event: event["metadata"]["name"])


def reasons(namespace: Namespace, name: str) -> list[str]:
    """Their reasons."""
    return [event["reason"] for event in events(namespace, name)]


def wait_for_event(namespace: Namespace, name: str, reason: str) -> dict[str, Any]:
    """The last event with this reason."""
    wait_until(lambda: reason in reasons(namespace, name), f"an event {reason} of {name}", 20)
    return next(event for event in reversed(events(namespace, name)) if event["reason"] == reason)


def make_ready(tenant: Tenant, prefix: str, **spec: Any) -> str:
    """A Database that is Ready and has said so; its name."""
    name = unique(prefix)
    tenant.apply(database(name, **spec))
    tenant.wait_ready(name)
    wait_for_event(tenant, name, "Ready")
    return name


def test_a_creation_is_told_step_by_step(tenant: Tenant) -> None:
    name = make_ready(tenant, "told")

    told = [(event["type"], event["reason"], event["message"]) for event in events(tenant, name)]
    assert [(kind, reason) for kind, reason, _ in told] == [
        ("Normal", "PasswordStored"),
        ("Normal", "Created"),
        ("Normal", "Created"),
        ("Normal", "Ready"),
    ]
    assert told[1][2] == f"created user '{name}'"
    assert told[2][2] == f"created database '{name}'"
    assert tenant.stored(f"rds/postgres/{name}")["DB_PASSWORD"] not in json.dumps(told)
    description = tenant.kubectl("describe", "database", name).stdout
    assert "PasswordStored" in description
    assert "database-user-operator" in description


def test_a_failure_is_told_once_however_often_it_is_tried(tenant: Tenant, operator: Operator) -> None:
    name = unique("refused")
    tenant.apply(database(name, connectionStringSecretRef={"name": "not-there"}))
    event = wait_for_event(tenant, name, "AdminSecretNotFound")
    assert event["type"] == "Warning"
    assert "not-there" in event["message"]

    for value in ("1", "2", "3"):
        tenant.kubectl("annotate", "database", name, f"database.opzkit.io/reconcile-now={value}", "--overwrite")
        tenant.wait_for(name, lambda status, value=value: status.get("lastHandledReconcileAt") == value, "tried")

    assert reasons(tenant, name) == ["AdminSecretNotFound"]
    assert "series" not in events(tenant, name)[0]


def test_a_server_that_is_away_is_told_once_and_so_is_its_return(second_tenant: Tenant, operator: Operator) -> None:
    name = make_ready(second_tenant, "away")
    second_tenant.postgres.stop()
    try:
        failures = operator.metric("controller_runtime_reconcile_errors_total")
        second_tenant.kubectl("annotate", "database", name, "database.opzkit.io/reconcile-now=1")
        wait_for_event(second_tenant, name, "ServerUnreachable")
        wait_until(
            lambda: operator.metric("controller_runtime_reconcile_errors_total") >= failures + 4, "more attempts", 30
        )
    finally:
        second_tenant.postgres.start()
    second_tenant.wait_ready(name, 60)

    # The second "ready" continues the series of the first, as kubectl shows it: "x2 over 30s".
    wait_until(lambda: wait_for_event(second_tenant, name, "Ready").get("series", {}).get("count") == 2, "Ready again", 20)
    assert reasons(second_tenant, name)[-2:] == ["Ready", "ServerUnreachable"]
    assert "series" not in events(second_tenant, name)[-1]


def test_privileges_are_told_by_what_changed(tenant: Tenant) -> None:
    name = make_ready(tenant, "rights", privileges=["SELECT", "INSERT"])

    tenant.patch(name, {"spec": {"privileges": ["SELECT"]}})
    event = wait_for_event(tenant, name, "PrivilegesChanged")

    assert event["type"] == "Normal"
    assert "INSERT" in event["message"]
    assert name in event["message"]


def test_what_somebody_changed_by_hand_is_told_as_drift(tenant: Tenant) -> None:
    name = make_ready(tenant, "drift", privileges=["SELECT"])
    tenant.postgres.sql(f"GRANT CREATE ON DATABASE {name} TO {name}")

    tenant.kubectl("annotate", "database", name, "database.opzkit.io/reconcile-now=1")
    event = wait_for_event(tenant, name, "Drift")

    assert event["type"] == "Warning"
    assert "CREATE" in event["message"]
    assert name in event["message"]


def test_a_deletion_is_told_with_what_blocks_it_and_how_it_ended(tenant: Tenant) -> None:
    name = make_ready(tenant, "going", retainOnDelete=False)
    tenant.kubectl("delete", "secret", "postgres-admin")
    tenant.delete(name, wait=False)
    blocked = wait_for_event(tenant, name, "DeletionBlocked")
    assert blocked["type"] == "Warning"
    assert "postgres-admin" in blocked["message"]

    tenant.apply(secret("postgres-admin", connectionString=tenant.postgres.admin_url()))
    wait_for_event(tenant, name, "Deleted")

    assert reasons(tenant, name)[-6:] == [
        "DeletionBlocked", "UserLocked", "Dropped", "Dropped", "SecretDeleted", "Deleted",
    ]  # fmt: skip


def test_a_deletion_that_retains_says_what_stays(tenant: Tenant) -> None:
    name = make_ready(tenant, "staying")
    tenant.delete(name)

    assert "stay" in wait_for_event(tenant, name, "Deleted")["message"]


def test_a_deletion_that_is_abandoned_says_what_stays(tenant: Tenant) -> None:
    name = make_ready(tenant, "abandoned", retainOnDelete=False)
    tenant.kubectl("annotate", "database", name, "database.opzkit.io/abandon-external-resources=true")
    tenant.delete(name)

    event = wait_for_event(tenant, name, "Abandoned")
    assert event["type"] == "Warning"
    assert f"secret 'rds/postgres/{name}' stays as it is" in event["message"]


def test_an_event_outlives_a_stop_right_after_it(tenant: Tenant, operator: Operator) -> None:
    name = unique("stop")
    tenant.apply(database(name))
    tenant.wait_ready(name)
    operator.stop()

    assert reasons(tenant, name)[-1] == "Ready"
