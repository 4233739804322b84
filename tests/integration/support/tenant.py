"""A team that uses the operator: a namespace, an admin Secret, and eyes on what came of it."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from devstack.kube import ControlPlane
from devstack.postgres import PostgresServer
from devstack.secretsmanager import REGION, SecretsManagerServer
from devstack.stack import Stack

from support.cluster import Namespace
from support.resources import secret

ADMIN_SECRET = "postgres-admin"
# The distribution's, and the other versions that the operator is tried on.
POSTGRES_SERVERS = ("postgres", "postgres16", "postgres17", "postgres18")


def start_postgres(stack: Stack, name: str) -> PostgresServer:
    """The part of the stack of this name, running."""
    stack.up([name])
    server: PostgresServer = getattr(stack, name)
    return server


def postgres_version(name: str) -> int | None:
    """The version in one of these names, None for the distribution's."""
    number = name.removeprefix("postgres")
    return int(number) if number else None


class Team(Namespace):
    """A namespace and the credentials that are stored for it, whatever the database server."""

    def __init__(
        self, kube: ControlPlane, name: str, secretsmanager: SecretsManagerServer, *objects: dict[str, Any]
    ) -> None:
        super().__init__(kube, name, *objects)
        self.secretsmanager = secretsmanager

    # --- what the team does ---

    def delete(self, name: str, *, wait: bool = True) -> None:
        """`kubectl delete database NAME`."""
        self.kubectl("delete", "database", name, f"--wait={str(wait).lower()}", "--timeout=20s")

    def clear(self) -> None:
        """Lets the databases go, so that they do not occupy the operator any longer."""
        self.kubectl("delete", "databases", "--all", "--wait=false")

    # --- what came of it ---

    def stored(self, secret_name: str, region: str = REGION) -> dict[str, Any]:
        """The credentials as an application reads them."""
        client = self.secretsmanager.client(region=region)
        value: dict[str, Any] = json.loads(client.get_secret_value(SecretId=secret_name)["SecretString"])
        return value

    def description(self, secret_name: str, region: str = REGION) -> dict[str, Any]:
        """What DescribeSecret says, with the tags as a dictionary; empty when there is no secret."""
        client = self.secretsmanager.client(region=region)
        try:
            answer: dict[str, Any] = client.describe_secret(SecretId=secret_name)
        except client.exceptions.ResourceNotFoundException:
            return {}
        answer["Tags"] = {tag["Key"]: tag["Value"] for tag in answer.get("Tags", [])}
        return answer

    def versions(self, secret_name: str, region: str = REGION) -> list[str]:
        """The ids of all versions of a secret."""
        client = self.secretsmanager.client(region=region)
        answer = client.list_secret_version_ids(SecretId=secret_name, IncludeDeprecated=True)
        return sorted(version["VersionId"] for version in answer["Versions"])


class Tenant(Team):
    """A team whose databases are on one PostgreSQL server, with an admin Secret that works."""

    def __init__(
        self, kube: ControlPlane, name: str, postgres: PostgresServer, secretsmanager: SecretsManagerServer
    ) -> None:
        super().__init__(kube, name, secretsmanager, secret(ADMIN_SECRET, connectionString=postgres.admin_url()))
        self.postgres = postgres

    def set_admin(self, url: str | None = None, *, name: str = ADMIN_SECRET, **more: str) -> None:
        """Applies the Secret with the admin connection, by default one that works."""
        self.apply(secret(name, connectionString=url or self.postgres.admin_url(), **more))

    def has_database(self, name: str) -> bool:
        """Whether the server has a database of this name."""
        return self.postgres.sql(f"SELECT 1 FROM pg_database WHERE datname = '{name}'") != []

    def has_role(self, name: str) -> bool:
        """Whether the server has a role of this name."""
        return self.postgres.sql(f"SELECT 1 FROM pg_roles WHERE rolname = '{name}'") != []

    def owner(self, database: str) -> str:
        """Who owns a database."""
        return self.postgres.sql(f"SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = '{database}'")[0]


def run_sql(url: str, statement: str, *, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Logs in as an application does and runs SQL; a failure fails the test when `check`."""
    result = subprocess.run(
        ["psql", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", statement],
        capture_output=True, text=True, timeout=60, check=False, env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
    )  # fmt: skip
    assert not check or result.returncode == 0, result.stderr
    return result


def assert_works(credentials: dict[str, Any]) -> None:
    """The stored URL logs in and may create a table in its database."""
    table = "made_by_the_application"
    statement = (
        f"CREATE TABLE IF NOT EXISTS {table} (x int); INSERT INTO {table} VALUES (1); "
        "SELECT current_user || ' ' || current_database()"
    )
    answer = run_sql(credentials["POSTGRES_URL"], statement).stdout.strip()

    assert answer == f"{credentials['DB_USERNAME']} {credentials['DB_NAME']}"
