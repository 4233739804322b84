"""The annotation reset-password: one new password for each value, for users of ours, and for nobody else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from devstack.operator import Operator
from devstack.process import StackError
from support.cluster import Namespace, condition
from support.mysql_tenant import MySqlTenant, is_mariadb, mysql_database
from support.mysql_tenant import assert_works as assert_works_on_mysql
from support.mysql_tenant import run_sql as run_mysql
from support.resources import database, unique
from support.tenant import Tenant, assert_works, run_sql

PREFIX = "database.opzkit.io/"
PASSWORD = "Known-to-the-team-and-32-chars_1"


def ask(tenant: Namespace, name: str, value: str) -> None:
    """Sets the annotation."""
    tenant.kubectl("annotate", "database", name, f"{PREFIX}reset-password={value}", "--overwrite")


def reset(tenant: Namespace, name: str) -> dict[str, Any]:
    """Asks for a new password and waits until the resource is Ready with it."""
    value = unique("asked-")
    ask(tenant, name, value)
    return tenant.wait_for(
        name, lambda s: s.get("lastHandledPasswordReset") == value and s["phase"] == "Ready", f"reset ({value})", 40
    )


def look_again(tenant: Namespace, name: str) -> dict[str, Any]:
    """Asks for a pass and waits for it."""
    value = unique("look-")
    tenant.kubectl("annotate", "database", name, f"{PREFIX}reconcile-now={value}", "--overwrite")
    return tenant.wait_for(name, lambda s: s.get("lastHandledReconcileAt") == value, value)


def make_ready(tenant: Tenant, **spec: Any) -> tuple[str, str, dict[str, Any]]:
    """A Ready Database: its name, the path of its secret, and what is stored."""
    name = unique("reset")
    tenant.apply(database(name, **spec))
    tenant.wait_ready(name)
    return name, f"rds/postgres/{name}", tenant.stored(f"rds/postgres/{name}")


def is_refused(credentials: dict[str, Any]) -> bool:
    """Whether PostgreSQL refuses the password."""
    return "password authentication failed" in run_sql(credentials["POSTGRES_URL"], "SELECT 1", check=False).stderr


def test_a_secret_that_was_deleted_is_made_again_with_a_new_password(tenant: Tenant) -> None:
    name, path, before = make_ready(tenant)
    tags = tenant.description(path)["Tags"]
    tenant.secretsmanager.client().delete_secret(SecretId=path, ForceDeleteWithoutRecovery=True)
    look_again(tenant, name)
    assert f"{PREFIX}reset-password" in tenant.wait_error(name, "CannotRecoverPassword")["message"]

    reset(tenant, name)

    after = tenant.stored(path)
    assert after["DB_PASSWORD"] != before["DB_PASSWORD"]
    assert {**after, "DB_PASSWORD": "", "POSTGRES_URL": ""} == {**before, "DB_PASSWORD": "", "POSTGRES_URL": ""}
    assert tenant.description(path)["Tags"] == tags
    assert_works(after)
    assert is_refused(before)


def test_a_password_that_somebody_changed_on_the_server_is_made_anew(tenant: Tenant, operator: Operator) -> None:
    name, path, before = make_ready(tenant)
    tenant.postgres.sql(f"ALTER ROLE {name} PASSWORD '{PASSWORD}'")
    operator.restart()
    assert f"{PREFIX}reset-password" in tenant.wait_error(name, "PasswordMismatch", 30)["message"]
    assert tenant.stored(path) == before

    status = reset(tenant, name)

    after = tenant.stored(path)
    assert after["DB_PASSWORD"] not in {before["DB_PASSWORD"], PASSWORD}
    assert condition(status, "CredentialsVerified")["status"] == "True"
    assert_works(after)


def test_a_secret_that_moved_before_its_password_was_refused_is_reset_where_it_is(
    tenant: Tenant, operator: Operator
) -> None:
    name, path, before = make_ready(tenant)
    tenant.postgres.sql(f"ALTER ROLE {name} PASSWORD '{PASSWORD}'")
    operator.restart()
    tenant.patch(name, {"spec": {"secretName": "elsewhere/" + name}})
    tenant.wait_error(name, "PasswordMismatch", 30)

    status = reset(tenant, name)

    assert status["actualSecretName"] == "elsewhere/" + name
    assert_works(tenant.stored("elsewhere/" + name))
    assert tenant.stored(path) == before


def test_each_value_of_the_annotation_is_one_password(tenant: Tenant, operator: Operator) -> None:
    name, path, before = make_ready(tenant)

    reset(tenant, name)
    first, versions = tenant.stored(path), tenant.versions(path)
    kept = tenant.postgres.sql(f"SELECT rolpassword FROM pg_authid WHERE rolname = '{name}'")
    look_again(tenant, name)
    operator.restart()
    look_again(tenant, name)

    assert len(versions) == 2
    assert tenant.versions(path) == versions and tenant.stored(path) == first
    assert tenant.postgres.sql(f"SELECT rolpassword FROM pg_authid WHERE rolname = '{name}'") == kept
    reset(tenant, name)
    assert len({before["DB_PASSWORD"], first["DB_PASSWORD"], tenant.stored(path)["DB_PASSWORD"]}) == 3
    assert_works(tenant.stored(path))


@pytest.mark.parametrize("spec", [{}, {"secretTemplate": '{"DB_PASSWORD": "{{.DBPassword}}"}'}], ids=["documented", "templated"])
@pytest.mark.parametrize("later", [1, 3])
def test_a_value_that_was_used_before_brings_no_old_password_back(tenant: Tenant, spec: dict[str, Any], later: int) -> None:
    name, path, _ = make_ready(tenant, **spec)
    values = [reset(tenant, name)["lastHandledPasswordReset"] for _ in range(1 + later)]
    before, versions = tenant.stored(path), tenant.versions(path)

    ask(tenant, name, values[0])
    status = tenant.wait_for(name, lambda s: s.get("phase") == "Error", "refused")

    assert "was used before" in status["message"]
    assert (tenant.stored(path), tenant.versions(path)) == (before, versions)
    reset(tenant, name)
    assert tenant.stored(path)["DB_PASSWORD"] != before["DB_PASSWORD"]


def test_a_templated_secret_keeps_its_template(tenant: Tenant) -> None:
    template = '{"url": "{{.DatabaseURL}}", "nested": {"password": "{{.DBPassword}}"}}'
    name = unique("shaped")
    path = f"rds/postgres/{name}"
    tenant.apply(database(name, secretTemplate=template))
    tenant.wait_ready(name)
    before = tenant.stored(path)

    status = reset(tenant, name)

    after = tenant.stored(path)
    canonical = tenant.secretsmanager.client().get_secret_value(SecretId=path, VersionStage="dbuo-canonical")
    assert after.keys() == before.keys() and after["nested"]["password"] != before["nested"]["password"]
    assert json.loads(canonical["SecretString"])["DB_PASSWORD"] == after["nested"]["password"]
    assert status["secretFormatVersion"] == "template"
    run_sql(after["url"], "SELECT 1")


def test_keys_that_people_added_stay(tenant: Tenant) -> None:
    name, path, before = make_ready(tenant)
    tenant.secretsmanager.client().put_secret_value(SecretId=path, SecretString=json.dumps({**before, "note": "ours"}))

    reset(tenant, name)

    after = tenant.stored(path)
    assert after["note"] == "ours" and after["DB_PASSWORD"] != before["DB_PASSWORD"]
    assert_works(after)


def test_the_user_of_others_is_refused_and_nothing_changes(tenant: Tenant) -> None:
    name = unique("byhand")
    path, port = f"rds/postgres/{name}", tenant.postgres.port
    tenant.postgres.sql(f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'")
    tenant.postgres.sql(f"CREATE DATABASE {name} OWNER {name}")
    value = {"DB_HOST": "127.0.0.1", "DB_PORT": port, "DB_NAME": name, "DB_USERNAME": name, "DB_PASSWORD": PASSWORD}
    tenant.secretsmanager.client().create_secret(Name=path, SecretString=json.dumps(value))
    tenant.apply(database(name))
    tenant.wait_ready(name)
    stored, versions = tenant.stored(path), tenant.versions(path)

    ask(tenant, name, "please")
    status = tenant.wait_error(name, "ResetRefused")

    assert "by hand" in status["message"] and "lastHandledPasswordReset" not in status
    assert tenant.stored(path) == stored and tenant.versions(path) == versions
    run_sql(stored["POSTGRES_URL"], "SELECT 1")
    tenant.kubectl("annotate", "database", name, f"{PREFIX}reset-password-")
    tenant.wait_ready(name)


def test_a_new_resource_with_the_annotation_has_one_password(tenant: Tenant) -> None:
    name = unique("fresh")
    resource = database(name)
    resource["metadata"]["annotations"] = {f"{PREFIX}reset-password": "1"}
    tenant.apply(resource)

    status = tenant.wait_ready(name)

    assert status["lastHandledPasswordReset"] == "1"
    assert len(tenant.versions(f"rds/postgres/{name}")) == 1
    assert_works(tenant.stored(f"rds/postgres/{name}"))


# --- MySQL and MariaDB ---


def make_ready_on_mysql(tenant: MySqlTenant) -> tuple[str, str, dict[str, Any]]:
    """A Ready Database: its name, the path of its secret, and what is stored."""
    name = unique("reset")
    tenant.apply(mysql_database(name))
    tenant.wait_ready(name)
    return name, f"rds/mysql/{name}", tenant.stored(f"rds/mysql/{name}")


def test_a_person_gets_a_new_password_on_every_server(mysql_tenant: MySqlTenant) -> None:
    name, path, before = make_ready_on_mysql(mysql_tenant)

    reset(mysql_tenant, name)

    after = mysql_tenant.stored(path)
    assert after["DB_PASSWORD"] != before["DB_PASSWORD"]
    assert_works_on_mysql(mysql_tenant.server, after)
    with pytest.raises(StackError):
        run_mysql(mysql_tenant.server, before, "SELECT 1")
    assert look_again(mysql_tenant, name)["phase"] == "Ready"
    assert mysql_tenant.stored(path) == after


def test_a_lost_secret_is_made_again_only_where_the_user_says_whose_it_is(mysql_tenant: MySqlTenant) -> None:
    name, path, before = make_ready_on_mysql(mysql_tenant)
    mysql_tenant.secretsmanager.client().delete_secret(SecretId=path, ForceDeleteWithoutRecovery=True)
    look_again(mysql_tenant, name)
    mysql_tenant.wait_error(name, "CannotRecoverPassword")

    if is_mariadb(mysql_tenant.server):
        kept = mysql_tenant.kept_hash(name)
        ask(mysql_tenant, name, "1")
        mysql_tenant.wait_error(name, "ResetRefused")
        assert mysql_tenant.description(path) == {} and mysql_tenant.kept_hash(name) == kept
    else:
        reset(mysql_tenant, name)
        assert_works_on_mysql(mysql_tenant.server, mysql_tenant.stored(path))
        assert mysql_tenant.stored(path)["DB_PASSWORD"] != before["DB_PASSWORD"]
