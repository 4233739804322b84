"""The operator is interrupted while it makes something, at the calls that it makes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from harness.bench import Bench
from harness.creation import Creation
from harness.ways import assert_converges, choose, is_whole

ENGINES = ("postgres", "mariadb", "mysql", "postgres-plain")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The engines and the ways."""
    metafunc.parametrize(("engine", "way"), choose(metafunc.config, ENGINES))


def test_a_creation_that_is_interrupted_at_any_call_converges(
    bench_of: Callable[[str], Bench], engine: str, way: str, pytestconfig: pytest.Config
) -> None:
    bench = bench_of(engine)

    assert_converges(bench, Creation(bench), engine, way, whole=is_whole(pytestconfig))
