"""The servers of a test session: made once, on loopback, gone with the session."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

TREE = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TREE / "dev"), str(Path(__file__).parent)]

from devstack.kube import ControlPlane  # noqa: E402
from devstack.operator import install_manifests  # noqa: E402
from devstack.stack import Stack  # noqa: E402
from support.cluster import Namespace  # noqa: E402
from support.resources import unique  # noqa: E402


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The stack of this session; each part starts when a test first asks for it."""
    folder = Path(tempfile.mkdtemp(prefix="dbuo-tests-"))
    folder.chmod(0o755)
    stack = Stack(folder / "stack")
    stack.up([])
    try:
        yield stack
    finally:
        stack.down()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def kube(stack: Stack) -> ControlPlane:
    """The control plane with what `kubectl apply -k config/default` installs."""
    stack.up(["kube"])
    install_manifests(stack.kube)
    return stack.kube


@pytest.fixture
def namespace(kube: ControlPlane) -> Namespace:
    """A namespace of the test's own."""
    return Namespace(kube, unique("test-"))
