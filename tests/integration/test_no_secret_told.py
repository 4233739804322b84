"""Canaries: no password and no key of AWS is told anywhere, in any format, with every line that can be logged."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest
from devstack.kube import ControlPlane
from devstack.operator import Operator
from devstack.postgres import PostgresServer
from devstack.secretsmanager import ACCOUNT, SecretsManagerServer
from devstack.stack import Stack
from support.canaries import leaks
from support.cluster import Namespace
from support.mysql_tenant import FAMILIES, MySqlTenant, Server, mysql_database, start_server
from support.resources import database, secret, unique
from support.tenant import Team, Tenant

PREFIX = "database.opzkit.io/"
WRONG = "Wrong-password-of-a-canary-31415926"
UNPARSABLE = "Unparsable-value-of-a-canary-27182818"
STORED = "Others-password-of-a-canary-16180339"
KEYS = {
    "id": "ASIACANARYCANARY0001",
    "secret": "canary/secret+key/of/aws/1414213562373095",
    "session_token": "IQoJcanary//session//token==" * 6,
}
WRONG_KEY = "another/canary/of/a/wrong/key/17320508075688772"


@dataclass
class Scene:
    """What happens with the operator, and which secrets are in it."""

    operator: Operator
    secrets: dict[str, str]
    teams: list[Team] = field(default_factory=list)


@pytest.fixture
def keys(secretsmanager: SecretsManagerServer) -> Iterator[dict[str, str]]:
    """Temporary keys for the operator, with a session token."""
    path = secretsmanager.folder / "credentials.json"
    original = path.read_text()
    entry = {
        "secret": KEYS["secret"], "session_token": KEYS["session_token"], "policy": None,
        "principal_arn": f"arn:aws:iam::{ACCOUNT}:role/operator",
    }  # fmt: skip
    path.write_text(json.dumps({**json.loads(original), KEYS["id"]: entry}))
    yield {
        **secretsmanager.environment(),
        "AWS_ACCESS_KEY_ID": KEYS["id"],
        "AWS_SECRET_ACCESS_KEY": KEYS["secret"],
        "AWS_SESSION_TOKEN": KEYS["session_token"],
    }
    path.write_text(original)


def annotate(team: Namespace, name: str, **values: str) -> None:
    """Sets annotations of ours."""
    words = [f"{PREFIX}{key.replace('_', '-')}={value}" for key, value in values.items()]
    team.kubectl("annotate", "--overwrite", "database", name, *words)


def live_a_full_life(scene: Scene, team: Team, path: str, resource: dict[str, Any]) -> None:
    """Created, reset, told a wrong password, and gone with everything."""
    name = resource["metadata"]["name"]
    team.apply(resource)
    team.wait_ready(name, 30)
    scene.secrets[f"the former password of {name}"] = team.stored(path)["DB_PASSWORD"]
    annotate(team, name, reset_password="1")
    team.wait_for(name, lambda s: s.get("lastHandledPasswordReset") == "1" and s["phase"] == "Ready", "reset", 40)
    good = team.stored(path)
    scene.secrets[f"the password of {name}"] = good["DB_PASSWORD"]
    store(team, path, {**good, "DB_PASSWORD": STORED})
    annotate(team, name, reconcile_now="1")
    team.wait_error(name, "PasswordMismatch")
    store(team, path, good)
    annotate(team, name, reconcile_now="2")
    team.wait_ready(name, 30)
    team.patch(name, {"spec": {"retainOnDelete": False}})
    team.wait_ready(name, 30)
    team.delete(name)


def store(team: Team, path: str, value: dict[str, Any]) -> None:
    """What a person stores by hand."""
    team.secretsmanager.client().put_secret_value(SecretId=path, SecretString=json.dumps(value))


def fail_in_every_way(team: Team, good_url: str, admin_password: str, make: Callable[..., dict[str, Any]]) -> None:
    """Connection strings that are wrong or none, in Kubernetes and in AWS."""
    urls = {
        "AdminLoginFailed": good_url.replace(admin_password, WRONG),
        "AdminSecretInvalid": f"{good_url.split(':')[0]}://admin:{UNPARSABLE}@h:99999/x",
    }
    assert urls["AdminLoginFailed"] != good_url
    for reason, url in urls.items():
        local, in_aws = unique("canary"), unique("canary")
        team.secretsmanager.client().create_secret(Name=f"admin/{in_aws}", SecretString=url)
        team.apply(secret(local, connectionString=url))
        team.apply(
            make(local, connectionStringSecretRef={"name": local}),
            make(in_aws, connectionStringSecretRef=None, connectionStringAWSSecretRef={"secretName": f"admin/{in_aws}"}),
        )
        team.wait_error(local, reason)
        team.wait_error(in_aws, reason)


def live_on_postgres(scene: Scene, team: Tenant) -> None:
    """Everything on PostgreSQL."""
    scene.secrets[f"the admin password of {team.name}"] = team.postgres.admin_password
    name = unique("canary")
    live_a_full_life(scene, team, f"rds/postgres/{name}", database(name))
    fail_in_every_way(team, team.postgres.admin_url(), team.postgres.admin_password, database)


def live_on_mysql(scene: Scene, team: MySqlTenant) -> None:
    """Everything on MySQL or MariaDB."""
    scene.secrets[f"the admin password of {team.name}"] = team.server.admin_password
    team.set_admin()
    name = unique("canary")
    live_a_full_life(scene, team, f"rds/mysql/{name}", mysql_database(name))
    fail_in_every_way(team, team.server.admin_url(), team.server.admin_password, mysql_database)


def be_refused_by_aws(scene: Scene, team: Team, secretsmanager: SecretsManagerServer, name: str) -> None:
    """AWS no longer takes the signatures of the operator."""
    path = secretsmanager.folder / "credentials.json"
    table = json.loads(path.read_text())
    table[KEYS["id"]]["secret"] = WRONG_KEY
    path.write_text(json.dumps(table))
    annotate(team, name, reconcile_now="refused")
    team.wait_error(name, "SecretsManagerAccessDenied", 30)


def places_of(scene: Scene) -> dict[str, str]:
    """Everything that the operator wrote or let others write."""
    told = {"its log": scene.operator.log_text, "its metrics": scene.operator.get("/metrics")[1]}
    told["its health"] = scene.operator.get("/readyz?verbose")[1]
    for team in scene.teams:
        told[f"the resources of {team.name}"] = team.kubectl("get", "databases", "-o", "yaml").stdout
        told[f"the events of {team.name}"] = team.kubectl("get", "events", "-o", "yaml").stdout
        told[f"the description in {team.name}"] = team.kubectl("describe", "databases").stdout
    return told


# What servers log does not depend on our format: once is enough for those that take long.
@pytest.mark.parametrize(("log_format", "families"), [("json", FAMILIES), ("text", ())])
def test_no_secret_is_told_anywhere(
    stack: Stack,
    kube: ControlPlane,
    postgres: PostgresServer,
    secretsmanager: SecretsManagerServer,
    start_operator: Callable[..., Operator],
    keys: dict[str, str],
    log_format: str,
    families: tuple[str, ...],
) -> None:
    servers: list[Server] = [start_server(stack, family) for family in families]
    logged = {server: len(server.server_log()) for server in (postgres, *servers)}
    operator = start_operator(keys, "--log-level=debug", f"--log-format={log_format}")
    scene = Scene(
        operator,
        {
            "a wrong password": WRONG, "an unparsable value": UNPARSABLE, "a password of others": STORED,
            "the secret key": KEYS["secret"], "the session token": KEYS["session_token"], "a wrong key": WRONG_KEY,
        },
    )  # fmt: skip

    team = Tenant(kube, unique("canary-team-"), postgres, secretsmanager)
    mysql_teams = [MySqlTenant(kube, unique("canary-team-"), server, secretsmanager) for server in servers]
    scene.teams += [team, *mysql_teams]
    with ThreadPoolExecutor() as pool:
        lives = [pool.submit(live_on_postgres, scene, team), *(pool.submit(live_on_mysql, scene, t) for t in mysql_teams)]
    for life in lives:
        life.result()
    name = unique("canary")
    team.apply(database(name))
    team.wait_ready(name)
    scene.secrets["the password of the last"] = team.stored(f"rds/postgres/{name}")["DB_PASSWORD"]
    be_refused_by_aws(scene, team, secretsmanager, name)

    places = places_of(scene)
    for served, by in zip(scene.teams, (postgres, *servers), strict=True):
        places[f"the log of the server of {served.name}"] = by.server_log()[logged[by] :]

    assert "PasswordMismatch" in places["its log"]
    assert leaks(scene.secrets, places) == []
    for each in scene.teams:
        each.clear()


def test_a_canary_that_sings_is_heard() -> None:
    secrets = {"a key": "abcdefghijklmnop/+=qrstuvwxyz"}

    assert leaks(secrets, {"a log": "nothing to see"}) == []
    for text in (secrets["a key"], "..abcdefghijkl..", "%2F%2B%3Dqrstuvwxyz", "YWJjZGVmZ2hpamts"):
        assert leaks(secrets, {"a log": f"x {text} y"}) == ["a key in a log"], text
