"""The operator is killed while it adds a user to a database that is there, at the calls that it makes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from harness.adoption import Adoption
from harness.bench import Bench
from harness.ways import assert_converges, is_whole


@pytest.mark.parametrize("engine", ["postgres", "mariadb", "mysql"])
def test_an_adoption_that_is_killed_at_any_call_converges(
    bench_of: Callable[[str], Bench], engine: str, pytestconfig: pytest.Config
) -> None:
    bench = bench_of(engine)

    assert_converges(bench, Adoption(bench), engine, "killed", whole=is_whole(pytestconfig))
