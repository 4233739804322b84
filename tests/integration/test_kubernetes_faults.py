"""The API server goes away and comes back, tokens change, connections are cut."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from devstack.kube import ControlPlane
from devstack.operator import NAMESPACE, SERVICE_ACCOUNT, Operator
from devstack.process import wait_until
from devstack.secretsmanager import SecretsManagerServer
from support.proxy import Proxy
from support.resources import database, secret, unique
from support.tenant import Tenant, assert_works


@pytest.fixture
def proxy(kube: ControlPlane) -> Iterator[Proxy]:
    """What stands between the operator of the test and the API server."""
    with Proxy(kube.port) as proxy:
        yield proxy


@pytest.fixture
def behind_proxy(
    kube: ControlPlane, secretsmanager: SecretsManagerServer, operator: Operator, proxy: Proxy, tmp_path: Path
) -> Iterator[Operator]:
    """An operator in place of the session's, whose connections to the API server go through the proxy."""
    operator.stop()
    other = Operator(
        tmp_path / "operator", kube, secretsmanager.environment(), server=f"https://127.0.0.1:{proxy.port}"
    )
    other.start()
    yield other
    other.stop()
    operator.start()


def assert_everything_is_seen(tenant: Tenant, known: str) -> None:
    """A new resource, a changed one, a changed Secret and a deletion are noticed."""
    fresh, waiting = unique("fresh"), unique("waiting")
    tenant.apply(database(fresh), database(waiting, connectionStringSecretRef={"name": waiting}))
    tenant.patch(known, {"spec": {"awsSecretsManager": {"description": f"seen {fresh}"}}})
    tenant.wait_ready(fresh)
    assert_works(tenant.stored(f"rds/postgres/{fresh}"))
    tenant.wait_ready(known)
    assert tenant.description(f"rds/postgres/{known}")["Description"] == f"seen {fresh}"
    tenant.wait_error(waiting, "AdminSecretNotFound")
    tenant.apply(secret(waiting, connectionString=tenant.postgres.admin_url()))
    tenant.wait_ready(waiting, 10)
    tenant.delete(fresh)
    assert not tenant.exists("database", fresh)


@pytest.mark.parametrize("kill", [False, True], ids=["restarted", "killed"])
def test_a_restarted_api_server_is_followed(tenant: Tenant, kube: ControlPlane, operator: Operator, kill: bool) -> None:
    operator.restart()  # one that has seen no failure lately, and so does not wait long after the first
    known = unique("known")
    tenant.apply(database(known))
    before = tenant.wait_ready(known)
    pid = operator.process.pid

    kube.restart_apiserver(kill=kill)

    assert_everything_is_seen(tenant, known)
    assert operator.process.pid == pid
    assert tenant.status(known)["secretVersion"] == before["secretVersion"]


def test_what_changes_while_all_connections_are_cut_is_seen(
    tenant: Tenant, behind_proxy: Operator, proxy: Proxy
) -> None:
    known = unique("known")
    tenant.apply(database(known))
    tenant.wait_ready(known)

    proxy.cut()

    assert_everything_is_seen(tenant, known)


def test_a_cut_in_the_middle_of_a_creation_does_no_harm(tenant: Tenant, behind_proxy: Operator, proxy: Proxy) -> None:
    names = [unique("cut") for _ in range(6)]
    tenant.apply(*[database(name) for name in names])
    for name in names:
        proxy.cut()
        tenant.wait_ready(name)

    for name in names:
        assert tenant.versions(f"rds/postgres/{name}") == [tenant.status(name)["secretVersion"]]
        assert_works(tenant.stored(f"rds/postgres/{name}"))


def test_silence_of_the_api_server_is_survived(tenant: Tenant, behind_proxy: Operator, proxy: Proxy) -> None:
    known, meanwhile = unique("known"), unique("meanwhile")
    tenant.apply(database(known))
    tenant.wait_ready(known)

    proxy.silence()
    tenant.apply(database(meanwhile))
    assert behind_proxy.get("/healthz")[0] == 200
    proxy.speak()

    tenant.wait_ready(meanwhile)
    assert_everything_is_seen(tenant, known)


def test_sigterm_ends_the_operator_while_the_api_server_is_silent(
    tenant: Tenant, behind_proxy: Operator, proxy: Proxy
) -> None:
    child = behind_proxy.process._child
    assert child is not None
    wait_until(lambda: behind_proxy.metric("controller_runtime_active_workers") == 0, "the end of all passes", 10)
    proxy.silence()

    behind_proxy.process.send(15)

    assert child.wait(timeout=3) == 0


def test_a_token_that_was_replaced_and_revoked_is_read_again(
    tenant: Tenant, kube: ControlPlane, operator: Operator
) -> None:
    known = unique("known")
    kube.kubectl("-n", NAMESPACE, "create", "secret", "generic", known)
    token_file = operator.folder / "token"

    def mint(*binding: str) -> str:
        return kube.kubectl("-n", NAMESPACE, "create", "token", SERVICE_ACCOUNT, "--duration=1h", *binding).stdout

    def is_accepted(token: str) -> bool:
        return kube.kubectl(
            "--kubeconfig=/dev/null", f"--server={kube.server}", f"--certificate-authority={kube.ca_file}",
            f"--token={token}", "auth", "whoami", check=False,
        ).returncode == 0  # fmt: skip

    revoked, good = mint("--bound-object-kind=Secret", f"--bound-object-name={known}"), mint()
    tenant.apply(database(known))
    tenant.wait_ready(known)
    token_file.write_text(revoked)
    operator.stop()
    operator.process.start()  # unlike operator.start(), it keeps the token
    wait_until(lambda: operator.get("/readyz")[0] == 200, "a start with the first token", 10)
    assert is_accepted(revoked)

    token_file.write_text(good)
    kube.kubectl("-n", NAMESPACE, "delete", "secret", known)
    wait_until(lambda: not is_accepted(revoked), "the end of the first token", 30)

    assert_everything_is_seen(tenant, known)
