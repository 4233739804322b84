"""What goes wrong outside becomes an Error with its reason, and goes away by itself when the cause goes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from devstack.operator import Operator
from devstack.process import wait_until
from devstack.postgres import ADMIN
from support.cluster import condition
from support.resources import database, secret, unique
from support.tenant import Tenant, assert_works, run_sql
from support.watching import CallWatch, SqlWatch

CANARY = "canary-in-the-coal-mine"
PASSWORD = "Known-to-the-team-and-32-chars_1"


# --- the admin Secret ---


def test_a_missing_secret_is_named_and_creating_it_is_enough(tenant: Tenant) -> None:
    name = unique("late")
    tenant.apply(database(name, connectionStringSecretRef={"name": "late-admin"}))

    status = tenant.wait_error(name, "AdminSecretNotFound")
    assert status["phase"] == "Error"
    assert f"Secret '{tenant.name}/late-admin'" in status["message"]
    assert condition(status, "DatabaseReady")["status"] == "Unknown"

    tenant.set_admin(name="late-admin")
    tenant.wait_ready(name, 10)
    assert_works(tenant.stored(f"rds/postgres/{name}"))


def test_a_missing_key_is_named_and_adding_it_is_enough(tenant: Tenant) -> None:
    name = unique("late")
    tenant.apply(secret("other-admin", wrong=tenant.postgres.admin_url()))
    tenant.apply(database(name, connectionStringSecretRef={"name": "other-admin", "key": "url"}))

    status = tenant.wait_error(name, "AdminSecretInvalid")
    assert f"Secret '{tenant.name}/other-admin' has no key 'url'" in status["message"]

    tenant.apply(secret("other-admin", url=tenant.postgres.admin_url()))
    tenant.wait_ready(name, 10)


@pytest.mark.parametrize(
    "text",
    [
        CANARY,
        "",
        f"mysql://{CANARY}:x@h/d",
        f"postgresql://{ADMIN}:{CANARY}@",
        f"postgresql://{ADMIN}:{CANARY}@h:99999/d",
        f"postgresql://{ADMIN}:{CANARY}%zz@h/d",
        f"postgresql://{ADMIN}:{CANARY}/x@h/d",
        f"postgresql://{ADMIN}:x@h/d?sslmode={CANARY}",
    ],
    ids=["no URL", "empty", "other scheme", "no host", "bad port", "bad escape", "bare slash", "bad parameter"],
)
def test_a_connection_string_that_does_not_parse_is_never_quoted(tenant: Tenant, operator: Operator, text: str) -> None:
    name = unique("unparsable")
    tenant.set_admin(text or " ")
    tenant.apply(database(name))

    status = tenant.wait_error(name, "AdminSecretInvalid")

    assert f"key 'connectionString' of Secret '{tenant.name}/postgres-admin'" in status["message"]
    assert CANARY not in json.dumps(status)
    assert CANARY not in tenant.kubectl("get", "events", "-o", "yaml").stdout
    assert CANARY not in operator.log_text


def test_a_wrong_admin_password_is_an_error_until_the_secret_is_corrected(tenant: Tenant, operator: Operator) -> None:
    name = unique("denied")
    tenant.set_admin(tenant.postgres.admin_url().replace(f"{ADMIN}:", f"{ADMIN}:{CANARY}"))
    tenant.apply(database(name))

    status = tenant.wait_error(name, "AdminLoginFailed")
    assert f"127.0.0.1:{tenant.postgres.port}" in status["message"]
    assert f"'{ADMIN}'" in status["message"]
    assert tenant.description(f"rds/postgres/{name}") == {}
    assert CANARY not in operator.log_text

    tenant.set_admin()
    tenant.wait_ready(name, 10)


def test_a_ready_resource_notices_that_the_admin_password_became_wrong(tenant: Tenant) -> None:
    name = unique("turned")
    tenant.apply(database(name))
    before = tenant.wait_ready(name)

    tenant.set_admin(tenant.postgres.admin_url().replace(f"{ADMIN}:", f"{ADMIN}:{CANARY}"))
    status = tenant.wait_error(name, "AdminLoginFailed")
    assert condition(status, "DatabaseReady")["status"] == "Unknown"
    assert status["secretARN"] == before["secretARN"]

    tenant.set_admin()
    after = tenant.wait_ready(name, 10)
    assert after["secretVersion"] == before["secretVersion"]


@pytest.mark.parametrize(("right", "other"), [("CREATEDB", "CREATEROLE"), ("CREATEROLE", "CREATEDB")])
def test_a_right_that_the_admin_lacks_is_named_and_granting_it_is_enough(tenant: Tenant, right: str, other: str) -> None:
    name, admin = unique("weak"), unique("weak_admin")
    tenant.postgres.sql(f"CREATE ROLE {admin} LOGIN {other} PASSWORD 'x'")
    tenant.set_admin(f"postgresql://{admin}:x@127.0.0.1:{tenant.postgres.port}/postgres")
    tenant.apply(database(name))

    status = tenant.wait_error(name, "InsufficientRights")
    assert f"'{admin}' lacks {right}" in status["message"]
    assert status["secretCreated"] is True and status["databaseCreated"] is False
    assert not tenant.has_database(name)

    tenant.postgres.sql(f"ALTER ROLE {admin} {right}")
    ready = tenant.wait_ready(name, 30)
    assert tenant.versions(f"rds/postgres/{name}") == [ready["secretVersion"]]
    assert_works(tenant.stored(f"rds/postgres/{name}"))


# --- the database server ---


def test_a_stopped_server_is_an_error_that_hurts_nobody_else(tenant: Tenant, second_tenant: Tenant) -> None:
    broken = second_tenant
    ready, fresh, bystander = unique("ready"), unique("fresh"), unique("bystander")
    broken.apply(database(ready))
    broken.wait_ready(ready)
    broken.postgres.stop()
    try:
        broken.apply(database(fresh))
        broken.patch(ready, {"spec": {"awsSecretsManager": {"description": "changed"}}})
        for name in (fresh, ready):
            status = broken.wait_error(name, "ServerUnreachable", 10)
            assert f"127.0.0.1:{broken.postgres.port}" in status["message"]
            assert condition(status, "DatabaseReady")["status"] == "Unknown"
            assert condition(status, "Reconciling")["status"] == "True"
        assert broken.description(f"rds/postgres/{fresh}") == {}
        tenant.apply(database(bystander))
        tenant.wait_ready(bystander, 10)
    finally:
        broken.postgres.start()

    broken.wait_ready(fresh, 30)
    broken.wait_ready(ready, 30)
    assert_works(broken.stored(f"rds/postgres/{fresh}"))


def test_a_silent_server_is_an_error_within_the_connect_timeout_and_hurts_nobody_else(
    tenant: Tenant, second_tenant: Tenant
) -> None:
    broken = second_tenant
    names = [unique("silent") for _ in range(10)]  # more than there are workers
    bystander = unique("bystander")
    broken.set_admin(broken.postgres.admin_url(parameters="connect_timeout=3"))
    broken.postgres.pause()
    try:
        broken.apply(*[database(name) for name in names])
        status = broken.wait_error(names[0], "ServerUnreachable", 10)
        assert "did not answer in time" in status["message"]
        tenant.apply(database(bystander))
        tenant.wait_ready(bystander, 15)
    finally:
        broken.postgres.resume()

    for name in names:
        broken.wait_ready(name, 30)


def test_a_server_that_is_killed_and_comes_back_is_found_again(second_tenant: Tenant) -> None:
    broken = second_tenant
    name = unique("killed")
    broken.postgres.kill()
    broken.apply(database(name))
    broken.wait_for(name, lambda status: status["phase"] == "Error", "in error", 10)

    broken.postgres.start()

    broken.wait_ready(name, 30)
    assert_works(broken.stored(f"rds/postgres/{name}"))


# --- what exists already ---


@pytest.mark.parametrize("existing", ["both", "database", "user"])
def test_what_exists_without_its_secret_is_refused_and_left_alone(tenant: Tenant, existing: str) -> None:
    name = unique("existing")
    if existing != "database":
        tenant.postgres.sql(f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'")
    if existing != "user":
        tenant.postgres.sql(f"CREATE DATABASE {name} OWNER {ADMIN}")
    sql, calls = SqlWatch(tenant.postgres), CallWatch(tenant.secretsmanager)
    tenant.apply(database(name))

    status = tenant.wait_error(name, "CannotRecoverPassword")

    text = "database and/or user exist but secret is missing - cannot recover password"
    assert status["message"].startswith(text)
    assert f"secret 'rds/postgres/{name}'" in status["message"]
    assert not status["databaseCreated"] and not status["userCreated"]
    assert sql.changes() == []
    assert calls.writes() == []


def test_storing_the_known_password_by_hand_is_the_way_out_of_a_lost_secret(tenant: Tenant) -> None:
    name = unique("lost")
    tenant.apply(database(name))
    tenant.wait_ready(name)
    known = tenant.stored(f"rds/postgres/{name}")
    client = tenant.secretsmanager.client()
    client.delete_secret(SecretId=f"rds/postgres/{name}", ForceDeleteWithoutRecovery=True)
    sql = SqlWatch(tenant.postgres)
    tenant.patch(name, {"spec": {"awsSecretsManager": {"description": "first look"}}})
    tenant.wait_error(name, "CannotRecoverPassword")

    client.create_secret(Name=f"rds/postgres/{name}", SecretString=json.dumps(known))
    tenant.patch(name, {"spec": {"awsSecretsManager": {"description": "second look"}}})

    tenant.wait_ready(name)
    assert tenant.stored(f"rds/postgres/{name}") == known
    assert_works(known)
    assert [line for line in sql.changes() if "PASSWORD" in line] == []


def documented(tenant: Tenant, name: str, **changed: Any) -> dict[str, Any]:
    """The documented JSON for a database, as a person writes it."""
    port = tenant.postgres.port
    value = {
        "DB_HOST": "127.0.0.1", "DB_PORT": port, "DB_NAME": name, "DB_USERNAME": name, "DB_PASSWORD": PASSWORD,
        "POSTGRES_URL": f"postgresql://{name}:{PASSWORD}@127.0.0.1:{port}/{name}", **changed,
    }  # fmt: skip
    return {key: item for key, item in value.items() if item is not None}


def test_a_secret_that_was_stored_by_hand_gives_the_password(tenant: Tenant) -> None:
    name = unique("prepared")
    value = documented(tenant, name)
    tenant.secretsmanager.client().create_secret(Name=f"rds/postgres/{name}", SecretString=json.dumps(value))
    tenant.apply(database(name))

    status = tenant.wait_ready(name)

    assert tenant.versions(f"rds/postgres/{name}") == [status["secretVersion"]]
    assert tenant.stored(f"rds/postgres/{name}") == value
    assert_works(value)
    assert tenant.description(f"rds/postgres/{name}")["Tags"]["database.opzkit.io/owner-name"] == name


@pytest.mark.parametrize("key", ["DB_HOST", "DB_PORT", "POSTGRES_URL"])
def test_an_incomplete_secret_is_completed_around_its_password(tenant: Tenant, key: str) -> None:
    name = unique("incomplete")
    value = documented(tenant, name, **{key: None})
    tenant.secretsmanager.client().create_secret(Name=f"rds/postgres/{name}", SecretString=json.dumps(value))
    tenant.apply(database(name))

    tenant.wait_ready(name)

    assert tenant.stored(f"rds/postgres/{name}") == documented(tenant, name)
    assert_works(tenant.stored(f"rds/postgres/{name}"))


@pytest.mark.parametrize(
    "value",
    ["not JSON at all", "[]", '{"DB_PASSWORD": 5}', "{}"],
)
def test_a_secret_without_a_usable_password_is_refused_and_not_changed(tenant: Tenant, value: str) -> None:
    name = unique("unusable")
    client = tenant.secretsmanager.client()
    client.create_secret(Name=f"rds/postgres/{name}", SecretString=value)
    sql, calls = SqlWatch(tenant.postgres), CallWatch(tenant.secretsmanager)
    tenant.apply(database(name))

    status = tenant.wait_error(name, "SecretInvalid")

    assert f"secret 'rds/postgres/{name}'" in status["message"]
    assert client.get_secret_value(SecretId=f"rds/postgres/{name}")["SecretString"] == value
    assert calls.writes() == []
    assert sql.changes() == []


@pytest.mark.parametrize(
    ("key", "other", "what"),
    [
        ("DB_NAME", "another", "database"),
        ("DB_USERNAME", "somebody", "user"),
        ("DB_HOST", "db.example.com", "server"),
        ("DB_PORT", 1, "server"),
    ],
)
def test_a_secret_for_something_else_is_refused(tenant: Tenant, key: str, other: Any, what: str) -> None:
    name = unique("contradicting")
    value = documented(tenant, name, **{key: other})
    tenant.secretsmanager.client().create_secret(Name=f"rds/postgres/{name}", SecretString=json.dumps(value))
    sql, calls = SqlWatch(tenant.postgres), CallWatch(tenant.secretsmanager)
    tenant.apply(database(name))

    status = tenant.wait_error(name, "SecretMismatch")

    assert f"secret 'rds/postgres/{name}' names another {what} than" in status["message"]
    assert calls.writes() == [] and sql.changes() == []


def test_a_foreign_database_with_a_fitting_secret_is_a_conflict(tenant: Tenant) -> None:
    name = unique("foreign")
    tenant.postgres.sql(f"CREATE DATABASE {name} OWNER {ADMIN}")
    value = json.dumps(documented(tenant, name))
    tenant.secretsmanager.client().create_secret(Name=f"rds/postgres/{name}", SecretString=value)
    sql, calls = SqlWatch(tenant.postgres), CallWatch(tenant.secretsmanager)
    tenant.apply(database(name))

    status = tenant.wait_error(name, "Conflict")

    assert f"database '{name}' exists and was not made by this resource" in status["message"]
    assert sql.changes() == [] and calls.writes() == []


def test_a_secret_of_another_owner_is_a_conflict_and_never_read(tenant: Tenant) -> None:
    name = unique("taken")
    tags = {"database.opzkit.io/cluster": "other-cluster", "database.opzkit.io/owner-namespace": "their",
            "database.opzkit.io/owner-name": "database", "ManagedBy": "database-user-operator"}  # fmt: skip
    tenant.secretsmanager.client().create_secret(
        Name=f"rds/postgres/{name}", SecretString=f'{{"DB_PASSWORD": "{PASSWORD}"}}',
        Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
    )  # fmt: skip
    before = tenant.description(f"rds/postgres/{name}")
    sql, calls = SqlWatch(tenant.postgres), CallWatch(tenant.secretsmanager)
    tenant.apply(database(name))

    status = tenant.wait_error(name, "Conflict")

    assert "belongs to Database their/database of cluster other-cluster" in status["message"]
    assert set(calls.operations(f"rds/postgres/{name}")) == {"DescribeSecret"}
    after = tenant.description(f"rds/postgres/{name}")
    assert (after["Tags"], after["LastChangedDate"]) == (before["Tags"], before["LastChangedDate"])
    assert sql.changes() == []


def test_a_database_that_was_dropped_is_not_replaced_by_an_empty_one_behind_the_users_back(
    tenant: Tenant, operator: Operator
) -> None:
    name = unique("dropped")
    tenant.apply(database(name))
    tenant.wait_ready(name)
    tenant.postgres.sql(f"DROP DATABASE {name}")

    operator.restart()

    status = tenant.wait_error(name, "DatabaseMissing")
    assert status["databaseCreated"] is False
    assert not tenant.has_database(name)
    tenant.patch(name, {"spec": {"awsSecretsManager": {"description": "make an empty one"}}})
    tenant.wait_ready(name)
    assert_works(tenant.stored(f"rds/postgres/{name}"))


def test_a_password_that_does_not_log_in_is_an_error_that_is_tried_once_and_never_reset(
    tenant: Tenant, operator: Operator
) -> None:
    name = unique("mismatch")
    tenant.apply(database(name))
    ready = tenant.wait_ready(name)
    stored = tenant.stored(f"rds/postgres/{name}")
    tenant.postgres.sql(f"ALTER ROLE {name} PASSWORD 'somebody elses'")
    sql = SqlWatch(tenant.postgres)

    operator.restart()
    status = tenant.wait_error(name, "PasswordMismatch")
    assert condition(status, "CredentialsVerified")["status"] == "False"
    assert status["secretVersion"] == ready["secretVersion"]
    operator.restart()
    passes = operator.metric("controller_runtime_reconcile_total")
    tenant.set_admin(also="wakes")
    wait_until(lambda: operator.metric("controller_runtime_reconcile_total") > passes, "another pass", 10)
    refused = [line for line in sql.text.splitlines() if f'password authentication failed for user "{name}"' in line]
    assert len(refused) == 1, "servers lock accounts after some failures"
    assert sql.changes() == []

    tenant.postgres.sql(f"ALTER ROLE {name} PASSWORD '{stored['DB_PASSWORD']}'")
    tenant.patch(name, {"spec": {"awsSecretsManager": {"description": "repaired"}}})
    tenant.wait_ready(name)
    assert tenant.stored(f"rds/postgres/{name}") == stored


def test_an_error_is_logged_once_and_not_at_every_attempt(tenant: Tenant, operator: Operator) -> None:
    name = unique("noisy")
    tenant.set_admin(f"postgresql://{ADMIN}:x@127.0.0.1:1/postgres")
    tenant.apply(database(name))
    tenant.wait_error(name, "ServerUnreachable")
    errors = operator.metric("controller_runtime_reconcile_errors_total")
    wait_until(lambda: operator.metric("controller_runtime_reconcile_errors_total") > errors + 2, "more attempts", 20)

    lines = [line for line in operator.log_lines(name=name) if line["level"] == "warning"]

    assert len(lines) == 1, lines


def test_the_status_of_a_standing_error_is_not_written_again_and_again(tenant: Tenant, operator: Operator) -> None:
    name = unique("standing")
    tenant.set_admin(f"postgresql://{ADMIN}:x@127.0.0.1:1/postgres")
    tenant.apply(database(name))
    tenant.wait_error(name, "ServerUnreachable")
    version = tenant.get("database", name)["metadata"]["resourceVersion"]
    errors = operator.metric("controller_runtime_reconcile_errors_total")

    wait_until(lambda: operator.metric("controller_runtime_reconcile_errors_total") > errors + 2, "more attempts", 20)

    assert tenant.get("database", name)["metadata"]["resourceVersion"] == version
