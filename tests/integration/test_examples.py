"""The other examples of the usage guide: what works, and what is refused with a sentence until it does."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from devstack.kube import ControlPlane
from devstack.operator import Operator
from devstack.postgres import PostgresServer
from devstack.secretsmanager import SecretsManagerServer
from devstack.stack import Stack
from support.mysql_tenant import MySqlTenant, start_server
from support.mysql_tenant import assert_works as assert_works_on_mysql
from support.resources import database, unique
from support.samples import sample
from support.tenant import Tenant, assert_works
from support.watching import CallWatch, SqlWatch


@pytest.fixture
def production(
    kube: ControlPlane, postgres: PostgresServer, secretsmanager: SecretsManagerServer, operator: Operator
) -> Iterator[Tenant]:
    """The namespace of the guide's first example."""
    tenant = Tenant(kube, "production", postgres, secretsmanager)
    yield tenant
    tenant.clear()


def test_example_1_stores_the_secret_in_its_region_with_its_tags(production: Tenant) -> None:
    production.apply(sample("postgres_region_tags"))

    status = production.wait_ready("orders-db")

    assert status["secretRegion"] == "eu-west-1"
    assert status["secretARN"].startswith("arn:aws:secretsmanager:eu-west-1:")
    tags = production.description("rds/postgres/orders", "eu-west-1")["Tags"]
    assert (tags["Environment"], tags["Team"]) == ("production", "orders")
    assert tags["ManagedBy"] == "database-user-operator"
    assert production.description("rds/postgres/orders", "us-east-1") == {}
    assert_works(production.stored("rds/postgres/orders", "eu-west-1"))


def test_example_3_takes_the_admin_from_aws(tenant: Tenant) -> None:
    client = tenant.secretsmanager.client(region="eu-west-1")
    admin = json.dumps({"connectionString": tenant.postgres.admin_url()})
    client.create_secret(Name="rds/admin/postgres-main", SecretString=admin)
    tenant.apply(sample("postgres_admin_from_aws"))

    status = tenant.wait_ready("billing-db")

    assert status["secretRegion"] == "eu-west-1"
    description = tenant.description("rds/postgresql/billing", "eu-west-1")
    assert description["Description"] == "Credentials of the billing database"
    assert description["Tags"]["Team"] == "billing"
    assert_works(tenant.stored("rds/postgresql/billing", "eu-west-1"))


def test_example_7_takes_the_admin_of_a_mariadb_from_aws(
    stack: Stack, kube: ControlPlane, secretsmanager: SecretsManagerServer, operator: Operator
) -> None:
    team = MySqlTenant(kube, unique("my-team-"), start_server(stack, "mariadb"), secretsmanager)
    client = secretsmanager.client(region="eu-west-1")
    admin = json.dumps({"connectionString": team.server.admin_url()})
    client.create_secret(Name="rds/admin/mariadb-main", SecretString=admin)
    team.apply(sample("mariadb_admin_from_aws"))

    status = team.wait_ready("analytics-mariadb")

    assert status["secretRegion"] == "eu-west-1"
    assert_works_on_mysql(team.server, team.stored("/mariadb/production/analytics", "eu-west-1"))
    team.clear()


def test_user_names_and_secret_paths_may_hold_what_the_schema_lets_through(tenant: Tenant) -> None:
    name = unique("odd")
    user, path = f"{name}-User.x", f"/team/{name}_+=.@-"
    tenant.apply(database(name, username=user, secretName=path))

    tenant.wait_ready(name)

    assert_works(tenant.stored(path))


def test_names_of_63_characters_work(tenant: Tenant) -> None:
    name = unique("long")
    full = name + "x" * (63 - len(name))
    tenant.apply(database(name, databaseName=full))

    tenant.wait_ready(name)

    assert tenant.owner(full) == full
    assert_works(tenant.stored(f"rds/postgres/{full}"))


def test_the_description_of_the_spec_is_used(tenant: Tenant) -> None:
    name = unique("described")
    tenant.apply(database(name, awsSecretsManager={"description": 'Größe "quoted" & more'}))

    tenant.wait_ready(name)

    assert tenant.description(f"rds/postgres/{name}")["Description"] == 'Größe "quoted" & more'


def test_the_temporary_example_is_created(tenant: Tenant) -> None:
    tenant.apply(sample("postgres_temporary"))

    tenant.wait_ready("preview-db")

    assert_works(tenant.stored("rds/postgres/preview"))
    tenant.patch("preview-db", {"spec": {"retainOnDelete": True}})


@pytest.mark.parametrize("user", ["postgres", "pg_read_all_data", "dbadmin", "stack_super"])
def test_a_reserved_user_name_is_refused_and_nothing_is_made(tenant: Tenant, user: str) -> None:
    sql, calls = SqlWatch(tenant.postgres), CallWatch(tenant.secretsmanager)
    name = unique("reserved")
    tenant.apply(database(name, username=user))

    status = tenant.wait_error(name, "ReservedName")

    assert f"'{user}'" in status["message"]
    assert sql.changes() == []
    assert calls.writes() == []


@pytest.mark.parametrize("name", ["template1", "rdsadmin"])
def test_a_reserved_database_name_is_refused_and_nothing_is_made(tenant: Tenant, name: str) -> None:
    sql, calls = SqlWatch(tenant.postgres), CallWatch(tenant.secretsmanager)
    tenant.apply(database("reserved", databaseName=name, username="somebody"))

    status = tenant.wait_error("reserved", "ReservedName")

    assert f"'{name}'" in status["message"]
    assert sql.changes() == []
    assert calls.writes() == []
