"""Deletion that retains nothing: what is ours goes in a safe order, what is not stays, and waiting is explained."""

from __future__ import annotations

import json
from typing import Any

from devstack.operator import Operator
from devstack.process import wait_until
from devstack.secretsmanager import SecretsManagerServer
from support.deletion import ABANDON, psql, wait_blocked, wait_gone
from support.resources import database, unique
from support.tenant import Tenant, assert_works

def make_temporary(tenant: Tenant, prefix: str, **spec: Any) -> str:
    """A Ready Database that retains nothing."""
    name = unique(prefix)
    tenant.apply(database(name, retainOnDelete=False, **spec))
    tenant.wait_ready(name)
    return name


def stored(tenant: Tenant, name: str) -> dict[str, Any]:
    """Its credentials."""
    return tenant.stored(f"rds/postgres/{name}")


def test_database_user_and_secret_go_and_the_secret_can_be_restored_for_7_days(tenant: Tenant) -> None:
    name = make_temporary(tenant, "temporary")
    credentials = stored(tenant, name)

    tenant.delete(name)

    assert not tenant.has_database(name)
    assert not tenant.has_role(name)
    description = tenant.description(f"rds/postgres/{name}")
    window = description["DeletedDate"] - description["LastChangedDate"]
    assert 6.9 < window.total_seconds() / 86400 < 7.1
    tenant.secretsmanager.client().restore_secret(SecretId=f"rds/postgres/{name}")
    assert stored(tenant, name) == credentials


def test_a_server_that_is_down_is_waited_for(second_tenant: Tenant) -> None:
    tenant = second_tenant
    name = make_temporary(tenant, "down")
    tenant.postgres.stop()
    try:
        tenant.delete(name, wait=False)
        wait_blocked(tenant, name, "ServerUnreachable")
    finally:
        tenant.postgres.start()

    wait_gone(tenant, name)
    assert not tenant.has_database(name) and not tenant.has_role(name)


def test_a_missing_admin_secret_is_waited_for_and_its_return_is_noticed_at_once(tenant: Tenant) -> None:
    name = make_temporary(tenant, "blind")
    tenant.kubectl("delete", "secret", "postgres-admin")
    tenant.delete(name, wait=False)
    wait_blocked(tenant, name, "AdminSecretNotFound")
    assert tenant.has_database(name)

    tenant.set_admin()

    wait_gone(tenant, name, 10)
    assert not tenant.has_database(name)


def test_giving_up_lets_the_resource_go_and_keeps_what_is_left(tenant: Tenant, operator: Operator) -> None:
    name = make_temporary(tenant, "abandoned")
    tenant.kubectl("delete", "secret", "postgres-admin")
    tenant.delete(name, wait=False)
    wait_blocked(tenant, name, "AdminSecretNotFound")

    tenant.kubectl("annotate", "database", name, ABANDON)

    wait_gone(tenant, name, 10)
    assert_works(stored(tenant, name))
    said = operator.log_lines(name=name, level="warning")[-1]["msg"]
    assert said.startswith(f"deleted; what there is of database '{name}', user '{name}' and secret 'rds/postgres/{name}' stays")


def test_changing_ones_mind_keeps_everything_and_lets_the_user_in_again(tenant: Tenant) -> None:
    name, other = make_temporary(tenant, "mind"), unique("elsewhere")
    tenant.postgres.sql(f"CREATE DATABASE {other}")
    tenant.postgres.sql("DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'watcher') THEN "
                        "CREATE ROLE watcher SUPERUSER LOGIN PASSWORD 'w'; END IF; END $$")  # fmt: skip
    with psql(f"postgresql://watcher:w@127.0.0.1:{tenant.postgres.port}/{name}"):
        tenant.delete(name, wait=False)
        wait_blocked(tenant, name, "BlockedBySessions")

        tenant.patch(name, {"spec": {"retainOnDelete": True}})
        wait_gone(tenant, name)

    assert_works(stored(tenant, name))


def test_a_resource_that_comes_back_lets_the_user_in_again(tenant: Tenant) -> None:
    name = make_temporary(tenant, "back")
    client = tenant.secretsmanager.client()
    tenant.postgres.sql(f"ALTER ROLE {name} NOLOGIN")
    client.tag_resource(
        SecretId=f"rds/postgres/{name}", Tags=[{"Key": "database.opzkit.io/deleting", "Value": "some-uid"}]
    )

    tenant.kubectl("annotate", "database", name, "database.opzkit.io/reconcile-now=1")
    tenant.wait_for(name, lambda status: status.get("lastHandledReconcileAt") == "1", "looked at again")

    assert tenant.status(name)["phase"] == "Ready"
    assert "database.opzkit.io/deleting" not in tenant.description(f"rds/postgres/{name}")["Tags"]
    assert_works(stored(tenant, name))


def test_what_is_not_marked_as_ours_is_left_alone(tenant: Tenant, operator: Operator) -> None:
    name = make_temporary(tenant, "disowned")
    credentials = stored(tenant, name)
    tenant.postgres.sql(f"COMMENT ON DATABASE {name} IS NULL; COMMENT ON ROLE {name} IS NULL")

    tenant.delete(name)

    assert tenant.has_database(name) and tenant.has_role(name)
    assert "DeletedDate" not in tenant.description(f"rds/postgres/{name}")
    assert_works(credentials)
    assert f"left alone, because not marked as this resource's: database '{name}'" in operator.log_text


def test_a_resource_that_never_had_anything_takes_nothing(tenant: Tenant) -> None:
    name = unique("victim")
    tenant.apply(database(name))
    tenant.wait_ready(name)
    credentials = stored(tenant, name)
    tenant.apply(
        {**database("attacker", databaseName=name, retainOnDelete=False), "metadata": {"name": "attacker"}}
    )
    tenant.wait_error("attacker", "Conflict")

    tenant.delete("attacker")

    assert_works(credentials)
    assert "DeletedDate" not in tenant.description(f"rds/postgres/{name}")


def test_the_predecessors_are_dropped_only_when_both_carry_its_comment(tenant: Tenant) -> None:
    name = make_temporary(tenant, "legacy")
    credentials = stored(tenant, name)
    tenant.postgres.sql(f"COMMENT ON DATABASE {name} IS NULL")
    tenant.postgres.sql(f"COMMENT ON ROLE {name} IS 'Managed by database-user-operator'")

    tenant.delete(name)

    assert_works(credentials)


def test_a_deletion_survives_the_end_of_the_operator(
    tenant: Tenant, operator: Operator, secretsmanager: SecretsManagerServer
) -> None:
    name = make_temporary(tenant, "killed")
    secretsmanager.stop()
    try:
        tenant.delete(name, wait=False)
        tenant.wait_for(name, lambda status: status.get("phase") == "Deleting", "being deleted")
        operator.kill()
    finally:
        secretsmanager.start()
    operator.start()

    wait_gone(tenant, name)
    assert not tenant.has_database(name) and not tenant.has_role(name)
    assert "DeletedDate" in tenant.description(f"rds/postgres/{name}")
    assert json.dumps(name) not in json.dumps(tenant.postgres.sql("SELECT datname FROM pg_database"))
