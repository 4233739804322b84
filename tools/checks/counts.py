"""Counting single tests in what the test programs wrote, trusting nobody's summary."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from .outcome import Outcome

_TAP_PLAN = re.compile(r"^1\.\.(\d+)", re.MULTILINE)
_TAP_CASE = re.compile(r"^(ok|not ok) \d+ - (\S+)(.*)$", re.MULTILINE)


def count_tap(program: str, output: str, succeeded: bool) -> Outcome:
    """Counts the cases of one cmocka program (CMOCKA_MESSAGE_OUTPUT=TAP).

    A skipped case counts as failed, as do cases that were announced and never ran; a program that
    fails without a failed case (a crash, a leak, a race) is one failure of its own."""
    outcome = Outcome()
    for verdict, name, rest in _TAP_CASE.findall(output):
        if verdict == "ok" and "# SKIP" not in rest.upper():
            outcome.passed += 1
        else:
            outcome.failed += 1
            outcome.complaints.append(f"{program}: {name}{rest}")
    planned = sum(int(number) for number in _TAP_PLAN.findall(output))
    lost = planned - outcome.passed - outcome.failed
    if lost > 0:
        outcome.failed += lost
        outcome.complaints.append(f"{program}: ended before {lost} of its tests had run")
    if planned == 0 and succeeded:
        outcome.failed += 1
        outcome.complaints.append(f"{program}: ran no cmocka test")
    if not succeeded and outcome.failed == 0:
        outcome.failed += 1
        outcome.complaints.append(f"{program}: failed outside of its tests")
    return outcome


def count_meson(log: Path) -> Outcome:
    """Adds up all programs in meson's testlog.json."""
    outcome = Outcome()
    for line in log.read_text().splitlines():
        program = json.loads(line)
        outcome.add(
            count_tap(program["name"], program.get("stdout") or "", program["result"] == "OK")
        )
    return outcome


def count_junit(report: Path) -> Outcome:
    """Counts the cases of a JUnit file; a skipped one counts as failed."""
    outcome = Outcome()
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        trouble = [child for child in case if child.tag in ("failure", "error", "skipped")]
        if not trouble:
            outcome.passed += 1
            continue
        outcome.failed += 1
        outcome.complaints.append(
            f"{case.get('classname')}::{case.get('name')}: {trouble[0].tag}"
        )
    return outcome
