"""What the servers recorded from a moment on: SQL statements, and calls to Secrets Manager."""

from __future__ import annotations

import re

from devstack.postgres import PostgresServer
from devstack.secretsmanager import SecretsManagerServer
from secretsmanager.control_client import ControlClient

READING = {"DescribeSecret", "GetSecretValue", "ListSecretVersionIds", "ListSecrets"}
_CHANGING = re.compile(r"\b(CREATE|ALTER|DROP|GRANT|REVOKE|COMMENT|INSERT|UPDATE|DELETE|TRUNCATE)\b")
_QUERY = re.compile(r"\bexecute \S+: (SELECT|WITH)\b")  # one statement, which may name such words


class SqlWatch:
    """The server's log from now on."""

    def __init__(self, postgres: PostgresServer) -> None:
        self._postgres = postgres
        self._begin = len(postgres.server_log())

    @property
    def text(self) -> str:
        """What was logged since."""
        return self._postgres.server_log()[self._begin :]

    def changes(self) -> list[str]:
        """The statements that change something."""
        statements = [line for line in self.text.splitlines() if "statement: " in line or "execute " in line]
        return [line for line in statements if _CHANGING.search(line) and not _QUERY.search(line)]


class CallWatch:
    """The calls to Secrets Manager from now on."""

    def __init__(self, secretsmanager: SecretsManagerServer) -> None:
        self._control = ControlClient(secretsmanager.url)
        calls = self._control.calls()
        self._since = max((call["number"] for call in calls), default=0)

    def operations(self, secret: str | None = None) -> list[str]:
        """Which operations the operator called since, if wanted about one secret."""
        calls = self._control.calls(self._since, secret=secret)
        return [call["operation"] for call in calls if (call["principal"] or "").endswith("/operator")]

    def writes(self, secret: str | None = None) -> list[str]:
        """The operations that change something."""
        return [operation for operation in self.operations(secret) if operation not in READING]
