"""The operator is killed while it resets a password, at the calls that it makes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from harness.bench import Bench
from harness.reset import PasswordReset
from harness.ways import assert_converges, is_whole

ENGINES = ("postgres", "mariadb", "mysql")
SHAPES = {"documented": {}, "templated": {"secretTemplate": '{"DB_PASSWORD": "{{.DBPassword}}", "of": "{{.DBUsername}}"}'}}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("engine", ENGINES)
def test_a_reset_that_is_killed_at_any_call_is_made_once(
    bench_of: Callable[[str], Bench], engine: str, shape: str, pytestconfig: pytest.Config
) -> None:
    bench = bench_of(engine)

    assert_converges(
        bench, PasswordReset(bench, shape, **SHAPES[shape]), engine, "killed", whole=is_whole(pytestconfig)
    )
