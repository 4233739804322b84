"""What all tests in Python share: tables that are shown when everything is over.

A test hands a part of one over with pytest's `record_property(title, text)`, which reaches the end
of the session from whatever process the test ran in.
"""

from __future__ import annotations

import pytest

_TABLES: dict[str, list[str]] = {}  # by title, in the order of the tests


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """The last report of a test has everything that it recorded."""
    if report.when == "teardown":
        for title, text in report.user_properties:
            _TABLES.setdefault(title, []).append(str(text))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The tables."""
    for title, texts in _TABLES.items():
        terminalreporter.section(title)
        for text in texts:
            terminalreporter.write_line(text)
