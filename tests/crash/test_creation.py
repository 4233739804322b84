"""The operator is interrupted while it makes something, at the calls that it makes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from harness.bench import Bench
from harness.calls import When
from harness.creation import Creation
from harness.matrix import Matrix
from harness.report import RESULTS

ENGINES = ("postgres", "mariadb", "mysql", "postgres-plain")
WAYS = {
    "killed": (When.BEFORE, When.AFTER),
    "killed-meanwhile": (When.MEANWHILE,),
    "cut": (When.BEFORE, When.AFTER),
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """With --every-call all engines in every way, else two engines killed at some of the calls."""
    whole = [(engine, way) for way in WAYS for engine in ENGINES]
    some = [("postgres", "killed"), ("mariadb", "killed")]
    metafunc.parametrize(("engine", "way"), whole if metafunc.config.getoption("every_call", False) else some)


def test_a_creation_that_is_interrupted_at_any_call_converges(
    bench_of: Callable[[str], Bench], engine: str, way: str, request: pytest.FixtureRequest
) -> None:
    bench = bench_of(engine)
    matrix = Matrix(bench, Creation(bench), f"{engine}: {Creation.title}, {way}", cut=way == "cut")
    calls = matrix.record()
    RESULTS.append(matrix.result)
    is_whole = request.config.getoption("every_call", False)
    points = matrix.result.points(*WAYS[way]) if is_whole else matrix.result.sample()

    result = matrix.run(points)

    assert result.failures == [], "\n".join(result.failures)
    assert result.trials == (len(WAYS[way]) * len(calls) if is_whole else len(points))
