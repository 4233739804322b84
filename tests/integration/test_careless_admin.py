"""What an admin does behind the operator's back, in good faith: nothing is lost and the status says what is there."""

from __future__ import annotations

import json

from devstack.operator import Operator
from devstack.postgres import ADMIN, PostgresServer
from devstack.process import wait_until
from secretsmanager.control_client import ControlClient
from support.cluster import condition
from support.resources import database, unique
from support.tenant import Tenant, assert_works, run_sql
from support.watching import SqlWatch

PASSWORD = "Known-to-the-team-and-32-chars_1"


def restore(source: PostgresServer, target: PostgresServer, name: str) -> None:
    """What pg_dumpall and psql do for one database and its role: comments and verifier as they are, other OIDs."""
    [verifier, of_role, of_database] = source.sql(
        f"SELECT unnest(ARRAY[a.rolpassword, shobj_description(a.oid, 'pg_authid'), shobj_description(d.oid, "
        f"'pg_database')]) FROM pg_authid a, pg_database d WHERE a.rolname = '{name}' AND d.datname = '{name}'"
    )
    for number in range(3):  # so that the OIDs are others
        target.sql(f"CREATE DATABASE before_{name}_{number}")
    target.sql(f"CREATE ROLE {name} LOGIN PASSWORD '{verifier}'")
    target.sql(f"GRANT {name} TO {ADMIN}")
    target.sql(f"CREATE DATABASE {name} OWNER {name}")
    target.sql(f"REVOKE CONNECT, TEMPORARY ON DATABASE {name} FROM PUBLIC")
    target.sql(f"COMMENT ON ROLE {name} IS '{of_role}'")
    target.sql(f"COMMENT ON DATABASE {name} IS '{of_database}'")


def test_a_restored_server_is_followed_with_the_same_password(
    tenant: Tenant, second_postgres: PostgresServer, operator: Operator
) -> None:
    name = unique("restored")
    tenant.apply(database(name))
    before = tenant.wait_ready(name)
    stored = tenant.stored(f"rds/postgres/{name}")
    restore(tenant.postgres, second_postgres, name)
    watch = SqlWatch(tenant.postgres)

    tenant.set_admin(second_postgres.admin_url(host="localhost"))
    after = tenant.wait_for(name, lambda status: status["connectionInfo"]["host"] == "localhost", "restored", 30)

    assert after["phase"] == "Ready"
    assert after["connectionInfo"]["port"] == second_postgres.port
    assert after["serverIdentity"] != before["serverIdentity"]
    now = tenant.stored(f"rds/postgres/{name}")
    assert now["DB_PASSWORD"] == stored["DB_PASSWORD"]
    assert (now["DB_HOST"], now["DB_PORT"]) == ("localhost", second_postgres.port)
    assert_works(now)
    assert watch.changes() == []
    assert_works(stored)  # the former server is left as it is


def test_the_mark_of_a_restored_user_names_the_restored_database(
    tenant: Tenant, second_postgres: PostgresServer, operator: Operator
) -> None:
    """So that a deletion finds its way there too."""
    name = unique("restored")
    tenant.apply(database(name, retainOnDelete=False))
    tenant.wait_ready(name)
    restore(tenant.postgres, second_postgres, name)
    tenant.set_admin(second_postgres.admin_url(host="localhost"))
    tenant.wait_for(name, lambda status: status["connectionInfo"]["host"] == "localhost", "restored", 30)

    tenant.delete(name)

    assert second_postgres.sql(f"SELECT 1 FROM pg_roles WHERE rolname = '{name}'") == []
    assert second_postgres.sql(f"SELECT 1 FROM pg_database WHERE datname = '{name}'") == []
    assert tenant.has_database(name)


