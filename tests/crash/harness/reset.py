"""What is tried: a new password for a user that has one, as a person asks for it."""

from __future__ import annotations

from typing import Any

from harness.bench import Bench
from harness.engines import Snapshot
from harness.outcome import outcome
from harness.subject import Subject

ANNOTATION = "database.opzkit.io/reset-password"
VALUE = "asked once"


class PasswordReset:
    """A resource that is Ready and, while no operator runs, is asked to reset its password."""

    def __init__(self, bench: Bench, shape: str, **spec: Any) -> None:
        self.title = f"password reset, {shape}"
        self._bench = bench
        self._spec = spec
        self._former: dict[Subject, str] = {}

    def arrange(self, subject: Subject) -> None:
        """A Ready Database, and the annotation."""
        self._bench.cluster.make_namespace(subject, self._bench.engine.connection())
        self._bench.cluster.make_database(subject, **self._spec)
        self._bench.converge(subject, self._bench.is_ready)
        self._former[subject] = self._stored(subject)
        self._bench.cluster.annotate(subject, {ANNOTATION: VALUE})

    def is_done(self, subject: Subject) -> bool:
        """Ready, and the request is answered."""
        status = self._bench.cluster.database(subject).get("status", {})
        return self._bench.is_ready(subject) and status.get("lastHandledPasswordReset") == VALUE

    def outcome(self, subject: Subject) -> Snapshot:
        """Everything."""
        return outcome(self._bench, subject)

    def check_interrupted(self, subject: Subject) -> None:
        """The user has the password that is stored, or the one that was; neither is lost."""
        engine, former = self._bench.engine, self._former[subject]
        stored = self._stored(subject)
        works = [password for password in {stored, former} if engine.refusal(subject.name, password) is None]
        assert len(works) == 1, "neither the stored password nor the former one logs in"
        assert works == [stored] or former in self._bench.secrets.passwords(subject.secret), "the password is stored nowhere"

    def check_converged(self, subject: Subject) -> None:
        """One new password, which works; the former one does not."""
        engine, former = self._bench.engine, self._former[subject]
        stored = self._stored(subject)
        assert stored != former, "the password is the former one"
        assert engine.refusal(subject.name, stored) is None, "the stored password does not log in"
        assert engine.refusal(subject.name, former) is not None, "the former password still logs in"
        others = self._bench.secrets.passwords(subject.secret) - {stored, former}
        # a canonical JSON that was written before the kill describes a value that was not
        assert len(others) <= (1 if self._spec else 0), "there was another password"
        status = self._bench.cluster.database(subject)["status"]
        assert status["lastHandledPasswordReset"] == VALUE

    def _stored(self, subject: Subject) -> str:
        stored = self._bench.secrets.stored(subject.secret)
        assert stored is not None, "the secret is gone"
        password: str = stored["DB_PASSWORD"]
        return password
