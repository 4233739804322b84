"""A namespace user who may create resources and Secrets, and wants what belongs to another team: nothing moves."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from devstack.kube import ControlPlane
from devstack.operator import Operator
from devstack.postgres import ADMIN
from devstack.process import wait_until
from devstack.secretsmanager import SecretsManagerServer
from devstack.stack import Stack
from support import mysql_tenant as mysql
from support import tenant as postgres
from support.cluster import condition
from support.mysql_tenant import FAMILIES, MySqlTenant, mysql_database, start_server
from support.proxy import Proxy
from support.resources import database, unique
from support.snapshots import mysql_state, postgres_state, secret_state
from support.tenant import Team, Tenant

PREFIX = "database.opzkit.io/"


@dataclass
class Scene:
    """A victim with a Ready Database, and somebody else with a namespace on the same server."""

    engine: str
    victim: Any
    thief: Any
    name: str  # of the victim's resource, database and user
    make: Callable[..., dict[str, Any]]  # a Database for this engine
    state: Callable[..., dict[str, Any]]
    assert_works: Callable[[dict[str, Any]], None]

    @property
    def path(self) -> str:
        """Of the victim's secret."""
        return f"rds/{self.engine}/{self.name}"

    def everything(self) -> dict[str, Any]:
        """All that the victim has."""
        return {
            "server": self.state(self.victim, self.name),
            "secret": secret_state(self.victim, self.path),
            "status": self.victim.status(self.name),
        }

    def attack(self, resource: str, **spec: Any) -> None:
        """The thief applies a Database."""
        document = self.make(resource, **spec)
        self.thief.apply({**document, "metadata": {"name": resource}})


def _teams(
    engine: str, stack: Stack, kube: ControlPlane, secretsmanager: SecretsManagerServer
) -> tuple[Team, Team, Callable[..., Any], Callable[..., Any], Callable[..., Any]]:
    if engine == "postgres":
        stack.up(["postgres"])
        teams = [Tenant(kube, unique(who), stack.postgres, secretsmanager) for who in ("victim-", "thief-")]
        return teams[0], teams[1], database, postgres_state, postgres.assert_works
    server = start_server(stack, engine)
    both = [MySqlTenant(kube, unique(who), server, secretsmanager) for who in ("victim-", "thief-")]
    for team in both:
        team.set_admin()
    return both[0], both[1], mysql_database, mysql_state, lambda stored: mysql.assert_works(server, stored)


@pytest.fixture(params=["postgres", *FAMILIES])
def scene(
    request: pytest.FixtureRequest, stack: Stack, kube: ControlPlane, secretsmanager: SecretsManagerServer,
    operator: Operator,
) -> Iterator[Scene]:  # fmt: skip
    """The victim is Ready; whatever the test does, in the end everything of the victim is as it was and works."""
    victim, thief, make, state, assert_works = _teams(request.param, stack, kube, secretsmanager)
    name = unique("victim")
    victim.apply(make(name))
    victim.wait_ready(name)
    scene = Scene("postgres" if make is database else "mysql", victim, thief, name, make, state, assert_works)
    before = scene.everything()
    yield scene
    assert scene.everything() == before
    victim.kubectl("annotate", "database", name, f"{PREFIX}reconcile-now=after")
    status = victim.wait_for(name, lambda status: status.get("lastHandledReconcileAt") == "after", "asked")
    assert status["phase"] == "Ready", status["message"]
    assert_works(victim.stored(scene.path))
    password = victim.stored(scene.path)["DB_PASSWORD"]
    assert password not in thief.kubectl("get", "databases,events", "-o", "json").stdout
    for team in (victim, thief):
        team.clear()


# --- names of somebody else ---


def test_everything_of_somebody_else_at_once(scene: Scene) -> None:
    scene.attack(scene.name, databaseName=scene.name)

    status = scene.thief.wait_error(scene.name, "Conflict")

    assert f"{scene.victim.name}/{scene.name}" in status["message"]
    assert {status[key] for key in ("databaseCreated", "userCreated", "secretCreated")} == {False}
    assert "secretARN" not in status


def test_the_secret_of_somebody_else(scene: Scene) -> None:
    name = unique("own")
    scene.attack(name, databaseName=name, secretName=scene.path)

    scene.thief.wait_error(name, "Conflict")

    assert not scene.thief.has_database(name)


