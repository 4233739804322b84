"""A pass that finds nothing to do writes nothing anywhere: counted at the API server, at Secrets Manager and in the SQL logs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from devstack.kube import ControlPlane
from devstack.operator import Operator
from devstack.process import wait_until
from support.mysql_log import GeneralLog
from support.mysql_tenant import MySqlTenant, mysql_database
from support.resources import database, unique
from support.tenant import Team, Tenant
from support.watching import CallWatch, SqlWatch

PASSES = 3
_SERIES = re.compile(r"^apiserver_request_total\{(.*)\} (\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')


def requests(kube: ControlPlane) -> Counter[str]:
    """What the API server has answered so far about what the operator works with, by verb and resource."""
    found: Counter[str] = Counter()
    for labels, value in _SERIES.findall(kube.kubectl("get", "--raw", "/metrics").stdout):
        series = dict(_LABEL.findall(labels))
        if series["resource"] in ("databases", "secrets", "events") and series["verb"] != "WATCH":
            what = "/".join(filter(None, (series["resource"], series["subresource"])))
            found[f"{series['verb']} {what}"] += int(float(value))
    return found


def start_busy(start_operator: Callable[..., Operator], team: Team) -> Operator:
    """An operator for one namespace that looks at everything again every second."""
    return start_operator(team.secretsmanager.environment(), "--sync-period=1s", f"--namespace={team.name}")


def passes(operator: Operator) -> float:
    """How many have ended."""
    return operator.metric("controller_runtime_reconcile_total", controller="database")


def watch_passes(operator: Operator) -> float:
    """Waits for PASSES whole passes; how many began and ended meanwhile at most."""
    begin = passes(operator)
    wait_until(lambda: passes(operator) >= begin + PASSES, f"{PASSES} passes", 30)
    return passes(operator) - begin


def measure(
    team: Team, operator: Operator, secret: str, statements: Any, changes: Any
) -> tuple[Counter[str], Counter[str], list[str], list[str]]:
    """What PASSES passes did: at the API server, at Secrets Manager, in SQL, and the changing SQL."""
    wait_until(lambda: passes(operator) >= 2, "the first passes", 30)
    before, calls = requests(team.kube), CallWatch(team.secretsmanager)
    first = len(statements())
    count = watch_passes(operator)
    api, aws, sql = requests(team.kube) - before, Counter(calls.operations(secret)), statements()[first:]
    assert count >= PASSES
    # The measured time begins and ends between two passes or within one.
    for name, number in (*api.items(), *aws.items()):
        assert PASSES - 1 <= number <= count + 1, name
    return api, aws, sql, changes()


def check(name: str, resource: dict[str, Any], result: Any) -> None:
    """The reads are one of each, and there are no writes."""
    api, aws, sql, changing = result
    assert set(api) == {"GET databases", "GET secrets"}
    assert set(aws) == {"DescribeSecret", "GetSecretValue"}
    assert sql != []
    assert changing == []
    print(f"\n{name}: {dict(api)} {dict(aws)}, {len(sql) / PASSES:.0f} SQL statements a pass")  # noqa: T201
    assert resource["status"]["phase"] == "Ready"


@pytest.mark.parametrize("privileges", [["ALL"], ["SELECT", "INSERT"]], ids=["all", "list"])
def test_a_pass_on_postgresql(
    tenant: Tenant, start_operator: Callable[..., Operator], privileges: list[str]
) -> None:
    name, operator = unique("idle"), start_busy(start_operator, tenant)
    tenant.apply(database(name, privileges=privileges, awsSecretsManager={"tags": {"Team": "x"}}))
    tenant.wait_ready(name)
    before = tenant.get("database", name)
    log = SqlWatch(tenant.postgres)

    def statements() -> list[str]:
        return [line for line in log.text.splitlines() if "execute " in line or "statement: " in line]

    result = measure(tenant, operator, f"rds/postgres/{name}", statements, log.changes)

    check(f"PostgreSQL, {','.join(privileges)}", before, result)
    assert tenant.get("database", name) == before


def test_a_pass_on_mysql(mysql_tenant: MySqlTenant, start_operator: Callable[..., Operator]) -> None:
    name, operator = unique("idle"), start_busy(start_operator, mysql_tenant)
    mysql_tenant.apply(mysql_database(name))
    mysql_tenant.wait_ready(name)
    before = mysql_tenant.get("database", name)
    log = GeneralLog(mysql_tenant.server)

    result = measure(mysql_tenant, operator, f"rds/mysql/{name}", log.statements, log.changes)

    check(type(mysql_tenant.server).__name__, before, result)
    assert mysql_tenant.get("database", name) == before
