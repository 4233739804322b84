"""The operator is interrupted while it changes the secret, at the calls that it makes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from harness.bench import Bench
from harness.update import Update
from harness.ways import assert_converges, choose, is_whole

ENGINES = ("postgres", "mariadb", "mysql")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The engines and the ways; in `make check` one is enough, for the calls that matter go to AWS."""
    metafunc.parametrize(("engine", "way"), choose(metafunc.config, ENGINES, ("killed", "cut"), ("mariadb",)))


def test_an_update_that_is_interrupted_at_any_call_converges(
    bench_of: Callable[[str], Bench], engine: str, way: str, pytestconfig: pytest.Config
) -> None:
    bench = bench_of(engine)

    assert_converges(bench, Update(bench), engine, way, whole=is_whole(pytestconfig))
