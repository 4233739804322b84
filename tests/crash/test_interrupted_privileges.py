"""The operator is interrupted while it changes what a user may do, at the calls that it makes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from harness.bench import Bench
from harness.privileges import CHANGES, PrivilegeChange, in_the_middle
from harness.ways import assert_converges, is_whole

ENGINES = ("postgres", "postgres16", "postgres17", "postgres18", "mariadb", "mysql")
# Each engine and each change once: a change makes so many calls that all of each other's would take hours.
PAIRS = list(zip(ENGINES, CHANGES, strict=True))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """With --every-call at every call, besides while the server works on one."""
    ways = ("killed", "killed-meanwhile") if is_whole(metafunc.config) else ("killed",)
    chosen = [(engine, way, change) for way in ways for engine, change in PAIRS]
    names = ["-".join((engine, way, *change)) for engine, way, change in chosen]
    metafunc.parametrize(("engine", "way", "change"), chosen, ids=names)


def test_a_change_of_privileges_that_is_interrupted_at_any_call_converges(
    bench_of: Callable[[str], Bench], engine: str, way: str, change: tuple[str, ...], pytestconfig: pytest.Config
) -> None:
    bench = bench_of(engine)

    assert_converges(
        bench, PrivilegeChange(bench, change), engine, way, whole=is_whole(pytestconfig), sample=in_the_middle
    )
