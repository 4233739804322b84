"""The control endpoint from Python, for tests and scripts; needs only the standard library."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class ControlFailure(Exception):
    """The control endpoint refused a request; the text is its sentence."""


class ControlClient:
    """Steers one server; `url` is its address, for example http://127.0.0.1:40001."""

    def __init__(self, url: str, timeout_seconds: float = 10.0) -> None:
        self._url = url.rstrip("/")
        self._timeout_seconds = timeout_seconds
        # The server is on this machine: a proxy from the environment would not reach it.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def add_fault(self, **fault: Any) -> int:
        """Sets a fault (members: see faults.py) and returns its number."""
        return self._call("POST", "faults", fault)["id"]

    @contextmanager
    def fault(self, **fault: Any) -> Iterator[int]:
        """A fault for the length of a `with` block."""
        number = self.add_fault(**fault)
        try:
            yield number
        finally:
            self.clear_fault(number)

    def faults(self) -> list[dict[str, Any]]:
        """The faults that are set, with how many calls each has seen and hit."""
        return self._call("GET", "faults")["faults"]

    def clear_fault(self, number: int) -> None:
        """Removes one fault and lets go the calls that it holds."""
        self._call("DELETE", f"faults/{number}")

    def clear_faults(self) -> None:
        """Removes all faults and lets go the calls that they hold."""
        self._call("DELETE", "faults")

    def calls(self, since: int = 0, operation: str | None = None, secret: str | None = None) -> list[dict[str, Any]]:
        """The calls after number `since`, if wanted only those of one operation or about one secret."""
        return [
            call
            for call in self._call("GET", f"calls?since={since}")["calls"]
            if operation in (None, call["operation"]) and secret in (None, call["secret"])
        ]

    def counts(self) -> dict[str, int]:
        """How often each operation was called since the last reset."""
        return self._call("GET", "calls")["counts"]

    def reset_calls(self) -> None:
        """Forgets the calls so far."""
        self._call("DELETE", "calls")

    def shift_clock(self, offset_seconds: float) -> None:
        """Sets how far the service's clock is ahead of (or, negative, behind) this machine's."""
        self._call("PUT", "clock", {"offset_seconds": offset_seconds})

    def reset(self) -> None:
        """Removes faults, calls, clock shift and every secret."""
        self._call("POST", "reset", {})

    def _call(self, method: str, path: str, document: Any = None) -> Any:
        body = None if document is None else json.dumps(document).encode("utf-8")
        request = urllib.request.Request(f"{self._url}/_control/{path}", data=body, method=method)
        try:
            with self._opener.open(request, timeout=self._timeout_seconds) as response:
                return json.load(response)
        except urllib.error.HTTPError as err:
            raise ControlFailure(json.load(err)["error"]) from err
