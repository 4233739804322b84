"""Real MariaDB and MySQL servers on loopback, with TLS and an admin who holds no more than it needs."""

from __future__ import annotations

import os
import pwd
import secrets
import subprocess
import urllib.parse
from abc import abstractmethod
from collections.abc import Iterable
from pathlib import Path

from devstack import debian
from devstack.database import ADMIN, ENVIRONMENT, DatabaseServer
from devstack.debian import HOST, Programs, Recipe
from devstack.process import StackError

# What AWS lists for the master user of RDS, all of it WITH GRANT OPTION: no SUPER, no CONNECTION_ADMIN.
ADMIN_RIGHTS = (
    "SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "RELOAD", "PROCESS", "REFERENCES", "INDEX",
    "ALTER", "SHOW DATABASES", "CREATE TEMPORARY TABLES", "LOCK TABLES", "EXECUTE", "REPLICATION SLAVE",
    "REPLICATION CLIENT", "CREATE VIEW", "SHOW VIEW", "CREATE ROUTINE", "ALTER ROUTINE", "CREATE USER", "EVENT",
    "TRIGGER",
)  # fmt: skip
# What the usage guide names; too little to hand out anything.
GUIDE_RIGHTS = ("CREATE", "CREATE USER")

_MARIADB_KEEP = (
    "usr/sbin/mariadbd", "usr/bin/mariadb", "usr/lib/mysql/plugin/*.so", "*/libmariadb3/plugin/*.so",
    "usr/share/mysql/*", "usr/share/mariadb/*", "usr/sbin/cracklib-packer", "usr/share/dict/cracklib-small",
)  # fmt: skip


def _mariadb(name: str, release: str) -> Recipe:
    """The core packages have no plugin; those of the server package need nothing more."""
    return Recipe(
        name,
        release,
        packages=("mariadb-server-core", "mariadb-client-core", "libcrack2"),
        alone=("mariadb-server", "mariadb-plugin-cracklib-password-check", "cracklib-runtime"),
        keep=_MARIADB_KEEP,
    )


MARIADB = _mariadb("mariadb", HOST)
MARIADB_11_8 = _mariadb("mariadb", "trixie")
MYSQL = Recipe(
    "mysql",
    "sid",
    packages=("mysql-server-core", "mysql-client-core"),
    keep=("usr/sbin/mysqld", "usr/bin/mysql", "usr/lib/mysql/plugin/*.so", "usr/share/mysql/*"),
)
RECIPES = (MARIADB, MARIADB_11_8, MYSQL)

_SPEED = {  # the data live as long as the stack
    "innodb_flush_method": "nosync",
    "innodb_flush_log_at_trx_commit": "0",
    "innodb_doublewrite": "OFF",
    "innodb_use_native_aio": "OFF",
    "innodb_buffer_pool_size": "32M",
}


