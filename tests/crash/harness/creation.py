"""What is tried: making database, user and secret for a new resource."""

from __future__ import annotations

from harness.bench import Bench
from harness.engines import Snapshot
from harness.outcome import outcome
from harness.subject import Subject

FINALIZER = "database.opzkit.io/database-finalizer"


class Creation:
    """A resource that the operator has never seen; it is made as soon as the operator starts."""

    title = "creation"

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def arrange(self, subject: Subject) -> None:
        """A namespace with an admin Secret and a new Database."""
        self._bench.cluster.make_namespace(subject, self._bench.engine.connection())
        self._bench.cluster.make_database(subject)

    def is_done(self, subject: Subject) -> bool:
        """Ready."""
        return self._bench.is_ready(subject)

    def outcome(self, subject: Subject) -> Snapshot:
        """Everything that is made."""
        return outcome(self._bench, subject)

    def check_interrupted(self, subject: Subject) -> None:
        """What exists is remembered: a secret by the finalizer, a user by the secret that logs in."""
        engine, secrets = self._bench.engine, self._bench.secrets
        stored = secrets.stored(subject.secret)
        metadata = self._bench.cluster.database(subject)["metadata"]
        assert stored is None or metadata.get("finalizers") == [FINALIZER], "the secret exists and the finalizer does not"
        if not engine.has_user(subject.name):
            return
        assert stored is not None, "the user exists and its password is stored nowhere"
        refusal = engine.refusal(subject.name, stored["DB_PASSWORD"])
        assert refusal is None, f"the user exists and the stored password does not log in: {refusal}"

    def check_converged(self, subject: Subject) -> None:
        """The secret works, was written once, and nothing unfinished is left."""
        engine, secrets = self._bench.engine, self._bench.secrets
        stored = secrets.stored(subject.secret)
        assert stored is not None, "nothing is stored"
        assert engine.use(stored) == f"{subject.name} {subject.name}"
        assert stored["DB_PORT"] == engine.proxy.port, "another server is stored"
        status = self._bench.cluster.database(subject)["status"]
        assert secrets.versions(subject.secret) == [status["secretVersion"]], "the secret was written more than once"
        assert engine.leftovers() == [], "an unfinished database is left"
