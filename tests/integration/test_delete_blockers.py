"""What may be in the way of a deletion on PostgreSQL: it is named with what to do, and once it is gone the rest goes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from devstack.database import ADMIN
from devstack.kube import ControlPlane
from devstack.operator import Operator
from devstack.postgres import SUPERUSER, PostgresServer
from devstack.process import wait_until
from devstack.secretsmanager import SecretsManagerServer
from devstack.stack import Stack
from support.cluster import condition
from support.deletion import psql, wait_blocked, wait_gone
from support.resources import database, unique
from support.tenant import Tenant, postgres_version, run_sql


@pytest.fixture(scope="module", params=["postgres", "postgres17"])
def server(request: pytest.FixtureRequest, stack: Stack) -> Iterator[PostgresServer]:
    """A server with prepared transactions and logical replication, and a superuser and a reader who log in."""
    settings = {"max_prepared_transactions": "5", "wal_level": "logical"}
    server = PostgresServer(
        stack.folder / f"blocking-{request.param}", version=postgres_version(request.param), settings=settings
    )
    server.start()
    server.sql("CREATE ROLE watcher SUPERUSER LOGIN PASSWORD 'w'")
    server.sql("CREATE ROLE reader LOGIN PASSWORD 'r'")
    try:
        yield server
    finally:
        server.remove()


@pytest.fixture
def tenant(
    kube: ControlPlane, server: PostgresServer, secretsmanager: SecretsManagerServer, operator: Operator
) -> Iterator[Tenant]:
    """A team on that server."""
    tenant = Tenant(kube, unique("blocked-"), server, secretsmanager)
    yield tenant
    tenant.clear()


def make(tenant: Tenant, prefix: str, **spec: Any) -> tuple[str, str]:
    """A Ready Database that retains nothing: its name, and the URL of its user."""
    name = unique(prefix)
    tenant.apply(database(name, retainOnDelete=False, **spec))
    tenant.wait_ready(name)
    return name, tenant.stored(f"rds/postgres/{name}")["POSTGRES_URL"]


def url_of(tenant: Tenant, user: str, database_name: str) -> str:
    """How somebody else logs in."""
    return f"postgresql://{user}:{user[0]}@127.0.0.1:{tenant.postgres.port}/{database_name}"


def sessions(tenant: Tenant, user: str) -> list[str]:
    """The sessions of a user."""
    return tenant.postgres.sql(f"SELECT pid FROM pg_stat_activity WHERE usename = '{user}'")


def assert_blocked(tenant: Tenant, name: str, reason: str, *words: str) -> None:
    """The deletion waits, says for what, and nothing is lost meanwhile; the user is locked out."""
    status = wait_blocked(tenant, name, reason)
    for word in words:
        assert word in status["message"]
    assert condition(status, "UserReady")["message"] == f"user '{name}' exists and is not allowed to log in"
    assert tenant.has_role(name)
    stored = tenant.stored(f"rds/postgres/{name}")
    assert "not permitted to log in" in run_sql(stored["POSTGRES_URL"], "SELECT 1", check=False).stderr


def assert_all_gone(tenant: Tenant, name: str) -> None:
    """The deletion comes to its end."""
    wait_gone(tenant, name, 60)
    assert not tenant.has_database(name) and not tenant.has_role(name)
    assert "DeletedDate" in tenant.description(f"rds/postgres/{name}")


@pytest.mark.parametrize("privileges", [["ALL"], ["SELECT"]])
def test_transactions_of_the_user_are_ended_wherever_they_are(tenant: Tenant, privileges: list[str]) -> None:
    name, url = make(tenant, "busy", privileges=privileges)
    elsewhere = url.removesuffix(name) + "postgres"
    with psql(url, "BEGIN", "SELECT count(*) FROM pg_class"), psql(elsewhere, "BEGIN", "SELECT count(*) FROM pg_class"):
        pids = sessions(tenant, name)
        assert len(pids) == 2

        tenant.delete(name)

        ended = f"SELECT 1 WHERE NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid IN ({', '.join(pids)}))"
        wait_until(lambda: tenant.postgres.sql(ended) != [], "the end of the sessions", 5)
    assert_all_gone(tenant, name)


def test_a_session_of_a_superuser_is_named(tenant: Tenant) -> None:
    name, _ = make(tenant, "occupied")
    with psql(url_of(tenant, "watcher", name), "BEGIN", "SELECT count(*) FROM pg_class"):
        tenant.delete(name, wait=False)
        session = sessions(tenant, "watcher")[0]
        assert_blocked(
            tenant, name, "BlockedBySessions", f"dropping the database: database '{name}'",
            f"session {session} of watcher: end it as a superuser",
        )  # fmt: skip
        assert tenant.has_database(name)
    assert_all_gone(tenant, name)


def test_a_session_of_another_user_is_named_with_the_right_that_ends_it(tenant: Tenant) -> None:
    name, _ = make(tenant, "read")
    tenant.postgres.sql(f"GRANT CONNECT ON DATABASE {name} TO reader")
    with psql(url_of(tenant, "reader", name), "BEGIN", "SELECT count(*) FROM pg_class") as client:
        tenant.delete(name, wait=False)
        session = sessions(tenant, "reader")[0]
        remedy = f"session {session} of reader: end it, or grant pg_signal_backend to {ADMIN}"
        assert_blocked(tenant, name, "BlockedBySessions", remedy)
        assert client.poll() is None

        tenant.postgres.sql(f"GRANT pg_signal_backend TO {ADMIN}")
        try:
            assert_all_gone(tenant, name)
        finally:
            tenant.postgres.sql(f"REVOKE pg_signal_backend FROM {ADMIN}")


def prepare_transaction(tenant: Tenant, name: str, url: str) -> tuple[str, Callable[[], Any]]:
    """A prepared transaction that nobody finishes."""
    run_sql(url, f"BEGIN; CREATE TABLE t (x int); PREPARE TRANSACTION 'of {name}'")
    said = f"prepared transaction 'of {name}' of {name}: run ROLLBACK PREPARED there"
    return said, lambda: tenant.postgres.sql(f"ROLLBACK PREPARED 'of {name}'", name)


def use_replication_slot(tenant: Tenant, name: str, url: str) -> tuple[str, Callable[[], Any]]:
    """A subscription in another database that follows this one."""
    sql, other = tenant.postgres.sql, unique("follower")
    sql("CREATE PUBLICATION p FOR ALL TABLES", name)
    sql(f"SELECT pg_create_logical_replication_slot('slot_{name}', 'pgoutput')", name)
    sql(f"CREATE DATABASE {other}")
    source = f"host={tenant.postgres.home} port={tenant.postgres.port} user={SUPERUSER} dbname={name}"
    sql(f"CREATE SUBSCRIPTION s_{name} CONNECTION '{source}' PUBLICATION p"
        f" WITH (create_slot = false, slot_name = 'slot_{name}')", other)  # fmt: skip
    wait_until(lambda: sql(f"SELECT 1 FROM pg_replication_slots WHERE slot_name = 'slot_{name}' AND active") != [], "a consumer")
    return f"replication slot slot_{name}: stop its consumer (process ", lambda: sql(f"DROP SUBSCRIPTION s_{name}", other)


def subscribe(tenant: Tenant, name: str, url: str) -> tuple[str, Callable[[], Any]]:
    """A subscription in the database."""
    tenant.postgres.sql(
        f"CREATE SUBSCRIPTION s_{name} CONNECTION 'dbname=postgres' PUBLICATION p WITH (connect = false, slot_name = NONE)", name
    )
    return f"subscription s_{name}: run DROP SUBSCRIPTION there", lambda: tenant.postgres.sql(f"DROP SUBSCRIPTION s_{name}", name)


@pytest.mark.parametrize("use", [prepare_transaction, use_replication_slot, subscribe])
def test_what_no_session_stands_for_is_named(
    tenant: Tenant, use: Callable[[Tenant, str, str], tuple[str, Callable[[], Any]]]
) -> None:
    name, url = make(tenant, "used")
    said, give_up = use(tenant, name, url)
    tenant.delete(name, wait=False)
    assert_blocked(tenant, name, "BlockedBySessions", said)
    assert tenant.has_database(name)

    give_up()

    assert_all_gone(tenant, name)


def test_a_template_is_not_dropped(tenant: Tenant) -> None:
    name, _ = make(tenant, "pattern")
    tenant.postgres.sql(f"ALTER DATABASE {name} IS_TEMPLATE true")
    tenant.delete(name, wait=False)
    assert_blocked(tenant, name, "BlockedByTemplate", f'run ALTER DATABASE "{name}" IS_TEMPLATE false')
    assert tenant.has_database(name)

    tenant.postgres.sql(f"ALTER DATABASE {name} IS_TEMPLATE false")

    assert_all_gone(tenant, name)


def test_a_database_of_another_owner_is_not_mistaken_for_one_in_use(tenant: Tenant) -> None:
    name, _ = make(tenant, "taken")
    tenant.postgres.sql(f"ALTER DATABASE {name} OWNER TO watcher")
    with psql(url_of(tenant, "watcher", name)):
        tenant.delete(name, wait=False)
        remedy = f'run ALTER DATABASE "{name}" OWNER TO "{ADMIN}" as a superuser'
        assert_blocked(tenant, name, "BlockedByOwner", "it belongs to 'watcher'", remedy)
        assert tenant.has_database(name)

    tenant.postgres.sql(f"ALTER DATABASE {name} OWNER TO {ADMIN}")

    assert_all_gone(tenant, name)


def test_what_the_user_has_elsewhere_is_named_and_never_dropped(tenant: Tenant) -> None:
    name, _ = make(tenant, "rooted")
    other, own = unique("elsewhere"), unique("own")
    sql = tenant.postgres.sql
    sql(f"CREATE DATABASE {other}")
    sql(f"CREATE DATABASE {own} OWNER {name}")
    sql(f"CREATE TABLE kept (x int); ALTER TABLE kept OWNER TO {name}", other)
    sql(f"CREATE TABLE lent (x int); GRANT SELECT ON lent TO {name}", other)

    tenant.delete(name, wait=False)

    assert_blocked(
        tenant, name, "BlockedByDependencies", "dropping the user: ", f"owns objects in database {other} (1)",
        f"has privileges on objects in database {other} (1)", f"owns database {own}", f'REASSIGN OWNED BY "{name}"',
    )  # fmt: skip
    assert sql("SELECT tableowner FROM pg_tables WHERE tablename = 'kept'", other) == [name]
    assert sql(f"SELECT has_table_privilege('{name}', 'lent', 'SELECT')", other) == ["t"]
    assert tenant.owner(own) == name
    assert not tenant.has_database(name)

    sql(f"REASSIGN OWNED BY {name} TO watcher; DROP OWNED BY {name}", other)
    assert_all_gone(tenant, name)
    assert sql("SELECT tableowner FROM pg_tables WHERE tablename = 'kept'", other) == ["watcher"]


def test_an_admin_connection_into_the_database_itself_is_refused(tenant: Tenant) -> None:
    name, _ = make(tenant, "inside")
    tenant.set_admin(tenant.postgres.admin_url().replace("/postgres?", f"/{name}?"))
    tenant.wait_ready(name)
    tenant.delete(name, wait=False)
    assert_blocked(tenant, name, "AdminInsideDatabase", "let it name another one, such as postgres")
    assert tenant.has_database(name)

    tenant.set_admin()

    assert_all_gone(tenant, name)
