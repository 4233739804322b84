"""A Database with a list of privileges, its application and its administrators."""

from __future__ import annotations

from typing import Any

from support.resources import database, unique
from support.tenant import Tenant, run_sql

READ_WRITE = ["SELECT", "INSERT", "UPDATE", "DELETE"]
TABLE = "(id serial PRIMARY KEY, word text)"


class Listed:
    """A Database with a list, its application and its administrators."""

    def __init__(self, tenant: Tenant, privileges: list[str], resource: dict[str, Any] | None = None) -> None:
        self.tenant = tenant
        self.resource = resource or database(unique("listed"), username=unique("app_user"))
        self.resource["spec"]["privileges"] = privileges
        self.name = self.resource["metadata"]["name"]
        spec = self.resource["spec"]
        self.database, self.user = spec["databaseName"], spec["username"]
        self.path = spec.get("secretName", f"rds/postgres/{self.database}")
        tenant.apply(self.resource)
        self.status = tenant.wait_ready(self.name)
        self.url = tenant.stored(self.path)["POSTGRES_URL"]
        self._asked = 0

    def hold(self, *privileges: str) -> dict[str, Any]:
        """Changes the list."""
        self.tenant.patch(self.name, {"spec": {"privileges": list(privileges)}})
        self.status = self.tenant.wait_ready(self.name)
        return self.status

    def look_again(self) -> dict[str, Any]:
        """Asks for a pass and waits for it."""
        self._asked += 1
        value = str(self._asked)
        self.tenant.kubectl("annotate", "database", self.name, f"database.opzkit.io/reconcile-now={value}", "--overwrite")
        self.status = self.tenant.wait_for(self.name, lambda s: s.get("lastHandledReconcileAt") == value, f"asked {value}", 60)
        return self.status

    def admin(self, statement: str) -> str:
        """SQL as the admin of the connection, in the database."""
        url = self.tenant.postgres.admin_url().replace("/postgres?", f"/{self.database}?")
        return run_sql(url, statement).stdout.strip()

    def superuser(self, statement: str) -> list[str]:
        """SQL as a superuser, in the database."""
        return self.tenant.postgres.sql(statement, self.database)

    def may(self, statement: str) -> bool:
        """Whether the application is allowed to do this; anything but a missing right fails the test."""
        result = run_sql(self.url, statement, check=False)
        denied = "permission denied" in result.stderr or "must be owner" in result.stderr
        assert result.returncode == 0 or denied, f"{statement}: {result.stderr}"
        return result.returncode == 0

    def rights(self, *statements: str) -> list[str]:
        """Those of the statements that the application is allowed to do."""
        return [statement for statement in statements if self.may(statement)]


def write(table: str) -> str:
    """A statement that takes a value from a sequence."""
    return f"INSERT INTO {table} (word) VALUES ('x')"
