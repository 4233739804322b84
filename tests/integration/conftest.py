"""The servers of a test session: made once, on loopback, gone with the session."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

TREE = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TREE / "dev"), str(Path(__file__).parent)]

from devstack.awsidentity import AwsIdentityServer  # noqa: E402
from devstack.kube import ControlPlane  # noqa: E402
from devstack.operator import Operator, install_manifests  # noqa: E402
from devstack.postgres import PostgresServer  # noqa: E402
from devstack.secretsmanager import SecretsManagerServer  # noqa: E402
from devstack.stack import Stack  # noqa: E402
from secretsmanager.control_client import ControlClient  # noqa: E402
from support.cluster import Namespace  # noqa: E402
from support.mysql_tenant import OTHER_ADDRESSES, SERVERS, MySqlTenant, Server, make_server, start_server  # noqa: E402
from support.resources import unique  # noqa: E402
from support.tenant import POSTGRES_SERVERS, Tenant, postgres_version, start_postgres  # noqa: E402


def pytest_addoption(parser: pytest.Parser) -> None:
    """Every test that is not for several versions anyway runs on the distribution's PostgreSQL unless told otherwise."""
    parser.addoption("--postgres", choices=POSTGRES_SERVERS, default="postgres", help="the server that most tests use")


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
def kube(stack: Stack) -> Iterator[ControlPlane]:
    """The control plane with what `kubectl apply -k config/default` installs."""
    stack.up(["kube"])
    install_manifests(stack.kube)
    yield stack.kube
    for process in (stack.kube.controllers, stack.kube.apiserver):
        process.kill()  # asked to stop, it would wait for its watches, and nothing is kept


@pytest.fixture
def namespace(kube: ControlPlane) -> Namespace:
    """A namespace of the test's own."""
    return Namespace(kube, unique("test-"))


@pytest.fixture(scope="session")
def postgres(stack: Stack, request: pytest.FixtureRequest) -> PostgresServer:
    """The PostgreSQL server that most tests use."""
    return start_postgres(stack, request.config.getoption("postgres"))


@pytest.fixture(scope="session", params=POSTGRES_SERVERS)
def any_postgres(request: pytest.FixtureRequest, stack: Stack) -> PostgresServer:
    """Each version of PostgreSQL."""
    return start_postgres(stack, request.param)


@pytest.fixture(scope="session")
def second_postgres(stack: Stack, request: pytest.FixtureRequest) -> Iterator[PostgresServer]:
    """Another PostgreSQL server, for tests that break one."""
    server = PostgresServer(stack.folder / "second-postgres", version=postgres_version(request.config.getoption("postgres")))
    server.start()
    try:
        yield server
    finally:
        server.resume()
        server.remove()


@pytest.fixture(scope="session")
def secretsmanager(stack: Stack) -> SecretsManagerServer:
    """The Secrets Manager."""
    stack.up(["secretsmanager"])
    return stack.secretsmanager


@pytest.fixture
def faults(secretsmanager: SecretsManagerServer) -> Iterator[ControlClient]:
    """What makes the Secrets Manager fail; cleared afterwards."""
    control = ControlClient(secretsmanager.url)
    try:
        yield control
    finally:
        control.clear_faults()


@pytest.fixture(scope="session")
def one_operator(stack: Stack, kube: ControlPlane, secretsmanager: SecretsManagerServer) -> Operator:
    """The operator of the session; tests ask for `operator`, which makes sure that it runs."""
    return stack.operator


@pytest.fixture
def operator(one_operator: Operator) -> Operator:
    """The operator, running at the begin of each test whatever the one before did."""
    one_operator.start()
    return one_operator


@pytest.fixture
def start_operator(stack: Stack, kube: ControlPlane, tmp_path: Path) -> Iterator[Callable[..., Operator]]:
    """Starts an operator with the given AWS settings and arguments and no others, in place of the one before.

    The session's one rests meanwhile.
    """
    stack.operator.stop()
    started: list[Operator] = []

    def start(environment: dict[str, str], *arguments: str) -> Operator:
        for operator in started:
            operator.stop()
        operator = Operator(tmp_path / f"operator{len(started)}", kube, environment, arguments=arguments)
        started.append(operator)
        operator.start()
        return operator

    yield start
    for operator in started:
        operator.stop()


