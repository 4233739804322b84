"""Sharding by labels: what is not selected is somebody else's, neither reconciled nor taken for deleted."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from devstack.kube import ControlPlane
from devstack.mysql import MariaDbServer
from devstack.operator import PROGRAM, Operator
from devstack.process import wait_until
from devstack.secretsmanager import SecretsManagerServer
from devstack.stack import Stack
from support.mysql_tenant import MySqlTenant, mysql_database
from support.resources import database, unique
from support.tenant import Tenant, assert_works
from support.watching import CallWatch

SHARD = "shard in (one), !paused"


def labelled(resource: dict[str, Any], **labels: str) -> dict[str, Any]:
    """The same with labels."""
    return {**resource, "metadata": {**resource["metadata"], "labels": labels}}


@pytest.fixture
def shard(start_operator: Callable[..., Operator], secretsmanager: SecretsManagerServer) -> Operator:
    """An operator of one shard."""
    return start_operator(secretsmanager.environment(), "--selector", SHARD)


def seen(operator: Operator) -> float:
    """How many resources it knows."""
    return operator.metric("database_user_operator_informer_objects", resource="databases")


def test_only_what_is_selected_is_reconciled_and_what_leaves_stays_as_it_is(team: Tenant, shard: Operator) -> None:
    mine, theirs, probe = (unique("shard") for _ in range(3))
    before = seen(shard)
    team.apply(
        labelled(database(mine, retainOnDelete=False), shard="one"), labelled(database(theirs), shard="two")
    )
    team.wait_ready(mine)
    assert seen(shard) == before + 1

    team.kubectl("label", "database", mine, "paused=")
    wait_until(lambda: seen(shard) == before, "that the resource leaves", 10)
    team.patch(mine, {"spec": {"awsSecretsManager": {"description": "not ours to change"}}})
    team.delete(mine, wait=False)
    team.apply(labelled(database(probe), shard="one"))
    team.wait_ready(probe)

    assert "finalizers" in team.get("database", mine)["metadata"]
    assert team.has_database(mine)
    assert_works(team.stored(f"rds/postgres/{mine}"))
    assert team.description(f"rds/postgres/{mine}").get("Description") != "not ours to change"
    assert "finalizers" not in team.get("database", theirs)["metadata"] and team.status(theirs) == {}

    team.kubectl("label", "database", mine, "paused-")
    wait_until(lambda: not team.exists("database", mine), "the deletion, once it is selected again", 20)
    assert not team.has_database(mine)


def test_a_waiting_pass_leaves_a_resource_alone_that_has_left_meanwhile(
    team: Tenant, start_operator: Callable[..., Operator]
) -> None:
    name = unique("leaving")
    team.apply(labelled(database(name), shard="one"))
    arguments = ("--selector", SHARD, "--sync-period=1s", f"--namespace={team.name}")
    operator = start_operator(team.secretsmanager.environment(), *arguments)
    team.wait_ready(name)

    team.kubectl("label", "database", name, "shard=two", "--overwrite")
    wait_until(lambda: seen(operator) == 0, "that the resource leaves", 10)
    time.sleep(2)  # two sync periods: the pass that was waiting has found that the resource is not selected
    calls, ended = CallWatch(team.secretsmanager), operator.metric("controller_runtime_reconcile_total")
    time.sleep(2)

    assert operator.metric("controller_runtime_reconcile_total") == ended
    assert calls.operations() == []


def test_a_resource_that_is_not_selected_is_not_taken_for_a_deleted_one(team: Tenant, shard: Operator) -> None:
    name, thief = unique("owned"), unique("thief")
    team.apply(labelled(database(name), shard="one"))
    team.wait_ready(name)
    stored, tags = team.stored(f"rds/postgres/{name}"), team.description(f"rds/postgres/{name}")["Tags"]
    before = seen(shard)
    team.kubectl("label", "database", name, "shard=two", "--overwrite")
    wait_until(lambda: seen(shard) < before, "that the resource leaves", 10)

    team.apply(labelled(database(thief, databaseName=name), shard="one"))

    assert f"{team.name}/{name}" in team.wait_error(thief, "Conflict")["message"]
    assert team.stored(f"rds/postgres/{name}") == stored
    assert team.description(f"rds/postgres/{name}")["Tags"] == tags
    assert_works(stored)


def test_a_database_that_one_outside_of_the_selection_shares_is_not_dropped(
    stack: Stack, kube: ControlPlane, secretsmanager: SecretsManagerServer, shard: Operator
) -> None:
    stack.up(["mariadb"])
    server: MariaDbServer = stack.mariadb
    team = MySqlTenant(kube, unique("sharded-"), server, secretsmanager)
    team.set_admin()
    name, reader = unique("shared"), unique("reader")
    team.apply(labelled(mysql_database(name, engine="mariadb", retainOnDelete=False), shard="one"))
    team.wait_ready(name)
    outside = mysql_database(
        reader, engine="mariadb", databaseName=name, username=reader, privileges=["SELECT"],
        adoptExistingDatabase=True, secretName=f"shared/{reader}",
    )  # fmt: skip
    team.apply(labelled(outside, shard="two"))

    team.delete(name, wait=False)

    assert f"{team.name}/{reader}" in team.wait_error(name, "DatabaseShared", 30)["message"]
    assert team.has_database(name)
    team.clear()


def test_a_selector_that_is_none_is_refused_at_the_start(tmp_path: Path) -> None:
    result = subprocess.run(
        [PROGRAM, "--selector", "shard in one", f"--kubeconfig={tmp_path / 'none'}"],
        capture_output=True, text=True, timeout=10, check=False, env={},
    )  # fmt: skip

    assert result.returncode == 1
    assert "--selector: 'shard in one' is no label selector: '(' is missing at 'one'" in result.stderr
