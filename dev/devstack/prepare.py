"""What the stack needs once, made before it is needed: `python -m devstack.prepare kube databases`."""

from __future__ import annotations

import sys

from devstack import debian, maven, promtool
from devstack.kube_build import ensure_programs
from devstack.mysql import RECIPES
from devstack.process import StackError


def _databases() -> None:
    for recipe in RECIPES:
        print(debian.ensure(recipe).folder, flush=True)
    for artifact in maven.POSTGRES.values():
        print(maven.ensure(artifact), flush=True)


def _kube() -> None:
    print(ensure_programs(), flush=True)


def _promtool() -> None:
    print(debian.ensure(promtool.RECIPE).folder, flush=True)


PREPARATIONS = {"kube": _kube, "databases": _databases, "promtool": _promtool}


def main(names: list[str]) -> int:
    """A failure is one sentence on standard error."""
    try:
        for name in names or PREPARATIONS:
            PREPARATIONS[name]()
    except StackError as failure:
        print(f"devstack.prepare: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
