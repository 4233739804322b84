"""Databases that exist already: a user is added, and whose the database is stays as it is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from devstack.database import ADMIN
from devstack.kube import ControlPlane
from devstack.operator import Operator
from devstack.postgres import PostgresServer
from devstack.process import wait_until
from devstack.secretsmanager import SecretsManagerServer
from support.cluster import condition
from support.resources import database, unique
from support.tenant import Tenant, run_sql

PASSWORD = "Known-to-the-team-and-32-chars_1"
PREFIX = "database.opzkit.io/"


# --- what is there before the operator comes ---


class Existing:
    """A database of an administrator, with a table in it and others' comment on it."""

    def __init__(self, tenant: Tenant, *, member: bool = True) -> None:
        self.tenant = tenant
        self.name, self.owner = unique("existing"), unique("dba")
        sql = tenant.postgres.sql
        sql(f"CREATE ROLE {self.owner}")
        sql(f"CREATE DATABASE {self.name} OWNER {self.owner}")
        sql(f"COMMENT ON DATABASE {self.name} IS 'of the team of old'")
        self.inside(f"SET ROLE {self.owner}; CREATE SCHEMA books; CREATE TABLE books.t (x int); INSERT INTO books.t VALUES (1)")
        if member:
            sql(f"GRANT {self.owner} TO {ADMIN}")

    def inside(self, statement: str) -> list[str]:
        """SQL as a superuser, in the database."""
        return self.tenant.postgres.sql(statement, self.name)

    def what_it_is(self) -> list[str]:
        """Owner, comment, and what is in the table."""
        return [
            *self.inside(
                "SELECT pg_get_userbyid(datdba), shobj_description(oid, 'pg_database') FROM pg_database"
                " WHERE datname = current_database()"
            ),
            *self.inside("SELECT x FROM books.t"),
        ]

    def resource(self, **spec: Any) -> dict[str, Any]:
        """A Database that adds a user to it."""
        user = unique("added")
        return database(user, databaseName=self.name, username=user, adoptExistingDatabase=True, **spec)


def store_by_hand(tenant: Tenant, path: str, database_name: str, user: str) -> None:
    """A secret that a person made for a user."""
    port = tenant.postgres.port
    tenant.secretsmanager.client().create_secret(
        Name=path,
        SecretString=json.dumps(
            {"DB_HOST": "127.0.0.1", "DB_PORT": port, "DB_NAME": database_name, "DB_USERNAME": user, "DB_PASSWORD": PASSWORD}
        ),
    )


def make_ready(tenant: Tenant, resource: dict[str, Any]) -> tuple[str, dict[str, Any], str]:
    """Its name, its status when Ready, and the URL that is stored."""
    name = resource["metadata"]["name"]
    tenant.apply(resource)
    status = tenant.wait_ready(name)
    return name, status, tenant.stored(status["actualSecretName"])["POSTGRES_URL"]


def may(url: str, statement: str) -> bool:
    """Whether it is allowed; anything but a missing right fails the test."""
    result = run_sql(url, statement, check=False)
    assert result.returncode == 0 or "permission denied" in result.stderr or "must be owner" in result.stderr, result.stderr
    return result.returncode == 0


def look_again(tenant: Tenant, name: str) -> dict[str, Any]:
    """Asks for a pass and waits for it."""
    value = unique("asked-")
    tenant.kubectl("annotate", "database", name, f"{PREFIX}reconcile-now={value}", "--overwrite")
    return tenant.wait_for(name, lambda s: s.get("lastHandledReconcileAt") == value, value)


# --- a user is added ---


def test_without_the_field_the_database_of_others_is_refused_and_the_way_out_is_named(tenant: Tenant) -> None:
    existing = Existing(tenant)
    resource = existing.resource()
    name, secret = resource["metadata"]["name"], f"rds/postgres/{existing.name}"
    resource["spec"].pop("adoptExistingDatabase")
    tenant.apply(resource)
    assert "adoptExistingDatabase: true" in tenant.wait_error(name, "CannotRecoverPassword")["message"]
    store_by_hand(tenant, secret, existing.name, name)
    look_again(tenant, name)
    assert "adoptExistingDatabase: true" in tenant.wait_error(name, "Conflict")["message"]
    assert not tenant.has_role(name)

    tenant.patch(name, {"spec": {"adoptExistingDatabase": True}})
    tenant.wait_ready(name)

    assert tenant.stored(secret)["DB_PASSWORD"] == PASSWORD
    assert may(tenant.stored(secret)["POSTGRES_URL"], "SELECT * FROM books.t")


