"""How a check ended, in numbers that can be added up."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Outcome:
    """Counts of one step, and the sentences that tell a person what failed."""

    passed: int = 0
    failed: int = 0
    complaints: list[str] = field(default_factory=list)

    def add(self, other: Outcome) -> None:
        """Takes the counts and complaints of another outcome over."""
        self.passed += other.passed
        self.failed += other.failed
        self.complaints += other.complaints


class Broken(Exception):
    """A check could not be made at all; the text says what to do."""


def success() -> Outcome:
    """One check that found nothing wrong."""
    return Outcome(passed=1)


def failure(*complaints: str) -> Outcome:
    """One check that found something wrong."""
    return Outcome(failed=1, complaints=list(complaints))
