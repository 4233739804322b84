"""What an owner, another session or an administrator does to a database and its roles between two passes."""

from __future__ import annotations

import json
import time
from typing import Any

import psycopg
import pytest
from devstack.database import ADMIN
from support.cluster import condition
from support.listed import READ_WRITE, TABLE, Listed, write
from support.resources import database, unique
from support.tenant import Tenant, run_sql
from support.watching import SqlWatch


def privileges_ready(status: dict[str, Any]) -> tuple[str, str]:
    """The condition's status and reason."""
    ready = condition(status, "PrivilegesReady")
    return ready["status"], ready["reason"]


# --- what an owner does to its database ---


def test_parameters_that_an_owner_sets_for_its_database_do_not_bind_the_operator(any_tenant: Tenant) -> None:
    listed = Listed(any_tenant, ["ALL"])
    run_sql(listed.url, f"CREATE TABLE t {TABLE}; CREATE SCHEMA trap; CREATE FUNCTION trap.format(text, name) RETURNS text "
            "LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trap'; END $$")  # fmt: skip
    parameters = (
        f"role = {listed.user}", "search_path = trap, pg_catalog", "default_transaction_isolation = serializable",
        "client_min_messages = error", "idle_in_transaction_session_timeout = 1", "lock_timeout = 1", "statement_timeout = 5",
        "standard_conforming_strings = off", "quote_all_identifiers = on", "default_transaction_read_only = on",
    )  # fmt: skip
    with psycopg.connect(listed.url, autocommit=True) as owner:
        for parameter in parameters:
            owner.execute(f"ALTER DATABASE {listed.database} SET {parameter}".encode())

    listed.hold("SELECT")
    assert any_tenant.owner(listed.database) == ADMIN
    listed.hold("ALL")
    assert any_tenant.owner(listed.database) == listed.user
    listed.hold("INSERT")

    any_tenant.postgres.sql(f"ALTER DATABASE {listed.database} RESET ALL")
    assert listed.rights("SELECT * FROM t", write("t"), "DROP TABLE t") == [write("t")]


@pytest.mark.parametrize("setting", ["CONNECTION LIMIT 0", "ALLOW_CONNECTIONS false", "SET idle_session_timeout = 100"])
def test_an_owner_cannot_lock_the_operator_out_of_its_database(any_tenant: Tenant, setting: str) -> None:
    listed = Listed(any_tenant, ["ALL"])
    run_sql(listed.url, f"CREATE TABLE t {TABLE}")
    maintenance = listed.url.replace(f"/{listed.database}", "/postgres")
    run_sql(maintenance, f"ALTER DATABASE {listed.database} {setting}")

    listed.hold("SELECT")

    assert any_tenant.owner(listed.database) == ADMIN
    any_tenant.postgres.sql(f"ALTER DATABASE {listed.database} RESET ALL")
    assert listed.rights("SELECT * FROM t", write("t"), "DROP TABLE t") == ["SELECT * FROM t"]


def test_a_database_that_its_owner_closed_is_dropped_with_its_resource(tenant: Tenant) -> None:
    listed = Listed(tenant, ["ALL"], database(unique("closed"), username=unique("app_user"), retainOnDelete=False))
    maintenance = listed.url.replace(f"/{listed.database}", "/postgres")
    run_sql(maintenance, f"ALTER DATABASE {listed.database} ALLOW_CONNECTIONS false CONNECTION LIMIT 0")

    tenant.delete(listed.name)

    assert not tenant.has_database(listed.database)
    assert not tenant.has_role(listed.user)


def test_a_keeper_of_another_database_under_the_same_number_is_not_used(tenant: Tenant) -> None:
    listed = Listed(tenant, ["ALL"])
    oid = tenant.postgres.sql(f"SELECT oid FROM pg_database WHERE datname = '{listed.database}'")[0]
    restored = json.dumps({"managed-by": "database-user-operator", "database": f"{oid} of_a_restored_server"})
    tenant.postgres.sql(f"CREATE ROLE dbuo_keeper_{oid}; COMMENT ON ROLE dbuo_keeper_{oid} IS '{restored}'")
    tenant.patch(listed.name, {"spec": {"privileges": ["SELECT"]}})

    status = tenant.wait_for(listed.name, lambda status: status.get("phase") == "Error", "refused")

    assert f"dbuo_keeper_{oid}" in status["message"]
    assert tenant.owner(listed.database) == listed.user
    tenant.postgres.sql(f"ALTER ROLE dbuo_keeper_{oid} RENAME TO keeper_of_{listed.database}")
    tenant.kubectl("annotate", "database", listed.name, "database.opzkit.io/reconcile-now=1")
    tenant.wait_ready(listed.name)
    assert tenant.owner(listed.database) == ADMIN