def test_without_a_secret_there_is_a_new_password_and_a_list_means_the_list(tenant: Tenant) -> None:
    existing = Existing(tenant)
    before = existing.what_it_is()

    name, status, url = make_ready(tenant, existing.resource(privileges=["SELECT"]))

    existing.inside(f"SET ROLE {existing.owner}; CREATE TABLE books.later (x int)")
    assert [may(url, s) for s in ("SELECT * FROM books.t", "SELECT * FROM books.later")] == [True, True]
    assert not may(url, "INSERT INTO books.t VALUES (2)") and not may(url, "CREATE TABLE books.own (x int)")
    assert existing.what_it_is() == before
    assert status["databaseCreated"] is False and status["userCreated"] is True
    ready = condition(status, "DatabaseReady")
    assert (ready["status"], ready["reason"]) == ("True", "Adopted") and "never dropped" in ready["message"]
    existing.inside(f"GRANT INSERT ON books.t TO {name}")
    look_again(tenant, name)
    assert not may(url, "INSERT INTO books.t VALUES (2)")
    tenant.patch(name, {"spec": {"privileges": ["INSERT"]}})
    tenant.wait_ready(name)
    assert may(url, "INSERT INTO books.t VALUES (2)") and not may(url, "SELECT * FROM books.t")


def test_all_is_every_right_that_can_be_granted_and_not_ownership(tenant: Tenant) -> None:
    existing = Existing(tenant)
    before = existing.what_it_is()

    _, status, url = make_ready(tenant, existing.resource())

    for statement in (
        "INSERT INTO books.t VALUES (2); UPDATE books.t SET x = 2; TRUNCATE books.t; INSERT INTO books.t VALUES (1)",
        "CREATE TABLE books.own (x int); CREATE SCHEMA own; CREATE TEMPORARY TABLE tmp (x int)",
    ):
        assert may(url, statement)
    assert not may(url, "DROP TABLE books.t") and not may(url, f"ALTER DATABASE {existing.name} RENAME TO mine")
    assert existing.what_it_is() == before
    ready = condition(status, "PrivilegesReady")
    assert (ready["status"], ready["reason"]) == ("True", "Granted") and "not ownership" in ready["message"]
    assert status["appliedPrivileges"] == ["ALL"]


def test_a_pass_over_an_adopted_database_writes_nothing(tenant: Tenant, secretsmanager: SecretsManagerServer) -> None:
    existing = Existing(tenant)
    name, status, _ = make_ready(tenant, existing.resource(privileges=["SELECT"]))
    versions, acl = tenant.versions(status["actualSecretName"]), existing.inside("SELECT relacl FROM pg_class")

    again = look_again(tenant, name)

    assert again["conditions"] == status["conditions"]
    assert tenant.versions(status["actualSecretName"]) == versions
    assert existing.inside("SELECT relacl FROM pg_class") == acl


def test_what_only_the_owner_can_grant_is_named_until_the_admin_may(tenant: Tenant) -> None:
    existing = Existing(tenant, member=False)
    tenant.apply(resource := existing.resource(privileges=["SELECT"]))
    name = resource["metadata"]["name"]

    status = tenant.wait_error(name, "InsufficientRights")

    for part in (f"SELECT on table books.t of {existing.owner}", f'GRANT owner TO "{ADMIN}"'):
        assert part in status["message"], status["message"]
    assert condition(status, "PrivilegesReady")["reason"] == "InsufficientRights"
    assert condition(status, "CredentialsVerified")["status"] == "True"
    tenant.postgres.sql(f"GRANT {existing.owner} TO {ADMIN}")
    look_again(tenant, name)
    tenant.wait_ready(name)
    assert may(tenant.stored(status["actualSecretName"])["POSTGRES_URL"], "SELECT * FROM books.t")


@pytest.mark.parametrize("privileges", [["SELECT"], ["ALL"]], ids="-".join)
def test_deletion_takes_the_user_and_the_secret_and_leaves_the_database(
    tenant: Tenant, operator: Operator, privileges: list[str]
) -> None:
    existing = Existing(tenant)
    before = existing.what_it_is()
    name, status, _ = make_ready(tenant, existing.resource(privileges=privileges, retainOnDelete=False))

    tenant.delete(name)

    assert not tenant.has_role(name)
    assert "DeletedDate" in tenant.description(status["actualSecretName"])
    assert existing.what_it_is() == before
    said = [line["msg"] for line in operator.log_lines(name=name) if "left alone" in line["msg"]]
    assert len(said) == 1 and f"database '{existing.name}'" in said[0]


