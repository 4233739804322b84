"""MySQL and MariaDB servers that fail: an Error with its reason, which goes away by itself."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest
from devstack.operator import Operator
from devstack.process import StackError, wait_until
from devstack.stack import Stack
from support.cluster import condition
from support.mysql_log import GeneralLog
from support.mysql_tenant import FAMILIES, MySqlTenant, Server, assert_works, is_mariadb, mysql_database
from support.resources import unique


@contextmanager
def locked_for_a_backup(server: Server) -> Iterator[None]:
    """Every write waits, until the end of the block."""
    words = "SELECT SLEEP(60)"

    def lock() -> None:
        with suppress(StackError):  # it is ended by KILL
            server.sql(f"FLUSH TABLES WITH READ LOCK; {words}")

    backup = threading.Thread(target=lock)
    backup.start()
    find = f"SELECT ID FROM information_schema.PROCESSLIST WHERE INFO = '{words}'"
    wait_until(lambda: server.sql(find) != [], "the lock", 10)
    try:
        yield
    finally:
        server.sql(f"KILL {server.sql(find)[0]}")
        backup.join()


def make_ready(tenant: MySqlTenant) -> str:
    """A Database that is Ready."""
    name = unique("ready")
    tenant.apply(mysql_database(name))
    tenant.wait_ready(name)
    return name


def look_again(tenant: MySqlTenant, name: str) -> None:
    """A change of the spec that changes nothing on the server."""
    tenant.patch(name, {"spec": {"awsSecretsManager": {"description": unique("look again ")}}})


def test_no_log_of_the_server_holds_a_password(second_mysql_tenant: MySqlTenant, operator: Operator) -> None:
    tenant, server = second_mysql_tenant, second_mysql_tenant.server
    name = make_ready(tenant)
    stored = tenant.stored(f"rds/mysql/{name}")
    assert_works(server, stored)

    logs = {
        "general": server.home / "general.log",
        "slow": server.home / "slow.log",
        "errors": server.process.log,
        **{path.name: path for path in server.data.glob("binlog.[0-9]*")},
    }
    binary = [path for path in logs if path.startswith("binlog")]
    assert b"CREATE USER" in logs["general"].read_bytes()
    assert b"CREATE DATABASE" in logs["slow"].read_bytes()
    assert binary and any(f"CREATE DATABASE `{name}`".encode() in logs[log].read_bytes() for log in binary)
    for log, path in logs.items():
        content = path.read_bytes()
        assert stored["DB_PASSWORD"].encode() not in content, log
        # the binary log of MariaDB has the admin's from the stack itself, which creates that account
        assert log in binary or server.admin_password.encode() not in content, log
    assert stored["DB_PASSWORD"] not in operator.log_text + json.dumps(tenant.get("database", name))


@pytest.mark.parametrize("second_mysql", FAMILIES, indirect=True)
def test_a_server_that_is_stopped_or_killed_is_an_error_and_found_again(second_mysql_tenant: MySqlTenant) -> None:
    tenant, server = second_mysql_tenant, second_mysql_tenant.server
    ready = make_ready(tenant)
    for end in (server.stop, server.kill):
        fresh = unique("fresh")
        end()
        try:
            tenant.apply(mysql_database(fresh))
            look_again(tenant, ready)
            for name in (fresh, ready):
                status = tenant.wait_error(name, "ServerUnreachable", 10)
                assert f"127.0.0.1:{server.port}" in status["message"] and "nobody listens there" in status["message"]
                assert condition(status, "DatabaseReady")["status"] == "Unknown"
                assert condition(status, "Reconciling")["status"] == "True"
            assert tenant.description(f"rds/mysql/{fresh}") == {}
        finally:
            server.start()

        for name in (fresh, ready):
            tenant.wait_ready(name, 40)
            assert_works(server, tenant.stored(f"rds/mysql/{name}"))


@pytest.mark.parametrize("second_mysql", FAMILIES, indirect=True)
def test_a_silent_server_is_an_error_within_the_time_that_the_connection_string_allows(
    second_mysql_tenant: MySqlTenant,
) -> None:
    tenant, name = second_mysql_tenant, unique("silent")
    tenant.set_admin(tenant.server.admin_url(parameters="tls=skip-verify&timeout=2s"))
    tenant.server.pause()
    try:
        tenant.apply(mysql_database(name))
        status = tenant.wait_error(name, "ServerUnreachable", 10)
        assert "did not answer in time" in status["message"]
        assert tenant.description(f"rds/mysql/{name}") == {}
    finally:
        tenant.server.resume()

    tenant.wait_ready(name, 30)


@pytest.mark.parametrize("second_mysql", FAMILIES, indirect=True)
def test_a_read_only_server_is_an_error_until_it_is_not(second_mysql_tenant: MySqlTenant) -> None:
    tenant, server = second_mysql_tenant, second_mysql_tenant.server
    for variable in ["read_only"] if is_mariadb(server) else ["read_only", "super_read_only"]:
        name, log = unique("standby"), GeneralLog(server)
        server.sql(f"SET GLOBAL {variable} = 1")
        try:
            tenant.apply(mysql_database(name))
            status = tenant.wait_error(name, "ServerReadOnly", 10)
            assert "point the admin connection at the primary" in status["message"]
            assert tenant.description(f"rds/mysql/{name}") == {} and log.changes() == []
        finally:
            server.sql("SET GLOBAL read_only = 0")  # the other one goes with it

        tenant.wait_ready(name, 30)


@pytest.mark.parametrize("second_mysql", FAMILIES, indirect=True)
def test_a_server_without_a_free_connection_is_an_error_until_one_is_free(second_mysql_tenant: MySqlTenant) -> None:
    tenant, server, name = second_mysql_tenant, second_mysql_tenant.server, unique("crowded")
    server.sql("SET GLOBAL max_connections = 10; SET GLOBAL connect_timeout = 60")
    with ExitStack() as held:
        for _ in range(12):  # one more than the superuser may have, and one that is refused
            held.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=10))
        tenant.apply(mysql_database(name))
        status = tenant.wait_error(name, "ServerUnreachable", 15)
        assert "the server has no connection left" in status["message"]
        assert tenant.description(f"rds/mysql/{name}") == {}

    tenant.wait_ready(name, 30)
    server.sql("SET GLOBAL max_connections = 200; SET GLOBAL connect_timeout = 10")


@pytest.mark.parametrize("second_mysql", FAMILIES, indirect=True)
def test_a_server_that_is_locked_for_a_backup_is_waited_for(
    second_mysql_tenant: MySqlTenant, operator: Operator
) -> None:
    tenant, server, name = second_mysql_tenant, second_mysql_tenant.server, unique("locked")
    with locked_for_a_backup(server):
        tenant.apply(mysql_database(name))
        # the status says so for a moment only: the next attempt begins at once
        wait_until(lambda: operator.log_lines(name=name, msg="ServerUnavailable") != [], "the error", 15)
        [line] = operator.log_lines(name=name, msg="ServerUnavailable")
        assert "a lock was not free in time" in line["error"]
        stored = tenant.stored(f"rds/mysql/{name}")

    tenant.wait_ready(name, 30)
    assert tenant.stored(f"rds/mysql/{name}") == stored
    assert_works(server, stored)


@pytest.mark.parametrize("second_mysql", FAMILIES, indirect=True)
def test_an_admin_whose_connections_are_counted_is_waited_for(second_mysql_tenant: MySqlTenant) -> None:
    tenant, server, name = second_mysql_tenant, second_mysql_tenant.server, unique("counted")
    admin = unique("counted_admin")
    password = server.make_admin(admin)
    server.sql(f"ALTER USER '{admin}'@'%' WITH MAX_CONNECTIONS_PER_HOUR 1")
    server.login(admin, password)
    tenant.set_admin(server.admin_url(user=admin, password=password))
    tenant.apply(mysql_database(name))

    status = tenant.wait_error(name, "ServerUnreachable")

    assert "limit of connections or statements is reached" in status["message"]
    with pytest.raises(StackError, match="1226"):
        server.login(admin, password)
    server.sql(f"DROP USER '{admin}'@'%'")
    tenant.set_admin()
    tenant.wait_ready(name)


@pytest.mark.parametrize("second_mysql", ["mysql"], indirect=True)
def test_a_dead_server_hurts_nobody_else(second_mysql_tenant: MySqlTenant, stack: Stack) -> None:
    tenant = second_mysql_tenant
    names, bystander = [unique("dead") for _ in range(10)], unique("bystander")
    other = stack.mariadb
    other.start()
    tenant.set_admin(other.admin_url(), name="other-admin")
    tenant.set_admin(tenant.server.admin_url(parameters="tls=skip-verify&timeout=3s"))
    tenant.server.pause()
    try:
        tenant.apply(*[mysql_database(name) for name in names])
        tenant.wait_error(names[0], "ServerUnreachable", 10)
        tenant.apply(mysql_database(bystander, connectionStringSecretRef={"name": "other-admin"}))
        tenant.wait_ready(bystander, 15)
    finally:
        tenant.server.resume()

    for name in names:
        tenant.wait_ready(name, 40)
