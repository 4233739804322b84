"""The tests that look from the outside: the local stack, the manifests, the shipped program."""

from __future__ import annotations

import os
import sys

from .builds import RELEASE, compile_build
from .command import BUILD, TREE, last_lines, run
from .counts import count_junit
from .outcome import Broken, Outcome, failure, success

FOLDERS = ("tests/stack", "tests/integration", "tests/crash")
TESTS_SECONDS = 4200
# Each has servers of its own.  Tests wait more than they work: more of them than this machine may have cores.
WORKERS = 3
# Name, meaning and time limit in seconds; devstack.prepare knows what to do.
PREPARATIONS = (
    ("kube", "the control plane", 2400),
    ("databases", "the database servers", 900),
    ("promtool", "the check of metrics", 600),
)


def stack_environment() -> dict[str, str]:
    """The environment in which the stack's Python package is found."""
    return os.environ | {
        "PYTHONPATH": str(TREE / "dev"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
    }


def environment_python() -> str:
    """The Python of the stack and the tests, with their packages; made where it is missing."""
    log = BUILD / "check" / "python.log"
    command = [sys.executable, "-m", "devstack.environment"]
    status = run(command, log, env=stack_environment(), limit_seconds=600)
    if status != 0:
        raise Broken(f"the Python packages of the tests cannot be installed:\n{last_lines(log)}")
    return log.read_text().splitlines()[-1]


def prepare_stack() -> Outcome:
    """What the local stack needs once: its Python packages, the Kubernetes control plane and the
    database servers of other releases.

    A step of its own, since the first time takes long and is no test's fault."""
    outcome = Outcome()
    for name, what, seconds in PREPARATIONS:
        outcome.add(_prepare(name, what, seconds))
    return outcome


def _prepare(name: str, what: str, seconds: float) -> Outcome:
    log = BUILD / "check" / f"stack-{name}.log"
    command = [environment_python(), "-m", "devstack.prepare", name]
    if run(command, log, env=stack_environment(), limit_seconds=seconds) == 0:
        return success()
    return failure(f"{what} of the local stack cannot be made:\n{last_lines(log)}")


def check_integration() -> Outcome:
    """pytest, counted case by case; a file stays with one worker, as tests of a file may share servers."""
    outcome = compile_build(RELEASE)
    if outcome.failed:
        return outcome
    folders = [folder for folder in FOLDERS if any((TREE / folder).rglob("test_*.py"))]
    if not folders:
        raise Broken(f"there are no tests in {' and '.join(FOLDERS)}")
    log, report = BUILD / "check" / "integration.log", BUILD / "check" / "integration.xml"
    report.unlink(missing_ok=True)
    status = run(
        [environment_python(), "-m", "pytest", "-ra", "-p", "no:cacheprovider", f"-n{WORKERS}", "--dist=loadfile"]
        + [f"--junitxml={report}", *folders],
        log,
        env=stack_environment(),
        limit_seconds=TESTS_SECONDS,
    )
    if not report.exists():
        raise Broken(f"pytest did not run:\n{last_lines(log)}")
    outcome.add(count_junit(report))
    if status != 0 and outcome.failed == 0:
        outcome.add(failure("pytest failed though every test passed"))
    if outcome.failed:
        outcome.complaints.append(last_lines(log))
    return outcome
