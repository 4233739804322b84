"""A control plane in trouble: storms of 429, no etcd, compaction, lost rights, a CRD that goes and comes back."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from devstack.kube import ControlPlane
from devstack.operator import Operator, install_manifests
from devstack.postgres import PostgresServer
from devstack.process import wait_until
from devstack.secretsmanager import SecretsManagerServer
from support.proxy import Proxy
from support.resources import database, unique
from support.tenant import Tenant, assert_works

BINDING = "database-user-operator-manager-rolebinding"
# No cache between etcd and the watches, hardly any place for requests, and connections that are sent away.
FLAGS = (
    "--watch-cache=false", "--goaway-chance=0.02", "--enable-priority-and-fairness=false",
    "--max-requests-inflight=2", "--max-mutating-requests-inflight=2",
)  # fmt: skip


@pytest.fixture(scope="module")
def rough_kube(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane of the module's own, which is as unpleasant as its flags can make it."""
    kube = ControlPlane(tmp_path_factory.mktemp("rough") / "kube", apiserver_flags=FLAGS)
    kube.start()
    try:
        install_manifests(kube)
        yield kube
    finally:
        for process in (kube.controllers, kube.apiserver, kube.etcd):
            process.kill()


@pytest.fixture(scope="module")
def proxy(rough_kube: ControlPlane) -> Iterator[Proxy]:
    """What stands between the operator and the API server."""
    with Proxy(rough_kube.port) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def rough_operator(
    rough_kube: ControlPlane, secretsmanager: SecretsManagerServer, proxy: Proxy, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Operator]:
    """The operator of that control plane."""
    folder: Path = tmp_path_factory.mktemp("rough-operator")
    operator = Operator(folder, rough_kube, secretsmanager.environment(), server=f"https://127.0.0.1:{proxy.port}")
    operator.start()
    yield operator
    operator.stop()


@pytest.fixture
def team(
    rough_kube: ControlPlane, rough_operator: Operator, postgres: PostgresServer, secretsmanager: SecretsManagerServer
) -> Iterator[Tenant]:
    """A team there."""
    team = Tenant(rough_kube, unique("rough-team-"), postgres, secretsmanager)
    yield team
    team.clear()


def make_ready(team: Tenant) -> tuple[str, dict[str, Any]]:
    """A Ready Database and its status."""
    name = unique("rough")
    team.apply(database(name))
    return name, team.wait_ready(name, 60)


def assert_changes_are_seen(team: Tenant, known: str) -> None:
    """A change of a resource from before is carried out; what was stored stays."""
    before, text = team.stored(f"rds/postgres/{known}"), unique("seen ")
    team.patch(known, {"spec": {"awsSecretsManager": {"description": text}}})
    team.wait_ready(known, 60)
    assert team.description(f"rds/postgres/{known}")["Description"] == text
    assert team.stored(f"rds/postgres/{known}") == before


def test_a_storm_of_429_delays_and_breaks_nothing(team: Tenant, rough_operator: Operator) -> None:
    names = [unique("storm") for _ in range(24)]
    team.apply(*[database(name) for name in names])

    for name in names:
        team.wait_ready(name, 90)

    assert rough_operator.metric("rest_client_requests_total", code="429") > 0
    for name in names:
        assert team.versions(f"rds/postgres/{name}") == [team.status(name)["secretVersion"]]
        assert_works(team.stored(f"rds/postgres/{name}"))


def test_an_etcd_that_dies_in_the_middle_of_creations_is_survived(
    team: Tenant, rough_kube: ControlPlane, rough_operator: Operator
) -> None:
    known, _ = make_ready(team)
    pid = rough_operator.process.pid
    names = [unique("headless") for _ in range(8)]
    team.apply(*[database(name) for name in names])
    wait_until(lambda: team.has_role(names[0]), "the first creation", 20)
    rough_kube.etcd.kill()
    failures = rough_operator.metric("controller_runtime_reconcile_errors_total")
    wait_until(lambda: rough_operator.metric("controller_runtime_reconcile_errors_total") > failures, "a failed pass", 60)

    rough_kube.etcd.start()
    wait_until(lambda: rough_kube.kubectl("get", "namespaces", check=False).returncode == 0, "its return", 60)

    for name in names:
        team.wait_ready(name, 90)
        assert team.versions(f"rds/postgres/{name}") == [team.status(name)["secretVersion"]]
        assert_works(team.stored(f"rds/postgres/{name}"))
    assert_changes_are_seen(team, known)
    assert rough_operator.process.pid == pid


def compact(kube: ControlPlane) -> None:
    """Has etcd forget everything but the present."""
    connection = http.client.HTTPConnection("127.0.0.1", kube.etcd_port, timeout=20)
    connection.request("POST", "/v3/kv/range", json.dumps({"key": "AA=="}))
    revision = json.loads(connection.getresponse().read())["header"]["revision"]
    connection.request("POST", "/v3/kv/compaction", json.dumps({"revision": revision, "physical": True}))
    assert connection.getresponse().status == 200
    connection.close()


def test_what_happened_before_a_compaction_is_listed(
    team: Tenant, rough_kube: ControlPlane, rough_operator: Operator, proxy: Proxy
) -> None:
    gone, _ = make_ready(team)
    kept, _ = make_ready(team)
    fresh = unique("fresh")
    lists = rough_operator.metric("database_user_operator_informer_lists_total")
    proxy.silence()
    team.delete(gone, wait=False)
    team.patch(gone, {"metadata": {"finalizers": None}})
    wait_until(lambda: not team.exists("database", gone), "the end of a resource", 20)
    team.apply(database(fresh))
    compact(rough_kube)
    proxy.cut()
    proxy.speak()

    team.wait_ready(fresh, 60)

    assert_changes_are_seen(team, kept)
    assert_works(team.stored(f"rds/postgres/{gone}"))
    assert rough_operator.metric("database_user_operator_informer_lists_total") > lists


def test_without_rights_nothing_is_made(
    team: Tenant, rough_kube: ControlPlane, rough_operator: Operator, proxy: Proxy
) -> None:
    known, _ = make_ready(team)
    binding = rough_kube.kubectl_json("get", "clusterrolebinding", BINDING)
    rough_kube.kubectl("delete", "clusterrolebinding", BINDING)
    proxy.cut()
    refused = rough_operator.metric("rest_client_requests_total", code="403")
    name = unique("forbidden")
    team.apply(database(name))
    wait_until(lambda: rough_operator.metric("rest_client_requests_total", code="403") > refused, "a refusal", 60)
    assert not team.has_database(name)
    assert "forbidden" in rough_operator.log_text

    rough_kube.apply({key: binding[key] for key in ("apiVersion", "kind", "roleRef", "subjects")} | {"metadata": {"name": BINDING}})

    team.wait_ready(name, 90)
    assert_changes_are_seen(team, known)


def test_a_crd_that_was_deleted_and_made_again_is_followed(
    team: Tenant, rough_kube: ControlPlane, rough_operator: Operator
) -> None:
    name, before = make_ready(team)
    stored = team.stored(f"rds/postgres/{name}")

    rough_kube.kubectl("delete", "crd", "databases.database.opzkit.io", "--timeout=60s")
    assert_works(stored)
    install_manifests(rough_kube)
    wait_until(lambda: rough_kube.kubectl("get", "databases", "-A", check=False).returncode == 0, "the new CRD", 30)
    team.apply(database(name))

    status = team.wait_ready(name, 90)
    assert status["secretVersion"] == before["secretVersion"]
    assert team.stored(f"rds/postgres/{name}") == stored
