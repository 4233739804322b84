"""What is tried: a change of what is stored beside and around the password."""

from __future__ import annotations

from typing import Any

from harness.bench import Bench
from harness.engines import Snapshot
from harness.outcome import outcome
from harness.subject import Subject

_TEMPLATE = '{"DB_PASSWORD": "{{.DBPassword}}", "PLACE": "{{.DBHost}}:{{.DBPort}}", "DB_USERNAME": "{{.DBUsername}}"}'


class Update:
    """The tags, the description and the template of a Ready resource were changed while no operator ran."""

    title = "update"

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._stored: dict[Subject, dict[str, Any]] = {}

    def arrange(self, subject: Subject) -> None:
        """Everything is there with one set of tags; the spec asks for another, and for a template."""
        bench = self._bench
        bench.cluster.make_namespace(subject, bench.engine.connection())
        bench.cluster.make_database(subject, awsSecretsManager={"description": "before", "tags": {"Kept": "1", "Gone": "1"}})
        bench.converge(subject, bench.is_ready)
        stored = bench.secrets.stored(subject.secret)
        assert stored is not None
        self._stored[subject] = stored
        asked = {"description": "after", "tags": {"Kept": "2", "Gone": None, "New": "1"}}
        bench.cluster.change_spec(subject, awsSecretsManager=asked, secretTemplate=_TEMPLATE)

    def is_done(self, subject: Subject) -> bool:
        """Ready."""
        return self._bench.is_ready(subject)

    def outcome(self, subject: Subject) -> Snapshot:
        """Everything."""
        return outcome(self._bench, subject)

    def check_interrupted(self, subject: Subject) -> None:
        """The password can be read at every moment, and is the same."""
        stored = self._bench.secrets.stored(subject.secret)
        assert stored is not None, "the secret is gone"
        assert stored["DB_PASSWORD"] == self._stored[subject]["DB_PASSWORD"], "another password is stored"

    def check_converged(self, subject: Subject) -> None:
        """It has the new form, and the password logs in."""
        self.check_interrupted(subject)
        stored, before = self._bench.secrets.stored(subject.secret), self._stored[subject]
        assert stored is not None
        assert stored.keys() == {"DB_PASSWORD", "PLACE", "DB_USERNAME"}, f"the secret has the keys {sorted(stored)}"
        assert self._bench.engine.use(before) == f"{subject.name} {subject.name}"
