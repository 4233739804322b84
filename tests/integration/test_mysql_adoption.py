"""Databases of MariaDB and MySQL that exist already: a user is added, and the database is never taken for ours."""

from __future__ import annotations

import json
from typing import Any

import pytest
from devstack.kube import ControlPlane
from devstack.operator import Operator
from devstack.process import StackError, wait_until
from devstack.secretsmanager import SecretsManagerServer
from support.cluster import condition
from support.mysql_tenant import MySqlTenant, is_mariadb, mysql_database, run_sql
from support.resources import unique

PASSWORD = "Known-to-the-team-and-32-chars_1"
PREFIX = "database.opzkit.io/"


def make_existing(tenant: MySqlTenant) -> str:
    """A database of an administrator, with something in it."""
    name = unique("existing_")
    tenant.server.sql(f"CREATE DATABASE {name}; CREATE TABLE {name}.t (x int); INSERT INTO {name}.t VALUES (1)")
    return name


def adopting(existing: str, **spec: Any) -> dict[str, Any]:
    """A Database that adds a user to it."""
    user = unique("added")
    return mysql_database(
        user, databaseName=existing, username=user, adoptExistingDatabase=True, secretName=unique("added/"), **spec
    )


def make_ready(tenant: MySqlTenant, resource: dict[str, Any]) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Its name, its status when Ready, and what is stored."""
    name = resource["metadata"]["name"]
    tenant.apply(resource)
    status = tenant.wait_ready(name)
    return name, status, tenant.stored(status["actualSecretName"])


def may(tenant: MySqlTenant, stored: dict[str, Any], statement: str) -> bool:
    """Whether it is allowed; anything but a missing right fails the test."""
    try:
        run_sql(tenant.server, stored, statement)
    except StackError as failure:
        assert "denied" in str(failure), failure
        return False
    return True


def look_again(tenant: MySqlTenant, name: str) -> dict[str, Any]:
    """Asks for a pass and waits for it."""
    value = unique("asked-")
    tenant.kubectl("annotate", "database", name, f"{PREFIX}reconcile-now={value}", "--overwrite")
    return tenant.wait_for(name, lambda s: s.get("lastHandledReconcileAt") == value, value)


def contents(tenant: MySqlTenant, name: str) -> list[str]:
    """What is in it, and what the server says of it."""
    return [
        *tenant.server.sql(f"SELECT * FROM {name}.t"),
        *tenant.server.sql(f"SELECT * FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = '{name}'"),
    ]


def store_by_hand(tenant: MySqlTenant, resource: dict[str, Any]) -> None:
    """A secret that a person made for the user of the resource."""
    spec = resource["spec"]
    tenant.secretsmanager.client().create_secret(
        Name=spec["secretName"],
        SecretString=json.dumps(
            {"DB_HOST": "127.0.0.1", "DB_PORT": tenant.server.port, "DB_NAME": spec["databaseName"],
             "DB_USERNAME": spec["username"], "DB_PASSWORD": PASSWORD}
        ),
    )  # fmt: skip


# --- a user is added ---


@pytest.mark.parametrize("by_hand", [False, True], ids=["new-password", "secret-by-hand"])
def test_a_list_means_the_list_and_deletion_leaves_the_database(
    mysql_tenant: MySqlTenant, operator: Operator, by_hand: bool
) -> None:
    tenant = mysql_tenant
    existing = make_existing(tenant)
    before = contents(tenant, existing)
    resource = adopting(existing, privileges=["SELECT"], retainOnDelete=False)
    if by_hand:
        store_by_hand(tenant, resource)

    name, status, stored = make_ready(tenant, resource)

    assert (stored["DB_PASSWORD"] == PASSWORD) == by_hand
    assert may(tenant, stored, "SELECT * FROM t") and not may(tenant, stored, "INSERT INTO t VALUES (2)")
    assert condition(status, "DatabaseReady")["reason"] == "Adopted"
    assert (status["databaseCreated"], status["userCreated"]) == (False, True)
    place = "\\_".join(existing.split("_"))
    tenant.server.sql(f"GRANT INSERT ON `{place}`.* TO '{name}'@'%'")
    look_again(tenant, name)
    assert not may(tenant, stored, "INSERT INTO t VALUES (2)")
    assert contents(tenant, existing) == before

    tenant.delete(name)

    assert tenant.hosts_of(name) == []
    assert "DeletedDate" in tenant.description(status["actualSecretName"])
    assert contents(tenant, existing) == before
    assert any(f"database '{existing}'" in line["msg"] for line in operator.log_lines(name=name) if "left alone" in line["msg"])


def test_all_is_every_right_on_the_database(mysql_tenant: MySqlTenant) -> None:
    existing = make_existing(mysql_tenant)

    name, status, stored = make_ready(mysql_tenant, adopting(existing))

    assert may(mysql_tenant, stored, "CREATE TABLE own (x int); DROP TABLE own; INSERT INTO t VALUES (2)")
    assert condition(status, "PrivilegesReady")["status"] == "True"
    assert set(mysql_tenant.grants(name)) == {"*.*", "`" + existing.replace("_", "\\_") + "`.*"}


def test_without_the_field_nothing_is_made(mysql_tenant: MySqlTenant) -> None:
    existing = make_existing(mysql_tenant)
    resource = adopting(existing)
    resource["spec"].pop("adoptExistingDatabase")
    store_by_hand(mysql_tenant, resource)

    mysql_tenant.apply(resource)
    status = mysql_tenant.wait_error(resource["metadata"]["name"], "Conflict")

    assert "adoptExistingDatabase: true" in status["message"]
    assert mysql_tenant.hosts_of(resource["spec"]["username"]) == []


def test_a_user_that_was_there_is_not_dropped_with_the_resource(mysql_tenant: MySqlTenant) -> None:
    tenant = mysql_tenant
    existing = make_existing(tenant)
    resource = adopting(existing, privileges=["SELECT"], retainOnDelete=False)
    user = resource["spec"]["username"]
    store_by_hand(tenant, resource)
    tenant.server.sql(f"SET SESSION sql_log_off = 1; CREATE USER '{user}'@'%' IDENTIFIED BY '{PASSWORD}'")
    name, _, stored = make_ready(tenant, resource)

    tenant.delete(name)

    assert tenant.hosts_of(user) == ["%"]
    assert may(tenant, stored, "SELECT * FROM t")


def test_after_the_secret_was_stored_a_killed_operator_goes_on_with_its_password(
    mysql_tenant: MySqlTenant, operator: Operator
) -> None:
    tenant = mysql_tenant
    existing, weak = make_existing(tenant), unique("weak")
    tenant.server.sql(
        f"SET SESSION sql_log_off = 1; CREATE USER '{weak}'@'%' IDENTIFIED BY '{PASSWORD}'; GRANT SELECT ON mysql.* TO '{weak}'@'%'"
    )
    tenant.set_admin(f"mysql://{weak}:{PASSWORD}@127.0.0.1:{tenant.server.port}/?tls=skip-verify")
    tenant.server.sql(f"GRANT SELECT ON {existing}.* TO '{weak}'@'%'")
    resource = adopting(existing, privileges=["SELECT"])
    tenant.apply(resource)
    name = resource["metadata"]["name"]
    assert "CREATE USER" in tenant.wait_error(name, "InsufficientRights")["message"]
    stored = tenant.stored(resource["spec"]["secretName"])
    operator.kill()
    operator.start()

    tenant.set_admin()
    tenant.wait_ready(name)

    assert tenant.stored(resource["spec"]["secretName"]) == stored
    assert may(tenant, stored, "SELECT * FROM t")


# --- sharing ---


def make_shared(tenant: MySqlTenant) -> tuple[str, dict[str, Any]]:
    """A Ready Database, and another resource that adds a reader to it."""
    owner = unique("owner_")
    resource = mysql_database(owner.replace("_", "-"), databaseName=owner, retainOnDelete=False)
    name, _, stored = make_ready(tenant, resource)
    run_sql(tenant.server, stored, "CREATE TABLE t (x int)")
    return name, adopting(owner, privileges=["SELECT"], retainOnDelete=False)


def test_a_shared_database_works_for_both_and_is_dropped_last(mysql_tenant: MySqlTenant) -> None:
    tenant = mysql_tenant
    owner, resource = make_shared(tenant)
    existing = resource["spec"]["databaseName"]
    reader, status, stored = make_ready(tenant, resource)
    assert condition(status, "DatabaseReady")["reason"] == "Adopted"
    for change in (["SELECT", "CREATE"], ["ALL"]):
        tenant.patch(owner, {"spec": {"privileges": change}})
        tenant.wait_ready(owner)
        look_again(tenant, reader)
        tenant.wait_ready(reader)
        assert may(tenant, stored, "SELECT * FROM t") and not may(tenant, stored, "INSERT INTO t VALUES (1)")

    tenant.delete(owner, wait=False)
    blocked = tenant.wait_error(owner, "DatabaseShared", 30)

    assert f"Database {tenant.name}/{reader}" in blocked["message"]
    assert may(tenant, stored, "SELECT * FROM t")
    assert may(tenant, tenant.stored(f"rds/mysql/{existing}"), "SELECT * FROM t")
    tenant.delete(reader)
    assert tenant.has_database(existing) and tenant.hosts_of(reader) == []
    wait_until(lambda: not tenant.exists("database", owner), "the owner's end", 60)
    assert not tenant.has_database(existing)


def test_the_reader_alone_never_takes_the_database_over(mysql_tenant: MySqlTenant) -> None:
    tenant = mysql_tenant
    owner, resource = make_shared(tenant)
    existing = resource["spec"]["databaseName"]
    reader, _, _ = make_ready(tenant, resource)
    tenant.patch(owner, {"spec": {"retainOnDelete": True}})
    tenant.wait_ready(owner)
    tenant.delete(owner)

    look_again(tenant, reader)
    tenant.wait_ready(reader)
    tenant.delete(reader)

    assert tenant.has_database(existing) and tenant.hosts_of(reader) == []


def test_all_and_another_namespace_are_refused(
    mysql_tenant: MySqlTenant, kube: ControlPlane, secretsmanager: SecretsManagerServer
) -> None:
    tenant = mysql_tenant
    owner, resource = make_shared(tenant)
    stranger = MySqlTenant(kube, unique("stranger-"), tenant.server, secretsmanager)
    stranger.set_admin()
    stranger.apply(resource)
    assert f"{tenant.name}/{owner}" in stranger.wait_error(resource["metadata"]["name"], "Conflict")["message"]
    stranger.clear()

    resource["spec"]["privileges"] = ["ALL"]
    tenant.apply(resource)

    assert "not ALL" in tenant.wait_error(resource["metadata"]["name"], "Conflict")["message"]
    assert tenant.hosts_of(resource["spec"]["username"]) == []
    assert tenant.description(resource["spec"]["secretName"]) == {}


def test_where_the_mark_is_says_what_was_made(mysql_tenant: MySqlTenant) -> None:
    tenant = mysql_tenant
    existing = make_existing(tenant)
    name, status, _ = make_ready(tenant, adopting(existing, privileges=["SELECT"]))
    made = unique("made")
    make_ready(tenant, mysql_database(made))

    assert tenant.description(status["actualSecretName"])["Tags"][f"{PREFIX}created"] == "user"
    if is_mariadb(tenant.server):
        comments = "SELECT SCHEMA_COMMENT FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = '{}'"
        assert tenant.server.sql(comments.format(existing)) == [""]
        assert json.loads(tenant.server.sql(comments.format(made))[0])["name"] == made
    else:
        marks = "SELECT ATTRIBUTE FROM information_schema.USER_ATTRIBUTES WHERE USER = '{}'"
        assert "database" not in json.loads(tenant.server.sql(marks.format(name))[0])
        assert json.loads(tenant.server.sql(marks.format(made))[0])["database"] == made
