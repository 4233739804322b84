"""What the database servers of the stack have in common: memory, user, certificate, life cycle."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from devstack.authority import Authority
from devstack.process import ServerProcess, StackError, free_port

ADMIN = "dbadmin"
ENVIRONMENT = {"LANG": "C.UTF-8", "PATH": "/usr/bin:/bin", "TZ": "UTC"}
_Value = TypeVar("_Value")


class DatabaseServer(ABC):
    """One server.  Its data lie in a temporary folder that its system user may enter.

    The servers refuse to run as root, or should not: then `user` runs them.
    """

    STOP_SIGNAL = signal.SIGTERM
    KILL_SIGNAL = signal.SIGKILL

    def __init__(self, folder: Path, name: str, *, user: str, detached: bool, settings: dict[str, str] | None) -> None:
        self.folder = folder
        self.name = name
        self.user = user if os.geteuid() == 0 else None
        self.settings = dict(settings or {})
        folder.mkdir(parents=True, exist_ok=True)
        self._authority = Authority(folder / "pki", f"stack-{name}")
        self.port = self._remember("port", lambda: str(free_port()), int)
        self.home = self._remember("home", lambda: tempfile.mkdtemp(prefix=f"dbuo-{name}-"), Path)
        # every class of character, for servers that ask for it
        self.admin_password = self._remember("admin-password", lambda: secrets.token_urlsafe(18) + "-aA1", str)
        self.process = ServerProcess(
            name,
            [],
            folder / "logs" / f"{name}.log",
            environment=ENVIRONMENT,
            user=self.user,
            record=folder / f"{name}.pid" if detached else None,
            cwd=Path("/"),
        )

    # --- what others need ---

    @property
    def ca_file(self) -> Path:
        """The CA of the server's certificate."""
        return self._authority.certificate_file

    @property
    def data(self) -> Path:
        """The server's own folder."""
        return self.home / "data"

    @abstractmethod
    def admin_url(self) -> str:
        """The admin's connection string."""

    @abstractmethod
    def sql(self, statement: str, database: str = "") -> list[str]:
        """Runs SQL as superuser through the socket; the rows, fields separated by |."""

    def describe(self) -> dict[str, Any]:
        """How to reach it."""
        return {"port": self.port, "admin_url": self.admin_url(), "ca_file": str(self.ca_file)}

    # --- life cycle ---

    def start(self) -> None:
        """Makes the data on first use, starts the server and waits until it answers."""
        if self.process.pid is None:
            self._prepare()
        self.process.start()
        self.process.wait_ready(self._answers, 60)
        if not self._is_complete():
            self._populate()
            self._mark.touch()

    def stop(self) -> None:
        """Ends the server in good order; the data stay."""
        self.process.stop(self.STOP_SIGNAL)

    def kill(self) -> None:
        """Ends the server as a power failure would."""
        self.process.stop(self.KILL_SIGNAL)

    def restart(self) -> None:
        """stop() and start()."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Stops it in its tracks: connections are accepted by the kernel and never answered."""
        self.process.pause()

    def resume(self) -> None:
        """Lets it go on after pause()."""
        self.process.resume()

    def remove(self) -> None:
        """Ends the server and removes its data."""
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)

    # --- what each server does its own way ---

    @abstractmethod
    def _command(self) -> list[str]:
        """The server's command line."""

    @abstractmethod
    def _initialize(self) -> None:
        """Makes the data folder."""

    @abstractmethod
    def _answers(self) -> bool:
        """Whether the server takes connections."""

    def _configure(self) -> None:
        """Before every start."""

    def _populate(self) -> None:
        """After the first start."""

    # --- inside ---

    @property
    def _mark(self) -> Path:
        return self.home / "complete"

    def _is_complete(self) -> bool:
        return self._mark.exists()

    def _prepare(self) -> None:
        self.process.arguments = self._command()
        if not self._is_complete():
            self.home.mkdir(exist_ok=True)  # temporary folders do not outlive a restart of the machine
            self._own(self.home)
            self.home.chmod(0o755)
            shutil.rmtree(self.data, ignore_errors=True)  # of a start that was cut off
            self._initialize()
        self._configure()

    def _remember(self, name: str, make: Callable[[], str], convert: Callable[[str], _Value]) -> _Value:
        path = self.folder / name
        if not path.exists():
            path.touch(0o600)
            path.write_text(make())
        return convert(path.read_text())

    def _as_user(self, command: list[str], text: str = "") -> None:
        prefix = ["setpriv", f"--reuid={self.user}", f"--regid={_group(self.user)}", "--clear-groups"] if self.user else []
        result = subprocess.run(
            [*prefix, *command], input=text, capture_output=True, text=True, timeout=120, check=False,
            cwd="/", env=dict(self.process.environment or {}),
        )  # fmt: skip
        if result.returncode != 0:
            raise StackError(f"{command[0]} failed: {(result.stdout + result.stderr).strip()[-3000:]}")

    def _issue_certificate(self, folder: Path) -> None:
        """ca.crt, server.crt and server.key in a folder of the server's user."""
        issued = self._authority.issue(self.folder / "pki" / "server", "localhost", server=True)
        for source in (self.ca_file, *issued):
            target = folder / source.name
            shutil.copyfile(source, target)
            target.chmod(0o600)
            self._own(target)

    def _own(self, path: Path) -> None:
        if self.user:
            account = pwd.getpwnam(self.user)
            os.chown(path, account.pw_uid, account.pw_gid)


def _group(user: str) -> int:
    return pwd.getpwnam(user).pw_gid