def test_the_database_of_somebody_else(scene: Scene) -> None:
    user = unique("own")
    scene.attack("grab", databaseName=scene.name, username=user, secretName=f"own/{user}")

    scene.thief.wait_error("grab", "Conflict")

    assert scene.state(scene.thief, scene.name, user)["role" if scene.engine == "postgres" else "hosts"] == []
    assert scene.thief.description(f"own/{user}") == {}


def test_the_user_of_somebody_else(scene: Scene) -> None:
    name = unique("own")
    scene.attack("grab", databaseName=name, username=scene.name)

    # MariaDB has no place for a mark on users: that nobody has its password is what stops it there.
    wait_refused(scene, "grab", "Conflict", "CannotRecoverPassword")

    assert not scene.thief.has_database(name)
    assert scene.thief.description(f"rds/{scene.engine}/{name}") == {}


@pytest.mark.parametrize("privileges", [["SELECT"], ["ALL"]], ids=["list", "all"])
def test_adopting_the_database_of_somebody_else(scene: Scene, privileges: list[str]) -> None:
    user = unique("own")
    scene.attack(
        "grab", databaseName=scene.name, username=user, secretName=f"own/{user}", privileges=privileges,
        adoptExistingDatabase=True,
    )  # fmt: skip

    status = scene.thief.wait_error("grab", "Conflict")

    assert f"{scene.victim.name}/{scene.name}" in status["message"]
    assert scene.state(scene.thief, scene.name, user)["role" if scene.engine == "postgres" else "hosts"] == []
    assert scene.thief.description(f"own/{user}") == {}


def wait_refused(scene: Scene, resource: str, *reasons: str) -> dict[str, Any]:
    """The status of a refusal with one of these reasons."""
    return scene.thief.wait_for(
        resource, lambda status: condition(status, "Ready").get("reason") in reasons, f"refused for {reasons}"
    )


def test_own_names_first_and_then_those_of_somebody_else(scene: Scene) -> None:
    own = unique("own")
    scene.attack("grab", databaseName=own)
    scene.thief.wait_ready("grab")
    scene.thief.delete("grab")

    scene.attack("grab", databaseName=scene.name)
    scene.thief.wait_error("grab", "Conflict")
    scene.thief.delete("grab")
    scene.attack("grab", databaseName=scene.name, username=own, secretName=f"rds/{scene.engine}/{own}")
    wait_refused(scene, "grab", "Conflict", "SecretMismatch")
    scene.thief.delete("grab")
    scene.attack("grab", databaseName=own, username=scene.name, secretName=f"rds/{scene.engine}/{own}")
    wait_refused(scene, "grab", "Conflict", "SecretMismatch")

    assert scene.thief.stored(f"rds/{scene.engine}/{own}")["DB_NAME"] == own


@pytest.mark.parametrize("what", ["everything", "database", "user", "secret"])
def test_a_deletion_of_what_somebody_else_has(scene: Scene, what: str) -> None:
    own = unique("own")
    spec = {
        "everything": {"databaseName": scene.name},
        "database": {"databaseName": scene.name, "username": own, "secretName": f"own/{own}"},
        "user": {"databaseName": own, "username": scene.name, "secretName": f"own/{own}"},
        "secret": {"databaseName": own, "secretName": scene.path},
    }[what]
    scene.attack("grab", retainOnDelete=False, **spec)
    wait_refused(scene, "grab", "Conflict", "CannotRecoverPassword")

    scene.thief.kubectl("annotate", "database", "grab", f"{PREFIX}confirm-drop={spec['databaseName']}")
    scene.thief.delete("grab")


# --- where the engine lets an owner write a mark ---


@pytest.mark.parametrize("scene", ["postgres"], indirect=True)
def test_a_mark_that_the_application_forged_for_an_accomplice(scene: Scene) -> None:
    """The application hands its database over by comment; the user, the secret and the rest stay the victim's."""
    [row] = scene.victim.postgres.sql(
        f"SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = '{scene.name}'"
    )
    genuine = row.replace("'", "''")
    forged = json.dumps({**json.loads(row), "namespace": scene.thief.name, "name": "grab"})
    url = scene.victim.stored(scene.path)["POSTGRES_URL"]
    postgres.run_sql(url, f"COMMENT ON DATABASE {scene.name} IS '{forged}'")

    user = unique("own")
    for spec in ({"username": user, "secretName": f"own/{user}"}, {}):
        scene.attack("grab", databaseName=scene.name, retainOnDelete=False, **spec)
        wait_refused(scene, "grab", "Conflict", "CannotRecoverPassword")
        scene.thief.kubectl("delete", "database", "grab", "--wait=false")
        wait_until(lambda: settled(scene.thief, "grab"), "the end of the attempt, or what blocks it", 30)
        if scene.thief.exists("database", "grab"):
            scene.thief.kubectl("annotate", "database", "grab", f"{PREFIX}abandon-external-resources=true")
            wait_until(lambda: not scene.thief.exists("database", "grab"), "the end of the resource", 20)

    assert scene.victim.has_database(scene.name)
    postgres.run_sql(url, f"COMMENT ON DATABASE {scene.name} IS '{genuine}'")


