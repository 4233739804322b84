"""Server processes: started with a log, watched until ready, ended by their own id and no other."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import pwd
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


class StackError(Exception):
    """Something of the stack did not work; the text says what, where and what to do."""


_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST_PORT = 15000


def free_port() -> int:
    """A loopback port that nobody listens on now.

    Below those that the kernel gives to outgoing connections: one of these would get hold of it
    while its server is stopped for a while."""
    end = int(_EPHEMERAL.read_text().split()[0])
    while True:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", random.randrange(_LOWEST_PORT, end) if end > 2 * _LOWEST_PORT else 0))
            return probe.getsockname()[1]


def can_connect(port: int) -> bool:
    """Whether something accepts connections on the loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(check: Callable[[], bool], what: str, seconds: float = 60) -> None:
    """Polls until `check` holds; StackError after the time."""
    deadline = time.monotonic() + seconds
    while not check():
        if time.monotonic() > deadline:
            raise StackError(f"{what} did not happen within {seconds:.0f} s")
        time.sleep(0.05)


def start_time(pid: int) -> int | None:
    """When a process started, in clock ticks since boot; None when it is gone or a zombie.

    Together with the pid it names one process for ever: pids are reused, pairs are not.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] == "Z" else int(fields[19])


_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


class ServerProcess:
    """One server process.

    `record` is a file that remembers pid and start time, so that a later `dev/stack down` can end
    it; without it (library mode) the process is killed by the kernel when its parent dies.
    """

    def __init__(
        self,
        name: str,
        arguments: Sequence[str | Path],
        log: Path,
        *,
        environment: Mapping[str, str] | None = None,
        user: str | None = None,
        record: Path | None = None,
        cwd: Path | None = None,
    ) -> None:
        self.name = name
        self.arguments = [str(a) for a in arguments]
        self.log = log
        self.environment = environment
        self.user = user
        self.record = record
        self.cwd = cwd
        self._child: subprocess.Popen[bytes] | None = None
        self._identity: tuple[int, int] | None = None
        if record is not None and record.exists():
            pid, started = json.loads(record.read_text())
            if start_time(pid) == started:
                self._identity = (pid, started)

    @property
    def pid(self) -> int | None:
        """The id of the running process, or None."""
        if self._child is not None:
            self._child.poll()  # reaps it when it has ended
        if self._identity is None or start_time(self._identity[0]) != self._identity[1]:
            return None
        return self._identity[0]

    @property
    def exit_status(self) -> int | None:
        """How the process that was started here ended, minus the signal that did it; None while it runs or is forgotten."""
        return self._child.poll() if self._child is not None else None

    def start(self) -> None:
        """Starts the process; does nothing when it runs."""
        if self.pid is not None:
            return
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                self.arguments,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=dict(self.environment) if self.environment is not None else None,
                cwd=self.cwd,
                start_new_session=True,
                preexec_fn=self._prepare,
            )
        started = start_time(self._child.pid)
        self._identity = (self._child.pid, started if started is not None else -1)
        if self.record is not None:
            self.record.parent.mkdir(parents=True, exist_ok=True)
            self.record.write_text(json.dumps(self._identity))

    def _prepare(self) -> None:
        """In the child, before exec: another user, and death with the parent in library mode."""
        if self.user is not None:
            account = pwd.getpwnam(self.user)
            os.setgroups([])
            os.setgid(account.pw_gid)
            os.setuid(account.pw_uid)
        if self.record is None:
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

    def wait_ready(self, check: Callable[[], bool], seconds: float = 60) -> None:
        """Waits until `check` holds; StackError with the end of the log when the process ends."""

        def ready_or_dead() -> bool:
            return check() or self.pid is None

        try:
            wait_until(ready_or_dead, f"start of {self.name}", seconds)
        except StackError as failure:
            raise StackError(f"{failure}; its log {self.log} ends with:\n{self.log_tail()}") from None
        if self.pid is None:
            raise StackError(f"{self.name} ended at once; its log {self.log} ends with:\n{self.log_tail()}")

    def log_tail(self, lines: int = 15) -> str:
        """The last lines of the log."""
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except FileNotFoundError:
            return "(no log)"

    def send(self, number: int) -> None:
        """Sends a signal to exactly this process, if it runs."""
        pid = self.pid
        if pid is not None:
            os.kill(pid, number)

    def stop(self, number: int = signal.SIGTERM, seconds: float = 15) -> None:
        """Ends the process: asks first, kills after the time."""
        self.send(number)
        self.send(signal.SIGCONT)
        try:
            wait_until(lambda: self.pid is None, f"end of {self.name}", seconds)
        except StackError:
            self.kill()
        self._forget()

    def kill(self) -> None:
        """Ends it at once (SIGKILL)."""
        self.send(signal.SIGKILL)
        wait_until(lambda: self.pid is None, f"end of {self.name}", 10)
        self._forget()

    def pause(self) -> None:
        """Stops it in its tracks (SIGSTOP): connections stay open and silent."""
        self.send(signal.SIGSTOP)

    def resume(self) -> None:
        """Lets it go on after pause()."""
        self.send(signal.SIGCONT)

    def _forget(self) -> None:
        self._identity = None
        if self._child is not None:
            self._child.wait()
            self._child = None
        if self.record is not None:
            self.record.unlink(missing_ok=True)
