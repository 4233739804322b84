"""The Secrets Manager of the stack, alone: one process for all tests, emptied before each."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "dev"))

from local_server import LocalServer  # noqa: E402
from raw_client import RawClient  # noqa: E402
from secretsmanager.control_client import ControlClient  # noqa: E402


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """The shared process."""
    server = LocalServer(tmp_path_factory.mktemp("secretsmanager"))
    server.start()
    yield server
    assert server.stop() == 0


@pytest.fixture
def server(running: LocalServer) -> LocalServer:
    """The shared process without secrets, faults, calls, clock shift and further credentials."""
    running.write_credentials({})
    ControlClient(running.url).reset()
    return running


@pytest.fixture
def control(server: LocalServer) -> ControlClient:
    """Its control endpoint."""
    return ControlClient(server.url)


@pytest.fixture
def client(server: LocalServer) -> Any:
    """boto3 as the administrator."""
    return server.boto()


@pytest.fixture
def raw(server: LocalServer) -> Iterator[RawClient]:
    """Requests by hand as the administrator."""
    raw_client = RawClient(server.port)
    yield raw_client
    raw_client.close()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[LocalServer]:
    """A process that a test may stop and kill; not started."""
    server = LocalServer(tmp_path)
    yield server
    if server.process is not None:
        server.kill()
