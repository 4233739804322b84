"""Memory against the budgets: with so many resources in the store, and after so many real creations."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import memory_after_creates
import memory_of_the_store
from memory_of_the_store import CREATED_KIB, IDLE_KIB, SHARED_KIB, STORE_KIB, STORE_SIZE


def budget_kib(size: int) -> int:
    """The budget for a store of this size: idle, and a share of what 100 000 may have."""
    return IDLE_KIB + (STORE_KIB - IDLE_KIB) * size // STORE_SIZE


def report(what: str, memory: dict[str, int], budget: int) -> bool:
    """Prints one line; whether it is within the budget."""
    private, resident = memory["RssAnon"], memory["VmRSS"]
    fits = private <= budget and resident <= budget + SHARED_KIB
    print(
        f"{what:<34} {private:>8} KiB private of {budget:>7}: {private / budget:5.2f}   "
        f"{resident:>8} KiB resident of {budget + SHARED_KIB:>7}: {resident / (budget + SHARED_KIB):5.2f}"
        f"{'' if fits else '   OVER BUDGET'}"
    )
    return fits


def main() -> int:
    """Measures and prints; 1 when something is over its budget."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=[0, 1000, STORE_SIZE], help="resources in the store")
    parser.add_argument("--secrets", type=int, nargs="*", default=[20000], help="Secrets that no resource names")
    parser.add_argument("--creates", type=int, default=1000, help="resources created on real servers; 0 = none")
    arguments = parser.parse_args()
    within = []
    with tempfile.TemporaryDirectory(prefix="dbuo-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        for size in arguments.sizes:
            memory = memory_of_the_store.measure(folder / f"store-{size}", size)
            within.append(report(f"store of {size}", memory, budget_kib(size)))
            if size:
                memory = memory_of_the_store.measure(folder / f"lists-{size}", size, lists=3)
                within.append(report(f"store of {size}, listed 3 times", memory, budget_kib(size)))
        for size in arguments.secrets:
            memory = memory_of_the_store.measure(folder / f"secrets-{size}", 0, secrets=size)
            within.append(report(f"idle beside {size} Secrets", memory, IDLE_KIB))
        if arguments.creates:
            memory, seconds = memory_after_creates.measure(folder / "creates", arguments.creates)
            within.append(report(f"after {arguments.creates} creates ({seconds:.0f} s)", memory, CREATED_KIB))
    return 0 if all(within) else 1


if __name__ == "__main__":
    sys.exit(main())