def test_a_version_that_a_person_writes_while_the_operator_writes_is_not_lost(
    tenant: Tenant, faults: ControlClient
) -> None:
    """Both change the same secret at once: the operator moves the label away from exactly what it has read."""
    name = unique("meanwhile")
    path = f"rds/postgres/{name}"
    tenant.apply(database(name))
    tenant.wait_ready(name)
    client = tenant.secretsmanager.client()
    hold = faults.add_fault(operation="UpdateSecretVersionStage", secret=path, action="delay", seconds=4, times=1)

    tenant.patch(name, {"spec": {"secretTemplate": '{"password": "{{.DBPassword}}", "by": "the template"}'}})
    wait_until(lambda: next(f for f in faults.faults() if f["id"] == hold)["hits"] == 1, "the operator's write", 20)
    theirs = {**tenant.stored(path), "DB_PASSWORD": PASSWORD, "note": "by a person"}
    tenant.postgres.sql(f"ALTER ROLE {name} PASSWORD '{PASSWORD}'")
    client.put_secret_value(SecretId=path, SecretString=json.dumps(theirs))
    tenant.wait_for(
        name, lambda status: status["phase"] == "Ready" and status["secretFormatVersion"] == "template", "written", 40
    )

    stored = tenant.stored(path)
    assert stored["password"] == PASSWORD
    url = f"postgresql://{name}:{stored['password']}@127.0.0.1:{tenant.postgres.port}/{name}"
    assert run_sql(url, "SELECT current_user").stdout.strip() == name


def test_a_rotation_by_hand_in_the_wrong_order_is_an_error_until_both_sides_agree(tenant: Tenant) -> None:
    name = unique("rotated")
    path = f"rds/postgres/{name}"
    tenant.apply(database(name))
    tenant.wait_ready(name)
    stored = tenant.stored(path)
    tenant.postgres.sql(f"ALTER ROLE {name} PASSWORD '{PASSWORD}'")

    tenant.kubectl("annotate", "database", name, "database.opzkit.io/reconcile-now=database-first")
    status = tenant.wait_error(name, "PasswordMismatch")
    assert condition(status, "CredentialsVerified")["status"] == "False"
    assert status["phase"] == "Error"
    assert tenant.stored(path) == stored

    tenant.secretsmanager.client().put_secret_value(
        SecretId=path, SecretString=json.dumps({**stored, "DB_PASSWORD": PASSWORD})
    )
    tenant.kubectl("annotate", "database", name, "database.opzkit.io/reconcile-now=both", "--overwrite")
    tenant.wait_ready(name)
    now = tenant.stored(path)
    assert now == {**stored, "DB_PASSWORD": PASSWORD, "POSTGRES_URL": now["POSTGRES_URL"]}
    assert_works(now)


def test_a_database_that_was_renamed_by_hand_is_neither_lost_nor_dropped(tenant: Tenant) -> None:
    name, renamed = unique("renamed"), unique("archive")
    tenant.apply(database(name, retainOnDelete=False))
    tenant.wait_ready(name)
    stored = tenant.stored(f"rds/postgres/{name}")
    run_sql(stored["POSTGRES_URL"], "CREATE TABLE kept (x int)")
    tenant.postgres.sql(f"ALTER DATABASE {name} RENAME TO {renamed}")

    tenant.kubectl("annotate", "database", name, "database.opzkit.io/reconcile-now=1")
    tenant.wait_error(name, "DatabaseMissing")
    assert not tenant.has_database(name)

    tenant.delete(name, wait=False)
    status = tenant.wait_for(
        name, lambda status: condition(status, "Ready").get("reason") == "BlockedByDependencies", "blocked", 40
    )
    assert renamed in status["message"]
    assert tenant.stored(f"rds/postgres/{name}") == stored
    assert tenant.postgres.sql("SELECT count(*) FROM kept", renamed) == ["0"]

    tenant.postgres.sql(f"ALTER DATABASE {renamed} RENAME TO {name}")
    tenant.patch(name, {"spec": {"retainOnDelete": True}})
    wait_until(lambda: not tenant.exists("database", name), "the end of the resource", 30)
    run_sql(stored["POSTGRES_URL"], "SELECT * FROM kept")
