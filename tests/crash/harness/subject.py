"""What one trial is about: a team's namespace with one resource, named like no other."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Subject:
    """The names of one trial."""

    number: int
    engine: str

    @classmethod
    def fresh(cls, engine: str) -> Subject:
        """Names that no other trial of this run has."""
        return cls(next(_numbers), engine)

    @property
    def namespace(self) -> str:
        """The Kubernetes namespace."""
        return f"crash-team-{self.number}"

    @property
    def resource(self) -> str:
        """The name of the Database."""
        return f"crash-{self.number}"

    @property
    def name(self) -> str:
        """The name of database and user."""
        return f"crash_{self.number}"

    @property
    def secret(self) -> str:
        """The name of the stored secret."""
        return f"rds/{self.engine}/{self.name}"