@pytest.fixture
def team(kube: ControlPlane, postgres: PostgresServer, secretsmanager: SecretsManagerServer) -> Iterator[Tenant]:
    """A team with a working admin Secret, whichever operator serves it."""
    team = Tenant(kube, unique("own-team-"), postgres, secretsmanager)
    yield team
    team.clear()


@pytest.fixture(scope="session")
def identity_server(stack: Stack, kube: ControlPlane, secretsmanager: SecretsManagerServer) -> AwsIdentityServer:
    """STS, Pod Identity and instance metadata."""
    stack.up(["awsidentity"])
    return stack.awsidentity


@pytest.fixture
def identity(identity_server: AwsIdentityServer) -> Iterator[AwsIdentityServer]:
    """The same, as it should be at the begin of each test."""
    identity_server.configure()
    yield identity_server
    identity_server.configure()


@pytest.fixture
def policy(secretsmanager: SecretsManagerServer) -> Iterator[Callable[[dict[str, Any] | None], None]]:
    """Sets what IAM allows the session's operator; everything again afterwards."""
    path = secretsmanager.folder / "credentials.json"
    original = path.read_text()

    def set_policy(document: dict[str, Any] | None) -> None:
        table = json.loads(original)
        table[secretsmanager.credentials["operator"]["id"]]["policy"] = document
        path.write_text(json.dumps(table))

    yield set_policy
    path.write_text(original)


@pytest.fixture
def tenant(
    kube: ControlPlane, postgres: PostgresServer, secretsmanager: SecretsManagerServer, operator: Operator
) -> Iterator[Tenant]:
    """A team with a namespace and a working admin Secret, served by the operator."""
    tenant = Tenant(kube, unique("team-"), postgres, secretsmanager)
    yield tenant
    tenant.clear()


@pytest.fixture
def any_tenant(
    kube: ControlPlane, any_postgres: PostgresServer, secretsmanager: SecretsManagerServer, operator: Operator
) -> Iterator[Tenant]:
    """A team on each version of PostgreSQL."""
    tenant = Tenant(kube, unique("any-team-"), any_postgres, secretsmanager)
    yield tenant
    tenant.clear()


@pytest.fixture
def second_tenant(
    kube: ControlPlane, second_postgres: PostgresServer, secretsmanager: SecretsManagerServer, operator: Operator
) -> Iterator[Tenant]:
    """A team whose databases are on the other server."""
    tenant = Tenant(kube, unique("other-team-"), second_postgres, secretsmanager)
    yield tenant
    tenant.clear()


@pytest.fixture(scope="session", params=SERVERS)
def mysql_server(request: pytest.FixtureRequest, stack: Stack) -> Server:
    """Each of the MariaDB and MySQL servers that most tests use."""
    return start_server(stack, request.param)


@pytest.fixture(scope="session", params=SERVERS)
def second_mysql(request: pytest.FixtureRequest, stack: Stack) -> Iterator[Server]:
    """Another server of each kind, for tests that break one; it takes TLS only and logs everything."""
    server = make_server(request.param, stack.folder / f"second-{request.param}")
    server.settings = {
        "bind_address": ",".join(["127.0.0.1", *OTHER_ADDRESSES]),
        "require_secure_transport": "ON",
        "log_bin": "binlog",
        "long_query_time": "0",
        "log_slow_admin_statements": "ON",
        "slow_query_log": "ON",
        "slow_query_log_file": str(server.home / "slow.log"),
    }
    server.start()
    try:
        yield server
    finally:
        server.resume()
        server.remove()


@pytest.fixture
def mysql_tenant(
    kube: ControlPlane, mysql_server: Server, secretsmanager: SecretsManagerServer, operator: Operator
) -> Iterator[MySqlTenant]:
    """A team on a MariaDB or MySQL server with a working admin Secret, served by the operator."""
    tenant = MySqlTenant(kube, unique("my-team-"), mysql_server, secretsmanager)
    tenant.set_admin()
    yield tenant
    tenant.clear()


@pytest.fixture
def second_mysql_tenant(
    kube: ControlPlane, second_mysql: Server, secretsmanager: SecretsManagerServer, operator: Operator
) -> Iterator[MySqlTenant]:
    """A team whose databases are on the server that tests may break."""
    tenant = MySqlTenant(kube, unique("my-other-team-"), second_mysql, secretsmanager)
    tenant.set_admin()
    yield tenant
    tenant.clear()
