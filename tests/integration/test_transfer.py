"""Handing a database with its user and secret over to another resource, which only its owner can do."""

from __future__ import annotations

import json
from typing import Any

from devstack.kube import ControlPlane
from devstack.operator import Operator
from devstack.postgres import PostgresServer
from devstack.process import wait_until
from devstack.secretsmanager import SecretsManagerServer
from support.cluster import Namespace
from support.mysql_tenant import MySqlTenant, mysql_database
from support.mysql_tenant import assert_works as assert_works_on_mysql
from support.resources import database, unique
from support.tenant import Team, Tenant, assert_works

PREFIX = "database.opzkit.io/"


def hand_over(tenant: Namespace, name: str, target: str | None) -> None:
    """Sets the annotation, or (None) takes it back."""
    change = f"{PREFIX}transfer-to={target}" if target else f"{PREFIX}transfer-to-"
    tenant.kubectl("annotate", "database", name, change, "--overwrite")


def tag_of(tenant: Team, path: str) -> str | None:
    """Whom the secret is handed over to."""
    value: str | None = tenant.description(path)["Tags"].get(f"{PREFIX}transfer-to")
    return value


def look_again(tenant: Namespace, name: str) -> dict[str, Any]:
    """Asks for a pass and waits for it."""
    value = unique("look-")
    tenant.kubectl("annotate", "database", name, f"{PREFIX}reconcile-now={value}", "--overwrite")
    return tenant.wait_for(name, lambda s: s.get("lastHandledReconcileAt") == value, value)


def make_heir(kube: ControlPlane, postgres: PostgresServer, secretsmanager: SecretsManagerServer) -> Tenant:
    """Another team on the same server."""
    return Tenant(kube, unique("heir-"), postgres, secretsmanager)


def test_what_was_handed_over_belongs_to_the_heir_and_the_old_resource_drops_nothing(
    tenant: Tenant, kube: ControlPlane, postgres: PostgresServer, secretsmanager: SecretsManagerServer
) -> None:
    name = unique("handed")
    path = f"rds/postgres/{name}"
    tenant.apply(database(name, retainOnDelete=False))
    tenant.wait_ready(name)
    before, versions = tenant.stored(path), tenant.versions(path)
    heir = make_heir(kube, postgres, secretsmanager)
    heir.apply({**database(name), "metadata": {"name": "new-app"}})
    assert f"{tenant.name}/{name}" in heir.wait_error("new-app", "Conflict")["message"]
    assert tag_of(tenant, path) is None

    hand_over(tenant, name, f"{heir.name}/new-app")
    wait_until(lambda: tag_of(tenant, path) == f"{heir.name}/new-app", "the tag", 20)
    heir.wait_ready("new-app", 60)
    look_again(tenant, name)
    status = tenant.wait_error(name, "Transferred")

    assert f"{heir.name}/new-app" in status["message"] and "delete this resource" in status["message"]
    assert status["phase"] == "Error"
    tags = heir.description(path)["Tags"]
    assert (tags[f"{PREFIX}owner-namespace"], tags[f"{PREFIX}owner-name"]) == (heir.name, "new-app")
    assert f"{PREFIX}transfer-to" not in tags
    assert heir.stored(path) == before and heir.versions(path) == versions
    tenant.delete(name)
    assert "DeletedDate" not in heir.description(path)
    assert_works(before)
    assert look_again(heir, "new-app")["phase"] == "Ready"
    marks = postgres.sql(
        f"SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = '{name}' UNION ALL "
        f"SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = '{name}'"
    )
    assert [json.loads(mark)["namespace"] for mark in marks] == [heir.name, heir.name]
    heir.clear()


def test_what_is_taken_back_before_the_heir_comes_stays(
    tenant: Tenant, kube: ControlPlane, postgres: PostgresServer, secretsmanager: SecretsManagerServer, operator: Operator
) -> None:
    name = unique("kept")
    path = f"rds/postgres/{name}"
    tenant.apply(database(name))
    tenant.wait_ready(name)
    heir = make_heir(kube, postgres, secretsmanager)
    hand_over(tenant, name, f"{heir.name}/{name}")
    wait_until(lambda: tag_of(tenant, path) == f"{heir.name}/{name}", "the tag", 20)
    operator.restart()

    hand_over(tenant, name, None)
    wait_until(lambda: tag_of(tenant, path) is None, "the end of the tag", 20)

    heir.apply(database(name))
    heir.wait_error(name, "Conflict")
    assert look_again(tenant, name)["phase"] == "Ready"
    assert "transferTo" not in tenant.status(name)
    heir.clear()


def test_a_tag_that_a_person_set_in_aws_is_left_alone(tenant: Tenant) -> None:
    name = unique("tagged")
    path = f"rds/postgres/{name}"
    tenant.apply(database(name))
    tenant.wait_ready(name)
    tenant.secretsmanager.client().tag_resource(
        SecretId=path, Tags=[{"Key": f"{PREFIX}transfer-to", "Value": "somebody/else"}]
    )

    look_again(tenant, name)

    assert tag_of(tenant, path) == "somebody/else"


def test_what_is_being_handed_over_is_not_dropped_before_the_heir_comes(
    tenant: Tenant, kube: ControlPlane, postgres: PostgresServer, secretsmanager: SecretsManagerServer
) -> None:
    name = unique("orphan")
    tenant.apply(database(name, retainOnDelete=False))
    tenant.wait_ready(name)
    heir = make_heir(kube, postgres, secretsmanager)
    hand_over(tenant, name, f"{heir.name}/{name}")
    wait_until(lambda: tag_of(tenant, f"rds/postgres/{name}") is not None, "the tag", 20)

    tenant.delete(name)

    assert tenant.has_database(name) and tenant.has_role(name)
    heir.apply(database(name))
    heir.wait_ready(name)
    assert_works(heir.stored(f"rds/postgres/{name}"))
    heir.clear()


def test_an_annotation_that_names_no_other_resource_is_refused(tenant: Tenant) -> None:
    name = unique("nobody")
    tenant.apply(database(name))
    tenant.wait_ready(name)

    for target in (f"{tenant.name}/{name}", "somewhere"):
        hand_over(tenant, name, target)
        assert "<namespace>/<name>" in tenant.wait_error(name, "InvalidAnnotation")["message"]

    assert tag_of(tenant, f"rds/postgres/{name}") is None
    hand_over(tenant, name, None)
    tenant.wait_ready(name)


def test_an_heir_on_every_server(
    mysql_tenant: MySqlTenant, kube: ControlPlane, secretsmanager: SecretsManagerServer
) -> None:
    tenant, name = mysql_tenant, unique("handed")
    path = f"rds/mysql/{name}"
    tenant.apply(mysql_database(name, retainOnDelete=False))
    tenant.wait_ready(name)
    before = tenant.stored(path)
    heir = MySqlTenant(kube, unique("my-heir-"), tenant.server, secretsmanager)
    heir.set_admin()
    hand_over(tenant, name, f"{heir.name}/new-app")
    wait_until(lambda: tag_of(tenant, path) is not None, "the tag", 20)

    heir.apply({**mysql_database(name), "metadata": {"name": "new-app"}})
    heir.wait_ready("new-app")
    look_again(tenant, name)
    tenant.wait_error(name, "Transferred")
    tenant.delete(name)

    assert heir.stored(path) == before and tenant.has_database(name) and tenant.hosts_of(name) == ["%"]
    assert look_again(heir, "new-app")["phase"] == "Ready"
    assert_works_on_mysql(tenant.server, before)
    heir.clear()
