"""The minimal example of the usage guide, and every place where its outcome can be seen."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from devstack.kube import ControlPlane
from devstack.operator import Operator
from devstack.postgres import PostgresServer
from devstack.secretsmanager import ACCOUNT, REGION, SecretsManagerServer
from support.cluster import condition
from support.resources import database, unique
from support.samples import sample
from support.tenant import Tenant, assert_works, run_sql
from support.watching import SqlWatch

NAME, SECRET = "myapp-db", "rds/postgres/myapp_db"
DATABASE = USER = "myapp_db"
CONDITIONS = ["SecretReady", "DatabaseReady", "UserReady", "PrivilegesReady", "CredentialsVerified"]


@dataclass
class Minimal:
    """The minimal example after it became Ready."""

    tenant: Tenant
    sql: SqlWatch
    status: dict[str, Any]
    stored: dict[str, Any]


@pytest.fixture(scope="module")
def minimal(
    kube: ControlPlane, postgres: PostgresServer, secretsmanager: SecretsManagerServer, one_operator: Operator
) -> Iterator[Minimal]:
    one_operator.start()
    sql = SqlWatch(postgres)
    tenant = Tenant(kube, unique("minimal-"), postgres, secretsmanager)
    tenant.apply(sample("minimal"))
    tenant.kubectl("wait", "--for=condition=Ready", f"database/{NAME}", "--timeout=30s")
    yield Minimal(tenant, sql, tenant.status(NAME), tenant.stored(SECRET))
    tenant.clear()


def test_kubectl_get_db_shows_the_documented_columns(minimal: Minimal) -> None:
    header, row = minimal.tenant.kubectl("get", "db").stdout.splitlines()

    assert header.split() == ["NAME", "ENGINE", "DATABASE", "USERNAME", "SECRETNAME", "PHASE", "AGE"]
    assert row.split()[:-1] == [NAME, "postgres", DATABASE, USER, SECRET, "Ready"]


def test_the_status_has_every_documented_field(minimal: Minimal) -> None:
    status = dict(minimal.status)
    port = minimal.tenant.postgres.port
    arn = rf"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{SECRET}-[A-Za-z0-9]{{6}}"

    assert re.fullmatch(arn, status.pop("secretARN"))
    assert status.pop("secretVersion") in minimal.tenant.versions(SECRET)
    assert status.pop("serverIdentity")
    assert [c["type"] for c in status.pop("conditions") if c["status"] == "True"] == ["Ready", *CONDITIONS]
    assert status == {
        "phase": "Ready",
        "message": "Database, user, and secret are ready",
        "observedGeneration": 1,
        "databaseCreated": True,
        "userCreated": True,
        "secretCreated": True,
        "actualUsername": USER,
        "actualSecretName": SECRET,
        "secretRegion": REGION,
        "secretFormatVersion": "v2",
        "appliedPrivileges": ["ALL"],
        "connectionInfo": {
            "host": "127.0.0.1", "port": port, "database": DATABASE, "username": USER, "engine": "postgres",
        },
    }  # fmt: skip


def test_the_conditions_are_those_that_kstatus_reads(minimal: Minimal) -> None:
    assert condition(minimal.status, "Reconciling")["status"] == "False"
    assert condition(minimal.status, "Stalled")["status"] == "False"
    for item in minimal.status["conditions"]:
        assert re.fullmatch(r"[A-Z][A-Za-z]+", item["reason"]), item
        assert item["observedGeneration"] == 1
        assert item["lastTransitionTime"]


def test_the_secret_is_exactly_the_documented_json(minimal: Minimal) -> None:
    password = minimal.stored["DB_PASSWORD"]
    port = minimal.tenant.postgres.port

    assert minimal.stored == {
        "DB_HOST": "127.0.0.1",
        "DB_PORT": port,
        "DB_NAME": DATABASE,
        "DB_USERNAME": USER,
        "DB_PASSWORD": password,
        "POSTGRES_URL": f"postgresql://{USER}:{password}@127.0.0.1:{port}/{DATABASE}",
    }


def test_the_password_satisfies_the_password_policies_of_servers(minimal: Minimal) -> None:
    password = minimal.stored["DB_PASSWORD"]

    assert re.fullmatch(r"[A-Za-z0-9_-]{32}", password)
    for needed in ("[A-Z]", "[a-z]", "[0-9]", "[-_]"):
        assert re.search(needed, password), f"no {needed}"


def test_the_secret_carries_the_owner_in_its_tags_and_the_default_description(minimal: Minimal) -> None:
    cluster = minimal.tenant.kube.kubectl_json("get", "namespace", "kube-system")["metadata"]["uid"]
    description = minimal.tenant.description(SECRET)

    assert description["Description"] == f"Database credentials for {DATABASE}"
    tags = description["Tags"]
    assert tags["ManagedBy"] == "database-user-operator"
    assert tags["database.opzkit.io/owner-namespace"] == minimal.tenant.name
    assert tags["database.opzkit.io/owner-name"] == NAME
    assert tags["database.opzkit.io/cluster"] == cluster


def test_jq_prints_the_secret_as_json(minimal: Minimal) -> None:
    result = subprocess.run(
        ["jq", "-e", "-r", ".DB_PORT | type"], input=secret_string(minimal), capture_output=True, text=True, check=True
    )

    assert result.stdout.strip() == "number"


def test_jq_turns_the_secret_into_environment_variables(minimal: Minimal) -> None:
    program = r'to_entries|map("\(.key)=\(.value|tostring)")|.[]'
    lines = subprocess.run(
        ["jq", "-r", program], input=secret_string(minimal), capture_output=True, text=True, check=True
    ).stdout.splitlines()

    assert dict(line.split("=", 1) for line in lines) == {k: str(v) for k, v in minimal.stored.items()}


def test_boto3_and_json_loads_read_the_secret(minimal: Minimal) -> None:
    environment = minimal.tenant.secretsmanager.environment("person")
    client = boto3.client(
        "secretsmanager", region_name=environment["AWS_REGION"], endpoint_url=environment["AWS_ENDPOINT_URL"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"], aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )  # fmt: skip

    value = json.loads(client.get_secret_value(SecretId=SECRET)["SecretString"])

    assert run_sql(value["POSTGRES_URL"], "SELECT 1").stdout.strip() == "1"


def test_the_stored_url_logs_in_and_creates_a_table(minimal: Minimal) -> None:
    assert_works(minimal.stored)


def test_the_role_may_log_in_and_nothing_else(minimal: Minimal) -> None:
    row = minimal.tenant.postgres.sql(
        "SELECT rolcanlogin, rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls, rolconnlimit, "
        f"(SELECT count(*) FROM pg_auth_members WHERE member = r.oid) FROM pg_roles r WHERE rolname = '{USER}'"
    )

    assert row == ["t|f|f|f|f|f|-1|0"]


def test_the_user_owns_its_database(minimal: Minimal) -> None:
    assert minimal.tenant.owner(DATABASE) == USER


def test_the_public_may_not_enter_the_database(minimal: Minimal) -> None:
    postgres = minimal.tenant.postgres
    postgres.sql("CREATE ROLE stranger LOGIN PASSWORD 'stranger'")
    url = f"postgresql://stranger:stranger@127.0.0.1:{postgres.port}"

    refused = run_sql(f"{url}/{DATABASE}", "SELECT 1", check=False)

    assert f'permission denied for database "{DATABASE}"' in refused.stderr
    assert run_sql(f"{url}/template1", "SELECT 1").stdout.strip() == "1"  # it is the database, not the login
    grantees = postgres.sql(f"SELECT (aclexplode(datacl)).grantee FROM pg_database WHERE datname = '{DATABASE}'")
    assert "0" not in grantees, "PUBLIC still has a privilege"


def test_database_and_role_are_marked_with_their_owner(minimal: Minimal) -> None:
    tenant = minimal.tenant
    [database_comment, database_id] = tenant.postgres.sql(
        f"SELECT shobj_description(oid, 'pg_database'), oid FROM pg_database WHERE datname = '{DATABASE}'"
    )[0].rsplit("|", 1)
    [role_comment] = tenant.postgres.sql(
        f"SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = '{USER}'"
    )
    metadata = tenant.get("database", NAME)["metadata"]
    expected = {
        "managed-by": "database-user-operator",
        "cluster": tenant.kube.kubectl_json("get", "namespace", "kube-system")["metadata"]["uid"],
        "namespace": tenant.name,
        "name": NAME,
        "uid": metadata["uid"],
    }

    assert json.loads(database_comment) == expected
    assert json.loads(role_comment) == {**expected, "database": database_id}


def test_the_resource_carries_the_finalizer_and_its_spec_is_untouched(minimal: Minimal) -> None:
    resource = minimal.tenant.get("database", NAME)

    assert resource["metadata"]["finalizers"] == ["database.opzkit.io/database-finalizer"]
    assert resource["spec"] == sample("minimal")["spec"]


def test_the_server_saw_a_verifier_and_no_password(minimal: Minimal) -> None:
    log = minimal.sql.text

    assert re.search(rf'CREATE ROLE "{USER}" LOGIN .* PASSWORD \'SCRAM-SHA-256\$', log)
    assert minimal.stored["DB_PASSWORD"] not in log
    assert minimal.tenant.postgres.admin_password not in log


def test_no_password_is_seen_where_it_does_not_belong(minimal: Minimal, operator: Operator) -> None:
    pid = operator.process.pid
    tenant = minimal.tenant
    places = {
        "log": operator.log_text,
        "status": json.dumps(tenant.get("database", NAME)),
        "events": tenant.kubectl("get", "events", "-o", "yaml").stdout,
        "metrics": operator.get("/metrics")[1],
        "command line": Path(f"/proc/{pid}/cmdline").read_text(),
        "environment": readable_text(Path(f"/proc/{pid}/environ")),
        "call log": (tenant.secretsmanager.folder / "calls.log").read_text(),
    }

    assert NAME in places["log"]
    for place, text in places.items():
        assert minimal.stored["DB_PASSWORD"] not in text, place
        assert tenant.postgres.admin_password not in text, place


def test_grep_for_the_name_finds_the_lines_of_a_resource(minimal: Minimal, operator: Operator) -> None:
    lines = operator.log_lines(name=NAME, namespace=minimal.tenant.name)

    assert lines
    for line in lines:
        assert line["controller"] == "database"
        assert line["reconcileID"]


def test_every_line_of_the_log_is_json(operator: Operator, minimal: Minimal) -> None:
    for line in operator.log_text.splitlines():
        assert json.loads(line)["level"] in ("debug", "info", "warning", "error"), line


def test_twenty_resources_at_once_become_ready_with_passwords_of_their_own(tenant: Tenant) -> None:
    names = [unique("many-") for _ in range(20)]

    tenant.apply(*[database(name) for name in names])
    tenant.kubectl("wait", "--for=condition=Ready", "databases", "--all", "--timeout=60s")

    stored = [tenant.stored(f"rds/postgres/{name.replace('-', '_')}") for name in names]
    assert len({value["DB_PASSWORD"] for value in stored}) == 20
    for value in stored:
        assert_works(value)


def test_two_resources_that_name_the_same_database_do_not_share_it(
    tenant: Tenant, kube: ControlPlane, secretsmanager: SecretsManagerServer
) -> None:
    rival = Tenant(kube, unique("rival-"), tenant.postgres, secretsmanager)
    name = unique("shared")
    resources = [{**database(name), "metadata": {"name": name, "namespace": side.name}} for side in (tenant, rival)]

    kube.apply(*resources)

    phases = {side.name: side.wait_for(name, is_settled, "settled")["phase"] for side in (tenant, rival)}
    assert sorted(phases.values()) == ["Error", "Ready"]
    winner, loser = (tenant, rival) if phases[tenant.name] == "Ready" else (rival, tenant)
    status = loser.status(name)
    assert condition(status, "Ready")["reason"] == "Conflict"
    assert f"{winner.name}/{name}" in status["message"]
    assert not status["databaseCreated"] and not status["userCreated"] and not status["secretCreated"]
    assert winner.description(f"rds/postgres/{name}")["Tags"]["database.opzkit.io/owner-namespace"] == winner.name
    assert winner.versions(f"rds/postgres/{name}") == [winner.status(name)["secretVersion"]]
    assert_works(winner.stored(f"rds/postgres/{name}"))
    rival.clear()


def secret_string(minimal: Minimal) -> str:
    """What `aws secretsmanager get-secret-value --query SecretString --output text` prints."""
    client = minimal.tenant.secretsmanager.client()
    return str(client.get_secret_value(SecretId=SECRET)["SecretString"])


def readable_text(path: Path) -> str:
    """The text of a file; empty where we may not read it, since then it shows nothing to us."""
    try:
        return path.read_text()
    except PermissionError:
        return ""


def is_settled(status: dict[str, Any]) -> bool:
    """Ready, or refused for good."""
    return status.get("phase") == "Ready" or condition(status, "Ready").get("reason") == "Conflict"
