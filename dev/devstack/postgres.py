"""A real PostgreSQL server on loopback, with TLS and an admin who is no superuser."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import urllib.parse
from pathlib import Path

from devstack.authority import Authority
from devstack.process import ServerProcess, StackError, free_port

ADMIN = "dbadmin"
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


class PostgresServer:
    """One server.  Its data lie in a temporary folder that its system user may enter.

    PostgreSQL refuses to run as root: then the system user `postgres` of Debian's package runs it.
    """

    def __init__(
        self, folder: Path, *, detached: bool = False, bindir: Path | None = None, settings: dict[str, str] | None = None
    ) -> None:
        self.folder = folder
        self.bindir = bindir or find_bindir()
        self.user = "postgres" if os.geteuid() == 0 else None
        folder.mkdir(parents=True, exist_ok=True)
        self._authority = Authority(folder / "pki", "stack-postgres")
        self.port = self._remember("port", lambda: str(free_port()), int)
        self.home = self._remember("home", lambda: tempfile.mkdtemp(prefix="dbuo-postgres-"), Path)
        self.admin_password = self._remember("admin-password", lambda: secrets.token_urlsafe(18), str)
        self._settings = settings or {}
        self.process = ServerProcess(
            "postgres",
            [self.bindir / "postgres", "-D", self.home / "data", "-k", self.home],
            folder / "logs" / "postgres.log",
            environment={"LANG": "C.UTF-8", "PATH": "/usr/bin:/bin", "TZ": "UTC"},
            user=self.user,
            record=folder / "postgres.pid" if detached else None,
            cwd=Path("/"),
        )

    # --- what others need ---

    @property
    def ca_file(self) -> Path:
        """The CA of the server's certificate."""
        return self._authority.certificate_file

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

    # --- life cycle ---

    def start(self) -> None:
        """Makes the cluster on first use, starts it and waits until it answers."""
        is_new = not (self.home / "data" / "PG_VERSION").exists()
        if is_new:
            self._make_cluster()
        self.process.start()
        self.process.wait_ready(self._answers, 60)
        if is_new:
            self.sql(
                f"CREATE ROLE {ADMIN} LOGIN CREATEDB CREATEROLE NOSUPERUSER PASSWORD '{self.admin_password}'"
            )

    def stop(self) -> None:
        """Ends the server (fast shutdown); the data stay."""
        self.process.stop(signal.SIGINT)

    def kill(self) -> None:
        """Ends the server as a power failure would."""
        self.process.stop(signal.SIGQUIT)

    def restart(self) -> None:
        """stop() and start()."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Stops the postmaster: connections are accepted by the kernel and never answered."""
        self.process.pause()

    def resume(self) -> None:
        """Lets it go on after pause()."""
        self.process.resume()

    def remove(self) -> None:
        """Ends the server and removes its data."""
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)

    # --- inside ---

    def _remember(self, name: str, make, convert):  # type: ignore[no-untyped-def]
        path = self.folder / name
        if not path.exists():
            path.touch(0o600)
            path.write_text(make())
        return convert(path.read_text())

    def _as_user(self, *command: str | Path) -> None:
        prefix = ["setpriv", f"--reuid={self.user}", f"--regid={self.user}", "--clear-groups"] if self.user else []
        result = subprocess.run(
            [*prefix, *map(str, command)], capture_output=True, text=True, timeout=120, check=False, cwd="/",
            env={"LANG": "C.UTF-8", "PATH": "/usr/bin:/bin"},
        )  # fmt: skip
        if result.returncode != 0:
            raise StackError(f"{command[0]} failed: {result.stderr.strip()}")

    def _make_cluster(self) -> None:
        self.home.mkdir(exist_ok=True)  # temporary folders do not outlive a restart of the machine
        self._own(self.home)
        self.home.chmod(0o755)
        data = self.home / "data"
        self._as_user(
            self.bindir / "initdb", "-D", data, "-U", SUPERUSER, "--auth=scram-sha-256", "--auth-local=trust",
            "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions",
        )  # fmt: skip
        certificate, key = self._authority.issue(self.folder / "pki" / "server", "localhost", server=True)
        for source in (certificate, key):
            target = data / source.name
            shutil.copyfile(source, target)
            target.chmod(0o600)
            self._own(target)
        (data / "pg_hba.conf").write_text(_HBA.format(superuser=SUPERUSER))
        with (data / "postgresql.conf").open("a") as configuration:
            for name, value in self._configuration().items():
                configuration.write(f"{name} = '{value}'\n")

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
            **self._settings,
        }

    def _own(self, path: Path) -> None:
        if self.user:
            account = pwd.getpwnam(self.user)
            os.chown(path, account.pw_uid, account.pw_gid)

    def _answers(self) -> bool:
        result = subprocess.run(
            [str(self.bindir / "pg_isready"), "-q", "-h", str(self.home), "-p", str(self.port)],
            check=False, timeout=10,
        )  # fmt: skip
        return result.returncode == 0
