"""What the tests of deletions share: waiting for the end or for what blocks it, and sessions that are in the way."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from devstack.process import StackError, wait_until

from support.cluster import condition
from support.mysql_tenant import Server
from support.tenant import Team

ABANDON = "database.opzkit.io/abandon-external-resources=true"


def wait_gone(team: Team, name: str, seconds: float = 30) -> None:
    """Until the resource is gone."""
    wait_until(lambda: not team.exists("database", name), f"the end of {name}", seconds)


def wait_blocked(team: Team, name: str, reason: str) -> dict[str, Any]:
    """The status of a deletion that waits for this reason; it says how to get out."""
    status = team.wait_for(
        name,
        lambda status: status.get("phase") == "Deleting" and condition(status, "Ready").get("reason") == reason,
        f"blocked by {reason}",
        40,
    )
    assert "set spec.retainOnDelete to true" in status["message"]
    assert condition(status, "Ready")["message"] == status["message"]
    return status


@contextmanager
def psql(url: str, *statements: str) -> Iterator[subprocess.Popen[str]]:
    """A client of PostgreSQL that runs statements and then waits, connected, for the next."""
    client = subprocess.Popen(
        ["psql", "-X", "-q", "-At", "-d", url],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        assert client.stdin is not None and client.stdout is not None
        client.stdin.write("".join(f"{statement};\n" for statement in (*statements, "SELECT 'connected'")))
        client.stdin.flush()
        while client.stdout.readline() != "connected\n":
            assert client.poll() is None, "psql ended"
        yield client
    finally:
        client.kill()
        client.communicate()


@contextmanager
def mysql_transaction(server: Server, user: str, password: str, database: str, statement: str) -> Iterator[threading.Thread]:
    """A client of MySQL or MariaDB that has run a statement and keeps its transaction open; the thread lives as long."""
    sleep = f"SELECT SLEEP(55), '{user} in {database}'"

    def run() -> None:
        with suppress(StackError):
            server.login(user, password, f"BEGIN; {statement}; {sleep}", database)

    def sessions() -> list[str]:
        return server.sql(f'SELECT ID FROM information_schema.PROCESSLIST WHERE INFO = "{sleep}"')

    thread = threading.Thread(target=run)
    thread.start()
    try:
        wait_until(lambda: sessions() != [], "a transaction")
        yield thread
    finally:
        for session in sessions():
            with suppress(StackError):
                server.sql(f"KILL {session}")
        thread.join()