@pytest.mark.parametrize(
    "comment",
    ["NULL", "'our database'", """'{"managed-by":"database-user-operator","cluster":"c","namespace":"n","name":"x","uid":"u"}'"""],
    ids=["none", "own", "forged"],
)
def test_an_owner_that_removes_our_mark_is_held_to_its_list_all_the_same(tenant: Tenant, comment: str) -> None:
    listed = Listed(tenant, ["ALL"])
    run_sql(listed.url, f"CREATE TABLE t {TABLE}")
    of_database = f"SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = '{listed.database}'"
    mark = json.loads(tenant.postgres.sql(of_database)[0])
    run_sql(listed.url, f"COMMENT ON DATABASE {listed.database} IS {comment}")

    listed.hold("SELECT")

    assert tenant.owner(listed.database) == ADMIN
    assert listed.rights("SELECT * FROM t", write("t"), "DROP TABLE t") == ["SELECT * FROM t"]
    restored = json.loads(tenant.postgres.sql(of_database)[0])
    assert {key: restored[key] for key in ("cluster", "namespace", "name", "uid")} == {
        key: mark[key] for key in ("cluster", "namespace", "name", "uid")
    }


def test_a_database_whose_owner_removed_our_mark_is_dropped_with_its_resource(tenant: Tenant) -> None:
    listed = Listed(tenant, ["ALL"])
    tenant.patch(listed.name, {"spec": {"retainOnDelete": False}})
    tenant.wait_ready(listed.name)
    run_sql(listed.url, f"COMMENT ON DATABASE {listed.database} IS NULL")

    tenant.delete(listed.name)

    assert not tenant.has_database(listed.database)
    assert not tenant.has_role(listed.user)


# --- what is read ---


