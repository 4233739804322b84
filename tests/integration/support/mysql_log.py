"""What MySQL and MariaDB logged from a moment on."""

from __future__ import annotations

import re
from dataclasses import dataclass

from support.mysql_tenant import Server

_ENTRY = re.compile(r"^[^\t]*\t+ *(\d+) (Connect|Query|Prepare|Execute|Init DB|Quit|Change user)\t?(.*)")
_CHANGING = re.compile(r"(CREATE|ALTER|DROP|GRANT|REVOKE|SET PASSWORD|RENAME|FLUSH|INSERT|UPDATE|DELETE|TRUNCATE|KILL)\b")


@dataclass
class Entry:
    """One entry of the general log."""

    connection: int
    command: str
    text: str


class GeneralLog:
    """The general log from now on; what the tests do through the server's socket is left out."""

    def __init__(self, server: Server) -> None:
        self._file = server.home / "general.log"
        self._begin = len(self.whole)

    @property
    def whole(self) -> str:
        """Everything that was ever logged."""
        return self._file.read_text(errors="replace")

    @property
    def text(self) -> str:
        """What was logged since, the tests' own statements included."""
        return self.whole[self._begin :]

    def entries(self) -> list[Entry]:
        """The entries of connections over TCP."""
        found: list[Entry] = []
        for line in self.text.splitlines():
            match = _ENTRY.match(line)
            if match:
                found.append(Entry(int(match[1]), match[2], match[3]))
            elif found:
                found[-1].text += "\n" + line
        own = {entry.connection for entry in found if entry.command == "Connect" and "using Socket" in entry.text}
        return [entry for entry in found if entry.connection not in own]

    def statements(self) -> list[str]:
        """The statements."""
        return [entry.text for entry in self.entries() if entry.command in ("Query", "Execute")]

    def changes(self) -> list[str]:
        """The statements that change something."""
        return [text for text in self.statements() if _CHANGING.match(text)]

    def logins(self, user: str) -> int:
        """How many logins of a user were begun, refused ones included."""
        begin = re.compile(rf"(Access denied for user '{user}'|{user}@)")
        connects = {entry.connection for entry in self.entries() if entry.command == "Connect" and begin.match(entry.text)}
        return len(connects)

    def refused_logins(self, user: str) -> int:
        """How many of them were refused."""
        words = f"Access denied for user '{user}'"
        return sum(entry.command == "Connect" and words in entry.text for entry in self.entries())
