"""The tests that look from the outside: the local stack, the manifests, the shipped program."""

from __future__ import annotations

import os
import sys

from .builds import RELEASE, compile_build
from .command import BUILD, TREE, last_lines, run
from .counts import count_junit
from .outcome import Broken, Outcome, failure, success

FOLDERS = ("tests/stack", "tests/integration")
TESTS_SECONDS = 1500
STACK_SECONDS = 2400


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
    """What the local stack needs once: its Python packages and the Kubernetes control plane.

    A step of its own, since the first time takes long and is no test's fault."""
    python = environment_python()
    log = BUILD / "check" / "stack.log"
    code = "from devstack.kube_build import ensure_programs; print(ensure_programs())"
    if run([python, "-c", code], log, env=stack_environment(), limit_seconds=STACK_SECONDS) == 0:
        return success()
    return failure(f"the control plane of the local stack cannot be built:\n{last_lines(log)}")


def check_integration() -> Outcome:
    """pytest, counted case by case."""
    outcome = compile_build(RELEASE)
    if outcome.failed:
        return outcome
    folders = [folder for folder in FOLDERS if any((TREE / folder).rglob("test_*.py"))]
    if not folders:
        raise Broken(f"there are no tests in {' and '.join(FOLDERS)}")
    log, report = BUILD / "check" / "integration.log", BUILD / "check" / "integration.xml"
    report.unlink(missing_ok=True)
    status = run(
        [environment_python(), "-m", "pytest", "-ra", "-p", "no:cacheprovider"]
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
