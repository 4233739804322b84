"""The results of a run as a table."""

from __future__ import annotations

from collections.abc import Iterator

from harness.matrix import Result

RESULTS: list[Result] = []  # of this run, in order


def table() -> Iterator[str]:
    """The lines; none when nothing was tried."""
    if RESULTS:
        yield f"{'what is tried':44} {'calls':>6} {'tried':>6} {'failed':>7} {'seconds':>8}"
    for result in RESULTS:
        yield (
            f"{result.name:44} {len(result.calls):6} {result.trials:6} {len(result.failures):7} {result.seconds:8.0f}"
        )
