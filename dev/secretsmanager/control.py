"""The control endpoint: faults, calls, clock and reset, for tests. Paths start with /_control/."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

from secretsmanager.calls import Calls
from secretsmanager.clock import Clock
from secretsmanager.faults import FaultError, Faults, parse_fault
from secretsmanager.protocol import Answer
from secretsmanager.store import Store

PREFIX = "/_control/"


class ControlError(Exception):
    """A control request that cannot be followed; the text is one sentence."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class Control:
    """Steers the server. Not part of AWS's API, unsigned, and out of reach of the faults it sets."""

    def __init__(self, faults: Faults, calls: Calls, clock: Clock, store: Store) -> None:
        self._faults = faults
        self._calls = calls
        self._clock = clock
        self._store = store

    def handle(self, method: str, target: str, body: bytes) -> Answer:
        """Follows one control request."""
        url = urlsplit(target)
        parts = url.path.removeprefix(PREFIX).strip("/").split("/")
        try:
            result = self._route(method, parts, parse_qs(url.query), body)
            return Answer(200, json.dumps(result).encode("utf-8"), "application/json")
        except (ControlError, FaultError) as err:
            status = err.status if isinstance(err, ControlError) else 400
            return Answer(status, json.dumps({"error": str(err)}).encode("utf-8"), "application/json")

    def _route(self, method: str, parts: list[str], query: dict[str, list[str]], body: bytes) -> Any:
        match method, parts:
            case "GET", ["health"]:
                return {"status": "ok"}
            case "GET", ["faults"]:
                return {"faults": self._faults.describe()}
            case "POST", ["faults"]:
                return {"id": self._faults.add(parse_fault(parse_json(body)))}
            case "DELETE", ["faults"]:
                return {"cleared": self._faults.clear()}
            case "DELETE", ["faults", number]:
                return self._clear_fault(number)
            case "GET", ["calls"]:
                return self._calls.describe(parse_number(query.get("since", ["0"])[0]))
            case "DELETE", ["calls"]:
                self._calls.reset()
                return {}
            case "GET", ["clock"]:
                return {"offset_seconds": self._clock.offset_seconds, "now": self._clock.now()}
            case "PUT", ["clock"]:
                return self._shift_clock(parse_json(body))
            case "POST", ["reset"]:
                return self._reset()
        raise ControlError(f"there is no {method} {PREFIX}{'/'.join(parts)}", 404)

    def _clear_fault(self, number: str) -> dict[str, Any]:
        if not self._faults.clear(parse_number(number)):
            raise ControlError(f"there is no fault {number}", 404)
        return {"cleared": True}

    def _shift_clock(self, document: Any) -> dict[str, Any]:
        offset = document.get("offset_seconds") if isinstance(document, dict) else None
        if not isinstance(offset, (int, float)) or isinstance(offset, bool):
            raise ControlError('send {"offset_seconds": NUMBER}')
        self._clock.offset_seconds = float(offset)
        return {"offset_seconds": self._clock.offset_seconds, "now": self._clock.now()}

    def _reset(self) -> dict[str, Any]:
        """As if newly started with an empty state directory."""
        self._faults.clear()
        self._clock.offset_seconds = 0.0
        with self._store.lock:
            self._store.clear()
        self._calls.reset()
        return {}


def parse_json(body: bytes) -> Any:
    """The body of a control request."""
    try:
        return json.loads(body)
    except ValueError:
        raise ControlError("the body is not JSON") from None


def parse_number(text: str) -> int:
    """A number in a path or query."""
    if not text.isdigit():
        raise ControlError(f'"{text}" is not a number')
    return int(text)