def test_what_the_added_user_made_there_is_named_and_stays(tenant: Tenant) -> None:
    existing = Existing(tenant)
    name, _, url = make_ready(tenant, existing.resource(retainOnDelete=False))
    run_sql(url, "CREATE TABLE books.work (x int)")

    tenant.delete(name, wait=False)
    status = tenant.wait_error(name, "BlockedByDependencies", 30)

    assert f"database {existing.name}" in status["message"] and "REASSIGN OWNED" in status["message"]
    existing.inside(f"REASSIGN OWNED BY {name} TO {existing.owner}; DROP OWNED BY {name}")
    wait_until(lambda: not tenant.exists("database", name), "its end", 40)
    assert existing.inside("SELECT count(*) FROM books.work") == ["0"]


def test_a_user_that_is_there_without_a_secret_stays_as_it_is(tenant: Tenant) -> None:
    existing = Existing(tenant)
    resource = existing.resource()
    name = resource["metadata"]["name"]
    tenant.postgres.sql(f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'")
    kept = tenant.postgres.sql(f"SELECT rolpassword FROM pg_authid WHERE rolname = '{name}'")

    tenant.apply(resource)
    tenant.wait_error(name, "CannotRecoverPassword")

    assert tenant.postgres.sql(f"SELECT rolpassword FROM pg_authid WHERE rolname = '{name}'") == kept
    assert tenant.description(f"rds/postgres/{existing.name}") == {}


def test_after_the_secret_was_stored_a_killed_operator_goes_on_with_its_password(
    tenant: Tenant, operator: Operator
) -> None:
    existing = Existing(tenant)
    helper = unique("helper")
    tenant.postgres.sql(f"CREATE ROLE {helper} LOGIN PASSWORD '{PASSWORD}' IN ROLE {existing.owner}")
    url = f"postgresql://{helper}:{PASSWORD}@127.0.0.1:{tenant.postgres.port}/postgres?sslmode=require"
    tenant.set_admin(url)
    tenant.apply(resource := existing.resource(privileges=["SELECT"]))
    name, path = resource["metadata"]["name"], f"rds/postgres/{existing.name}"
    assert "CREATEROLE" in tenant.wait_error(name, "InsufficientRights")["message"]
    stored = tenant.stored(path)
    operator.kill()
    operator.start()

    tenant.set_admin()
    tenant.wait_ready(name)

    assert tenant.stored(path) == stored
    assert may(stored["POSTGRES_URL"], "SELECT * FROM books.t")


def test_an_adopted_database_that_vanished_is_not_made_again_by_itself(tenant: Tenant) -> None:
    existing = Existing(tenant)
    name, status, _ = make_ready(tenant, existing.resource(privileges=["SELECT"]))
    tenant.postgres.sql(f"DROP DATABASE {existing.name}")

    look_again(tenant, name)

    assert "is gone" in tenant.wait_error(name, "DatabaseMissing")["message"]
    assert not tenant.has_database(existing.name)
    assert tenant.versions(status["actualSecretName"]) == [status["secretVersion"]]


# --- sharing ---


def make_shared(tenant: Tenant, owner_privileges: list[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A Database, and another that adds a reader to it."""
    owner = database(unique("owner"), privileges=owner_privileges, retainOnDelete=False)
    make_ready(tenant, owner)
    reader = database(
        unique("reports"), databaseName=owner["spec"]["databaseName"], username=unique("reader"), privileges=["SELECT"],
        adoptExistingDatabase=True, secretName=unique("reports/"), retainOnDelete=False,
    )  # fmt: skip
    return owner, reader


@pytest.mark.parametrize("privileges", [["ALL"], ["SELECT", "INSERT", "CREATE"]], ids="-".join)
def test_a_reader_is_added_to_the_database_of_another_resource_which_keeps_it(
    tenant: Tenant, privileges: list[str]
) -> None:
    owner, reader = make_shared(tenant, privileges)
    owner_name = owner["metadata"]["name"]
    url = tenant.stored(f"rds/postgres/{owner_name}")["POSTGRES_URL"]
    run_sql(url, "CREATE SCHEMA s; CREATE TABLE s.before (x int)")
    marks = tenant.postgres.sql(f"SELECT datacl, shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = '{owner_name}'")
    had = tenant.owner(owner_name)

    _, status, reading = make_ready(tenant, reader)

    run_sql(url, "CREATE TABLE s.after (x int)")
    look_again(tenant, reader["metadata"]["name"])
    tenant.wait_ready(reader["metadata"]["name"])
    assert may(reading, "SELECT * FROM s.before") and may(reading, "SELECT * FROM s.after")
    assert not may(reading, "INSERT INTO s.before VALUES (1)") and not may(reading, "CREATE TABLE s.own (x int)")
    assert tenant.owner(owner_name) == had
    assert marks[0].split("|")[1] in tenant.postgres.sql(
        f"SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = '{owner_name}'"
    )
    assert condition(status, "DatabaseReady")["reason"] == "Adopted"
    # the other goes on, and takes nothing away from the reader
    for change in (["SELECT"], ["ALL"], ["INSERT"]):
        tenant.patch(owner_name, {"spec": {"privileges": change}})
        assert condition(tenant.wait_ready(owner_name), "PrivilegesReady")["status"] == "True"
        look_again(tenant, reader["metadata"]["name"])
        tenant.wait_ready(reader["metadata"]["name"])
        assert may(reading, "SELECT * FROM s.before")


def test_a_shared_database_is_not_dropped_before_the_reader_has_left(tenant: Tenant) -> None:
    owner, reader = make_shared(tenant, ["ALL"])
    owner_name, reader_name = owner["metadata"]["name"], reader["metadata"]["name"]
    _, _, reading = make_ready(tenant, reader)

    tenant.delete(owner_name, wait=False)
    status = tenant.wait_error(owner_name, "DatabaseShared", 30)

    assert status["phase"] == "Deleting"
    assert f"user '{reader['spec']['username']}' of Database {tenant.name}/{reader_name}" in status["message"]
    assert may(reading, "SELECT 1") and may(tenant.stored(f"rds/postgres/{owner_name}")["POSTGRES_URL"], "SELECT 1")
    tenant.delete(reader_name)
    assert not tenant.has_role(reader["spec"]["username"]) and tenant.has_database(owner_name)
    wait_until(lambda: not tenant.exists("database", owner_name), "the owner's end", 60)
    assert not tenant.has_database(owner_name) and not tenant.has_role(owner_name)


def test_the_reader_alone_never_takes_the_database_over(tenant: Tenant) -> None:
    owner, reader = make_shared(tenant, ["ALL"])
    owner_name, reader_name = owner["metadata"]["name"], reader["metadata"]["name"]
    make_ready(tenant, reader)
    tenant.patch(owner_name, {"spec": {"retainOnDelete": True}})
    tenant.delete(owner_name)

    look_again(tenant, reader_name)
    tenant.wait_ready(reader_name)
    tenant.delete(reader_name)

    assert tenant.has_database(owner_name) and not tenant.has_role(reader["spec"]["username"])
    mark = tenant.postgres.sql(f"SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = '{owner_name}'")
    assert json.loads(mark[0])["name"] == owner_name


def test_all_on_the_database_of_another_resource_is_refused(tenant: Tenant) -> None:
    _, reader = make_shared(tenant, ["ALL"])
    reader["spec"]["privileges"] = ["ALL"]
    tenant.apply(reader)

    status = tenant.wait_error(reader["metadata"]["name"], "Conflict")

    assert "not ALL" in status["message"]
    assert not tenant.has_role(reader["spec"]["username"])
    assert tenant.description(reader["spec"]["secretName"]) == {}


def test_the_database_of_another_namespace_is_never_shared(
    tenant: Tenant, kube: ControlPlane, postgres: PostgresServer, secretsmanager: SecretsManagerServer
) -> None:
    owner, reader = make_shared(tenant, ["ALL"])
    stranger = Tenant(kube, unique("stranger-"), postgres, secretsmanager)
    stranger.apply(reader)

    status = stranger.wait_error(reader["metadata"]["name"], "Conflict")

    assert f"{tenant.name}/{owner['metadata']['name']}" in status["message"]
    assert not tenant.has_role(reader["spec"]["username"])
    assert tenant.description(reader["spec"]["secretName"]) == {}
    stranger.clear()
