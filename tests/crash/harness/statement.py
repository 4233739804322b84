"""What a statement is called in a table: its begin, without anything that may be secret or a name."""

from __future__ import annotations

import re

_LITERAL = re.compile(r"'(?:[^'\\]|''|\\.)*'|\b0x[0-9A-Fa-f]+|\"(?:[^\"]|\"\")*\"|`(?:[^`]|``)*`")
_NUMBERED = re.compile(r"\b(dbuo_keeper_|crash_)\d+")  # unquoted names that are others in each trial
_LENGTH = 60


def summary(text: bytes) -> str:
    """One line; literals and quoted names are replaced by a question mark."""
    plain = _NUMBERED.sub(r"\1N", _LITERAL.sub("?", text.decode("utf-8", errors="replace")))
    line = " ".join(plain.split())
    return line if len(line) <= _LENGTH else line[: _LENGTH - 3] + "..."
