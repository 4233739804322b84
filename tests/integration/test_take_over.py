"""What other owners left: taken over where they are gone and the password fits, refused otherwise."""

from __future__ import annotations

import json
from typing import Any

from devstack.kube import ControlPlane
from devstack.postgres import ADMIN, PostgresServer
from devstack.secretsmanager import SecretsManagerServer
from support.cluster import condition
from support.resources import database, unique
from support.tenant import Tenant, assert_works, run_sql

PASSWORD = "Known-to-the-team-and-32-chars_1"
PREFIX = "database.opzkit.io/"


def comments(tenant: Tenant, name: str) -> list[dict[str, Any]]:
    """The marks on the database and on the role of this name."""
    rows = tenant.postgres.sql(
        f"SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = '{name}' UNION ALL "
        f"SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = '{name}'"
    )
    return [json.loads(row) if row.startswith("{") else {"text": row} for row in rows]


def make_ready(tenant: Tenant, resource: str, name: str) -> dict[str, Any]:
    """A Database resource of this name for the database `name`; its status when Ready."""
    tenant.apply({**database(resource, databaseName=name), "metadata": {"name": resource}})
    return tenant.wait_ready(resource)


def test_what_a_deleted_resource_left_is_taken_over_by_another_of_its_namespace(tenant: Tenant) -> None:
    name = unique("left")
    make_ready(tenant, "first", name)
    before, versions = tenant.stored(f"rds/postgres/{name}"), tenant.versions(f"rds/postgres/{name}")
    tenant.delete("first")

    make_ready(tenant, "second", name)

    assert tenant.stored(f"rds/postgres/{name}") == before
    assert tenant.versions(f"rds/postgres/{name}") == versions
    assert tenant.description(f"rds/postgres/{name}")["Tags"][f"{PREFIX}owner-name"] == "second"
    assert [mark["name"] for mark in comments(tenant, name)] == ["second", "second"]
    assert_works(before)


def test_what_a_living_resource_has_is_not_taken_over(tenant: Tenant) -> None:
    name = unique("living")
    make_ready(tenant, "first", name)
    tags, marks = tenant.description(f"rds/postgres/{name}")["Tags"], comments(tenant, name)

    tenant.apply({**database("second", databaseName=name), "metadata": {"name": "second"}})
    status = tenant.wait_error("second", "Conflict")

    assert f"{tenant.name}/first" in status["message"]
    assert condition(status, "SecretReady")["status"] == "False"
    assert tenant.description(f"rds/postgres/{name}")["Tags"] == tags
    assert comments(tenant, name) == marks
    assert tenant.status("first")["phase"] == "Ready"


def test_another_namespace_takes_nothing_over(
    tenant: Tenant, kube: ControlPlane, postgres: PostgresServer, secretsmanager: SecretsManagerServer
) -> None:
    name = unique("theirs")
    make_ready(tenant, "app", name)
    before = tenant.stored(f"rds/postgres/{name}")
    tenant.delete("app")
    thief = Tenant(kube, unique("thief-"), postgres, secretsmanager)
    thief.set_admin()

    thief.apply({**database("app", databaseName=name), "metadata": {"name": "app"}})
    status = thief.wait_error("app", "Conflict")

    assert f"{tenant.name}/app" in status["message"]
    assert before["DB_PASSWORD"] not in json.dumps(status)
    assert tenant.description(f"rds/postgres/{name}")["Tags"][f"{PREFIX}owner-namespace"] == tenant.name
    assert_works(before)
    thief.clear()


def test_a_secret_that_was_handed_over_is_taken_over_with_what_it_opens(
    tenant: Tenant, kube: ControlPlane, postgres: PostgresServer, secretsmanager: SecretsManagerServer
) -> None:
    name = unique("handed")
    make_ready(tenant, "app", name)
    before = tenant.stored(f"rds/postgres/{name}")
    tenant.delete("app")
    heir = Tenant(kube, unique("heir-"), postgres, secretsmanager)
    heir.set_admin()
    secretsmanager.client().tag_resource(
        SecretId=f"rds/postgres/{name}", Tags=[{"Key": f"{PREFIX}transfer-to", "Value": f"{heir.name}/new-app"}]
    )

    make_ready(heir, "new-app", name)

    tags = heir.description(f"rds/postgres/{name}")["Tags"]
    assert tags[f"{PREFIX}owner-namespace"] == heir.name
    assert f"{PREFIX}transfer-to" not in tags
    assert [mark["namespace"] for mark in comments(heir, name)] == [heir.name, heir.name]
    assert heir.stored(f"rds/postgres/{name}") == before
    heir.clear()


