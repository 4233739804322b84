"""The operator is killed while it resets a password, at the calls that it makes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from harness.bench import Bench
from harness.calls import When
from harness.matrix import Matrix
from harness.report import RESULTS
from harness.reset import PasswordReset

ENGINES = ("postgres", "mariadb", "mysql")


@pytest.mark.parametrize("templated", [False, True], ids=["documented", "templated"])
@pytest.mark.parametrize("engine", ENGINES)
def test_a_reset_that_is_killed_at_any_call_is_made_once(
    bench_of: Callable[[str], Bench], engine: str, templated: bool, request: pytest.FixtureRequest
) -> None:
    bench = bench_of(engine)
    spec = {"secretTemplate": '{"DB_PASSWORD": "{{.DBPassword}}", "of": "{{.DBUsername}}"}'} if templated else {}
    shape = "templated" if templated else "documented"
    matrix = Matrix(bench, PasswordReset(bench, **spec), f"{engine}: {PasswordReset.title}, {shape}, killed")
    matrix.record()
    RESULTS.append(matrix.result)
    is_whole = request.config.getoption("every_call", False)
    points = matrix.result.points(When.BEFORE, When.AFTER) if is_whole else matrix.result.sample()

    result = matrix.run(points)

    assert result.failures == [], "\n".join(result.failures)
    assert result.trials == len(points)