class _Server(DatabaseServer):
    """What both families share.  Every program comes from a folder of unpacked packages."""

    SERVER: str
    CLIENT: str
    LOGIN_TLS: tuple[str, ...]  # the client's options for a verified certificate
    OWN_SETTINGS: dict[str, str]
    PLUGINS: tuple[str, ...] = ()

    def __init__(
        self, folder: Path, name: str, recipe: Recipe, *, detached: bool = False, settings: dict[str, str] | None = None
    ) -> None:
        super().__init__(folder, name, user="nobody", detached=detached, settings=settings)
        self.recipe = recipe
        # settings of OpenSSL on this machine are not for the libraries of another release
        self.process.environment = {**ENVIRONMENT, "OPENSSL_CONF": "/dev/null"}

    # --- what others need ---

    @property
    def socket(self) -> Path:
        """Where the superuser logs in, known by the user of the operating system."""
        return self.home / "server.sock"

    def admin_url(
        self,
        form: str = "url",
        *,
        host: str = "127.0.0.1",
        port: int | None = None,
        user: str = ADMIN,
        password: str | None = None,
        parameters: str | None = None,
    ) -> str:
        """An admin's connection string, as `url` or as Go's `dsn`."""
        secret = self.admin_password if password is None else password
        place = f"[{host}]:{port or self.port}" if ":" in host else f"{host}:{port or self.port}"
        if form == "dsn":
            return f"{user}:{secret}@tcp({place})/?{'tls=skip-verify' if parameters is None else parameters}"
        secret = urllib.parse.quote(secret, safe="")
        return f"mysql://{user}:{secret}@{place}/?{'ssl-mode=REQUIRED' if parameters is None else parameters}"

    def server_log(self) -> str:
        """Everything that the server logged so far: its messages and, in the general log, every statement."""
        logs = (self.process.log, self._general_log)
        return "".join(log.read_text(errors="replace") for log in logs if log.exists())

    def sql(self, statement: str, database: str = "") -> list[str]:
        """Runs SQL as superuser through the socket; the rows, fields separated by |."""
        # without TLS, which newer clients demand even here, so that servers without it are reached as well
        return self._client([f"--socket={self.socket}", f"--user={_os_user()}", *self.LOGIN_PLAIN], statement, database)

    def login(
        self, user: str, password: str, statement: str = "SELECT CURRENT_USER()", database: str = "", *,
        host: str = "127.0.0.1", port: int | None = None, tls: bool = True,
    ) -> list[str]:  # fmt: skip
        """Runs SQL as anyone, over TCP with the certificate verified; StackError with the server's words."""
        verified = [f"--ssl-ca={self.ca_file}", *self.LOGIN_TLS]
        options = ["--protocol=TCP", f"--host={host}", f"--port={port or self.port}", f"--user={user}"]
        return self._client([*options, *(verified if tls else self.LOGIN_PLAIN)], statement, database, password)

    def try_lines(self, user: str, password: str, lines: list[str], database: str) -> list[str]:
        """Runs SQL as anyone in one session, going on after errors; these, which name the line."""
        options = ["--protocol=TCP", "--host=127.0.0.1", f"--port={self.port}", f"--user={user}", "--force"]
        verified = [f"--ssl-ca={self.ca_file}", *self.LOGIN_TLS]
        told = self._run_client([*options, *verified, database], password, "\n".join(lines)).stderr
        return [line for line in told.splitlines() if line.startswith("ERROR ")]

    LOGIN_PLAIN: tuple[str, ...]

    def make_admin(self, name: str, rights: Iterable[str] = GUIDE_RIGHTS) -> str:
        """Another admin, holding `rights` WITH GRANT OPTION on everything; its password."""
        password = secrets.token_urlsafe(18) + "-aA1"
        self.sql("; ".join(_make_admin(name, password, rights)))
        return password

    # --- what the families do their own way ---

    @abstractmethod
    def _first_statements(self) -> list[str]:
        """What the first start runs before anyone can connect, so that no account is ever open."""

    # --- inside ---

    @property
    def _general_log(self) -> Path:
        return self.home / "general.log"

    @property
    def _configuration_file(self) -> Path:
        return self.home / "server.cnf"

    @property
    def _programs(self) -> Programs:
        """In the cache; where root starts the server for a user who may not enter it, a copy of links."""
        if self.user is None:
            return debian.ensure(self.recipe)
        copy = self.home / "programs"
        return Programs(copy) if copy.exists() else debian.ensure(self.recipe).copy_to(copy)

    def _command(self) -> list[str]:
        return [*self._programs.command(self.SERVER), f"--defaults-file={self._configuration_file}"]

    def _initialize(self) -> None:
        for folder in (self.data, self.home / "tmp"):
            folder.mkdir(exist_ok=True)
            folder.chmod(0o700)
            self._own(folder)
        self._make_tables()
        self._issue_certificate(self.data)

    @abstractmethod
    def _make_tables(self) -> None:
        """Fills the data folder."""

    def _configure(self) -> None:
        lines = [f"{name}={value}" for name, value in self._configuration().items()]
        lines += [f"plugin_load_add={plugin}" for plugin in self.PLUGINS]
        if not self._is_complete():
            first = self.home / "first-start.sql"
            first.touch(0o600)
            self._own(first)
            statements = [*self._first_statements(), *_make_admin(ADMIN, self.admin_password, ADMIN_RIGHTS)]
            first.write_text("".join(f"{statement};\n" for statement in statements))
            lines.append(f"init_file={first}")
        self._configuration_file.write_text("\n".join(["[server]", *lines, ""]))

    def _populate(self) -> None:
        (self.home / "first-start.sql").unlink()

    def _places(self) -> dict[str, str]:
        programs = self._programs
        messages = programs.find("usr/share/*/english/errmsg.sys").parent.parent
        return {
            "basedir": str(programs.folder / "usr"),
            "datadir": str(self.data),
            "tmpdir": str(self.home / "tmp"),
            "plugin_dir": str(programs.folder / "usr/lib/mysql/plugin"),
            "lc_messages_dir": str(messages),
            "character_sets_dir": str(messages / "charsets"),
        }

    def _configuration(self) -> dict[str, str]:
        return {
            **self._places(),
            "bind_address": "127.0.0.1",
            "port": str(self.port),
            "socket": str(self.socket),
            "pid_file": str(self.data / "server.pid"),
            "ssl_ca": str(self.data / "ca.crt"),
            "ssl_cert": str(self.data / "server.crt"),
            "ssl_key": str(self.data / "server.key"),
            "max_connections": "200",
            "general_log": "ON",  # so that tests can look for passwords in it
            "general_log_file": str(self._general_log),
            **_SPEED,
            **self.OWN_SETTINGS,
            **self.settings,
        }

    def _client(self, options: list[str], statement: str, database: str, password: str = "") -> list[str]:
        result = self._run_client([*options, f"--execute={statement}", database], password)
        if result.returncode != 0:
            raise StackError(f"SQL failed: {result.stderr.strip()}")
        return [line.replace("\t", "|") for line in result.stdout.splitlines()]

    def _run_client(self, options: list[str], password: str, script: str = "") -> subprocess.CompletedProcess[str]:
        command = [*self._programs.command(self.CLIENT), "--no-defaults", *self._client_places(), "--batch", "--raw"]
        return subprocess.run(
            [*command, "--skip-column-names", "--default-character-set=utf8mb4", *options],
            input=script, capture_output=True, text=True, timeout=60, check=False, cwd="/",
            env={**(self.process.environment or {}), "MYSQL_PWD": password},
        )  # fmt: skip

    def _client_places(self) -> list[str]:
        return []

    def _answers(self) -> bool:
        try:
            return self.sql("SELECT 1") == ["1"]
        except StackError:
            return False


