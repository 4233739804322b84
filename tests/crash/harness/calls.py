"""Calls of the operator in one order over all servers, and the one at which something happens."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

_TURN_SECONDS = 1


class When(Enum):
    """The moment of a fault."""

    BEFORE = "before"  # the server never gets the call
    MEANWHILE = "meanwhile"  # the server has the call and works on it
    AFTER = "after"  # the server has answered, and the operator never gets the answer


@dataclass(frozen=True)
class Fault:
    """The call, counted from 1, and the moment."""

    number: int
    when: When


class Severed(Exception):
    """This connection ends here."""


class Line(Protocol):
    """A connection of the operator's."""

    def is_due(self) -> bool:
        """Whether a message has come in that has no number yet."""


class Calls:
    """The counter that all proxies of one operator share.

    Between `begin()` and `end()` every call that a proxy reports gets the next number.  The operator
    waits for the answer of each call before it makes the next one, with one exception: nobody waits
    when a session is ended.  Such a last message gets its number before whatever was sent after it.
    After the fault calls are let through uncounted, or, where it `kills`, not at all.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._labels: list[str] = []
        self._counting = False
        self._ended = False
        self._fault: Fault | None = None
        self._kills = False
        self._lines: set[Line] = set()
        self._strike: Callable[[], None] = lambda: None
        self.struck = threading.Event()

    def begin(self, fault: Fault | None = None, strike: Callable[[], None] | None = None) -> None:
        """Counts from 1 again; `strike` is run in the proxy's thread at the moment of the fault.

        Without it the fault cuts the connection; it is meant for killing."""
        with self._lock:
            self._labels, self._fault, self._kills = [], fault, strike is not None
            self._strike = strike or (lambda: None)
            self._counting, self._ended = True, False
            self.struck.clear()

    def end(self) -> list[str]:
        """Stops counting; what was called, in order."""
        with self._lock:
            self._counting = self._ended = False
            return self._labels

    def open(self, line: Line) -> None:
        """A connection has begun."""
        with self._lock:
            self._lines.add(line)

    def close(self, line: Line) -> None:
        """A connection has ended."""
        with self._lock:
            self._lines.discard(line)

    def arrive(self, label: str, line: Line, *, is_last: bool = False) -> int:
        """A whole call has come in: its number, 0 while nothing is counted.  May strike."""
        if not is_last:
            self._let_others_finish(line)
        with self._lock:
            if self._ended:
                raise Severed
            if not self._counting:
                return 0
            self._labels.append(label)
            number = len(self._labels)
        self._strike_at(number, When.BEFORE)
        return number

    def forwarded(self, number: int) -> None:
        """The server has got the call.  May strike."""
        if number > 0:
            self._strike_at(number, When.MEANWHILE)

    def answered(self, number: int) -> None:
        """The server has dealt with the call, and the operator knows nothing yet.  May strike."""
        if number > 0:
            self._strike_at(number, When.AFTER)

    def _let_others_finish(self, line: Line) -> None:
        deadline = time.monotonic() + _TURN_SECONDS
        while time.monotonic() < deadline:
            with self._lock:
                others = self._lines - {line}
            if not any(other.is_due() for other in others):
                return
            time.sleep(0.0005)

    def _strike_at(self, number: int, when: When) -> None:
        with self._lock:
            if self._fault != Fault(number, when) or not self._counting:
                return
            self._counting, self._ended = False, self._kills
        try:
            self._strike()
        finally:
            self.struck.set()
        raise Severed
