"""The operator is killed while it adds a user to a database that is there, at the calls that it makes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from harness.adoption import Adoption
from harness.bench import Bench
from harness.calls import When
from harness.matrix import Matrix
from harness.report import RESULTS


@pytest.mark.parametrize("engine", ["postgres", "mariadb", "mysql"])
def test_an_adoption_that_is_killed_at_any_call_converges(
    bench_of: Callable[[str], Bench], engine: str, request: pytest.FixtureRequest
) -> None:
    bench = bench_of(engine)
    matrix = Matrix(bench, Adoption(bench), f"{engine}: {Adoption.title}, killed")
    matrix.record()
    RESULTS.append(matrix.result)
    is_whole = request.config.getoption("every_call", False)
    points = matrix.result.points(When.BEFORE, When.AFTER) if is_whole else matrix.result.sample()

    result = matrix.run(points)

    assert result.failures == [], "\n".join(result.failures)
    assert result.trials == len(points)
