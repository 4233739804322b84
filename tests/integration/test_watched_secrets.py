"""Admin Secrets in Kubernetes: a change wakes exactly the resources that name the Secret, other Secrets cost nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from devstack.kube import ControlPlane
from devstack.operator import Operator
from devstack.postgres import PostgresServer
from devstack.process import wait_until
from devstack.secretsmanager import SecretsManagerServer
from support.bulk import create_many
from support.resources import database, secret, unique
from support.tenant import ADMIN_SECRET, Tenant
from support.watching import CallWatch

MANY = 1000
LISTS = "database_user_operator_informer_lists_total"


@pytest.fixture
def other_team(kube: ControlPlane, postgres: PostgresServer, secretsmanager: SecretsManagerServer) -> Iterator[Tenant]:
    """A second team, whose admin Secret has the same name."""
    team = Tenant(kube, unique("other-secrets-"), postgres, secretsmanager)
    yield team
    team.clear()


@pytest.fixture
def quiet(start_operator: Callable[..., Operator], team: Tenant, other_team: Tenant) -> Operator:
    """An operator of two teams that looks at nothing again by itself."""
    namespaces = f"--namespace={team.name},{other_team.name}"
    return start_operator(team.secretsmanager.environment(), namespaces, "--sync-period=0")


def passes(operator: Operator) -> float:
    """How many have ended."""
    return operator.metric("controller_runtime_reconcile_total", controller="database")


def settled(operator: Operator) -> float:
    """The number of passes once it does not grow any longer."""
    last, since = passes(operator), time.monotonic()
    while time.monotonic() - since < 0.8:
        time.sleep(0.1)
        now = passes(operator)
        if now != last:
            last, since = now, time.monotonic()
    return last


def expect_passes(operator: Operator, act: Callable[[], Any], count: int) -> None:
    """Acts while nothing goes on, and fails unless so many passes follow and no more."""
    before = passes(operator)
    act()
    if count:
        wait_until(lambda: passes(operator) >= before + count, f"{count} passes", 20)
    assert settled(operator) - before == count


def make_ready(team: Tenant, **connections: str) -> None:
    """Makes a Ready resource for each name, which takes its admin connection from the Secret beside it."""
    team.apply(*[database(name, connectionStringSecretRef={"name": held}) for name, held in connections.items()])
    for name in connections:
        team.wait_ready(name)


def test_a_changed_secret_wakes_exactly_the_resources_that_name_it(
    team: Tenant, other_team: Tenant, quiet: Operator
) -> None:
    first, second, third, other = (unique("named") for _ in range(4))
    team.set_admin(name="another-admin")
    make_ready(team, **{first: ADMIN_SECRET, second: ADMIN_SECRET, third: "another-admin"})
    make_ready(other_team, **{other: ADMIN_SECRET})
    settled(quiet)

    expect_passes(quiet, lambda: team.set_admin(note="changed"), 2)
    expect_passes(quiet, lambda: other_team.set_admin(note="changed"), 1)
    expect_passes(quiet, lambda: team.set_admin(name="named-by-nobody"), 0)
    expect_passes(quiet, lambda: team.kubectl("delete", "secret", "named-by-nobody"), 0)

    team.kubectl("delete", "secret", ADMIN_SECRET)
    for name in (first, second):
        team.wait_error(name, "AdminSecretNotFound", 10)
    assert team.status(third)["phase"] == "Ready"
    team.set_admin()
    for name in (first, second):
        team.wait_ready(name, 10)

    team.patch(first, {"spec": {"connectionStringSecretRef": {"name": "another-admin"}}})
    team.wait_ready(first)
    settled(quiet)
    expect_passes(quiet, lambda: team.set_admin(note="again"), 1)
    expect_passes(quiet, lambda: team.set_admin(name="another-admin", note="again"), 2)


def test_a_new_list_wakes_only_who_has_read_another_version(
    team: Tenant, other_team: Tenant, quiet: Operator, kube: ControlPlane
) -> None:
    kept, changed, lost = (unique("listed") for _ in range(3))
    team.set_admin(name="changed-admin")
    team.set_admin(name="lost-admin")
    make_ready(team, **{kept: ADMIN_SECRET, changed: "changed-admin", lost: "lost-admin"})
    settled(quiet)
    calls = CallWatch(team.secretsmanager)
    quiet.process.pause()
    try:
        kube.restart_apiserver(kill=True)  # its memory of what happened goes with it
        team.set_admin(name="changed-admin", note="changed")
        team.kubectl("delete", "secret", "lost-admin")
    finally:
        quiet.process.resume()

    team.wait_error(lost, "AdminSecretNotFound", 60)
    wait_until(lambda: quiet.metric(LISTS, resource="secrets") >= 4, "new lists of both namespaces", 30)
    wait_until(lambda: calls.operations(f"rds/postgres/{changed}") != [], "the pass of the changed one", 20)
    settled(quiet)
    assert calls.operations(f"rds/postgres/{kept}") == []


def test_thousands_of_unrelated_secrets_cost_no_memory(
    team: Tenant, other_team: Tenant, quiet: Operator, kube: ControlPlane
) -> None:
    name = unique("beside")
    make_ready(team, **{name: ADMIN_SECRET})
    settled(quiet)
    before = quiet.memory_kib()["RssAnon"]
    unrelated = [{**secret(f"unrelated-{number}", value="x" * 2000), "type": "Opaque"} for number in range(MANY)]

    create_many(kube, f"/api/v1/namespaces/{team.name}/secrets", unrelated)
    expect_passes(quiet, lambda: team.set_admin(note="after all the others"), 1)
    live = quiet.memory_kib()["RssAnon"]
    quiet.restart()
    team.wait_ready(name)
    settled(quiet)
    listed = quiet.memory_kib()["RssAnon"]

    assert (live - before) * 1024 / MANY < 100, f"{before} KiB, {live} KiB after {MANY} events"
    assert (listed - before) * 1024 / MANY < 100, f"{before} KiB, {listed} KiB after a list of {MANY}"
