"""What a list of privileges allows and refuses, on real servers, seen by clients with the stored password."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from devstack.database import ADMIN
from devstack.mysql import MariaDbServer, MySqlServer
from devstack.stack import Stack
from support.cluster import condition
from support.listed import READ_WRITE, TABLE, Listed, write
from support.proxy import Proxy
from support.resources import database, secret, unique
from support.samples import sample
from support.tenant import Tenant, assert_works, run_sql
from support.watching import SqlWatch

def test_the_read_only_example_reads_and_does_nothing_else(tenant: Tenant) -> None:
    listed = Listed(tenant, ["SELECT"], sample("postgres_read_only"))
    listed.admin(f"CREATE TABLE t {TABLE}; INSERT INTO t (word) VALUES ('old')")

    assert listed.user == "readonly_user"
    assert listed.rights(
        "SELECT * FROM t", write("t"), "UPDATE t SET word = 'y'", "DELETE FROM t", "DROP TABLE t", "CREATE TABLE u (x int)",
        "CREATE TEMP TABLE v (x int)", "TRUNCATE t", "CREATE SCHEMA s",
    ) == ["SELECT * FROM t"]  # fmt: skip
    assert listed.status["appliedPrivileges"] == ["SELECT"]
    assert condition(listed.status, "PrivilegesReady")["status"] == "True"


def test_the_example_with_own_names_reads_and_inserts(tenant: Tenant) -> None:
    listed = Listed(tenant, ["SELECT", "INSERT"], sample("postgres_own_names"))
    listed.admin(f"CREATE TABLE t {TABLE}")

    assert (listed.user, listed.path) == ("analytics_user", "/myapp/databases/analytics")
    assert (listed.status["actualUsername"], listed.status["actualSecretName"]) == (listed.user, listed.path)
    stored = tenant.stored(listed.path)
    assert (stored["DB_USERNAME"], stored["DB_NAME"]) == ("analytics_user", "analytics")
    assert not tenant.has_role("analytics")
    assert tenant.description("rds/postgres/analytics") == {}
    assert listed.rights("SELECT * FROM t", write("t"), "UPDATE t SET word = 'y'", "DELETE FROM t", "DROP TABLE t") == [
        "SELECT * FROM t", write("t"),
    ]  # fmt: skip


# --- which objects ---


def test_tables_before_and_after_in_every_schema_and_of_every_kind_are_covered(tenant: Tenant) -> None:
    listed = Listed(tenant, ["CONNECT"])
    listed.admin(f"CREATE SCHEMA before; CREATE TABLE before.t {TABLE}; CREATE TABLE t {TABLE}")
    listed.admin("CREATE VIEW v AS SELECT * FROM t; CREATE MATERIALIZED VIEW m AS SELECT * FROM t")
    listed.admin("CREATE TABLE p (id int) PARTITION BY RANGE (id); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (9)")
    listed.hold("SELECT", "INSERT")
    listed.admin(f"CREATE SCHEMA after; CREATE TABLE after.t {TABLE}; CREATE TABLE before.u {TABLE}; CREATE VIEW w AS SELECT 1")

    tables = ["before.t", "t", "after.t", "before.u"]
    readable = [f"SELECT * FROM {table}" for table in [*tables, "v", "m", "p", "p1", "w"]]
    assert listed.rights(*readable) == readable
    assert listed.rights(*map(write, tables)) == [write(table) for table in tables]
    assert listed.rights("INSERT INTO p VALUES (1)", "CREATE TABLE after.own (x int)", "DROP TABLE after.t") == ["INSERT INTO p VALUES (1)"]


def test_tables_of_other_owners_are_covered_as_far_as_the_admin_may_act_for_them(tenant: Tenant) -> None:
    listed = Listed(tenant, ["SELECT"])
    other, stranger = unique("maker"), unique("stranger")
    listed.superuser(f"CREATE ROLE {other}; GRANT {other} TO {ADMIN}; CREATE ROLE {stranger}")
    listed.superuser(f"CREATE SCHEMA work AUTHORIZATION {other}; CREATE SCHEMA closed AUTHORIZATION {stranger}")
    listed.superuser(f"SET ROLE {other}; CREATE TABLE work.early {TABLE}")
    listed.superuser(f"SET ROLE {stranger}; CREATE TABLE closed.t {TABLE}")

    status = listed.look_again()
    listed.superuser(f"SET ROLE {other}; CREATE TABLE work.late {TABLE}")

    statements = ["SELECT * FROM work.early", "SELECT * FROM work.late"]
    assert listed.rights(*statements, "SELECT * FROM closed.t") == statements
    ready = condition(status, "PrivilegesReady")
    assert (status["phase"], ready["status"], ready["reason"]) == ("Ready", "False", "InsufficientRights")
    assert f"SELECT on table closed.t of {stranger}" in ready["message"]


def test_tables_of_a_superuser_are_named_and_not_missed(tenant: Tenant) -> None:
    listed = Listed(tenant, ["SELECT"])
    listed.superuser(f"CREATE TABLE of_superuser {TABLE}")

    ready = condition(listed.look_again(), "PrivilegesReady")

    assert (ready["status"], ready["reason"]) == ("True", "Granted")
    assert "of_superuser" in ready["message"]


def test_names_with_quotes_blanks_and_other_alphabets_are_names(tenant: Tenant) -> None:
    listed = Listed(tenant, ["CONNECT"])
    names = ['"we""ird; --"', '"a b"', '"Größe"', "\"it's\"", '"表"', '"x\\y"', '"SELECT"', '"$1"', '"%s"']
    for name in names:
        listed.admin(f"CREATE SCHEMA {name}; CREATE TABLE {name}.{name} (id serial, {name} text)")

    listed.hold("SELECT")
    statements = [f"SELECT {name} FROM {name}.{name}" for name in names]
    assert listed.rights(*statements) == statements

    listed.hold("INSERT")
    statements = [f"INSERT INTO {name}.{name} ({name}) VALUES ('x')" for name in names]
    assert listed.rights(*statements, f"SELECT * FROM {names[0]}.{names[0]}") == statements


def test_what_a_tenant_leaves_in_the_search_path_is_not_run_by_the_admin(tenant: Tenant) -> None:
    listed = Listed(tenant, ["CREATE"])
    for function in ("quote_ident(name)", "format(text, name, name)", "lower(text)", "array_to_string(text[], text)"):
        listed.superuser(
            f"CREATE FUNCTION public.{function} RETURNS text LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'trap'; END $$"
        )
    listed.admin(f"CREATE TABLE t {TABLE}")

    listed.hold("SELECT")

    assert listed.may("SELECT * FROM t")


# --- convergence ---


def test_a_shorter_list_revokes_what_it_no_longer_names_and_does_nothing_else(tenant: Tenant) -> None:
    listed = Listed(tenant, ["SELECT", "INSERT"])
    listed.admin(f"CREATE TABLE t {TABLE}; CREATE TABLE u {TABLE}")
    sql = SqlWatch(tenant.postgres)

    listed.hold("SELECT")

    text = "".join(change.split("statement: ", 1)[1] for change in sql.changes())
    assert "GRANT" not in text
    # Ready is what was read after the change
    assert sql.text.rindex("AS sentence") > sql.text.rindex("REVOKE INSERT")
    assert f'REVOKE INSERT ON TABLE public.t, public.u FROM {listed.user} CASCADE' in text
    assert f"REVOKE USAGE ON SEQUENCE public.t_id_seq, public.u_id_seq FROM {listed.user} CASCADE" in text
    assert "REVOKE SELECT" not in text
    assert listed.rights("SELECT * FROM t", write("t")) == ["SELECT * FROM t"]
    listed.admin(f"CREATE TABLE late {TABLE}")
    assert listed.rights("SELECT * FROM late", write("late")) == ["SELECT * FROM late"]


def test_a_longer_list_grants_what_is_new_and_takes_nothing_away(tenant: Tenant) -> None:
    listed = Listed(tenant, ["SELECT"])
    listed.admin(f"CREATE TABLE t {TABLE}")
    sql = SqlWatch(tenant.postgres)

    status = listed.hold("delete", "Select", "UPDATE", "INSERT", "SELECT")

    assert not [change for change in sql.changes() if "REVOKE" in change]
    assert status["appliedPrivileges"] == READ_WRITE
    statements = ["SELECT * FROM t", write("t"), "UPDATE t SET word = 'y'", "DELETE FROM t"]
    assert listed.rights(*statements, "TRUNCATE t") == statements


def test_additions_of_a_person_to_a_user_of_ours_are_taken_back(tenant: Tenant) -> None:
    listed = Listed(tenant, ["SELECT"])
    listed.admin(f"CREATE TABLE t {TABLE}; CREATE SCHEMA s")
    user, friend = listed.user, unique("friend")
    listed.superuser(f"CREATE ROLE {friend}; GRANT ALL ON ALL TABLES IN SCHEMA public TO {friend}")
    listed.superuser(f"GRANT DELETE, TRUNCATE ON t TO {user}; GRANT UPDATE (word) ON t TO {user}; GRANT CREATE ON SCHEMA s TO {user}")
    listed.superuser(f"GRANT TEMPORARY ON DATABASE {listed.database} TO {user}")
    listed.superuser(f"ALTER DEFAULT PRIVILEGES FOR ROLE {ADMIN} IN SCHEMA s GRANT INSERT ON TABLES TO {user}")
    listed.superuser(f"GRANT pg_monitor TO {user}")
    excess = ["DELETE FROM t", "TRUNCATE t", "UPDATE t SET word = 'x'", "CREATE TABLE s.own (x int)", "CREATE TEMP TABLE x (x int)"]
    assert len(listed.rights("DELETE FROM t", *excess[1:])) == len(excess)
    listed.superuser("DROP TABLE s.own")

    status = listed.look_again()

    assert condition(status, "PrivilegesReady")["status"] == "True"
    assert listed.rights(*excess, "SELECT * FROM t") == ["SELECT * FROM t"]
    listed.admin(f"CREATE TABLE s.late {TABLE}")
    assert listed.rights("SELECT * FROM s.late", write("s.late")) == ["SELECT * FROM s.late"]
    assert listed.superuser(f"SELECT has_table_privilege('{friend}', 't', 'TRUNCATE')") == ["t"]
    assert listed.superuser(f"SELECT pg_has_role('{user}', 'pg_monitor', 'MEMBER')") == ["t"]


def test_what_a_user_made_by_hand_has_beyond_its_list_goes_with_a_change_of_the_list(tenant: Tenant) -> None:
    name, user, password = unique("byhand"), unique("hand_user"), "Known-to-the-team-and-32-chars_1"
    tenant.postgres.sql(f"CREATE ROLE {user} LOGIN PASSWORD '{password}'; GRANT {user} TO {ADMIN} WITH ADMIN OPTION")
    tenant.postgres.sql(f"CREATE DATABASE {name} OWNER {ADMIN}")
    tenant.postgres.sql(f"SET ROLE {ADMIN}; CREATE TABLE t {TABLE}; GRANT SELECT, TRUNCATE ON t TO {user}", name)
    value = {"DB_PASSWORD": password, "DB_USERNAME": user, "DB_NAME": name}
    tenant.secretsmanager.client().create_secret(Name=f"rds/postgres/{name}", SecretString=json.dumps(value))

    listed = Listed(tenant, ["SELECT", "INSERT"], database(name, username=user))

    ready = condition(listed.status, "PrivilegesReady")
    assert (ready["status"], ready["reason"]) == ("False", "PrivilegesDiffer")
    assert "TRUNCATE on table public.t" in ready["message"]
    statements = ["SELECT * FROM t", write("t"), "TRUNCATE t"]
    assert listed.rights(*statements) == statements

    listed.hold("SELECT")

    assert condition(listed.status, "PrivilegesReady")["status"] == "True"
    assert listed.rights(*statements) == ["SELECT * FROM t"]


def test_who_may_no_longer_create_loses_what_it_made(tenant: Tenant) -> None:
    listed = Listed(tenant, ["SELECT", "CREATE", "TEMPORARY"])
    listed.admin("CREATE SCHEMA of_admin")
    run_sql(
        listed.url,
        f"CREATE TABLE own {TABLE}; CREATE SCHEMA mine; CREATE TABLE mine.t {TABLE}; CREATE TYPE of_admin.mood AS ENUM ('ok'); "
        "CREATE FUNCTION of_admin.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    )
    statements = ["SELECT * FROM own", write("own"), "DROP TABLE mine.t", "SELECT * FROM mine.t"]
    assert condition(listed.look_again(), "PrivilegesReady")["status"] == "True"

    listed.hold("SELECT")

    assert listed.rights(*statements) == [statements[0], statements[3]]
    listed.hold("ALL")
    assert listed.rights(statements[1], statements[2]) == [statements[1], statements[2]]


def test_an_unknown_word_changes_nothing(tenant: Tenant) -> None:
    listed = Listed(tenant, ["SELECT"])
    sql = SqlWatch(tenant.postgres)

    for word in ("EXECUTE", "USAGE", "MAINTAIN", "DROP", "SUPER"):
        tenant.patch(listed.name, {"spec": {"privileges": ["SELECT", word]}})
        status = tenant.wait_error(listed.name, "InvalidSpec")
        assert f"'{word}'" in status["message"]
        assert "use SELECT, INSERT," in status["message"]

    assert sql.changes() == []


class Meter(Proxy):
    """Counts what a PostgreSQL server answers on connections without TLS."""

    def __init__(self, target_port: int) -> None:
        self.answers: dict[int, bytearray] = {}
        super().__init__(target_port)

    def hear_answer(self, connection: int, data: bytes) -> None:
        self.answers.setdefault(connection, bytearray()).extend(data)

    def measure(self, do: Callable[[], Any]) -> tuple[int, int]:
        """How many rows and bytes were answered meanwhile, on new connections."""
        self.answers.clear()
        do()
        return sum(map(_count_rows, self.answers.values())), sum(map(len, self.answers.values()))


def _count_rows(answer: bytearray) -> int:
    found = position = 0
    while position < len(answer):
        found += answer[position] == ord("D")
        position += 1 + int.from_bytes(answer[position + 1 : position + 5], "big")
    return found


def test_a_pass_over_4000_tables_that_are_right_reads_as_little_as_over_none_and_writes_nothing(tenant: Tenant) -> None:
    with Meter(tenant.postgres.port) as proxy:
        tenant.set_admin(tenant.postgres.admin_url(port=proxy.port, parameters="sslmode=disable"))
        listed = Listed(tenant, READ_WRITE)
        rows_of_none, bytes_of_none = proxy.measure(listed.look_again)
        listed.admin("DO $$ BEGIN FOR i IN 1..4000 LOOP EXECUTE format('CREATE TABLE t%s (id serial)', i); END LOOP; END $$")
        sql = SqlWatch(tenant.postgres)
        begin = time.monotonic()
        rows_of_many, bytes_of_many = proxy.measure(listed.look_again)
        seconds = time.monotonic() - begin

        assert 0 < rows_of_many <= rows_of_none < 20
        assert bytes_of_many < bytes_of_none + 1000
        assert sql.changes() == []
        assert seconds < 5
        assert condition(listed.status, "PrivilegesReady")["status"] == "True"
        listed.hold("SELECT")
        assert listed.rights("SELECT * FROM t4000", "DELETE FROM t4000") == ["SELECT * FROM t4000"]


# --- ALL and back ---


def migrate(url: str, number: int) -> None:
    """What a migration of the application does: with what was there, and with something new."""
    run_sql(
        url,
        f"ALTER TABLE t ADD COLUMN c{number} int; CREATE TABLE new{number} {TABLE}; ALTER TABLE s.t RENAME COLUMN word TO w{number}; "
        f"ALTER TABLE s.t RENAME COLUMN w{number} TO word; ALTER TYPE mood ADD VALUE 'm{number}'; ALTER SEQUENCE alone RESTART; "
        f"CREATE OR REPLACE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE SCHEMA s{number}; "
        f"CREATE OR REPLACE VIEW v AS SELECT 1 AS one; DROP TABLE IF EXISTS new{number - 1}; ALTER DOMAIN word DROP NOT NULL",
    )


def test_a_database_goes_from_a_list_to_all_and_back_and_migrations_still_run(tenant: Tenant) -> None:
    listed = Listed(tenant, ["SELECT"])
    listed.admin(
        f"CREATE TABLE t {TABLE}; CREATE SCHEMA s; CREATE TABLE s.t {TABLE}; CREATE TYPE mood AS ENUM ('ok'); CREATE SEQUENCE alone; "
        "CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE VIEW v AS SELECT 1 AS one; "
        "CREATE TRIGGER stamp BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION stamp(); CREATE DOMAIN word AS text; "
        "CREATE EXTENSION citext; CREATE STATISTICS st ON id, word FROM t; CREATE MATERIALIZED VIEW m AS SELECT 1; "
        "CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int); CREATE TYPE pair AS (a int, b int); "
        "CREATE PROCEDURE work() LANGUAGE sql AS 'SELECT 1'; CREATE TABLE ids (id int GENERATED ALWAYS AS IDENTITY)"
    )
    statements = ["SELECT * FROM t", write("t"), "DROP TABLE t", "DROP FUNCTION stamp() CASCADE", "CREATE TABLE x (x int)", "DROP SCHEMA s CASCADE"]

    for number in (1, 3):
        status = listed.hold("ALL")
        assert tenant.owner(listed.database) == listed.user
        assert status["appliedPrivileges"] == ["ALL"]
        migrate(listed.url, number)
        assert_works(tenant.stored(listed.path))

        listed.hold("SELECT")
        assert tenant.owner(listed.database) == ADMIN
        assert listed.rights(*statements) == ["SELECT * FROM t"]
        listed.admin(f"CREATE TABLE late{number} {TABLE}; ALTER TABLE t ADD COLUMN by_admin{number} int")
        assert listed.rights(f"SELECT * FROM late{number}", f"SELECT * FROM new{number}") == [
            f"SELECT * FROM late{number}", f"SELECT * FROM new{number}",
        ]  # fmt: skip

    listed.hold("ALL")
    migrate(listed.url, 5)
    keeper = "SELECT 'dbuo_keeper_' || oid FROM pg_database WHERE datname = current_database()"
    assert listed.superuser(f"SELECT rolname FROM pg_roles WHERE rolname = ({keeper})") == []


def test_what_the_user_made_comes_back_even_when_somebody_gave_the_database_back(tenant: Tenant) -> None:
    listed = Listed(tenant, ["ALL"])
    run_sql(listed.url, f"CREATE TABLE t {TABLE}")
    listed.hold("SELECT")
    keeper = listed.superuser("SELECT tableowner FROM pg_tables WHERE tablename = 't'")[0]
    listed.superuser(f"ALTER DATABASE {listed.database} OWNER TO {listed.user}")

    listed.hold("ALL")

    assert listed.rights("ALTER TABLE t ADD COLUMN x int", "DROP TABLE t") == [
        "ALTER TABLE t ADD COLUMN x int", "DROP TABLE t",
    ]  # fmt: skip
    assert not tenant.has_role(keeper)


def test_other_databases_of_the_user_stay_his_when_a_list_takes_one_away(tenant: Tenant) -> None:
    listed = Listed(tenant, ["ALL"])
    other = unique("another")
    tenant.postgres.sql(f"CREATE DATABASE {other} OWNER {listed.user}")
    run_sql(listed.url, f"CREATE TABLE t {TABLE}")

    listed.hold("SELECT")

    assert tenant.owner(listed.database) == ADMIN
    assert tenant.owner(other) == listed.user
    assert listed.rights("SELECT * FROM t", "DROP TABLE t") == ["SELECT * FROM t"]


def test_code_of_the_user_never_runs_as_the_admin(tenant: Tenant) -> None:
    listed = Listed(tenant, ["ALL"])
    run_sql(
        listed.url,
        "CREATE FUNCTION who() RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN current_user; END'; "
        f"CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child (id int REFERENCES parent ON DELETE CASCADE, who text)",
    )
    run_sql(
        listed.url,
        "INSERT INTO parent VALUES (1); INSERT INTO child VALUES (1); CREATE TABLE seen (who text); "
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO seen VALUES (current_user); RETURN OLD; END'; "
        "CREATE TRIGGER note BEFORE DELETE ON child FOR EACH ROW EXECUTE FUNCTION note()",
    )

    listed.hold("SELECT", "DELETE")

    run_sql(listed.url, "DELETE FROM parent")
    who = run_sql(listed.url, "SELECT who()").stdout.strip()
    assert who not in (ADMIN, listed.user)
    assert run_sql(listed.url, "SELECT who FROM seen").stdout.strip() == who
    assert listed.superuser(f"SELECT rolcanlogin, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = '{who}'") == ["f|f|f"]


def test_a_deletion_takes_the_keeper_of_what_the_user_made_with_it(tenant: Tenant) -> None:
    listed = Listed(tenant, ["ALL"])
    run_sql(listed.url, f"CREATE TABLE t {TABLE}")
    listed.hold("SELECT")
    keeper = listed.superuser("SELECT tableowner FROM pg_tables WHERE tablename = 't'")[0]
    assert keeper.startswith("dbuo_keeper_") and tenant.has_role(keeper)

    tenant.patch(listed.name, {"spec": {"retainOnDelete": False}})
    tenant.delete(listed.name)

    assert not tenant.has_database(listed.database)
    assert not tenant.has_role(listed.user)
    assert not tenant.has_role(keeper)


# --- MariaDB and MySQL ---


@pytest.mark.parametrize("engine", ["mariadb", "mysql"])
def test_lists_converge_both_ways_on_the_other_family(tenant: Tenant, stack: Stack, engine: str) -> None:
    stack.up([engine])
    server: MariaDbServer | MySqlServer = getattr(stack, engine)
    name, user = unique(f"{engine}_list"), unique("list_user")
    resource = {
        **database(
            name, engine=engine, username=user, privileges=["SELECT", "INSERT"],
            connectionStringSecretRef={"name": f"{engine}-admin"},
        ),
        "metadata": {"name": name.replace("_", "-")},
    }  # fmt: skip
    tenant.apply(secret(f"{engine}-admin", connectionString=server.admin_url(parameters="tls=skip-verify")), resource)
    key = resource["metadata"]["name"]

    def hold(*privileges: str) -> None:
        tenant.patch(key, {"spec": {"privileges": list(privileges)}})
        tenant.wait_ready(key)

    def held() -> set[str]:
        grantee = f"\"'{user}'@'%'\""
        return set(server.sql(f"SELECT PRIVILEGE_TYPE FROM information_schema.SCHEMA_PRIVILEGES WHERE GRANTEE = {grantee}"))

    assert tenant.wait_ready(key)["appliedPrivileges"] == ["SELECT", "INSERT"]
    assert held() == {"SELECT", "INSERT"}
    hold("SELECT")
    assert held() == {"SELECT"}

    pattern = name.replace("_", "\\_")
    server.sql(f"GRANT DROP, UPDATE ON `{pattern}`.* TO '{user}'@'%'")
    tenant.kubectl("annotate", "database", key, "database.opzkit.io/reconcile-now=1")
    tenant.wait_for(key, lambda status: status.get("lastHandledReconcileAt") == "1", "asked")
    assert held() == {"SELECT"}

    hold("ALL")
    assert {"DROP", "ALTER", "CREATE", "INDEX"} < held()
    hold(*READ_WRITE)
    assert held() == set(READ_WRITE)
