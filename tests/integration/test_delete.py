"""Deletion of resources."""

from __future__ import annotations

import pytest
from devstack.kube import ControlPlane
from devstack.operator import Operator
from devstack.process import wait_until
from devstack.secretsmanager import SecretsManagerServer
from support.resources import database, unique
from support.tenant import Tenant, assert_works
from support.watching import CallWatch, SqlWatch


def test_by_default_only_the_resource_goes(tenant: Tenant) -> None:
    name = unique("kept")
    tenant.apply(database(name))
    tenant.wait_ready(name)
    stored, before = tenant.stored(f"rds/postgres/{name}"), tenant.description(f"rds/postgres/{name}")
    sql, calls = SqlWatch(tenant.postgres), CallWatch(tenant.secretsmanager)

    tenant.delete(name)

    assert not tenant.exists("database", name)
    assert sql.text == "" or f"{name}" not in sql.text
    assert calls.operations() == []
    after = tenant.description(f"rds/postgres/{name}")
    assert (after["Tags"], after["LastChangedDate"]) == (before["Tags"], before["LastChangedDate"])
    assert_works(stored)


def test_a_retained_deletion_needs_neither_server_nor_secret_nor_aws(
    second_tenant: Tenant, secretsmanager: SecretsManagerServer
) -> None:
    tenant = second_tenant
    name = unique("alone")
    tenant.apply(database(name))
    tenant.wait_ready(name)
    tenant.postgres.stop()
    secretsmanager.stop()
    try:
        tenant.kubectl("delete", "secret", "postgres-admin")
        tenant.delete(name)
    finally:
        secretsmanager.start()
        tenant.postgres.start()

    assert not tenant.exists("database", name)
    assert_works(tenant.stored(f"rds/postgres/{name}"))


def test_a_resource_in_error_can_be_deleted(tenant: Tenant) -> None:
    name = unique("failing")
    tenant.apply(database(name, connectionStringSecretRef={"name": "missing"}))
    tenant.wait_error(name, "AdminSecretNotFound")

    tenant.delete(name)

    assert not tenant.exists("database", name)


def test_deleting_the_namespace_works(tenant: Tenant, kube: ControlPlane, secretsmanager: SecretsManagerServer) -> None:
    doomed = Tenant(kube, unique("doomed-"), tenant.postgres, secretsmanager)
    names = [unique("doomed") for _ in range(3)]
    doomed.apply(*[database(name) for name in names])
    for name in names:
        doomed.wait_ready(name)

    kube.kubectl("delete", "namespace", doomed.name, "--timeout=30s")

    for name in names:
        assert_works(tenant.stored(f"rds/postgres/{name}"))


def test_a_resource_of_the_same_name_finds_its_database_again(tenant: Tenant) -> None:
    name = unique("again")
    tenant.apply(database(name))
    tenant.wait_ready(name)
    stored = tenant.stored(f"rds/postgres/{name}")
    tenant.delete(name)
    sql = SqlWatch(tenant.postgres)

    tenant.apply(database(name))

    status = tenant.wait_ready(name)
    assert tenant.stored(f"rds/postgres/{name}") == stored
    assert tenant.versions(f"rds/postgres/{name}") == [status["secretVersion"]]
    assert [line for line in sql.changes() if "PASSWORD" in line or "CREATE" in line] == []
    assert_works(stored)


def test_what_stayed_of_another_namespaces_resource_is_not_given_away(
    tenant: Tenant, kube: ControlPlane, secretsmanager: SecretsManagerServer
) -> None:
    name = unique("left")
    tenant.apply(database(name))
    tenant.wait_ready(name)
    tenant.delete(name)
    heir = Tenant(kube, unique("heir-"), tenant.postgres, secretsmanager)
    sql, calls = SqlWatch(tenant.postgres), CallWatch(tenant.secretsmanager)

    heir.apply(database(name))

    status = heir.wait_error(name, "Conflict")
    assert f"{tenant.name}/{name}" in status["message"]
    assert sql.changes() == [] and calls.writes() == []
    assert "GetSecretValue" not in calls.operations()
    heir.clear()


def test_a_deletion_that_nobody_saw_is_made_up_for(tenant: Tenant, operator: Operator) -> None:
    name = unique("unseen")
    tenant.apply(database(name))
    tenant.wait_ready(name)
    operator.stop()
    tenant.delete(name, wait=False)
    assert tenant.exists("database", name)

    operator.start()

    wait_until(lambda: not tenant.exists("database", name), "the end of the resource", 10)


@pytest.mark.parametrize("attempt", range(3))
def test_a_deletion_in_the_middle_of_a_creation_leaves_nothing_without_its_password(tenant: Tenant, attempt: int) -> None:
    name = unique("brief")
    tenant.apply(database(name))

    tenant.delete(name)

    assert not tenant.exists("database", name)
    tenant.apply(database(name))
    tenant.wait_ready(name)
    assert_works(tenant.stored(f"rds/postgres/{name}"))
