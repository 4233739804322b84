"""What is tried: adding a user to a database that is there."""

from __future__ import annotations

from harness.creation import Creation
from harness.subject import Subject


class Adoption(Creation):
    """A new resource that adopts a database; it stays nobody's."""

    title = "adoption"

    def arrange(self, subject: Subject) -> None:
        """A namespace with an admin Secret, a database, and a new Database for it."""
        self._bench.engine.make_existing(subject.name)
        self._bench.cluster.make_namespace(subject, self._bench.engine.connection())
        self._bench.cluster.make_database(subject, adoptExistingDatabase=True)

    def check_converged(self, subject: Subject) -> None:
        """As after a creation, and the database carries no mark."""
        super().check_converged(subject)
        marked = [row for row in self._bench.engine.outcome(subject.name)["database"] if "managed-by" in row]
        assert marked == [], "the database is marked"
        assert self._bench.cluster.database(subject)["status"]["databaseCreated"] is False
