"""What may change afterwards: secrets are rewritten, moved and retagged, and the password stays the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
from devstack.process import wait_until
from support.cluster import condition
from support.resources import database, unique
from support.tenant import Tenant, assert_works, run_sql
from support.watching import CallWatch

PASSWORD = "Known-to-the-team-and-32-chars_1"


def secret_path(name: str) -> str:
    """The default path."""
    return f"rds/postgres/{name}"


def make_ready(tenant: Tenant, prefix: str, **spec: Any) -> str:
    """A Database that is Ready; its name."""
    name = unique(prefix)
    tenant.apply(database(name, **spec))
    tenant.wait_ready(name)
    return name


def store(tenant: Tenant, path: str, value: dict[str, Any]) -> None:
    """A new version, written by a person."""
    tenant.secretsmanager.client().put_secret_value(SecretId=path, SecretString=json.dumps(value))


def ask_again(tenant: Tenant, name: str, value: str) -> None:
    """The annotation that asks for a pass."""
    tenant.kubectl("annotate", "database", name, f"database.opzkit.io/reconcile-now={value}", "--overwrite")


def wait_handled(tenant: Tenant, name: str, value: str) -> dict[str, Any]:
    """The status of the pass that was asked for."""
    return tenant.wait_for(name, lambda status: status.get("lastHandledReconcileAt") == value, f"asked {value}")


# --- content ---


def test_a_secret_of_the_old_format_is_rewritten_with_the_same_password(tenant: Tenant) -> None:
    name = make_ready(tenant, "old")
    path, documented = secret_path(name), tenant.stored(secret_path(name))
    old = {
        "host": documented["DB_HOST"], "port": documented["DB_PORT"], "dbname": name, "username": name,
        "password": documented["DB_PASSWORD"], "note": {"by": "a person"},
    }  # fmt: skip
    store(tenant, path, old)

    ask_again(tenant, name, "1")
    status = wait_handled(tenant, name, "1")

    assert status["phase"] == "Ready"
    assert status["secretFormatVersion"] == "v2"
    assert tenant.stored(path) == {**old, **documented}
    assert status["secretVersion"] == current_version(tenant, path)
    assert_works(tenant.stored(path))


def test_a_hand_made_secret_with_nothing_but_a_password_is_completed(tenant: Tenant) -> None:
    name = unique("bare")
    tenant.secretsmanager.client().create_secret(
        Name=secret_path(name), SecretString=json.dumps({"DB_PASSWORD": PASSWORD})
    )
    tenant.apply(database(name))
    tenant.wait_ready(name)

    stored = tenant.stored(secret_path(name))
    assert stored["DB_PASSWORD"] == PASSWORD
    assert stored["DB_NAME"] == name
    assert_works(stored)


def current_version(tenant: Tenant, path: str) -> str:
    """The version that is labelled AWSCURRENT."""
    stages = tenant.description(path)["VersionIdsToStages"]
    return next(version for version, labels in stages.items() if "AWSCURRENT" in labels)


def test_the_address_follows_the_same_server_under_another_name(tenant: Tenant) -> None:
    name = make_ready(tenant, "moved")
    before = tenant.stored(secret_path(name))

    tenant.set_admin(tenant.postgres.admin_url(host="localhost"))
    tenant.wait_for(name, lambda status: status["connectionInfo"]["host"] == "localhost", "at localhost")

    after = tenant.stored(secret_path(name))
    assert after["DB_HOST"] == "localhost"
    assert after["DB_PASSWORD"] == before["DB_PASSWORD"]
    assert after["POSTGRES_URL"] == before["POSTGRES_URL"].replace("127.0.0.1", "localhost")
    assert tenant.status(name)["phase"] == "Ready"
    assert_works(after)


def test_an_admin_secret_that_points_at_an_empty_server_changes_nothing(
    tenant: Tenant, second_tenant: Tenant
) -> None:
    name = make_ready(tenant, "switched")
    before = tenant.stored(secret_path(name))
    empty = second_tenant.postgres

    tenant.set_admin(empty.admin_url())
    status = tenant.wait_error(name, "ServerChanged")

    assert "point it back" in status["message"]
    assert empty.sql(f"SELECT 1 FROM pg_database WHERE datname = '{name}'") == []
    assert empty.sql(f"SELECT 1 FROM pg_roles WHERE rolname = '{name}'") == []
    assert tenant.stored(secret_path(name)) == before

    tenant.set_admin()
    tenant.wait_ready(name, 20)


def test_an_empty_server_that_a_person_accepts_by_its_identity_gets_everything_anew(
    tenant: Tenant, second_tenant: Tenant
) -> None:
    name = make_ready(tenant, "rebuilt")
    before, path = tenant.stored(secret_path(name)), secret_path(name)
    empty = second_tenant.postgres
    identity = empty.sql("SELECT system_identifier FROM pg_control_system()")[0]
    former = tenant.status(name)["serverIdentity"]
    tenant.set_admin(empty.admin_url(host="localhost"))
    assert f"accept-server={identity}" in tenant.wait_error(name, "ServerChanged")["message"]

    tenant.kubectl("annotate", "database", name, f"database.opzkit.io/accept-server={former}")
    ask_again(tenant, name, "the former one")
    assert condition(wait_handled(tenant, name, "the former one"), "Ready")["reason"] == "ServerChanged"
    assert empty.sql(f"SELECT 1 FROM pg_roles WHERE rolname = '{name}'") == []
    tenant.kubectl("annotate", "database", name, f"database.opzkit.io/accept-server={identity}", "--overwrite")
    status = tenant.wait_for(name, lambda s: s.get("serverIdentity") == identity, "on the new server")

    after = tenant.stored(path)
    assert status["phase"] == "Ready"
    assert after["DB_PASSWORD"] == before["DB_PASSWORD"]
    assert (after["DB_HOST"], after["DB_PORT"]) == ("localhost", empty.port)
    assert_works(after)
    assert_works(before)


def test_a_version_that_a_person_writes_is_proven_and_kept(tenant: Tenant) -> None:
    name = make_ready(tenant, "rotated")
    path = secret_path(name)
    changed = {**tenant.stored(path), "DB_PASSWORD": PASSWORD}
    changed["POSTGRES_URL"] = "to be corrected"
    store(tenant, path, changed)

    ask_again(tenant, name, "wrong")
    status = wait_handled(tenant, name, "wrong")
    assert condition(status, "CredentialsVerified")["reason"] == "PasswordMismatch"
    assert tenant.stored(path) == changed

    tenant.postgres.sql(f"ALTER ROLE {name} PASSWORD '{PASSWORD}'")
    ask_again(tenant, name, "right")
    status = wait_handled(tenant, name, "right")

    assert status["phase"] == "Ready", status["message"]
    stored = tenant.stored(path)
    assert stored["DB_PASSWORD"] == PASSWORD
    assert PASSWORD in stored["POSTGRES_URL"]
    assert_works(stored)


# --- the place ---


@pytest.mark.parametrize("retained", [True, False], ids=["retained", "not retained"])
def test_a_secret_moves_to_another_path_with_its_password(tenant: Tenant, retained: bool) -> None:
    name = make_ready(tenant, "path", retainOnDelete=retained)
    former, target = secret_path(name), f"/moved/{name}"
    before = tenant.stored(former)

    tenant.patch(name, {"spec": {"secretName": target}})
    status = tenant.wait_ready(name)

    assert status["actualSecretName"] == target
    assert status["secretARN"] == tenant.description(target)["ARN"]
    assert tenant.stored(target) == before
    assert_works(tenant.stored(target))
    assert ("DeletedDate" in tenant.description(former)) != retained
    if not retained:
        tenant.patch(name, {"spec": {"retainOnDelete": True}})


def test_a_secret_moves_to_another_region_with_its_password(tenant: Tenant) -> None:
    name = make_ready(tenant, "region")
    before = tenant.stored(secret_path(name))

    tenant.patch(name, {"spec": {"awsSecretsManager": {"region": "eu-west-1"}}})
    status = tenant.wait_ready(name)

    assert status["secretRegion"] == "eu-west-1"
    assert tenant.stored(secret_path(name), "eu-west-1") == before
    assert tenant.stored(secret_path(name)) == before


def test_a_secret_does_not_move_onto_another_password(tenant: Tenant) -> None:
    name = make_ready(tenant, "taken")
    target = f"/taken/{name}"
    client = tenant.secretsmanager.client()
    client.create_secret(Name=target, SecretString=json.dumps({**tenant.stored(secret_path(name)), "DB_PASSWORD": PASSWORD}))

    tenant.patch(name, {"spec": {"secretName": target}})
    status = tenant.wait_error(name, "Conflict")

    assert "another password" in status["message"]
    assert status["secretARN"] == tenant.description(secret_path(name))["ARN"]
    assert tenant.description(target)["Tags"] == {}

    tenant.patch(name, {"spec": {"secretName": None}})
    tenant.wait_ready(name)


# --- metadata ---


def test_tags_and_description_change_nothing_but_themselves(tenant: Tenant, postgres: Any) -> None:
    name = make_ready(tenant, "meta", awsSecretsManager={"tags": {"Team": "a", "Stage": "x"}})
    path = secret_path(name)
    tenant.secretsmanager.client().tag_resource(SecretId=path, Tags=[{"Key": "of-somebody", "Value": "1"}])
    versions, calls = tenant.versions(path), CallWatch(tenant.secretsmanager)

    tenant.patch(name, {"spec": {"awsSecretsManager": {"description": "New", "tags": {"Team": "b", "Stage": None}}}})
    tenant.wait_ready(name)

    description = tenant.description(path)
    assert description["Description"] == "New"
    assert description["Tags"]["Team"] == "b"
    assert description["Tags"]["of-somebody"] == "1"
    assert "Stage" not in description["Tags"]
    assert tenant.versions(path) == versions
    assert sorted(calls.writes(path)) == ["TagResource", "UntagResource", "UpdateSecret"]


# --- what vanished ---


def test_a_vanished_database_is_made_again_only_when_a_person_asks(tenant: Tenant) -> None:
    name = make_ready(tenant, "lost")
    before = tenant.stored(secret_path(name))
    tenant.postgres.sql(f"DROP DATABASE {name} WITH (FORCE)")

    ask_again(tenant, name, "look")
    status = wait_handled(tenant, name, "look")
    assert condition(status, "Ready")["reason"] == "DatabaseMissing"
    assert not tenant.has_database(name)

    ask_again(tenant, name, "make")
    wait_until(lambda: tenant.status(name)["phase"] == "Ready", "Ready again", 30)

    assert tenant.stored(secret_path(name)) == before
    assert_works(before)


def test_a_vanished_user_comes_back_with_the_stored_password(tenant: Tenant) -> None:
    name = make_ready(tenant, "gone")
    before = tenant.stored(secret_path(name))
    run_sql(before["POSTGRES_URL"], "CREATE TABLE kept (x int)")
    sql = tenant.postgres.sql
    sql(f"REASSIGN OWNED BY {name} TO stack_super", name)
    sql(f"DROP OWNED BY {name}", name)
    sql(f"ALTER DATABASE {name} OWNER TO dbadmin")
    sql(f"DROP ROLE {name}")

    ask_again(tenant, name, "1")
    status = wait_handled(tenant, name, "1")

    assert tenant.has_role(name)
    assert condition(status, "UserReady")["status"] == "True"
    assert tenant.stored(secret_path(name)) == before


def test_a_secret_that_is_scheduled_for_deletion_is_restored(tenant: Tenant) -> None:
    name = make_ready(tenant, "scheduled")
    before = tenant.stored(secret_path(name))
    tenant.secretsmanager.client().delete_secret(SecretId=secret_path(name), RecoveryWindowInDays=7)

    ask_again(tenant, name, "1")
    status = wait_handled(tenant, name, "1")

    assert status["phase"] == "Ready"
    assert tenant.stored(secret_path(name)) == before
