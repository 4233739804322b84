"""A real PostgreSQL server on loopback, with TLS and an admin who is no superuser."""

from __future__ import annotations

import signal
import subprocess
import urllib.parse
from pathlib import Path

from devstack import maven
from devstack.database import ADMIN, DatabaseServer
from devstack.process import StackError
from devstack.unpacked import copy_tree

SUPERUSER = "stack_super"

# Everyone needs a password, over TLS or not; the tests' superuser comes through the socket folder.
_HBA = """\
local   all  {superuser}                  trust
host    all  all          127.0.0.1/32  scram-sha-256
host    all  all          ::1/128       scram-sha-256
"""


def find_bindir() -> Path:
    """The newest server of the distribution."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    if not found:
        raise StackError("no PostgreSQL server is installed: run tools/install-dependencies")
    return found[-1].parent


class PostgresServer(DatabaseServer):
    """One server, run by the system user `postgres` of Debian's package where root starts it."""

    STOP_SIGNAL = signal.SIGINT  # fast shutdown
    KILL_SIGNAL = signal.SIGQUIT

    def __init__(
        self, folder: Path, *, detached: bool = False, version: int | None = None, settings: dict[str, str] | None = None
    ) -> None:
        """`version` is one of maven.POSTGRES; without it the server is the distribution's."""
        name = "postgres" if version is None else f"postgres{version}"
        super().__init__(folder, name, user="postgres", detached=detached, settings=settings)
        self.version = version
        self.bindir = find_bindir()  # of the clients, whatever the server

    # --- what others need ---

    def admin_url(self, *, host: str = "127.0.0.1", port: int | None = None, parameters: str = "sslmode=require") -> str:
        """The admin's connection string."""
        password = urllib.parse.quote(self.admin_password, safe="")
        return f"postgresql://{ADMIN}:{password}@{host}:{port or self.port}/postgres?{parameters}"

    def server_log(self) -> str:
        """Everything that the server logged so far; with log_statement=all every statement."""
        return self.process.log.read_text(errors="replace")

    def sql(self, statement: str, database: str = "postgres") -> list[str]:
        """Runs SQL as superuser through the socket; the rows, fields separated by |."""
        result = subprocess.run(
            [str(self.bindir / "psql"), "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-h", str(self.home),
             "-p", str(self.port), "-U", SUPERUSER, "-d", database, "-c", statement],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        if result.returncode != 0:
            raise StackError(f"SQL failed: {result.stderr.strip()}")
        return result.stdout.splitlines()

    # --- inside ---

    @property
    def _programs(self) -> Path:
        """Of the server; where root starts it for a user who may not enter the cache, a copy of links."""
        if self.version is None:
            return self.bindir
        folder = maven.ensure(maven.POSTGRES[self.version])
        if self.user is not None:
            copy = self.home / "programs"
            if not copy.exists():
                copy_tree(folder, copy)
            folder = copy
        return folder / "bin"

    def _command(self) -> list[str]:
        return [str(self._programs / "postgres"), "-D", str(self.data), "-k", str(self.home)]

    def _initialize(self) -> None:
        self._as_user(
            [str(self._programs / "initdb"), "-D", str(self.data), "-U", SUPERUSER, "--auth=scram-sha-256",
             "--auth-local=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"]
        )  # fmt: skip
        self._issue_certificate(self.data)
        (self.data / "pg_hba.conf").write_text(_HBA.format(superuser=SUPERUSER))
        with (self.data / "postgresql.conf").open("a") as configuration:
            for name, value in self._configuration().items():
                configuration.write(f"{name} = '{value}'\n")

    def _populate(self) -> None:
        self.sql(f"CREATE ROLE {ADMIN} LOGIN CREATEDB CREATEROLE NOSUPERUSER PASSWORD '{self.admin_password}'")

    def _configuration(self) -> dict[str, str]:
        return {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "ssl": "on",
            "ssl_cert_file": "server.crt",
            "ssl_key_file": "server.key",
            "fsync": "off",  # the data live as long as the stack
            "full_page_writes": "off",
            "shared_buffers": "32MB",
            "max_connections": "200",
            "log_statement": "all",  # so that tests can look for passwords in the log
            "log_line_prefix": "%m [%p] %u@%d ",
            "logging_collector": "off",
            **self.settings,
        }

    def _answers(self) -> bool:
        result = subprocess.run(
            [str(self.bindir / "pg_isready"), "-q", "-h", str(self.home), "-p", str(self.port)],
            check=False, timeout=10,
        )  # fmt: skip
        return result.returncode == 0
