"""What is tried: deletions of a resource that retains nothing, to their end, or given up on the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness.bench import Bench
from harness.engines import Snapshot
from harness.outcome import outside
from harness.subject import Subject

NOTE = "database.opzkit.io/deleting"


@dataclass
class _Made:
    """What an undisturbed operator had made."""

    uid: str
    stored: dict[str, Any]


class Deletion:
    """A Ready resource was deleted while no operator ran."""

    title = "deletion"

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._made: dict[Subject, _Made] = {}

    def arrange(self, subject: Subject) -> None:
        """Everything is there, an application has used it, and the resource is deleted."""
        bench = self._bench
        bench.cluster.make_namespace(subject, bench.engine.connection())
        bench.cluster.make_database(subject, retainOnDelete=False)
        bench.converge(subject, bench.is_ready)
        stored = bench.secrets.stored(subject.secret)
        assert stored is not None
        assert bench.engine.use(stored) == f"{subject.name} {subject.name}"
        self._made[subject] = _Made(bench.cluster.database(subject)["metadata"]["uid"], stored)
        bench.cluster.delete_database(subject)

    def is_done(self, subject: Subject) -> bool:
        """Gone."""
        return self._bench.is_gone(subject)

    def check_interrupted(self, subject: Subject) -> None:
        """The password can be read as long as the user exists; the finalizer goes last."""
        engine, secrets = self._bench.engine, self._bench.secrets
        if engine.has_user(subject.name):
            assert secrets.stored(subject.secret) == self._made[subject].stored, "the user exists and its secret does not"
        if self._bench.cluster.find_database(subject) is None:
            self._check_nothing_is_left(subject)

    def outcome(self, subject: Subject) -> Snapshot:
        """What is left outside."""
        return outside(self._bench, subject, self._made[subject].uid)

    def check_converged(self, subject: Subject) -> None:
        """Nothing is left, and the secret can be restored with its password."""
        self._check_nothing_is_left(subject)
        self._bench.secrets.restore(subject.secret)
        assert self._bench.secrets.stored(subject.secret) == self._made[subject].stored, "another secret was restored"

    def _check_nothing_is_left(self, subject: Subject) -> None:
        engine = self._bench.engine
        assert not engine.has_user(subject.name), "the resource is gone and the user is not"
        assert not engine.has_database(subject.name), "the resource is gone and the database is not"
        assert self._bench.secrets.is_scheduled(subject.secret), "the resource is gone and the secret is not"
        assert engine.leftovers() == [], "an unfinished database is left"


class ChangeOfMind(Deletion):
    """While the operator is dead in the middle of a deletion, somebody sets retainOnDelete."""

    title = "deletion, given up"

    def check_interrupted(self, subject: Subject) -> None:
        """As for any deletion; then the spec is changed."""
        super().check_interrupted(subject)
        self._bench.cluster.change_spec(subject, retainOnDelete=True)

    def outcome(self, subject: Subject) -> Snapshot:
        """It depends on when it was given up."""
        return {}

    def check_converged(self, subject: Subject) -> None:
        """A user that is still there is let in again, with the stored password."""
        engine, secrets = self._bench.engine, self._bench.secrets
        stored = self._made[subject].stored
        if not engine.has_user(subject.name):
            return
        assert secrets.stored(subject.secret) == stored, "the user exists and its secret does not"
        refusal = engine.refusal(subject.name, stored["DB_PASSWORD"])
        assert refusal is None, f"the user is still locked out: {refusal}"
        assert not any(NOTE in row for row in secrets.description(subject.secret)), "the deletion is still noted"
