"""What a resource costs in memory, counted in bytes over many: the budget for 100 000, on a scale that fits into a test.

bench/memory measures the whole scale.
"""

from __future__ import annotations

import sys
from pathlib import Path

from devstack.locations import TREE

sys.path.insert(0, str(TREE / "bench"))

from memory_of_the_store import BYTES_PER_RESOURCE, IDLE_KIB, measure  # noqa: E402

FEW, MANY = 500, 5500


def test_an_idle_operator_is_small(tmp_path: Path) -> None:
    assert measure(tmp_path, 0)["RssAnon"] < IDLE_KIB


def test_each_resource_costs_less_than_its_share_of_the_budget(tmp_path: Path) -> None:
    few, many = (measure(tmp_path / str(count), count)["RssAnon"] for count in (FEW, MANY))
    cost = (many - few) * 1024 / (MANY - FEW)

    assert cost < BYTES_PER_RESOURCE, f"{cost:.0f} bytes a resource: {few} KiB with {FEW}, {many} KiB with {MANY}"


def test_secrets_that_no_resource_names_cost_nothing(tmp_path: Path) -> None:
    few, many = (measure(tmp_path / str(count), 10, secrets=count)["RssAnon"] for count in (FEW, MANY))

    # 217 bytes each, when they were kept
    assert (many - few) * 1024 / (MANY - FEW) < 100, f"{few} KiB with {FEW}, {many} KiB with {MANY}"
