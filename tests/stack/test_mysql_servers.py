"""The MariaDB and MySQL servers of the stack: what they are, who may do what, and what stays."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devstack.mysql import ADMIN_RIGHTS, GUIDE_RIGHTS, MARIADB_11_8, MariaDbServer, MySqlServer
from devstack.process import StackError, start_time, wait_until
from devstack.stack import Stack

Server = MariaDbServer | MySqlServer
KINDS: dict[str, Callable[..., Server]] = {
    "mariadb": lambda folder, **more: MariaDbServer(folder, **more),
    "mariadb118": lambda folder, **more: MariaDbServer(folder, "mariadb118", MARIADB_11_8, **more),
    "mysql": lambda folder, **more: MySqlServer(folder, **more),
}
VERSIONS = {"mariadb": r"1[01]\.\d+\.\d+-MariaDB", "mariadb118": r"11\.8\.\d+-MariaDB", "mysql": r"9\.\d+\.\d+"}
MARIADB_KINDS = ["mariadb", "mariadb118"]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that other users may enter."""
    path = Path(tempfile.mkdtemp(prefix="dbuo-test-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module", params=KINDS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """One server of each kind, for tests that leave it as it was."""
    folder = Path(tempfile.mkdtemp(prefix="dbuo-test-"))
    folder.chmod(0o755)
    made = KINDS[request.param](folder / request.param)
    try:
        made.start()
        yield made
    finally:
        made.remove()
        shutil.rmtree(folder)


@pytest.fixture
def fresh(folder: Path) -> Iterator[Callable[..., Server]]:
    """Starts servers of the test's own."""
    made: list[Server] = []

    def start(kind: str, settings: dict[str, str] | None = None) -> Server:
        made.append(KINDS[kind](folder / f"{kind}-{len(made)}", settings=settings))
        made[-1].start()
        return made[-1]

    yield start
    for one in made:
        one.remove()


def rights_of(server: Server, user: str) -> tuple[set[str], bool]:
    """The rights on everything in the words that were used, and whether all may be handed on."""
    grants = server.sql(f"SHOW GRANTS FOR '{user}'@'%'")
    assert len(grants) == 1, f"rights beyond those on everything: {grants}"
    found = re.match(r"GRANT (.*?) ON \*\.\* TO ", grants[0])
    assert found
    rights = {"REPLICATION CLIENT" if one == "BINLOG MONITOR" else one for one in found[1].split(", ")}
    return rights, grants[0].endswith(" WITH GRANT OPTION")


def listening(pid: int) -> set[tuple[str, int]]:
    """Addresses and ports of the listening TCP sockets of a process, of both protocol versions."""
    inodes = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            inodes.add(os.readlink(link))
        except FileNotFoundError:
            continue
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
                address, port = fields[1].split(":")
                found.add((address, int(port, 16)))
    return found


# --- what runs ---


def test_version_is_the_one_that_was_asked_for(server: Server) -> None:
    assert re.match(VERSIONS[server.name], server.sql("SELECT VERSION()")[0])


def test_listens_on_loopback_and_nowhere_else(server: Server) -> None:
    assert server.process.pid is not None
    assert listening(server.process.pid) == {("0100007F", server.port)}


def test_runs_as_an_unprivileged_user(server: Server) -> None:
    owner = Path(f"/proc/{server.process.pid}").stat().st_uid
    assert owner == (pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else os.geteuid())


def test_certificate_is_of_the_stacks_ca(server: Server) -> None:
    assert server.login("dbadmin", server.admin_password, "SHOW STATUS LIKE 'Ssl_version'") == ["Ssl_version|TLSv1.3"]


def test_certificate_of_another_ca_is_refused_by_the_client(server: Server, folder: Path) -> None:
    other = KINDS[server.name](folder / "other")
    port, password = server.port, server.admin_password
    with pytest.raises(StackError, match="(?i)certificate|SSL"):
        other.login("dbadmin", password, port=port)
    shutil.rmtree(other.home)


def test_certificate_names_loopback_addresses(server: Server) -> None:
    names = subprocess.run(
        ["openssl", "x509", "-noout", "-ext", "subjectAltName", "-in", server.folder / "pki" / "server.crt"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "DNS:localhost" in names and "IP Address:127.0.0.1" in names
    assert ssl.create_default_context(cafile=str(server.ca_file)).get_ca_certs()


# --- who may do what ---


def test_admin_holds_exactly_the_documented_rights(server: Server) -> None:
    assert rights_of(server, "dbadmin") == (set(ADMIN_RIGHTS), True)


def test_admin_is_no_superuser(server: Server) -> None:
    for statement in ("SET GLOBAL max_connections = 100", "SHUTDOWN"):
        with pytest.raises(StackError, match="1227"):
            server.login("dbadmin", server.admin_password, statement)


def test_admin_can_do_what_the_operator_does(server: Server) -> None:
    def admin(statement: str) -> list[str]:
        return server.login("dbadmin", server.admin_password, statement)

    admin("CREATE DATABASE `my_app`")
    admin("CREATE USER 'my_app'@'%' IDENTIFIED BY 'Aa1-Aa1-Aa1-x'")
    admin("GRANT SELECT, INSERT, CREATE ON `my\\_app`.* TO 'my_app'@'%'")
    assert server.login("my_app", "Aa1-Aa1-Aa1-x", "CREATE TABLE t (i int); SELECT COUNT(*) FROM t", "my_app") == ["0"]
    assert admin("SELECT host FROM mysql.user WHERE user = 'my_app'") == ["%"]
    admin("DROP USER 'my_app'@'%'")
    admin("DROP DATABASE `my_app`")


def test_admin_with_the_guides_three_words_can_hand_out_nothing(server: Server) -> None:
    password = server.make_admin("threewords")
    try:
        assert rights_of(server, "threewords") == (set(GUIDE_RIGHTS), True)
        server.login("threewords", password, "CREATE DATABASE poor")
        server.login("threewords", password, "CREATE USER poor@'%' IDENTIFIED BY 'Aa1-Aa1-Aa1-x'")
        with pytest.raises(StackError, match="1044"):
            server.login("threewords", password, "GRANT SELECT ON poor.* TO poor@'%'")
    finally:
        server.sql("DROP USER IF EXISTS threewords@'%', poor@'%'; DROP DATABASE IF EXISTS poor")


def test_superuser_comes_through_the_socket_only(server: Server) -> None:
    name = pwd.getpwuid(os.geteuid()).pw_name
    assert server.sql("SELECT CURRENT_USER()") == [f"{name}@localhost"]
    for user in {name, "root"}:
        for password in ("", "invalid"):
            with pytest.raises(StackError, match="1045|1698"):
                server.login(user, password)


def test_there_are_no_other_accounts_to_log_in_with(server: Server) -> None:
    accounts = server.sql("SELECT CONCAT(user, '@', host) FROM mysql.user")
    own = {"mariadb.sys@localhost", "mysql.sys@localhost", "mysql.session@localhost", "mysql.infoschema@localhost"}
    name = pwd.getpwuid(os.geteuid()).pw_name
    assert set(accounts) - own - {"root@localhost"} == {"dbadmin@%", f"{name}@localhost"} - {"root@localhost"}


def test_forms_of_the_admin_url(server: Server) -> None:
    port, password = server.port, server.admin_password
    assert server.admin_url() == f"mysql://dbadmin:{password}@127.0.0.1:{port}/?ssl-mode=REQUIRED"
    assert server.admin_url("dsn") == f"dbadmin:{password}@tcp(127.0.0.1:{port})/?tls=skip-verify"
    special = {"host": "::1", "port": 3, "user": "a", "password": "p@:/%", "parameters": "x=y"}
    assert server.admin_url(**special) == "mysql://a:p%40%3A%2F%25@[::1]:3/?x=y"
    assert server.admin_url("dsn", **special) == "a:p@:/%@tcp([::1]:3)/?x=y"


# --- the log ---


def test_general_log_has_the_statements_and_no_password_of_the_stack(server: Server) -> None:
    password = server.make_admin("logged")
    server.login("logged", password, "SELECT 'seen in the log'")
    server.sql("DROP USER logged@'%'")
    log = server.server_log()
    assert "SELECT 'seen in the log'" in log
    assert "ready for connections" in log
    assert password not in log and server.admin_password not in log


# --- settings ---


@pytest.mark.parametrize("kind", KINDS)
def test_settings_of_transport_and_sql_mode(kind: str, fresh: Callable[..., Server]) -> None:
    server = fresh(kind, {"require_secure_transport": "ON", "sql_mode": "ANSI_QUOTES,NO_BACKSLASH_ESCAPES"})
    assert server.sql("SELECT @@sql_mode") == ["ANSI_QUOTES,NO_BACKSLASH_ESCAPES"]
    assert server.login("dbadmin", server.admin_password) == ["dbadmin@%"]
    with pytest.raises(StackError, match="3159|08004|1045|secure"):
        server.login("dbadmin", server.admin_password, tls=False)


def test_without_the_setting_plain_connections_are_taken(server: Server) -> None:
    assert server.login("dbadmin", server.admin_password, tls=False) == ["dbadmin@%"]


def test_partial_revokes(fresh: Callable[..., Server]) -> None:
    assert fresh("mysql", {"partial_revokes": "ON"}).sql("SELECT @@partial_revokes") == ["1"]


@pytest.mark.parametrize(
    ("kind", "plugin"),
    [
        *((kind, plugin) for kind in MARIADB_KINDS for plugin in ("simple_password_check", "cracklib_password_check")),
        ("mysql", "validate_password.so"),
    ],
)
def test_password_policies(kind: str, plugin: str, fresh: Callable[..., Server]) -> None:
    server = fresh(kind, {"plugin_load_add": plugin})
    with pytest.raises(StackError, match="1819"):
        server.sql("CREATE USER weak@'%' IDENTIFIED BY 'password'")
    server.sql("CREATE USER strong@'%' IDENTIFIED BY 'q8-Vz~Lw.3_TnRk'")


def test_component_of_mysql(fresh: Callable[..., Server]) -> None:
    server = fresh("mysql")
    server.sql("INSTALL COMPONENT 'file://component_validate_password'")
    with pytest.raises(StackError, match="1819"):
        server.sql("CREATE USER weak@'%' IDENTIFIED BY 'password'")


@pytest.mark.parametrize("kind", MARIADB_KINDS)
def test_ed25519_of_mariadb(kind: str, fresh: Callable[..., Server]) -> None:
    server = fresh(kind, {"plugin_load_add": "auth_ed25519"})
    server.sql("CREATE USER modern@'%' IDENTIFIED VIA ed25519 USING PASSWORD('p')")
    assert server.login("modern", "p") == ["modern@%"]


# --- life cycle ---


@pytest.mark.parametrize("kind", KINDS)
def test_life_cycle_keeps_the_data_and_remove_leaves_nothing(kind: str, folder: Path) -> None:
    server = KINDS[kind](folder / kind)
    try:
        server.start()
        server.sql("CREATE DATABASE kept")
        for end in (server.stop, server.kill):
            end()
            assert server.process.pid is None
            server.start()
            assert server.sql("SHOW DATABASES LIKE 'kept'") == ["kept"]
        server.restart()
        assert server.login("dbadmin", server.admin_password) == ["dbadmin@%"]
        pid = server.process.pid
        assert pid is not None
    finally:
        server.remove()
    assert start_time(pid) is None
    assert not server.home.exists()


def test_pause_keeps_connections_waiting(server: Server) -> None:
    server.pause()
    try:
        with socket.create_connection(("127.0.0.1", server.port), timeout=0.5) as connection:
            with pytest.raises(TimeoutError):
                connection.recv(1)
    finally:
        server.resume()
    assert server.login("dbadmin", server.admin_password) == ["dbadmin@%"]


@pytest.mark.parametrize("kind", KINDS)
def test_first_start_that_was_cut_off_is_made_again(kind: str, folder: Path) -> None:
    server = KINDS[kind](folder / kind)
    try:
        server.start()
        server.kill()
        (server.home / "complete").unlink()
        (server.data / "ibdata1").write_bytes(b"half")
        server.start()
        assert server.login("dbadmin", server.admin_password) == ["dbadmin@%"]
    finally:
        server.remove()


@pytest.mark.parametrize("kind", KINDS)
def test_detached_server_is_found_and_ended_by_another_process(kind: str, folder: Path) -> None:
    state = folder / "stack"
    Stack(state, detached=True).up([kind])
    try:
        found = Stack(state, detached=True)
        description = found.describe()[kind]
        assert description["admin_url"] == getattr(found, kind).admin_url()
        home, pid = getattr(found, kind).home, getattr(found, kind).process.pid
        assert pid is not None
    finally:
        Stack(state, detached=True).down()
    assert start_time(pid) is None
    assert not home.exists() and not state.exists()


def test_library_mode_dies_with_its_parent(folder: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from devstack.mysql import MariaDbServer\n"
        "server = MariaDbServer(Path(sys.argv[1])); server.start()\n"
        "print(server.process.pid, server.home, flush=True); os._exit(1)"
    )
    done = subprocess.run([sys.executable, "-c", code, folder / "m"], capture_output=True, text=True, timeout=120)
    pid, home = done.stdout.split()
    wait_until(lambda: start_time(int(pid)) is None, "end of the server", 10)
    shutil.rmtree(home)
