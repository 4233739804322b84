"""What the predecessor left on MariaDB and MySQL: no mark anywhere, a grant with a wildcard, a secret with one tag."""

from __future__ import annotations

import json
from typing import Any

import pytest
from devstack.mysql import ADMIN_RIGHTS
from support.mysql_tenant import MySqlTenant, assert_works, mysql_database, run_sql
from support.resources import unique

PASSWORD = "Known-to-the-team-and-32-chars_1"
PREFIX = "database.opzkit.io/"


@pytest.fixture
def mysql_tenant(mysql_tenant: MySqlTenant) -> MySqlTenant:
    """With an admin that may grant all that there is, as the one of a predecessor could."""
    server, admin = mysql_tenant.server, unique("old_admin")
    columns = server.sql("SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = 'mysql' AND TABLE_NAME = 'db'")
    further = {"Delete_history_priv": "DELETE HISTORY", "Show_create_routine_priv": "SHOW CREATE ROUTINE"}
    words = [*ADMIN_RIGHTS, *(word for column, word in further.items() if column in columns)]
    mysql_tenant.set_admin(server.admin_url(user=admin, password=server.make_admin(admin, words)))
    return mysql_tenant


def make_as_the_predecessor(tenant: MySqlTenant, name: str, engine: str, password: str = PASSWORD) -> dict[str, Any]:
    """Database, user and the grant whose underscore is a wildcard; the value of the secret, stored."""
    sql, port = tenant.server.sql, tenant.server.port
    sql(f"CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci")
    sql(f"SET SESSION sql_log_off = 1; CREATE USER '{name}'@'%' IDENTIFIED BY '{PASSWORD}'")
    sql(f"GRANT ALL PRIVILEGES ON `{name}`.* TO '{name}'@'%'")
    url = "MYSQL_URL" if engine == "mysql" else "MARIADB_URL"
    value = {
        "DB_HOST": "127.0.0.1", "DB_NAME": name, "DB_PASSWORD": password, "DB_PORT": port, "DB_USERNAME": name,
        url: f"mysql://{name}:{password}@127.0.0.1:{port}/{name}",
    }  # fmt: skip
    tenant.secretsmanager.client().create_secret(
        Name=f"rds/{engine}/{name}",
        SecretString=json.dumps(value),
        Description=f"Database credentials for {name}",
        Tags=[{"Key": "ManagedBy", "Value": "database-user-operator"}],
    )
    return value


def test_the_predecessors_database_is_taken_over_without_a_visible_change(mysql_tenant: MySqlTenant) -> None:
    name = unique("legacy_")
    value = make_as_the_predecessor(mysql_tenant, name, "mysql")
    path, resource = f"rds/mysql/{name}", name.replace("_", "-")
    kept, versions = mysql_tenant.kept_hash(name), mysql_tenant.versions(path)
    run_sql(mysql_tenant.server, value, "CREATE TABLE kept (x int)")

    mysql_tenant.apply(mysql_database(resource, databaseName=name))
    mysql_tenant.wait_ready(resource)

    assert mysql_tenant.stored(path) == value
    assert mysql_tenant.versions(path) == versions
    assert mysql_tenant.kept_hash(name) == kept
    assert mysql_tenant.granted(name, f"`{name}`.*".replace("_", "\\_"))
    tags = mysql_tenant.description(path)["Tags"]
    assert (tags[f"{PREFIX}owner-namespace"], tags[f"{PREFIX}owner-name"]) == (mysql_tenant.name, resource)
    run_sql(mysql_tenant.server, value, "SELECT * FROM kept")
    assert_works(mysql_tenant.server, value)


def test_the_predecessors_key_of_mariadb_stays_and_the_documented_one_is_added(mysql_tenant: MySqlTenant) -> None:
    name = unique("legacy_")
    value = make_as_the_predecessor(mysql_tenant, name, "mariadb")
    resource = name.replace("_", "-")

    mysql_tenant.apply(mysql_database(resource, engine="mariadb", databaseName=name))
    mysql_tenant.wait_ready(resource)

    stored = mysql_tenant.stored(f"rds/mariadb/{name}")
    assert stored == {**value, "MYSQL_URL": value["MARIADB_URL"]}
    assert_works(mysql_tenant.server, stored)


def test_a_predecessors_secret_whose_password_does_not_fit_changes_nothing(mysql_tenant: MySqlTenant) -> None:
    name = unique("stale_")
    value = make_as_the_predecessor(mysql_tenant, name, "mysql", "not-the-right-password-anymore_1")
    before, resource = mysql_tenant.grants(name), name.replace("_", "-")

    mysql_tenant.apply(mysql_database(resource, databaseName=name))
    mysql_tenant.wait_error(resource, "PasswordMismatch")

    assert mysql_tenant.stored(f"rds/mysql/{name}") == value
    assert mysql_tenant.description(f"rds/mysql/{name}")["Tags"] == {"ManagedBy": "database-user-operator"}
    assert mysql_tenant.grants(name) == before


def test_a_deletion_leaves_what_the_predecessor_made_until_a_person_confirms(mysql_tenant: MySqlTenant) -> None:
    """Nothing on these servers says that the predecessor made it rather than found it."""
    name = unique("legacy_")
    value = make_as_the_predecessor(mysql_tenant, name, "mysql")
    resource = name.replace("_", "-")
    mysql_tenant.apply(mysql_database(resource, databaseName=name, retainOnDelete=False))
    mysql_tenant.wait_ready(resource)

    mysql_tenant.delete(resource)

    assert mysql_tenant.has_database(name)
    assert mysql_tenant.hosts_of(name) == ["%"]
    run_sql(mysql_tenant.server, value, "SELECT 1")
