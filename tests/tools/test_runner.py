"""The verdict: what goes on after a failure, what stops, and what the last line says."""

from __future__ import annotations

import contextlib
import io
import unittest

import location  # noqa: F401
from checks.outcome import Broken, Outcome, failure, success
from checks.runner import run_steps
from checks.steps import Step


def _break() -> Outcome:
    raise Broken("cannot be done: do this")


class Runner(unittest.TestCase):
    """Steps that do nothing but end in a certain way."""

    def run_all(self, *steps: Step) -> tuple[int, list[str]]:
        """Exit status and output."""
        with contextlib.redirect_stdout(io.StringIO()) as output:
            status = run_steps(steps)
        return status, output.getvalue().splitlines()

    def test_all_good_is_status_zero(self) -> None:
        status, lines = self.run_all(
            Step("a", "first", success), Step("b", "second", lambda: Outcome(passed=4))
        )
        self.assertEqual((status, lines[-1]), (0, "5 passed, 0 failed"))

    def test_a_failure_does_not_hide_the_rest_but_decides_the_status(self) -> None:
        status, lines = self.run_all(
            Step("a", "first", lambda: failure("it leaks")), Step("b", "second", success)
        )
        self.assertEqual((status, lines[-1]), (1, "1 passed, 1 failed"))
        self.assertIn("   it leaks", lines)
        self.assertTrue(any(line.startswith("Failed: a.") for line in lines))

    def test_a_check_that_cannot_be_made_is_a_failure(self) -> None:
        status, lines = self.run_all(Step("a", "first", _break))
        self.assertEqual((status, lines[-1]), (1, "0 passed, 1 failed"))
        self.assertIn("   cannot be done: do this", lines)

    def test_a_missing_program_stops_before_the_first_check(self) -> None:
        status, lines = self.run_all(
            Step("a", "first", success), Step("b", "second", success, ("no-such-program",))
        )
        self.assertEqual((status, lines[-1]), (1, "0 passed, 1 failed"))
        self.assertIn("   not found: no-such-program; run tools/install-dependencies", lines)

    def test_programs_are_looked_for_after_the_dependencies_were_installed(self) -> None:
        status, lines = self.run_all(
            Step("dependencies", "packages", success),
            Step("b", "second", success, ("no-such-program",)),
        )
        self.assertEqual((status, lines[-1]), (1, "1 passed, 1 failed"))

    def test_without_dependencies_nothing_else_runs(self) -> None:
        status, lines = self.run_all(
            Step("dependencies", "packages", lambda: failure("no network")),
            Step("b", "second", success),
        )
        self.assertEqual((status, lines[-1]), (1, "0 passed, 1 failed"))


if __name__ == "__main__":
    unittest.main()
