"""Two resources for the same database and user, made at the same instant: one has it, the other has touched nothing."""

from __future__ import annotations

from typing import Any

import pytest
from devstack.kube import ControlPlane
from devstack.operator import Operator
from devstack.process import wait_until
from devstack.postgres import PostgresServer
from devstack.secretsmanager import SecretsManagerServer
from support.cluster import condition
from support.mysql_tenant import ADMIN_SECRET, MySqlTenant, mysql_database
from support.mysql_tenant import assert_works as assert_works_on_mysql
from support.resources import database, unique
from support.tenant import Team, Tenant, assert_works

PREFIX = "database.opzkit.io/"
ROUNDS = 4


def race(operator: Operator, contenders: list[tuple[Team, str, dict[str, Any]]]) -> tuple[int, dict[str, Any]]:
    """Makes the resources while no operator runs, then starts it: who won, and the status of the other."""
    operator.stop()
    for team, _, resource in contenders:
        team.apply(resource)
    operator.start()

    def reasons() -> list[str]:
        return [condition(team.status(name), "Ready").get("reason", "") for team, name, _ in contenders]

    wait_until(lambda: sorted(reasons()) == ["Conflict", "Ready"], "one winner", 40)
    winner = reasons().index("Ready")
    loser, name, _ = contenders[1 - winner]
    return winner, loser.status(name)


def assert_untouched(team: Team, status: dict[str, Any], winner: Team, path: str, own_path: str) -> None:
    """The loser has made nothing, and nothing of the winner's carries its name."""
    assert not (status.get("databaseCreated") or status.get("userCreated"))
    tags = winner.description(path)["Tags"]
    assert tags[f"{PREFIX}owner-namespace"] == winner.name
    assert len(winner.versions(path)) == 1
    if own_path != path:
        description = team.description(own_path)
        assert not description or description["Tags"][f"{PREFIX}owner-namespace"] == team.name


@pytest.mark.parametrize("secrets", ["same-secret", "own-secrets"])
@pytest.mark.parametrize("teams", ["same-namespace", "two-namespaces"])
def test_on_postgresql_exactly_one_wins(
    tenant: Tenant, kube: ControlPlane, postgres: PostgresServer, secretsmanager: SecretsManagerServer,
    operator: Operator, teams: str, secrets: str,
) -> None:  # fmt: skip
    other = tenant if teams == "same-namespace" else Tenant(kube, unique("rivals-"), postgres, secretsmanager)
    for _ in range(ROUNDS):
        name = unique("race")
        contenders: list[tuple[Team, str, dict[str, Any]]] = []
        paths = []
        for team, suffix in ((tenant, "a"), (other, "b")):
            path = f"race/{name}" + (f"/{suffix}" if secrets == "own-secrets" else "")
            resource = database(f"{name}-{suffix}", databaseName=name, username=name, secretName=path)
            contenders.append((team, f"{name}-{suffix}", resource))
            paths.append(path)

        winner, status = race(operator, contenders)

        assert_works(tenant.stored(paths[winner]))
        assert_untouched(contenders[1 - winner][0], status, contenders[winner][0], paths[winner], paths[1 - winner])
    other.clear()


@pytest.mark.parametrize("secrets", ["same-secret", "own-secrets"])
def test_on_mysql_and_mariadb_exactly_one_wins(
    mysql_tenant: MySqlTenant, kube: ControlPlane, secretsmanager: SecretsManagerServer, operator: Operator, secrets: str
) -> None:
    other = MySqlTenant(kube, unique("my-rivals-"), mysql_tenant.server, secretsmanager)
    other.set_admin(name=ADMIN_SECRET)
    for _ in range(ROUNDS):
        name = unique("race")
        contenders: list[tuple[Team, str, dict[str, Any]]] = []
        paths = []
        for team, suffix in ((mysql_tenant, "a"), (other, "b")):
            path = f"race/{name}" + (f"/{suffix}" if secrets == "own-secrets" else "")
            resource = mysql_database(f"{name}-{suffix}", databaseName=name, username=name, secretName=path)
            contenders.append((team, f"{name}-{suffix}", resource))
            paths.append(path)

        winner, status = race(operator, contenders)

        assert_works_on_mysql(mysql_tenant.server, mysql_tenant.stored(paths[winner]))
        assert_untouched(contenders[1 - winner][0], status, contenders[winner][0], paths[winner], paths[1 - winner])
    other.clear()
