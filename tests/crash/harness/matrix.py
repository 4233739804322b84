"""Tries something at every call, before and after, and looks whether it went well each time."""

from __future__ import annotations

import json
import time
import urllib.parse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from harness.bench import Bench
from harness.calls import Fault, When
from harness.engines import Snapshot
from harness.subject import Subject

# A call that begins so changes nothing outside.
_READING = (
    "kube GET", "aws Describe", "aws Get", "sql query SELECT", "sql query SHOW", "sql query SET", "sql query USE",
    "sql parse", "sql bind", "sql describe", "sql execute", "sql sync", "sql ssl", "sql startup", "sql login",
    "sql password", "sql terminate", "sql quit",
)  # fmt: skip
_EVERY_SO_MANY = 17
_RECORDINGS = 3


class Scenario(Protocol):
    """Something to try.  What must hold is said by assertions."""

    title: str

    def arrange(self, subject: Subject) -> None:
        """What is there before the operator is started with the fault."""

    def is_done(self, subject: Subject) -> bool:
        """Whether the operator has come to the end."""

    def check_interrupted(self, subject: Subject) -> None:
        """What must hold while it is dead."""

    def outcome(self, subject: Subject) -> Snapshot:
        """What must be the same whatever happened on the way."""

    def check_converged(self, subject: Subject) -> None:
        """What must hold in the end, besides what must whatever is tried."""


@dataclass
class Result:
    """What came of one matrix."""

    name: str
    calls: list[str] = field(default_factory=list)
    trials: int = 0
    failures: list[str] = field(default_factory=list)
    oddities: list[str] = field(default_factory=list)  # undisturbed runs that were not as the others
    seconds: float = 0

    @property
    def line(self) -> str:
        """The result in one line."""
        oddities = "".join(f"\n{text}" for text in self.oddities)
        return (
            f"{self.name:72} {len(self.calls):3} calls, {self.trials:3} tried, {len(self.failures):2} failed,"
            f" {self.seconds:4.0f} s{oddities}"
        )

    def points(self, *moments: When) -> list[Fault]:
        """Every moment at which something may happen."""
        return [Fault(number, when) for number in range(1, len(self.calls) + 1) for when in moments]

    def sample(self) -> list[Fault]:
        """Before and after each call that changes something, and some of the others."""
        whole = self.points(When.BEFORE, When.AFTER)
        writes = {number for number, label in enumerate(self.calls, 1) if not label.startswith(_READING)}
        return [point for i, point in enumerate(whole) if point.number in writes or i % _EVERY_SO_MANY == 0]


class Matrix:
    """One scenario on one bench.  `cut` resets the connection of the call and lets the operator live."""

    def __init__(self, bench: Bench, scenario: Scenario, name: str, *, cut: bool = False) -> None:
        self._bench = bench
        self._scenario = scenario
        self._cut = cut
        self._outcome: Snapshot = {}  # of an undisturbed run
        self.result = Result(name)

    def record(self) -> list[str]:
        """The calls of undisturbed runs, which must be the same twice in a row.

        A run in which something outside failed once has more of them: it is told with the log of its end."""
        calls = self._undisturbed()
        for _ in range(_RECORDINGS):
            before, calls = calls, self._undisturbed()
            if calls == before:
                self.result.calls = calls
                return calls
            self.result.oddities.append(f"undisturbed runs differ:\n{before}\n{calls}\n{self._bench.describe_trouble()}")
        raise AssertionError("\n".join(self.result.oddities))

    def run(self, points: Sequence[Fault]) -> Result:
        """One trial for each point; a failed one is noted and the next begins."""
        begin = time.monotonic()
        for point in points:
            try:
                self._trial(point)
            except Exception as failure:  # whatever it is, it is told with its trial
                label = self.result.calls[point.number - 1]
                self.result.failures.append(f"{point.when.value} call {point.number} ({label}): {type(failure).__name__}: {failure}")
                print(f"{self.result.name}: {self.result.failures[-1]}", flush=True)
        self.result.seconds = time.monotonic() - begin
        return self.result

    def _undisturbed(self) -> list[str]:
        subject = Subject.fresh(self._bench.engine.word)
        calls: list[str] = []
        self._guard(subject, lambda: calls.extend(self._bench.record(subject, self._scenario.is_done)))
        return calls

    def _trial(self, point: Fault) -> None:
        subject = Subject.fresh(self._bench.engine.word)

        def disturb() -> None:
            seen = self._bench.cut_at(point) if self._cut else self._bench.kill_at(point)
            self.result.trials += 1
            if not self._cut:
                self._scenario.check_interrupted(subject)
            self._bench.converge(subject, self._scenario.is_done)
            assert seen == self.result.calls[: point.number], f"the way to the call was another one: {seen}"

        self._guard(subject, disturb)

    def _guard(self, subject: Subject, disturb: Callable[[], None]) -> None:
        """Arranges, disturbs, checks what must hold whatever is tried, and cleans up."""
        bench = self._bench
        try:
            with bench.logged() as logs:
                bench.engine.forget_logins()
                self._scenario.arrange(subject)
                secrets = bench.cluster.secret_versions(subject)
                before, stored = self._snapshot(subject), bench.secrets.stored(subject.secret)
                disturb()
                _compare(before, self._snapshot(subject))
                assert bench.cluster.secret_versions(subject) == secrets, "a Secret of the namespace was written"
                self._compare_outcome(self._scenario.outcome(subject))
                self._scenario.check_converged(subject)
            stored = bench.secrets.stored(subject.secret) or stored
            self._look_for_passwords(subject, stored, b"\n".join(logs).decode(errors="replace"))
        finally:
            bench.stop()
            bench.cluster.remove(subject)
            bench.engine.clean(subject.name)
            bench.secrets.remove(subject.secret)

    def _compare_outcome(self, reached: Snapshot) -> None:
        self._outcome = self._outcome or reached
        _compare(self._outcome, reached)

    def _snapshot(self, subject: Subject) -> Snapshot:
        return {**self._bench.engine.snapshot(subject.name), **self._bench.secrets.snapshot(subject.secret)}

    def _look_for_passwords(self, subject: Subject, stored: dict[str, Any] | None, logs: str) -> None:
        places = {
            "logs": logs,
            "resource": json.dumps(self._bench.cluster.find_database(subject)),
            "events": json.dumps(self._bench.cluster.events(subject)),
        }
        passwords = {"the admin's": self._bench.engine.server.admin_password}
        if stored is not None:
            passwords["the stored"] = stored["DB_PASSWORD"]
        for whose, password in passwords.items():
            for form in {password, urllib.parse.quote(password, safe="")}:
                found = [place for place, text in places.items() if form in text]
                assert found == [], f"{whose} password is in the {' and '.join(found)}"


def _compare(before: Snapshot, after: Snapshot) -> None:
    """Fails naming what is another now."""
    for place in before.keys() | after.keys():
        was, now = before.get(place, []), after.get(place, [])
        lost, new = [row for row in was if row not in now], [row for row in now if row not in was]
        assert was == now, f"{place}: lost {lost}, new {new}"