def test_a_right_that_is_missing_is_seen_among_many_that_cannot_be_given(tenant: Tenant) -> None:
    listed = Listed(tenant, ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"])
    words = ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES"]
    for number in range(1, 48):
        granted = [word for i, word in enumerate(words) if number >> i & 1]
        listed.superuser(f"CREATE TABLE foreign{number} (x int); GRANT {', '.join(granted)} ON foreign{number} TO PUBLIC")
    listed.admin(f"CREATE TABLE t {TABLE}; REVOKE SELECT ON t FROM {listed.user}")

    listed.look_again()

    assert listed.may("SELECT * FROM t")


def test_temporary_things_of_a_user_are_not_what_it_made(any_tenant: Tenant) -> None:
    listed = Listed(any_tenant, ["SELECT", "TEMPORARY"])
    with psycopg.connect(listed.url, autocommit=True) as application:
        application.execute("CREATE TEMP TABLE scratch (x int)")
        application.execute("CREATE FUNCTION pg_temp.seven() RETURNS int LANGUAGE sql AS 'SELECT 7'")
        application.execute("CREATE TYPE pg_temp.mood AS ENUM ('ok')")
        watch = SqlWatch(any_tenant.postgres)

        status = listed.look_again()

        assert privileges_ready(status) == ("True", "Granted")
        assert watch.changes() == []
        application.execute("DROP TABLE scratch")


def test_what_a_database_grants_to_everybody_is_not_missing(tenant: Tenant) -> None:
    name, user, owner, password = unique("open"), unique("open_user"), unique("open_owner"), "Known-to-the-team-and-32-chars_1"
    tenant.postgres.sql(f"CREATE ROLE {owner}; CREATE ROLE {user} LOGIN PASSWORD '{password}'; GRANT {user} TO {ADMIN} WITH ADMIN OPTION")
    tenant.postgres.sql(f"CREATE DATABASE {name} OWNER {owner}")
    value = {"DB_PASSWORD": password, "DB_USERNAME": user, "DB_NAME": name}
    tenant.secretsmanager.client().create_secret(Name=f"rds/postgres/{name}", SecretString=json.dumps(value))

    listed = Listed(tenant, ["CONNECT"], database(name, username=user))

    assert privileges_ready(listed.status) == ("True", "Granted")
    assert "CONNECT" not in condition(listed.status, "PrivilegesReady")["message"]


# --- what changes hands ---


def test_an_admin_that_is_no_member_any_more_takes_and_gives_all_the_same(any_tenant: Tenant) -> None:
    listed = Listed(any_tenant, ["ALL"])
    run_sql(listed.url, f"CREATE TABLE t {TABLE}; CREATE SCHEMA mine; CREATE TABLE mine.t {TABLE}; CREATE VIEW mine.v AS SELECT * FROM t")
    version = int(any_tenant.postgres.sql("SHOW server_version_num")[0])

    def leave(role: str) -> None:
        granted_by = f" GRANTED BY {ADMIN}" if version >= 160000 else ""
        any_tenant.postgres.sql(f"REVOKE {role} FROM {ADMIN}{granted_by}")
        assert any_tenant.postgres.sql(f"SELECT pg_has_role('{ADMIN}', '{role}', 'USAGE')") == ["f"]

    leave(listed.user)
    listed.hold("SELECT")
    keeper = listed.superuser("SELECT tableowner FROM pg_tables WHERE tablename = 't'")[0]
    assert keeper.startswith("dbuo_keeper_")
    assert listed.rights("SELECT * FROM mine.v", write("mine.t")) == ["SELECT * FROM mine.v"]

    leave(listed.user)
    leave(keeper)
    listed.hold("ALL")
    assert listed.rights("ALTER TABLE mine.t ADD COLUMN x int", "DROP SCHEMA mine CASCADE") == [
        "ALTER TABLE mine.t ADD COLUMN x int", "DROP SCHEMA mine CASCADE",
    ]  # fmt: skip
    assert not any_tenant.has_role(keeper)


def test_a_tablespace_of_the_user_stays_his_when_a_list_takes_the_database(tenant: Tenant) -> None:
    listed = Listed(tenant, ["ALL"])
    space = unique("space")
    with psycopg.connect(
        host=str(tenant.postgres.home), port=tenant.postgres.port, user="stack_super", dbname="postgres", autocommit=True
    ) as superuser:
        superuser.execute("SET allow_in_place_tablespaces = on")
        superuser.execute(f"CREATE TABLESPACE {space} OWNER {listed.user} LOCATION ''".encode())
    run_sql(listed.url, f"CREATE TABLE t {TABLE} TABLESPACE {space}")

    listed.hold("SELECT")

    owner = tenant.postgres.sql(f"SELECT pg_get_userbyid(spcowner) FROM pg_tablespace WHERE spcname = '{space}'")
    assert owner == [listed.user]
    tenant.postgres.sql("DROP TABLE t", listed.database)
    tenant.postgres.sql(f"DROP TABLESPACE {space}")


def test_code_of_a_former_owner_makes_nothing_any_more(tenant: Tenant) -> None:
    listed = Listed(tenant, ["ALL"])
    listed.admin("CREATE SCHEMA of_admin")
    run_sql(
        listed.url,
        "CREATE FUNCTION make(place text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS "
        "$$ BEGIN EXECUTE format('CREATE TABLE %I.made (x int)', place); END $$",
    )

    listed.hold("SELECT")

    makings = ["SELECT make('public')", "SELECT make('of_admin')"]
    assert listed.rights(*makings) == []


def test_what_the_admin_made_of_every_kind_goes_to_the_owner(tenant: Tenant) -> None:
    listed = Listed(tenant, ["SELECT"])
    for wrapper, users in (("common", f"{ADMIN}, {listed.user}"), ("special", ADMIN)):
        listed.superuser(f"CREATE FOREIGN DATA WRAPPER {wrapper}; GRANT USAGE ON FOREIGN DATA WRAPPER {wrapper} TO {users}")
    listed.admin(
        f"CREATE TABLE t {TABLE}; CREATE PUBLICATION news FOR TABLE t; CREATE SERVER far FOREIGN DATA WRAPPER common; "
        "CREATE SERVER special FOREIGN DATA WRAPPER special; "
        "CREATE CONVERSION odd FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8; SELECT lo_create(77777)"
    )

    listed.hold("ALL")

    owners = listed.superuser(
        "SELECT pg_get_userbyid(pubowner) FROM pg_publication UNION ALL SELECT pg_get_userbyid(srvowner) FROM pg_foreign_server WHERE srvname = 'far' "
        "UNION ALL SELECT pg_get_userbyid(conowner) FROM pg_conversion WHERE conname = 'odd' "
        "UNION ALL SELECT pg_get_userbyid(lomowner) FROM pg_largeobject_metadata"
    )
    assert owners == [listed.user] * 4
    # whose owner has to be allowed more than the user is
    assert listed.superuser("SELECT pg_get_userbyid(srvowner) FROM pg_foreign_server WHERE srvname = 'special'") == [ADMIN]


# --- at the same time ---


def wait_for_lock(tenant: Tenant, name: str) -> None:
    """Waits until the operator waits for a lock in this database."""
    waiting = f"SELECT 1 FROM pg_stat_activity WHERE datname = '{name}' AND usename = '{ADMIN}' AND wait_event_type = 'Lock'"
    deadline = time.monotonic() + 15
    while not tenant.postgres.sql(waiting):
        assert time.monotonic() < deadline, "the operator waits for no lock"
        time.sleep(0.02)


@pytest.mark.parametrize("privileges", [READ_WRITE, ["ALL"]], ids="-".join)
def test_a_table_that_vanishes_while_rights_are_granted_is_no_failure(tenant: Tenant, privileges: list[str]) -> None:
    listed = Listed(tenant, ["CONNECT"])
    listed.admin(f"CREATE TABLE gone {TABLE}; CREATE TABLE stays {TABLE}")
    url = tenant.postgres.admin_url().replace("/postgres?", f"/{listed.database}?")
    with psycopg.connect(url) as migration:
        migration.execute("DROP TABLE gone")
        tenant.patch(listed.name, {"spec": {"privileges": privileges}})
        wait_for_lock(tenant, listed.database)
    status = tenant.wait_for(listed.name, lambda status: status.get("phase") in ("Ready", "Error"), "decided")

    assert status["phase"] == "Ready", status["message"]
    events = json.loads(tenant.kubectl("get", "events", "-o", "json").stdout)["items"]
    assert [event["message"] for event in events if event["type"] == "Warning"] == []
    assert listed.rights("SELECT * FROM stays", write("stays")) == ["SELECT * FROM stays", write("stays")]
