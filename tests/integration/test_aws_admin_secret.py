"""The admin connection from a secret in AWS: every form, every way to be wrong, and rotation."""

from __future__ import annotations

import json
import urllib.parse
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest
from devstack.operator import Operator
from devstack.process import wait_until
from devstack.secretsmanager import ACCOUNT, REGION
from devstack.stack import Stack
from secretsmanager.control_client import ControlClient
from support.cluster import condition
from support.mysql_tenant import MySqlTenant
from support.mysql_tenant import assert_works as assert_works_on_mysql
from support.resources import database, unique
from support.tenant import Team, Tenant, assert_works
from support.watching import CallWatch, SqlWatch

ELSEWHERE = "eu-west-1"


def store(team: Team, value: str | bytes | dict[str, Any], region: str = REGION) -> dict[str, str]:
    """Stores an admin connection under a name of its own; its name and ARN."""
    client = team.secretsmanager.client(region=region)
    name = unique("rds/admin/main")
    if isinstance(value, bytes):
        answer = client.create_secret(Name=name, SecretBinary=value)
    else:
        answer = client.create_secret(Name=name, SecretString=value if isinstance(value, str) else json.dumps(value))
    return {"name": name, "arn": answer["ARN"]}


def from_aws(name: str, reference: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """A Database whose admin connection is in AWS."""
    return database(name, connectionStringSecretRef=None, connectionStringAWSSecretRef=reference, **spec)


def as_rds_writes_it(url: str, engine: str, **changes: Any) -> dict[str, Any]:
    """The parts of a connection string as RDS and the rotation functions of AWS name them."""
    parts = urllib.parse.urlsplit(url)
    assert parts.username and parts.password
    document = {
        "engine": engine,
        "host": parts.hostname,
        "port": parts.port,
        "username": urllib.parse.unquote(parts.username),
        "password": urllib.parse.unquote(parts.password),
        "dbname": parts.path.removeprefix("/"),
        **changes,
    }
    return {key: value for key, value in document.items() if value is not None}


def test_each_form_of_the_value_works(tenant: Tenant) -> None:
    url = tenant.postgres.admin_url()
    forms: list[tuple[str | dict[str, Any], dict[str, Any]]] = [
        ({"connectionString": url}, {}),
        ({"connectionString": url}, {"key": "connectionString"}),
        ({"url": url, "connectionString": "another"}, {"key": "url"}),
        (url, {}),
        (f"\n{url}\n", {}),
        (as_rds_writes_it(url, "postgres"), {}),
        (as_rds_writes_it(url, "aurora-postgresql", port=str(tenant.postgres.port), dbname=None), {}),
    ]
    names = [unique("form") for _ in forms]
    for name, (value, more) in zip(names, forms, strict=True):
        tenant.apply(from_aws(name, {"secretName": store(tenant, value)["name"], **more}))

    for name in names:
        tenant.wait_ready(name)
        assert_works(tenant.stored(f"rds/postgres/{name}"))


def test_mysql_and_mariadb_take_it_too(mysql_tenant: MySqlTenant) -> None:
    url = mysql_tenant.server.admin_url()
    for value in (url, {"connectionString": url}, as_rds_writes_it(url, "mariadb"), as_rds_writes_it(url, "mysql")):
        name = unique("form")
        mysql_tenant.apply(from_aws(name, {"secretName": store(mysql_tenant, value)["name"]}, engine="mysql"))

        mysql_tenant.wait_ready(name)

        assert_works_on_mysql(mysql_tenant.server, mysql_tenant.stored(f"rds/mysql/{name}"))


@pytest.mark.parametrize("by", ["name", "arn"])
def test_the_region_is_the_arns_or_the_fields_and_the_fields_is_the_credentials_default(
    tenant: Tenant, by: str
) -> None:
    name = unique("region")
    admin = store(tenant, tenant.postgres.admin_url(), ELSEWHERE)
    reference = {"secretName": admin[by]}
    if by == "name":
        reference["region"] = ELSEWHERE
    expected = ELSEWHERE if by == "name" else REGION
    tenant.apply(from_aws(name, reference))

    status = tenant.wait_ready(name)

    assert status["secretRegion"] == expected
    assert_works(tenant.stored(f"rds/postgres/{name}", expected))


def test_the_region_of_an_arn_counts_more_than_the_field_and_the_credentials_own_more_than_both(
    tenant: Tenant,
) -> None:
    name = unique("region")
    admin = store(tenant, tenant.postgres.admin_url(), ELSEWHERE)
    reference = {"secretName": admin["arn"], "region": "us-west-2"}
    tenant.apply(from_aws(name, reference, awsSecretsManager={"region": "eu-central-1"}))

    status = tenant.wait_ready(name)

    assert status["secretRegion"] == "eu-central-1"


def test_an_arn_of_another_account_is_asked_for_in_its_region_and_a_denial_is_explained(tenant: Tenant) -> None:
    name = unique("foreign")
    arn = f"arn:aws:secretsmanager:{ELSEWHERE}:210987654321:secret:rds/admin/main-AbCdEf"
    calls = CallWatch(tenant.secretsmanager)
    tenant.apply(from_aws(name, {"secretName": arn}))

    status = tenant.wait_error(name, "AdminSecretDenied")

    for part in (
        f"arn:aws:iam::{ACCOUNT}:role/operator",
        "secretsmanager:GetSecretValue",
        arn,
        f"in {ELSEWHERE}",
        "no resource-based policy allows",
    ):
        assert part in status["message"]
    assert condition(status, "Stalled")["status"] == "True"
    assert set(calls.operations()) == {"GetSecretValue"}


WRONG: list[tuple[str, Any, dict[str, Any], str, str]] = [
    ("absent", None, {}, "AdminSecretNotFound", "does not exist or has no value"),
    ("binary", b"\x00\x01", {}, "AdminSecretInvalid", "holds binary data instead of text"),
    ("no url", "hidden", {}, "AdminSecretInvalid", "neither JSON nor a usable connection string"),
    ("broken JSON", '{"connectionString": "hidden"', {}, "AdminSecretInvalid", "cannot be read as such"),
    ("no key", {"other": "hidden"}, {}, "AdminSecretInvalid", "'username' is missing"),
    ("not that key", {"connectionString": "hidden"}, {"key": "url"}, "AdminSecretInvalid", "no key 'url'"),
    ("no JSON for the key", "hidden", {"key": "url"}, "AdminSecretInvalid", "no key 'url'"),
    ("a list", {"connectionString": ["hidden"]}, {}, "AdminSecretInvalid", "is not a string"),
    ("no host", {"username": "hidden", "password": "hidden"}, {}, "AdminSecretInvalid", "'host' is missing"),
    (
        "another engine",
        {"username": "hidden", "password": "hidden", "host": "h", "engine": "mysql"},
        {},
        "AdminSecretInvalid",
        "does not fit spec.engine",
    ),
]


@pytest.mark.parametrize(("value", "more", "reason", "said"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_what_is_wrong_with_the_secret_is_said_without_its_value_and_correcting_it_is_enough(
    tenant: Tenant, value: Any, more: dict[str, Any], reason: str, said: str
) -> None:
    name = unique("wrong")
    admin = unique("rds/admin/absent") if value is None else store(tenant, value)["name"]
    sql, calls = SqlWatch(tenant.postgres), CallWatch(tenant.secretsmanager)
    tenant.apply(from_aws(name, {"secretName": admin, **more}))

    status = tenant.wait_error(name, reason)

    assert said in status["message"]
    assert f"'{admin}'" in status["message"]
    assert "hidden" not in json.dumps(status)
    assert condition(status, "Stalled")["status"] == "True"
    assert sql.changes() == []
    assert calls.writes() == []
    tenant.apply(from_aws(name, {"secretName": store(tenant, tenant.postgres.admin_url())["name"]}))
    tenant.wait_ready(name)


def test_a_secret_that_is_scheduled_for_deletion_is_said_to_be(tenant: Tenant) -> None:
    name = unique("scheduled")
    admin = store(tenant, tenant.postgres.admin_url())
    tenant.secretsmanager.client().delete_secret(SecretId=admin["name"], RecoveryWindowInDays=7)
    tenant.apply(from_aws(name, {"secretName": admin["name"]}))

    status = tenant.wait_error(name, "AdminSecretInvalid")

    assert "is scheduled for deletion: restore it" in status["message"]
    tenant.secretsmanager.client().restore_secret(SecretId=admin["name"])
    tenant.wait_ready(name, 60)


def test_what_can_name_no_secret_is_refused_before_any_call(tenant: Tenant) -> None:
    name = unique("unnamed")
    calls = CallWatch(tenant.secretsmanager)
    tenant.apply(from_aws(name, {"secretName": "arn:aws:iam::123456789012:role/x"}))

    status = tenant.wait_error(name, "InvalidSpec")

    assert "spec.connectionStringAWSSecretRef.secretName" in status["message"]
    assert calls.operations() == []


@pytest.mark.parametrize("by", ["name", "arn"])
def test_the_secret_of_the_admin_is_never_the_one_for_the_credentials(tenant: Tenant, by: str) -> None:
    name = unique("same")
    admin = store(tenant, tenant.postgres.admin_url())
    sql, calls = SqlWatch(tenant.postgres), CallWatch(tenant.secretsmanager)
    tenant.apply(from_aws(name, {"secretName": admin[by]}, secretName=admin["name"]))

    status = tenant.wait_error(name, "InvalidSpec")

    assert f"'{admin['name']}'" in status["message"]
    assert "name another one" in status["message"]
    assert sql.changes() == []
    assert calls.operations() == []


def test_a_resource_may_not_take_its_own_credentials_as_admin_when_they_move(tenant: Tenant) -> None:
    name = unique("moving")
    admin = store(tenant, tenant.postgres.admin_url())["name"]
    tenant.apply(from_aws(name, {"secretName": admin}, retainOnDelete=False))
    tenant.wait_ready(name)

    tenant.apply(
        from_aws(name, {"secretName": f"rds/postgres/{name}"}, secretName=f"other/{name}", retainOnDelete=False)
    )

    status = tenant.wait_error(name, "InvalidSpec")
    assert f"'rds/postgres/{name}'" in status["message"]
    assert "DeletedDate" not in tenant.description(f"rds/postgres/{name}")
    tenant.apply(from_aws(name, {"secretName": admin}))
    tenant.wait_ready(name)


def make_admin(tenant: Tenant, password: str) -> tuple[str, str]:
    """An admin of its own, and its URL."""
    admin = unique("rotated_admin")
    tenant.postgres.sql(f"CREATE ROLE {admin} LOGIN CREATEDB CREATEROLE PASSWORD '{password}'")
    return admin, url_of(tenant, admin, password)


def url_of(tenant: Tenant, admin: str, password: str) -> str:
    """The connection string of an admin."""
    return f"postgresql://{admin}:{password}@127.0.0.1:{tenant.postgres.port}/postgres"


@pytest.mark.parametrize("where", ["AWS", "Kubernetes"])
def test_a_password_that_is_rotated_after_it_was_read_is_read_again_at_once(
    tenant: Tenant, faults: ControlClient, operator: Operator, where: str
) -> None:
    """The rotation happens while the pass waits for another call, between reading the password and logging in."""
    name = unique("rotated")
    admin, url = make_admin(tenant, "before")
    stored = store(tenant, url)["name"]
    tenant.set_admin(url, name="rotated-admin")
    faults.add_fault(operation="DescribeSecret", secret=f"*{name}*", action="delay", seconds=3, times=1)
    if where == "AWS":
        tenant.apply(from_aws(name, {"secretName": stored}))
    else:
        tenant.apply(database(name, connectionStringSecretRef={"name": "rotated-admin"}))
    wait_until(lambda: any(fault["hits"] for fault in faults.faults()), "the held call", 20)

    tenant.postgres.sql(f"ALTER ROLE {admin} PASSWORD 'after'")
    after = url_of(tenant, admin, "after")
    tenant.secretsmanager.client().put_secret_value(SecretId=stored, SecretString=after)
    tenant.set_admin(after, name="rotated-admin")

    tenant.wait_ready(name)
    lines = [line["msg"] for line in operator.log_lines(name=name)]
    assert any("was changed after it was read: trying it again" in line for line in lines)
    assert not any("AdminLoginFailed" in line for line in lines)


def test_a_refused_password_that_did_not_change_is_not_tried_twice(tenant: Tenant) -> None:
    name = unique("refused")
    admin, _ = make_admin(tenant, "right")
    stored = store(tenant, url_of(tenant, admin, "wrong"))["name"]
    sql = SqlWatch(tenant.postgres)
    tenant.apply(from_aws(name, {"secretName": stored}))

    status = tenant.wait_error(name, "AdminLoginFailed")
    assert sql.text.count(f'password authentication failed for user "{admin}"') == 1
    assert "wrong" not in json.dumps(status)

    tenant.secretsmanager.client().put_secret_value(SecretId=stored, SecretString=url_of(tenant, admin, "right"))
    tenant.wait_ready(name, 60)


def test_a_rotation_of_a_ready_resource_is_not_noticed_but_served(tenant: Tenant) -> None:
    name = unique("served")
    admin, url = make_admin(tenant, "first")
    stored = store(tenant, as_rds_writes_it(url, "postgres"))["name"]
    tenant.apply(from_aws(name, {"secretName": stored}))
    tenant.wait_ready(name)

    tenant.postgres.sql(f"ALTER ROLE {admin} PASSWORD 'second'")
    document = as_rds_writes_it(url_of(tenant, admin, "second"), "postgres")
    tenant.secretsmanager.client().put_secret_value(SecretId=stored, SecretString=json.dumps(document))
    tenant.patch(name, {"spec": {"privileges": ["SELECT"]}})

    status = tenant.wait_ready(name)
    assert status["appliedPrivileges"] == ["SELECT"]


def test_everything_is_deleted_but_the_secret_of_the_admin(tenant: Tenant) -> None:
    name = unique("deleted")
    admin = store(tenant, {"connectionString": tenant.postgres.admin_url()}, ELSEWHERE)
    tenant.apply(from_aws(name, {"secretName": admin["arn"]}, retainOnDelete=False))
    tenant.wait_ready(name)
    before = tenant.description(admin["name"], ELSEWHERE)

    tenant.delete(name)

    assert not tenant.has_database(name)
    assert not tenant.has_role(name)
    assert "DeletedDate" in tenant.description(f"rds/postgres/{name}")
    assert tenant.description(admin["name"], ELSEWHERE) == {**before, "ResponseMetadata": ANY}


def test_a_deletion_waits_for_the_secret_of_the_admin_and_says_how_to_do_without(tenant: Tenant) -> None:
    name = unique("waiting")
    admin = store(tenant, tenant.postgres.admin_url())["name"]
    tenant.apply(from_aws(name, {"secretName": admin}, retainOnDelete=False))
    tenant.wait_ready(name)
    tenant.secretsmanager.client().delete_secret(SecretId=admin, RecoveryWindowInDays=7)

    tenant.delete(name, wait=False)

    status = tenant.wait_error(name, "AdminSecretInvalid")
    assert "restore it" in status["message"]
    assert "spec.retainOnDelete" in status["message"]
    tenant.secretsmanager.client().restore_secret(SecretId=admin)
    wait_until(lambda: not tenant.exists("database", name), "the deletion")
    assert not tenant.has_database(name)


def test_the_file_of_the_operator_is_the_ca_of_such_a_connection(
    tenant: Tenant, operator: Operator, stack: Stack, tmp_path: Path
) -> None:
    name = unique("verified")
    url = tenant.postgres.admin_url(parameters="sslmode=verify-full")
    tenant.apply(from_aws(name, {"secretName": store(tenant, url)["name"]}))
    status = tenant.wait_error(name, "AdminConnectionInvalid")
    assert "--database-ca-file" in status["message"]

    operator.stop()
    arguments = [f"--database-ca-file={tenant.postgres.ca_file}"]
    other = Operator(tmp_path, stack.kube, tenant.secretsmanager.environment(), arguments=arguments)
    other.start()
    try:
        tenant.wait_ready(name)
    finally:
        other.stop()
