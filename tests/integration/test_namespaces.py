"""An operator for a list of namespaces, with rights in these alone."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from devstack.kube import ControlPlane
from devstack.locations import TREE
from devstack.operator import Operator
from devstack.postgres import PostgresServer
from devstack.process import wait_until
from devstack.secretsmanager import SecretsManagerServer
from support.resources import database, unique
from support.tenant import ADMIN_SECRET, Tenant, assert_works

CONFIG = TREE / "config"
# The session's operator has rights everywhere under the shipped names; this one has an account of its own.
SHIPPED, OWN = "database-user-operator-", "narrow-operator-"
OWN_NAMESPACE, OWN_ACCOUNT = f"{OWN}system", f"{OWN}controller-manager"


def render(kube: ControlPlane, folder: Path, namespaces: list[str]) -> list[dict[str, Any]]:
    """config/namespaced for these namespaces, made as its comments say, under names of its own."""
    shutil.copytree(CONFIG, folder)
    overlay, example = folder / "namespaced", folder / "namespaced" / "team-a"
    for name in namespaces:
        (overlay / name).mkdir()
        text = (example / "kustomization.yaml").read_text()
        (overlay / name / "kustomization.yaml").write_text(text.replace("team-a", name))
    main = (overlay / "kustomization.yaml").read_text()
    main = main.replace("  - team-a\n", "".join(f"  - {name}\n" for name in namespaces))
    main = main.replace("value: team-a\n", f"value: {','.join(namespaces)}\n")
    (overlay / "kustomization.yaml").write_text(main)
    text = kube.kubectl("kustomize", str(overlay)).stdout
    return list(yaml.safe_load_all(text.replace(SHIPPED, OWN)))


def watched_namespaces(objects: list[dict[str, Any]]) -> str:
    """What the Deployment gives the operator as WATCH_NAMESPACE."""
    deployment = next(item for item in objects if item["kind"] == "Deployment")
    variables = deployment["spec"]["template"]["spec"]["containers"][0]["env"]
    return next(variable["value"] for variable in variables if variable["name"] == "WATCH_NAMESPACE")


@pytest.fixture
def make_team(
    kube: ControlPlane, postgres: PostgresServer, secretsmanager: SecretsManagerServer
) -> Iterator[Callable[[str], Tenant]]:
    """Makes teams with a working admin Secret."""
    teams: list[Tenant] = []

    def make(name: str) -> Tenant:
        teams.append(Tenant(kube, name, postgres, secretsmanager))
        return teams[-1]

    yield make
    for team in teams:
        team.clear()


@pytest.fixture
def start_narrow(
    kube: ControlPlane, operator: Operator, secretsmanager: SecretsManagerServer, tmp_path: Path
) -> Iterator[Callable[..., Operator]]:
    """Starts an operator in place of the session's, with the rights of config/namespaced in these namespaces."""
    operator.stop()
    started: list[Operator] = []

    def start(objects: list[dict[str, Any]]) -> Operator:
        narrow = Operator(
            tmp_path / "narrow", kube, secretsmanager.environment(),
            account=(OWN_NAMESPACE, OWN_ACCOUNT), environment={"WATCH_NAMESPACE": watched_namespaces(objects)},
        )  # fmt: skip
        started.append(narrow)
        narrow.start(wait=False)
        return narrow

    yield start
    for narrow in started:
        narrow.stop()
    operator.start()


def may(kube: ControlPlane, verb: str, resource: str, *arguments: str) -> bool:
    """Whether the operator's account may do this."""
    who = f"--as=system:serviceaccount:{OWN_NAMESPACE}:{OWN_ACCOUNT}"
    return kube.kubectl("auth", "can-i", verb, resource, who, *arguments, check=False).returncode == 0


def lines_about(operator: Operator, namespace: str) -> list[dict[str, Any]]:
    """The errors about watching a namespace."""
    return [line for line in operator.log_lines(level="error") if f"in namespace {namespace} " in line["msg"]]


def test_the_rights_in_one_namespace_are_those_of_the_cluster_role() -> None:
    everywhere = yaml.safe_load((CONFIG / "rbac" / "role.yaml").read_text())
    narrow = yaml.safe_load((CONFIG / "namespaced" / "watched" / "role.yaml").read_text())

    assert (everywhere["kind"], narrow["kind"]) == ("ClusterRole", "Role")
    assert narrow["rules"] == everywhere["rules"]


def test_rights_in_the_watched_namespaces_are_enough_and_one_without_does_not_disturb(
    kube: ControlPlane, make_team: Callable[[str], Tenant], start_narrow: Callable[..., Operator], tmp_path: Path
) -> None:
    names = [unique("watched-") for _ in range(3)]
    missing = names[1]
    first, second, stranger = make_team(names[0]), make_team(names[2]), make_team(unique("unwatched-"))
    objects = render(kube, tmp_path / "config", names)
    kube.apply(*[item for item in objects if item["metadata"].get("namespace") != missing])
    kept, dropped, ignored, late = (unique("narrow") for _ in range(4))
    stranger.apply(database(ignored))

    narrow = start_narrow(objects)
    first.apply(database(kept))
    second.apply(database(dropped, retainOnDelete=False))
    first.wait_ready(kept)
    second.wait_ready(dropped)
    assert_works(first.stored(f"rds/postgres/{kept}"))

    # Everything that a resource needs works with these rights: Secrets, status, events, finalizer, deletion.
    first.kubectl("delete", "secret", ADMIN_SECRET)
    first.wait_error(kept, "AdminSecretNotFound", 10)
    first.set_admin()
    first.wait_ready(kept, 10)
    second.delete(dropped)
    assert not second.has_database(dropped)
    events = first.kubectl("get", "events", "-o", "jsonpath={.items[*].reason}").stdout.split()
    assert "Ready" in events and "AdminSecretNotFound" in events
    forbidden = [line for line in narrow.log_lines() if "forbidden" in line.get("error", "")]
    assert all(missing in line["error"] for line in forbidden), forbidden

    # The namespace that does not exist: one error for each of its two watches, not ready, alive.
    assert len(lines_about(narrow, missing)) == 2
    assert all("does the namespace exist" in line["msg"] for line in lines_about(narrow, missing))
    assert narrow.get("/readyz")[0] != 200 and narrow.get("/healthz")[0] == 200
    team = make_team(missing)
    team.apply(database(late))
    kube.apply(*[item for item in objects if item["metadata"].get("namespace") == missing])
    team.wait_for(late, lambda status: status.get("phase") == "Ready", "Ready", 70)
    wait_until(lambda: narrow.get("/readyz")[0] == 200, "readiness", 70)
    assert len(lines_about(narrow, missing)) == 2

    # And nothing more than that.
    assert "finalizers" not in stranger.get("database", ignored)["metadata"]
    assert may(kube, "list", "secrets", "-n", names[0])
    for verb, resource, *where in (
        ("list", "secrets", "-n", stranger.name), ("get", "secrets", "-n", stranger.name),
        ("list", "databases", "-n", stranger.name), ("list", "secrets", "--all-namespaces"),
        ("get", "namespaces/default"), ("list", "namespaces"), ("create", "secrets", "-n", names[0]),
        ("delete", "databases", "-n", names[0]),
    ):  # fmt: skip
        assert not may(kube, verb, resource, *where), f"{verb} {resource} {where}"
    assert may(kube, "get", "namespaces/kube-system")
