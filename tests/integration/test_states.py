"""States of the world that no other file has: what is decided, and that nothing is claimed too early."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest
from devstack.operator import Operator
from devstack.secretsmanager import SecretsManagerServer
from support.cluster import condition
from support.mysql_tenant import MySqlTenant, is_mariadb, mysql_database
from support.mysql_tenant import assert_works as assert_works_on_mysql
from support.proxy import Proxy
from support.resources import database, unique
from support.tenant import Tenant, assert_works

PREFIX = "database.opzkit.io/"


def test_a_half_dropped_database_is_named_until_it_is_gone(tenant: Tenant) -> None:
    """What an interrupted DROP DATABASE leaves on PostgreSQL 15 and later: a row that nobody can connect to."""
    name = unique("half")
    tenant.apply(database(name))
    tenant.wait_ready(name)
    stored = tenant.stored(f"rds/postgres/{name}")
    tenant.postgres.sql(f"UPDATE pg_database SET datconnlimit = -2 WHERE datname = '{name}'")

    tenant.kubectl("annotate", "database", name, f"{PREFIX}reconcile-now=1")
    status = tenant.wait_error(name, "DatabaseInvalid")
    assert "drop it by hand" in status["message"]
    assert condition(status, "DatabaseReady")["status"] == "False"
    assert tenant.has_database(name)

    tenant.postgres.sql(f"DROP DATABASE {name}")
    tenant.kubectl("annotate", "database", name, f"{PREFIX}reconcile-now=2", "--overwrite")
    tenant.wait_error(name, "DatabaseMissing")
    tenant.kubectl("annotate", "database", name, f"{PREFIX}reconcile-now=3", "--overwrite")
    tenant.wait_ready(name)
    assert tenant.stored(f"rds/postgres/{name}") == stored
    assert_works(stored)


@pytest.mark.parametrize("left", ["all", "database", "nothing"])
def test_a_secret_that_is_scheduled_for_deletion_is_restored_whatever_is_left(
    mysql_tenant: MySqlTenant, left: str
) -> None:
    name = unique("scheduled")
    mysql_tenant.apply(mysql_database(name))
    mysql_tenant.wait_ready(name)
    stored = mysql_tenant.stored(f"rds/mysql/{name}")
    mysql_tenant.secretsmanager.client().delete_secret(SecretId=f"rds/mysql/{name}", RecoveryWindowInDays=7)
    if left != "all":
        mysql_tenant.server.sql(f"DROP USER '{name}'@'%'")
    if left == "nothing":
        mysql_tenant.delete(name)
        mysql_tenant.server.sql(f"DROP DATABASE {name}")
        mysql_tenant.apply(mysql_database(name))
    else:
        mysql_tenant.kubectl("annotate", "database", name, f"{PREFIX}reconcile-now=1")

    status = mysql_tenant.wait_for(
        name,
        lambda status: status.get("phase") in ("Ready", "Error") and (left == "nothing" or "lastHandledReconcileAt" in status),
        "looked at again",
    )

    assert "DeletedDate" not in mysql_tenant.description(f"rds/mysql/{name}")
    assert mysql_tenant.stored(f"rds/mysql/{name}") == stored
    if left == "database" and not is_mariadb(mysql_tenant.server):
        # MySQL has no place for a mark but the user that was dropped (decision 0051): a person has to say whose it is.
        assert condition(status, "Ready")["reason"] == "Conflict"
        mysql_tenant.patch(name, {"spec": {"adoptExistingDatabase": True}})
        mysql_tenant.wait_ready(name)
    assert condition(mysql_tenant.status(name), "Ready")["status"] == "True"
    assert_works_on_mysql(mysql_tenant.server, stored)


def test_kubectl_wait_right_after_a_change_never_returns_early(tenant: Tenant) -> None:
    """The resource was Ready; the change cannot be carried out, because the server is silent."""
    name = unique("waited")
    with Proxy(tenant.postgres.port) as proxy:
        tenant.set_admin(tenant.postgres.admin_url(port=proxy.port, parameters="sslmode=require&connect_timeout=3"))
        tenant.apply(database(name))
        tenant.wait_ready(name)
        proxy.silence()
        proxy.cut()

        tenant.apply(database(name, privileges=["SELECT"]))
        early = wait_for_ready(tenant, name, 6)

        assert early.returncode != 0, early.stdout
        proxy.speak()
        assert wait_for_ready(tenant, name, 60).returncode == 0
        assert tenant.status(name)["observedGeneration"] == tenant.get("database", name)["metadata"]["generation"]
        assert tenant.status(name)["appliedPrivileges"] == ["SELECT"]


def wait_for_ready(tenant: Tenant, name: str, seconds: int) -> subprocess.CompletedProcess[str]:
    """`kubectl wait`."""
    return tenant.kubectl("wait", "--for=condition=Ready", f"database/{name}", f"--timeout={seconds}s", check=False)


def test_a_default_region_that_moved_relocates_nothing(
    team: Tenant, secretsmanager: SecretsManagerServer, start_operator: Callable[..., Operator]
) -> None:
    name = unique("region")
    start_operator(secretsmanager.environment())
    team.apply(database(name))
    before = team.wait_ready(name)
    elsewhere = {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-1"}
    start_operator({**secretsmanager.environment(), **elsewhere})

    team.kubectl("annotate", "database", name, f"{PREFIX}reconcile-now=1")
    after = team.wait_for(name, lambda status: status.get("lastHandledReconcileAt") == "1", "looked at")

    assert after["phase"] == "Ready"
    assert after["secretARN"] == before["secretARN"]
    assert team.description(f"rds/postgres/{name}", "eu-west-1") == {}
    other = unique("region")
    team.apply(database(other))
    assert team.wait_ready(other)["secretRegion"] == "eu-west-1"
