"""Runs steps in order and adds up."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Sequence

from .outcome import Broken, Outcome, failure
from .steps import Step


def _say(text: str) -> None:
    print(text)
    sys.stdout.flush()


def missing_programs(steps: Sequence[Step]) -> list[str]:
    """The programs that the steps need and the machine does not have."""
    wanted = {program for step in steps for program in step.programs}
    return sorted(program for program in wanted if shutil.which(program) is None)


def _run_step(step: Step) -> Outcome:
    try:
        return step.check()
    except Broken as broken:
        return failure(str(broken))


def _report(outcome: Outcome, seconds: float) -> None:
    for complaint in outcome.complaints:
        _say(f"   {complaint}")
    verdict = "FAILED" if outcome.failed else "ok"
    _say(f"   {verdict}: {outcome.passed} passed, {outcome.failed} failed in {seconds:.1f} s")


def _blockade(steps: Sequence[Step]) -> Outcome | None:
    """What keeps the steps from running at all."""
    missing = missing_programs(steps)
    if not missing:
        return None
    return failure(f"not found: {', '.join(missing)}; run tools/install-dependencies")


def run_steps(steps: Sequence[Step]) -> int:
    """Goes on after a failed check, so that one run shows all; stops at once when what the checks
    are made with is missing, since each would then fail for the same reason."""
    total, failed_steps = Outcome(), []
    start = time.monotonic()
    for number, step in enumerate(steps, start=1):
        began = time.monotonic()
        _say(f"\n== {number}/{len(steps)} {step.name}: {step.title}")
        installs = step.name == "dependencies"
        blockade = None if installs else _blockade(steps)
        outcome = blockade or _run_step(step)
        _report(outcome, time.monotonic() - began)
        total.add(outcome)
        if outcome.failed:
            failed_steps.append(step.name)
        if blockade or (installs and outcome.failed):
            break
    if failed_steps:
        _say(f"\nFailed: {', '.join(failed_steps)}.  One step alone: tools/check --step NAME")
    _say(f"\nTook {(time.monotonic() - start) / 60:.1f} min.")
    _say(f"{total.passed} passed, {total.failed} failed")
    return 1 if total.failed else 0