class MariaDbServer(_Server):
    """MariaDB, of the machine's release or of another."""

    SERVER = "usr/sbin/mariadbd"
    CLIENT = "usr/bin/mariadb"
    LOGIN_TLS = ("--ssl", "--ssl-verify-server-cert")
    LOGIN_PLAIN = ("--skip-ssl",)
    OWN_SETTINGS = {"innodb_log_file_size": "16M"}
    _TABLES = (
        "usr/share/*/*_system_tables.sql",
        "usr/share/*/*_performance_tables.sql",
        "usr/share/*/*_system_tables_data.sql",
        "usr/share/*/maria_add_gis_sp_bootstrap.sql",
        "usr/share/*/*_sys_schema.sql",
    )

    def __init__(
        self, folder: Path, name: str = "mariadb", recipe: Recipe = MARIADB, *,
        detached: bool = False, settings: dict[str, str] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(folder, name, recipe, detached=detached, settings=settings)

    def _first_statements(self) -> list[str]:
        return []

    def _make_tables(self) -> None:
        """What mariadb-install-db does: one statement a line, no account for the machine's name."""
        programs = self._programs
        scripts = [programs.find(pattern).read_text() for pattern in self._TABLES]
        lines = [line for script in scripts for line in script.splitlines() if "@current_hostname" not in line]
        begin = ["CREATE DATABASE mysql;", "USE mysql;", f"SET @auth_root_socket='{_os_user()}';"]
        places = {**self._places(), **_SPEED, **self.OWN_SETTINGS}
        options = [f"--{name}={value}" for name, value in places.items()]
        command = [*programs.command(self.SERVER), "--no-defaults", "--bootstrap", *options]
        self._as_user(command, "\n".join([*begin, *lines, ""]))

    def _configuration(self) -> dict[str, str]:
        configuration = super()._configuration()
        if "cracklib" in self.settings.get("plugin_load_add", ""):
            dictionary = self._programs.folder / "cracklib" / "dictionary"
            configuration.setdefault("cracklib_password_check_dictionary", str(dictionary))
        return configuration

    def _client_places(self) -> list[str]:
        return [f"--plugin-dir={self._programs.find('usr/lib/*/libmariadb3/plugin')}"]


class MySqlServer(_Server):
    """MySQL, which only Debian's unstable release has."""

    SERVER = "usr/sbin/mysqld"
    CLIENT = "usr/bin/mysql"
    LOGIN_TLS = ("--ssl-mode=VERIFY_IDENTITY",)
    LOGIN_PLAIN = ("--ssl-mode=DISABLED", "--get-server-public-key")
    OWN_SETTINGS = {
        "mysqlx": "OFF",  # would listen on a port of its own
        "auto_generate_certs": "OFF",
        "secure_file_priv": "NULL",
        "innodb_redo_log_capacity": "32M",
    }
    PLUGINS = ("auth_socket.so",)

    def __init__(
        self, folder: Path, name: str = "mysql", recipe: Recipe = MYSQL, *,
        detached: bool = False, settings: dict[str, str] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(folder, name, recipe, detached=detached, settings=settings)

    def _first_statements(self) -> list[str]:
        superuser = f"'{_os_user()}'@'localhost'"
        return [
            "DROP USER root@localhost",
            f"CREATE USER {superuser} IDENTIFIED WITH auth_socket",
            f"GRANT ALL ON *.* TO {superuser} WITH GRANT OPTION",
        ]

    def _make_tables(self) -> None:
        places = {**self._places(), **_SPEED, "innodb_redo_log_capacity": "32M", "auto_generate_certs": "OFF"}
        options = [f"--{name}={value}" for name, value in places.items()]
        command = [*self._programs.command(self.SERVER), "--no-defaults", "--initialize-insecure", *options]
        self._as_user([*command, "--skip-log-bin", "--log-error-verbosity=1"])


def _os_user() -> str:
    return pwd.getpwuid(os.geteuid()).pw_name


def _make_admin(name: str, password: str, rights: Iterable[str]) -> list[str]:
    """The statements, which leave no password in the general log."""
    return [
        "SET SESSION sql_log_off = 1",
        f"CREATE USER '{name}'@'%' IDENTIFIED BY '{password}'",
        f"GRANT {', '.join(rights)} ON *.* TO '{name}'@'%' WITH GRANT OPTION",
    ]
