"""What was called, by whom, and how it ended: for tests to ask and for people to read. Never a secret value."""

from __future__ import annotations

import json
import threading
from collections import Counter, deque
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TextIO

REMEMBERED = 20_000


@dataclass
class Call:
    """One API call. `outcome` is None while it is under way, then "ok" or the error code.

    `executed` tells whether the service processed the request, `answer` what the client got to see: "sent",
    "truncated", "reset", "closed" or "none".
    """

    number: int
    time: str
    connection: int
    operation: str
    secret: str | None
    request_id: str
    region: str | None = None
    principal: str | None = None
    executed: bool = False
    outcome: str | None = None
    status: int | None = None
    answer: str | None = None
    fault: int | None = None
    seconds: float | None = None


class Calls:
    """The calls since the last reset, in order of arrival, and the log file."""

    def __init__(self, log: Path) -> None:
        self._lock = threading.Lock()
        self._file: TextIO = open(log, "a", encoding="utf-8", buffering=1)
        self._calls: deque[Call] = deque(maxlen=REMEMBERED)
        self._counts: Counter[str] = Counter()
        self._number = 0

    def begin(self, now: float, **facts: Any) -> Call:
        """A call has arrived."""
        moment = datetime.fromtimestamp(now, timezone.utc).isoformat(timespec="milliseconds")
        with self._lock:
            self._number += 1
            call = Call(self._number, moment, **facts)
            self._calls.append(call)
            self._counts[call.operation] += 1
            return call

    def finish(self, call: Call, **facts: Any) -> None:
        """The call has ended. Done before the answer goes out, so that a client finds its own call here."""
        with self._lock:
            for name, value in facts.items():
                setattr(call, name, value)
            self._write(asdict(call))

    def report(self, text: str) -> None:
        """A line for people."""
        moment = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        with self._lock:
            self._write({"time": moment, "message": text})

    def describe(self, since: int = 0) -> dict[str, Any]:
        """The remembered calls after number `since`, and how often each operation was called."""
        with self._lock:
            return {
                "calls": [asdict(call) for call in self._calls if call.number > since],
                "counts": dict(self._counts),
            }

    def reset(self) -> None:
        """Forgets all calls; the numbering goes on."""
        with self._lock:
            self._calls.clear()
            self._counts.clear()

    def _write(self, line: dict[str, Any]) -> None:
        self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
