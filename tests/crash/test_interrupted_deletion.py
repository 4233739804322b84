"""The operator is interrupted while it takes away what it had made, at the calls that it makes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from harness.bench import Bench
from harness.deletion import ChangeOfMind, Deletion
from harness.ways import assert_converges, choose, is_whole

ENGINES = ("postgres", "mariadb", "mysql")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The engines and the ways; one has to die for somebody to change his mind meanwhile."""
    if "mind" in metafunc.function.__name__:
        chosen = choose(metafunc.config, ENGINES, ("killed",), ("mariadb",))
    else:
        chosen = choose(metafunc.config, ENGINES)
    metafunc.parametrize(("engine", "way"), chosen)


def test_a_deletion_that_is_interrupted_at_any_call_converges(
    bench_of: Callable[[str], Bench], engine: str, way: str, pytestconfig: pytest.Config
) -> None:
    bench = bench_of(engine)

    assert_converges(bench, Deletion(bench), engine, way, whole=is_whole(pytestconfig))


def test_a_change_of_mind_after_an_interruption_lets_the_user_in_again(
    bench_of: Callable[[str], Bench], engine: str, way: str, pytestconfig: pytest.Config
) -> None:
    bench = bench_of(engine)

    assert_converges(bench, ChangeOfMind(bench), engine, way, whole=is_whole(pytestconfig))
