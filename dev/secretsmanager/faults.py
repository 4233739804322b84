"""Faults on demand: which calls they hit, how often, and what they do."""

from __future__ import annotations

import fnmatch
import threading
from dataclasses import dataclass, field, fields
from typing import Any

ACTIONS = {
    "error": "answers with the error `code`, `message` and `status`",
    "throttle": "answers ThrottlingException, as the real service does above its rates",
    "delay": "waits `seconds`, then goes on",
    "hang": "keeps silent until the fault is cleared, the client gives up or `seconds` are over",
    "reset": "resets the TCP connection without an answer",
    "close": "closes the TCP connection in an orderly way without an answer",
    "truncate": "executes, announces the whole answer, sends half of it and closes",
    "html": "answers with an HTML page, as a load balancer or proxy does",
    "respond": "answers with the given `status`, `body`, `content_type` and `headers`",
}

STATUS_OF_CODE = {
    "InternalServiceError": 500,
    "InternalFailure": 500,
    "ServiceUnavailable": 503,
    "ServiceUnavailableException": 503,
}


class FaultError(Exception):
    """A fault that cannot be set; the text says why."""


@dataclass
class Fault:
    """One fault. Its first half selects calls, its second half says what happens to them.

    `when` is "before" (the request is not executed, except after a delay) or "after" (executed, then the
    fault). None in `operation` and `secret` means any; `secret` is a shell pattern for the id as the caller
    spells it. The first `skip` matching calls pass, the following `times` are hit, or all if it is None.
    `seconds` is how long the call is held before the action; for "hang" it is the longest time, 0 = 10 min.
    """

    operation: str | None = None
    secret: str | None = None
    skip: int = 0
    times: int | None = None

    action: str = "error"
    when: str = "before"
    seconds: float = 0.0
    code: str = "InternalServiceError"
    message: str | None = "An error occurred on the server side."
    status: int | None = None
    body: str = ""
    content_type: str = "text/plain"
    headers: dict[str, str] = field(default_factory=dict)

    def check(self) -> None:
        """Refuses what would not do what its author thinks."""
        if self.action not in ACTIONS:
            raise FaultError(f'there is no action "{self.action}": use one of {", ".join(ACTIONS)}')
        if self.when not in ("before", "after"):
            raise FaultError('"when" is neither "before" nor "after"')
        if self.action == "truncate" and self.when != "after":
            raise FaultError('"truncate" cuts the real answer: set "when" to "after"')
        if self.action == "delay" and self.seconds <= 0:
            raise FaultError('"delay" needs "seconds" above 0')
        if self.times is not None and self.times < 1:
            raise FaultError('"times" is below 1: leave it out for a fault that lasts until it is cleared')
        if self.skip < 0 or self.seconds < 0:
            raise FaultError('"skip" and "seconds" cannot be negative')

    def selects(self, operation: str, secret: str | None) -> bool:
        """True if the call is one that this fault is for."""
        if self.operation is not None and self.operation != operation:
            return False
        return self.secret is None or (secret is not None and fnmatch.fnmatchcase(secret, self.secret))

    def error_status(self) -> int:
        """The real service sends 400 for nearly everything, throttling and refused access included."""
        return self.status if self.status is not None else STATUS_OF_CODE.get(self.code, 400)


TYPES: dict[str, tuple[type, ...]] = {
    "operation": (str, type(None)),
    "secret": (str, type(None)),
    "skip": (int,),
    "times": (int, type(None)),
    "action": (str,),
    "when": (str,),
    "seconds": (int, float),
    "code": (str,),
    "message": (str, type(None)),
    "status": (int, type(None)),
    "body": (str,),
    "content_type": (str,),
    "headers": (dict,),
}


def parse_fault(document: Any) -> Fault:
    """A fault from the JSON of the control endpoint; unknown members are refused."""
    if not isinstance(document, dict):
        raise FaultError("a fault is a JSON object")
    for name, value in document.items():
        if name not in TYPES:
            raise FaultError(f'a fault has no member "{name}": use {", ".join(f.name for f in fields(Fault))}')
        if not isinstance(value, TYPES[name]) or isinstance(value, bool):
            raise FaultError(f'the member "{name}" of a fault has the wrong type')
    fault = Fault(**document)
    fault.check()
    return fault


@dataclass
class Armed:
    """A fault that is set, with its counters. `released` wakes calls that it holds."""

    number: int
    fault: Fault
    seen: int = 0
    hits: int = 0
    released: threading.Event = field(default_factory=threading.Event)

    def spent(self) -> bool:
        return self.fault.times is not None and self.hits >= self.fault.times

    def describe(self) -> dict[str, Any]:
        """The fault as the control endpoint shows it."""
        return {"id": self.number, "seen": self.seen, "hits": self.hits, "spent": self.spent()} | vars(self.fault)


class Faults:
    """The faults that are set. Of several that select a call, the oldest that is not spent hits."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._armed: dict[int, Armed] = {}
        self._number = 0

    def add(self, fault: Fault) -> int:
        """Sets a fault; the number is for clear()."""
        with self._lock:
            self._number += 1
            self._armed[self._number] = Armed(self._number, fault)
            return self._number

    def take(self, operation: str, secret: str | None) -> Armed | None:
        """The fault for this call, if any; counts it."""
        with self._lock:
            for armed in self._armed.values():
                if armed.spent() or not armed.fault.selects(operation, secret):
                    continue
                armed.seen += 1
                if armed.seen > armed.fault.skip:
                    armed.hits += 1
                    return armed
            return None

    def describe(self) -> list[dict[str, Any]]:
        """All faults that are set, spent ones too: their counters tell a test that they hit."""
        with self._lock:
            return [armed.describe() for armed in self._armed.values()]

    def clear(self, number: int | None = None) -> bool:
        """Removes one fault or all, and releases the calls they hold. False if there is no such fault."""
        with self._lock:
            if number is not None and number not in self._armed:
                return False
            removed = [self._armed.pop(n) for n in ([number] if number is not None else list(self._armed))]
        for armed in removed:
            armed.released.set()
        return True
