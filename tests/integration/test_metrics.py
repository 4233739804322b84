"""What /metrics tells of the resources and of what the operator does for them."""

from __future__ import annotations

import math
import re
import time

from devstack.locations import TREE
from devstack.operator import Operator
from devstack.process import free_port, wait_until
from devstack.promtool import check_metrics
from support.resources import database, secret, unique
from support.tenant import Tenant

OWN = "database_user_operator_"


def series_of(operator: Operator, family: str) -> dict[str, float]:
    """The samples of a family by their labels."""
    found = {}
    for line in operator.get("/metrics")[1].splitlines():
        series, _, value = line.rpartition(" ")
        name, _, labels = series.partition("{")
        if name == family:
            found[labels.rstrip("}")] = float(value)
    return found


def make_ready(tenant: Tenant, prefix: str, **spec: object) -> str:
    """A Ready database; its name."""
    name = unique(prefix)
    tenant.apply(database(name, **spec))
    tenant.wait_ready(name)
    return name


def request_pass(tenant: Tenant, name: str) -> None:
    """Asks for a pass now."""
    tenant.kubectl("annotate", "--overwrite", "database", name, f"database.opzkit.io/reconcile-now={time.time()}")


def test_promtool_finds_nothing_to_say(tenant: Tenant, operator: Operator) -> None:
    make_ready(tenant, "linted")
    failing = unique("failing")
    tenant.apply(database(failing, connectionStringSecretRef={"name": "missing"}))
    tenant.wait_error(failing, "AdminSecretNotFound")

    page = operator.get("/metrics")[1]

    assert f"{OWN}databases_not_ready" in page
    assert check_metrics(page) == ""


def test_resources_are_counted_by_phase_and_by_reason(tenant: Tenant, operator: Operator) -> None:
    def counts() -> tuple[float, float, float]:
        return (
            operator.metric(f"{OWN}databases", phase="Ready"),
            operator.metric(f"{OWN}databases", phase="Error"),
            operator.metric(f"{OWN}databases_not_ready", reason="AdminSecretNotFound"),
        )

    ready, error, missing = counts()
    names = [unique("counted") for _ in range(3)]
    tenant.apply(*[database(name) for name in names[:2]])
    tenant.apply(database(names[2], connectionStringSecretRef={"name": "missing"}))
    wait_until(lambda: counts() == (ready + 2, error + 1, missing + 1), "two Ready and one failed", 20)

    tenant.set_admin(name="missing")
    wait_until(lambda: counts() == (ready + 3, error, missing), "three Ready", 20)

    for name in names:
        tenant.delete(name)
    wait_until(lambda: counts() == (ready, error, missing), "none of them", 20)


def test_calls_of_servers_and_of_aws_are_counted_with_their_times(tenant: Tenant, operator: Operator) -> None:
    database_calls = f"{OWN}database_call_duration_seconds"
    aws_calls = f"{OWN}aws_request_duration_seconds"

    def calls() -> list[float]:
        return [
            *(operator.metric(f"{database_calls}_count", engine="postgresql", operation=operation, outcome="ok")
              for operation in ("connect", "observe", "create_user", "create_database", "prove_login")),
            operator.metric(f"{aws_calls}_count", service="secretsmanager", operation="CreateSecret", outcome="ok"),
            operator.metric(f"{database_calls}_count", operation="connect", outcome="unavailable"),
        ]  # fmt: skip

    before, seconds = calls(), operator.metric(f"{database_calls}_sum")
    make_ready(tenant, "timed")
    unreachable = unique("unreachable")
    tenant.apply(secret(unreachable, connectionString=f"postgresql://a:b@127.0.0.1:{free_port()}/postgres"))
    tenant.apply(database(unreachable, connectionStringSecretRef={"name": unreachable}))
    tenant.wait_error(unreachable, "ServerUnreachable")

    assert all(now > then for now, then in zip(calls(), before, strict=True))
    assert seconds < operator.metric(f"{database_calls}_sum") < seconds + 60


def test_what_was_repaired_is_counted_as_drift(tenant: Tenant, operator: Operator) -> None:
    name = make_ready(tenant, "drifting", privileges=["SELECT"])
    before = operator.metric(f"{OWN}drift_found_total", repair="PrivilegesChanged")
    tenant.postgres.sql(f"GRANT CREATE ON DATABASE {name} TO {name}")

    request_pass(tenant, name)

    wait_until(
        lambda: operator.metric(f"{OWN}drift_found_total", repair="PrivilegesChanged") == before + 1, "counted drift", 10
    )


def test_the_age_of_logins_and_passwords_is_known_after_the_first_pass(tenant: Tenant, operator: Operator) -> None:
    login, password = (f"{OWN}oldest_{what}_timestamp_seconds" for what in ("verified_login", "password"))
    begin = time.time()
    make_ready(tenant, "aged")
    operator.restart()
    wait_until(lambda: not math.isnan(operator.metric(login)), "a verified login", 10)

    assert begin - 5 < operator.metric(login) <= time.time()
    assert begin - 3600 < operator.metric(password) <= time.time()


def test_the_page_of_the_documentation_names_every_metric_of_our_own_and_no_other(tenant: Tenant, operator: Operator) -> None:
    failing = unique("documented")
    tenant.apply(database(failing, connectionStringSecretRef={"name": "missing"}))
    tenant.wait_error(failing, "AdminSecretNotFound")
    make_ready(tenant, "documented")

    families = set(re.findall(rf"^# TYPE {OWN}(\S+) ", operator.get("/metrics")[1], re.MULTILINE))
    rows = [line for line in (TREE / "docs" / "METRICS.md").read_text().splitlines() if re.match(r"\| `[a-z_]+`[ ,]", line)]
    written = {name for row in rows for name in re.findall(r"`([a-z_]+)`", row.split("|")[1])}

    assert written == families


def test_the_version_is_told(operator: Operator) -> None:
    [labels] = series_of(operator, f"{OWN}build_info")

    assert re.fullmatch(r'version="[0-9.]+"', labels)


def test_running_work_is_seen_while_it_runs(tenant: Tenant, second_tenant: Tenant, operator: Operator) -> None:
    name = make_ready(second_tenant, "hanging")
    second_tenant.postgres.pause()
    try:
        request_pass(second_tenant, name)
        wait_until(
            lambda: operator.metric("workqueue_longest_running_processor_seconds") > 0.5, "a pass that takes its time", 10
        )
        assert operator.metric("workqueue_unfinished_work_seconds") > 0.5
        assert operator.metric("controller_runtime_active_workers") >= 1
    finally:
        second_tenant.postgres.resume()


def test_hosts_and_names_of_tenants_make_no_series(tenant: Tenant, operator: Operator) -> None:
    make_ready(tenant, "first")

    def series() -> set[str]:
        return {line.rpartition(" ")[0] for line in operator.get("/metrics")[1].splitlines()}

    def flood(first: int) -> None:
        names = [f"{unique('hostile')}-{i}" for i in range(first, first + 20)]
        urls = [f"postgresql://u{i}:x@127.77.0.{i}:1/d{i}" for i in range(first, first + 20)]
        tenant.apply(*[secret(name, connectionString=url) for name, url in zip(names, urls, strict=True)])
        tenant.apply(*[database(name, connectionStringSecretRef={"name": name}) for name in names])
        for name in names:
            tenant.wait_error(name, "ServerUnreachable")

    flood(1)
    before = series()
    flood(21)

    assert {line for line in series() - before if line.startswith(OWN)} == set()
    page = operator.get("/metrics")[1]
    assert "127.77." not in page
    assert "hostile" not in page