def make_as_the_predecessor(tenant: Tenant, name: str, value: dict[str, Any]) -> None:
    """What the Go operator leaves: owner, comments, rights, and a secret with its one tag."""
    admin = tenant.postgres.admin_url()
    run_sql(admin, f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'; GRANT {name} TO {ADMIN}")
    run_sql(admin, f"CREATE DATABASE {name} OWNER {name}")
    for kind in ("ROLE", "DATABASE"):
        run_sql(admin, f"COMMENT ON {kind} {name} IS 'Managed by database-user-operator'")
    run_sql(admin, f"REVOKE {name} FROM {ADMIN}")  # as nothing needs it any longer
    tenant.secretsmanager.client().create_secret(
        Name=f"rds/postgres/{name}",
        SecretString=json.dumps(value),
        Description=f"Database credentials for {name}",
        Tags=[{"Key": "ManagedBy", "Value": "database-user-operator"}],
    )


def legacy_value(tenant: Tenant, name: str) -> dict[str, Any]:
    """Its secret, in the second of its formats."""
    port = tenant.postgres.port
    return {
        "DB_HOST": "127.0.0.1", "DB_NAME": name, "DB_PASSWORD": PASSWORD, "DB_PORT": port, "DB_USERNAME": name,
        "POSTGRES_URL": f"postgresql://{name}:{PASSWORD}@127.0.0.1:{port}/{name}",
    }  # fmt: skip


def test_the_predecessors_database_is_taken_over_without_a_visible_change(tenant: Tenant) -> None:
    name = unique("legacy")
    value = legacy_value(tenant, name)
    make_as_the_predecessor(tenant, name, value)
    run_sql(value["POSTGRES_URL"], "CREATE TABLE kept (x int)")
    versions = tenant.versions(f"rds/postgres/{name}")
    rights = tenant.postgres.sql(f"SELECT datacl FROM pg_database WHERE datname = '{name}'")

    make_ready(tenant, "legacy", name)

    assert tenant.stored(f"rds/postgres/{name}") == value
    assert tenant.versions(f"rds/postgres/{name}") == versions
    assert tenant.postgres.sql(f"SELECT datacl FROM pg_database WHERE datname = '{name}'") == rights
    assert [mark["name"] for mark in comments(tenant, name)] == ["legacy", "legacy"]
    assert tenant.description(f"rds/postgres/{name}")["Tags"][f"{PREFIX}owner-name"] == "legacy"
    run_sql(value["POSTGRES_URL"], "SELECT * FROM kept")


def test_the_predecessors_first_format_is_rewritten_with_the_same_password(tenant: Tenant) -> None:
    name = unique("older")
    value = legacy_value(tenant, name)
    old = {
        "host": "127.0.0.1", "port": tenant.postgres.port, "dbname": name, "username": name, "password": PASSWORD,
    }  # fmt: skip
    make_as_the_predecessor(tenant, name, old)

    status = make_ready(tenant, "older", name)

    assert status["secretFormatVersion"] == "v2"
    assert tenant.stored(f"rds/postgres/{name}") == {**old, **value}


def test_a_predecessors_secret_whose_password_does_not_fit_changes_nothing(tenant: Tenant) -> None:
    name = unique("stale")
    value = {**legacy_value(tenant, name), "DB_PASSWORD": "not-the-right-password-anymore_1"}
    make_as_the_predecessor(tenant, name, value)

    tenant.apply({**database("stale", databaseName=name), "metadata": {"name": "stale"}})
    status = tenant.wait_error("stale", "PasswordMismatch")

    assert condition(status, "CredentialsVerified")["status"] == "False"
    assert tenant.stored(f"rds/postgres/{name}") == value
    assert tenant.description(f"rds/postgres/{name}")["Tags"] == {"ManagedBy": "database-user-operator"}
    assert [mark["text"] for mark in comments(tenant, name)] == ["Managed by database-user-operator"] * 2
    run_sql(legacy_value(tenant, name)["POSTGRES_URL"], "SELECT 1")
