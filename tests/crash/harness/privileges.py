"""What is tried: a change of the list of privileges of a resource that is Ready."""

from __future__ import annotations

import re
from typing import Any

from harness.bench import Bench
from harness.calls import Fault, When
from harness.engines import OWN, READ, WRITE, Snapshot
from harness.matrix import Result
from harness.outcome import outcome
from harness.subject import Subject

# What a list is called, its words on both families, and what it allows.
LISTS = {
    "read-only": (["SELECT"], {READ}),
    "read-write": (["SELECT", "INSERT", "UPDATE", "DELETE"], {READ, WRITE}),
    "ALL": (["ALL"], {READ, WRITE, OWN}),
}
# Every change between two of them; those that end where a former owner was once, begin there.
CHANGES = (
    ("ALL", "read-only"), ("read-only", "read-write"), ("ALL", "read-write", "ALL"), ("ALL", "read-write"),
    ("read-write", "read-only"), ("ALL", "read-only", "ALL"),
)  # fmt: skip


_CHANGING = re.compile(r"sql query (GRANT|REVOKE|CREATE|ALTER|REASSIGN)\b")


def in_the_middle(result: Result) -> list[Fault]:
    """Before each statement that changes rights or owners, before and after what follows the last of them."""
    numbers = [number for number, label in enumerate(result.calls, 1) if _CHANGING.match(label)]
    after = numbers[-1] + 1
    return [*(Fault(number, When.BEFORE) for number in [*numbers, after]), Fault(after, When.AFTER)]


class PrivilegeChange:
    """The list was changed while no operator ran: the last of these names, after all those before."""

    def __init__(self, bench: Bench, names: tuple[str, ...]) -> None:
        self._bench = bench
        self._names = names
        self.title = "privileges " + " to ".join(names)

    def arrange(self, subject: Subject) -> None:
        """A table is there, and the application has its former rights."""
        bench, first = self._bench, self._names[0]
        bench.cluster.make_namespace(subject, bench.engine.connection())
        bench.cluster.make_database(subject, privileges=["SELECT"])
        bench.converge(subject, bench.is_ready)
        bench.engine.make_table(subject.name)
        for name in (first, *self._names[1:-1]):
            bench.cluster.change_spec(subject, privileges=LISTS[name][0])
            bench.converge(subject, bench.is_ready)
        assert self._allowed(subject) == LISTS[self._names[-2]][1]
        bench.cluster.change_spec(subject, privileges=LISTS[self._names[-1]][0])

    def is_done(self, subject: Subject) -> bool:
        """Ready."""
        return self._bench.is_ready(subject)

    def check_interrupted(self, subject: Subject) -> None:
        """Before and after, both or neither of the changed rights are there; what stays never goes."""
        before, after = (LISTS[name][1] for name in self._names[-2:])
        allowed = self._allowed(subject)
        assert before & after <= allowed <= before | after, f"{sorted(allowed)} is allowed in the middle"

    def outcome(self, subject: Subject) -> Snapshot:
        """Everything."""
        return outcome(self._bench, subject)

    def check_converged(self, subject: Subject) -> None:
        """Exactly the new list is allowed, and the status says so."""
        words, rights = LISTS[self._names[-1]]
        assert self._allowed(subject) == rights
        status = self._bench.cluster.database(subject)["status"]
        assert status["appliedPrivileges"] == words
        conditions = {condition["type"]: condition["status"] for condition in status["conditions"]}
        assert conditions["PrivilegesReady"] == "True"

    def _allowed(self, subject: Subject) -> set[str]:
        stored: dict[str, Any] | None = self._bench.secrets.stored(subject.secret)
        assert stored is not None
        return self._bench.engine.allowed(stored)
