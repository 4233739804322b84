"""The servers of the crash matrix, which are its own: what others leave there would change the counts."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

TREE = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TREE / "dev"), str(Path(__file__).parent)]

from devstack.operator import install_manifests  # noqa: E402
from devstack.stack import Stack  # noqa: E402
from harness.bench import Bench  # noqa: E402
from harness.calls import Calls  # noqa: E402
from harness.engines import Engine, MySql, Postgres  # noqa: E402
from harness.ways import RESULTS  # noqa: E402


def pytest_addoption(parser: pytest.Parser) -> None:
    """The whole matrix is for `make crash-matrix`."""
    parser.addoption("--every-call", action="store_true", help="interrupt at every call, in every way, on every engine")


@pytest.fixture(autouse=True)
def shown(record_property: Callable[[str, object], None]) -> Iterator[None]:
    """Has the results of a test shown at the end of the session."""
    yield
    while RESULTS:
        record_property("crash matrix", RESULTS.pop(0).line)


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """A stack that nobody else uses."""
    folder = Path(tempfile.mkdtemp(prefix="dbuo-crash-"))
    folder.chmod(0o755)
    stack = Stack(folder / "stack")
    stack.up(["kube", "secretsmanager"])
    install_manifests(stack.kube)
    try:
        yield stack
    finally:
        stack.down()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def bench_of(stack: Stack) -> Iterator[Callable[[str], Bench]]:
    """The bench of an engine (postgres, postgres16, postgres-plain, mariadb ...), made when it is first asked for."""
    benches: dict[str, Bench] = {}

    def find(name: str) -> Bench:
        if name in benches:
            return benches[name]
        calls = Calls()
        server, _, manner = name.partition("-")
        stack.up([server])
        engine: Engine
        if server.startswith("postgres"):
            engine = Postgres(getattr(stack, server), calls, plain=manner == "plain")
        else:
            engine = MySql(getattr(stack, server), server, calls)
        benches[name] = Bench(stack.folder / f"operator-{name}", stack.kube, stack.secretsmanager, calls, engine)
        return benches[name]

    yield find
    for bench in benches.values():
        bench.close()
