"""The ways to interrupt, and one test of the matrix: a scenario on a bench, in one way."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from harness.bench import Bench
from harness.calls import Fault, When
from harness.matrix import Matrix, Result, Scenario

RESULTS: list[Result] = []  # of the running test
WAYS = {
    "killed": (When.BEFORE, When.AFTER),
    "killed-meanwhile": (When.MEANWHILE,),
    "cut": (When.BEFORE, When.AFTER),
}
_SAMPLE = ("postgres", "mariadb")


def is_whole(config: pytest.Config) -> bool:
    """Whether every call is interrupted."""
    return bool(config.getoption("every_call", False))


def choose(
    config: pytest.Config, engines: Sequence[str], ways: Sequence[str] = tuple(WAYS), sample: Sequence[str] = _SAMPLE
) -> list[tuple[str, str]]:
    """With --every-call all engines in all ways, else the engines of the sample in the first way."""
    if is_whole(config):
        return [(engine, way) for way in ways for engine in engines]
    return [(engine, ways[0]) for engine in sample]


def assert_converges(
    bench: Bench, scenario: Scenario, engine: str, way: str, *, whole: bool, sample: Callable[[Result], list[Fault]] = Result.sample
) -> None:
    """Interrupts at every call, or at some of the calls; notes the result for the table."""
    matrix = Matrix(bench, scenario, f"{engine}: {scenario.title}, {way}", cut=way == "cut")
    calls = matrix.record()
    RESULTS.append(matrix.result)
    points = matrix.result.points(*WAYS[way]) if whole else sample(matrix.result)

    result = matrix.run(points)

    assert result.failures == [], "\n".join(result.failures)
    assert result.trials == (len(WAYS[way]) * len(calls) if whole else len(points))