def settled(team: Team, name: str) -> bool:
    """Whether a deletion has come to its end, or to a reason why not."""
    if not team.exists("database", name):
        return True
    status = team.status(name)
    return status.get("phase") == "Deleting" and condition(status, "Ready").get("reason") != "Deleting"


# --- a server of their own ---


class ListeningProxy(Proxy):
    """A proxy that keeps every byte that a client says."""

    def __init__(self, target_port: int) -> None:
        self.heard = bytearray()
        super().__init__(target_port)

    def hear(self, data: bytes) -> None:
        """What a client says."""
        self.heard += data


@pytest.fixture
def greedy(second_tenant: Tenant) -> Iterator[ListeningProxy]:
    """A server that asks everybody but its admin for the password in clear, behind somebody who listens."""
    server = second_tenant.postgres
    hba = server.data / "pg_hba.conf"
    genuine = hba.read_text()
    hba.write_text(f"host all {ADMIN} all scram-sha-256\nhost all all all password\n{genuine}")
    server.sql("SELECT pg_reload_conf()")
    with ListeningProxy(server.port) as proxy:
        yield proxy
    hba.write_text(genuine)
    server.sql("SELECT pg_reload_conf()")


def copy_with_marks(scene: Scene, name: str, server: Any) -> None:
    """Makes what looks like the real thing on the thief's server, marks included."""
    [role] = scene.victim.postgres.sql(
        f"SELECT shobj_description(oid, 'pg_authid') FROM pg_authid WHERE rolname = '{name}'"
    )
    [comment] = scene.victim.postgres.sql(
        f"SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = '{name}'"
    )
    server.sql(f"CREATE ROLE {name} LOGIN PASSWORD 'not known'")
    server.sql(f"GRANT {name} TO {ADMIN}")
    server.sql(f"CREATE DATABASE {name} OWNER {name}")
    [oid] = server.sql(f"SELECT oid FROM pg_database WHERE datname = '{name}'")
    mark = {**json.loads(role), "database": oid}
    server.sql(f"COMMENT ON ROLE {name} IS '{json.dumps(mark)}'")
    server.sql(f"COMMENT ON DATABASE {name} IS '{comment}'")


@pytest.mark.parametrize("scene", ["postgres"], indirect=True)
def test_a_server_that_asks_for_the_password_of_somebody_else_in_clear(
    scene: Scene, greedy: ListeningProxy, second_tenant: Tenant
) -> None:
    copy_with_marks(scene, scene.name, second_tenant.postgres)
    scene.thief.set_admin(second_tenant.postgres.admin_url(port=greedy.port, parameters="sslmode=disable"))

    scene.attack("grab", databaseName=scene.name)

    wait_refused(scene, "grab", "Conflict")
    assert ADMIN.encode() in greedy.heard
    assert scene.victim.stored(scene.path)["DB_PASSWORD"].encode() not in greedy.heard


@pytest.mark.parametrize("scene", ["postgres"], indirect=True)
def test_a_server_that_asks_for_the_stored_password_in_clear(
    scene: Scene, greedy: ListeningProxy, second_tenant: Tenant
) -> None:
    """With the marks of the thief's own resource the server passes for the same one, restored elsewhere."""
    own = unique("own")
    scene.attack(own, databaseName=own)
    scene.thief.wait_ready(own)
    stored = secret_state(scene.thief, f"rds/postgres/{own}")
    copy_with_marks(scene, own, second_tenant.postgres)

    scene.thief.set_admin(second_tenant.postgres.admin_url(port=greedy.port, parameters="sslmode=disable"))
    status = wait_refused(scene, own, "LoginNotVerified")

    assert "in clear" in status["message"]
    assert stored["value"]["DB_PASSWORD"].encode() not in greedy.heard
    assert secret_state(scene.thief, f"rds/postgres/{own}") == stored
