"""The numbers of the last line must not flatter."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path

import location  # noqa: F401
from checks.counts import count_junit, count_meson, count_tap


class Tap(unittest.TestCase):
    """What cmocka writes with CMOCKA_MESSAGE_OUTPUT=TAP."""

    def counts(self, output: str, succeeded: bool) -> tuple[int, int]:
        """Passed and failed."""
        outcome = count_tap("program", output, succeeded)
        self.assertEqual(bool(outcome.complaints), outcome.failed > 0)
        return outcome.passed, outcome.failed

    def test_cases_are_counted_one_by_one(self) -> None:
        self.assertEqual(self.counts("1..2\nok 1 - a\nnoise\nok 2 - b\n# ok - all\n", True), (2, 0))

    def test_a_failed_case_is_named(self) -> None:
        outcome = count_tap("program", "1..2\nok 1 - a\nnot ok 2 - b\n", False)
        self.assertEqual((outcome.passed, outcome.failed), (1, 1))
        self.assertEqual(outcome.complaints, ["program: b"])

    def test_a_skipped_case_counts_as_failed(self) -> None:
        self.assertEqual(self.counts("1..1\nok 1 # SKIP a\n", True), (0, 1))
        self.assertEqual(self.counts("1..1\nok 1 - a # SKIP\n", True), (0, 1))

    def test_cases_that_never_ran_count_as_failed(self) -> None:
        self.assertEqual(self.counts("1..3\nok 1 - a\n", False), (1, 2))

    def test_a_leak_after_all_tests_is_a_failure(self) -> None:
        self.assertEqual(self.counts("1..1\nok 1 - a\n", False), (1, 1))

    def test_a_program_without_tests_is_a_failure(self) -> None:
        self.assertEqual(self.counts("", True), (0, 1))

    def test_a_crash_before_the_first_test_is_a_failure(self) -> None:
        self.assertEqual(self.counts("", False), (0, 1))

    def test_several_groups_of_one_program_add_up(self) -> None:
        self.assertEqual(self.counts("1..1\nok 1 - a\n1..1\nok 1 - b\n", True), (2, 0))


class Files(unittest.TestCase):
    """What meson and pytest write."""

    def write(self, text: str) -> Path:
        """A file that goes away after the test."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = Path(folder.name) / "file"
        path.write_text(text)
        return path

    def test_meson_results_add_up(self) -> None:
        path = self.write(
            '{"name": "one", "result": "OK", "stdout": "1..1\\nok 1 - a\\n"}\n'
            '{"name": "two", "result": "TIMEOUT", "stdout": "1..2\\nok 1 - a\\n"}\n'
            '{"name": "three", "result": "FAIL"}\n'
        )
        outcome = count_meson(path)
        self.assertEqual((outcome.passed, outcome.failed), (2, 2))

    def test_junit_cases_are_counted_and_skips_fail(self) -> None:
        path = self.write(
            "<testsuites><testsuite>"
            '<testcase classname="c" name="good"/>'
            '<testcase classname="c" name="bad"><failure/></testcase>'
            '<testcase classname="c" name="broken"><error/></testcase>'
            '<testcase classname="c" name="lazy"><skipped/></testcase>'
            "</testsuite></testsuites>"
        )
        outcome = count_junit(path)
        self.assertEqual((outcome.passed, outcome.failed), (1, 3))
        self.assertEqual(outcome.complaints[2], "c::lazy: skipped")


if __name__ == "__main__":
    unittest.main()
