"""Health, readiness and metrics."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from devstack.kube import ControlPlane
from devstack.operator import Operator
from devstack.postgres import PostgresServer
from devstack.process import free_port, wait_until
from devstack.secretsmanager import SecretsManagerServer
from secretsmanager.control_client import ControlClient
from support.resources import database, unique
from support.tenant import Tenant

_SAMPLE = re.compile(r'[a-zA-Z_:][a-zA-Z0-9_:]*(\{([a-z_]+="[^"]*",?)*\})? (-?[0-9.e+-]+|\+Inf|NaN)')


@pytest.fixture
def stranded(kube: ControlPlane, secretsmanager: SecretsManagerServer, tmp_path: Path) -> Iterator[Operator]:
    """An operator of its own whose API server does not exist."""
    operator = Operator(
        tmp_path / "stranded", kube, secretsmanager.environment(), server=f"https://127.0.0.1:{free_port()}"
    )
    operator.start(wait=False)
    yield operator
    operator.stop()


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz", "/healthz/ping"])
def test_a_running_operator_is_healthy_and_ready(operator: Operator, path: str) -> None:
    assert operator.get(path) == (200, "ok")


def test_verbose_names_the_checks(operator: Operator) -> None:
    status, text = operator.get("/readyz?verbose")

    assert status == 200
    assert "[+]informers ok" in text


@pytest.mark.parametrize("path", ["/unknown", "/debug", "/debug/pprof/", "/metrics/debug/pprof/heap", "/metrics/"])
def test_there_are_no_other_pages(operator: Operator, path: str) -> None:
    assert operator.get(path)[0] == 404


def test_a_worker_that_hangs_is_told_by_liveness_alone_until_it_goes_on(
    kube: ControlPlane,
    second_postgres: PostgresServer,
    secretsmanager: SecretsManagerServer,
    start_operator: Callable[..., Operator],
) -> None:
    operator = start_operator(secretsmanager.environment(), "--stuck-worker-timeout=1s")
    team = Tenant(kube, unique("stuck-team-"), second_postgres, secretsmanager)
    name = unique("stuck")
    team.apply(database(name))
    team.wait_ready(name)
    assert operator.get("/healthz/workers") == (200, "ok")

    second_postgres.pause()
    try:
        team.kubectl("annotate", "database", name, "database.opzkit.io/reconcile-now=1")
        wait_until(lambda: operator.get("/healthz")[0] == 500, "a stuck worker", 10)
        assert "[-]workers failed" in operator.get("/livez?verbose")[1]
        assert operator.get("/readyz")[0] == 200
        wait_until(lambda: operator.get("/healthz")[0] == 200, "the end of the wait", 10)
    finally:
        second_postgres.resume()

    [line] = operator.log_lines(level="error")
    assert line["msg"].startswith("a worker has given no sign of life for ")
    team.clear()


def test_a_pass_of_many_slow_calls_is_no_stuck_worker(
    team: Tenant, secretsmanager: SecretsManagerServer, start_operator: Callable[..., Operator], faults: ControlClient
) -> None:
    operator = start_operator(secretsmanager.environment(), "--stuck-worker-timeout=2s")
    name = unique("patient")
    team.apply(database(name, awsSecretsManager={"tags": {"Team": "a"}}))
    before = team.wait_ready(name)["observedGeneration"]
    answers = set()
    with faults.fault(action="delay", seconds=0.8):
        begin = time.monotonic()
        team.patch(name, {"spec": {"awsSecretsManager": {"tags": {"Team": None, "Unit": "b"}, "description": "slow"}}})
        while team.status(name)["observedGeneration"] == before:
            answers.add(operator.get("/healthz")[0])

    assert time.monotonic() - begin > 3, "the calls were not slow"
    assert answers == {200}


def test_without_api_server_the_operator_is_alive_and_not_ready(stranded: Operator) -> None:
    wait_until(lambda: stranded.get("/healthz")[0] == 200, "the start of the health page", 10)

    status, text = stranded.get("/readyz")

    assert status >= 500
    assert "[-]informers failed" in text


def test_without_api_server_sigterm_ends_the_operator_at_once(stranded: Operator) -> None:
    wait_until(lambda: stranded.get("/healthz")[0] == 200, "the start of the health page", 10)
    child = stranded.process._child
    assert child is not None

    begin = time.monotonic()
    stranded.process.send(signal.SIGTERM)

    assert child.wait(timeout=10) == 0
    assert time.monotonic() - begin < 1.5


def test_the_metrics_are_those_that_dashboards_know(operator: Operator) -> None:
    text = operator.get("/metrics")[1]
    families = set(re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE))

    assert families >= {
        "controller_runtime_reconcile_total", "controller_runtime_reconcile_errors_total",
        "controller_runtime_reconcile_time_seconds", "controller_runtime_active_workers",
        "controller_runtime_max_concurrent_reconciles", "workqueue_depth", "workqueue_adds_total",
        "workqueue_retries_total", "workqueue_queue_duration_seconds", "workqueue_work_duration_seconds",
        "rest_client_requests_total", "process_resident_memory_bytes", "process_cpu_seconds_total",
        "process_open_fds", "process_start_time_seconds",
    }  # fmt: skip


def test_every_line_of_the_metrics_is_of_the_text_format(operator: Operator) -> None:
    lines = operator.get("/metrics")[1].splitlines()

    assert lines
    for line in lines:
        assert line.startswith(("# HELP ", "# TYPE ")) or _SAMPLE.fullmatch(line), line
    samples = [line.rpartition(" ")[0] for line in lines if not line.startswith("#")]
    assert len(samples) == len(set(samples)), "a series appears twice"


def test_the_metrics_grow_with_the_work(tenant: Tenant, operator: Operator) -> None:
    names = [unique("counted") for _ in range(3)]
    counters = ("controller_runtime_reconcile_total", "controller_runtime_reconcile_time_seconds_count",
                "workqueue_adds_total", "rest_client_requests_total",
                "database_user_operator_aws_requests_total")  # fmt: skip
    before = {name: operator.metric(name) for name in counters}

    tenant.apply(*[database(name) for name in names])
    for name in names:
        tenant.wait_ready(name)

    for name in counters:
        assert before[name] + 3 <= operator.metric(name) < before[name] + 200, name
    assert operator.metric("controller_runtime_reconcile_total", result="error") >= 0
    wait_until(lambda: operator.metric("controller_runtime_active_workers") == 0, "the end of the passes", 10)
    assert operator.metric("workqueue_depth") == 0


def test_errors_are_counted(tenant: Tenant, operator: Operator) -> None:
    before = operator.metric("controller_runtime_reconcile_errors_total")
    name = unique("failing")
    tenant.apply(database(name, connectionStringSecretRef={"name": "missing"}))

    tenant.wait_error(name, "AdminSecretNotFound")

    wait_until(lambda: operator.metric("controller_runtime_reconcile_errors_total") > before, "a counted error", 10)


def test_the_memory_stays_small(operator: Operator) -> None:
    resident = operator.metric("process_resident_memory_bytes")

    assert 1e6 < resident < 40e6
    assert operator.memory_kib()["RssAnon"] < 12 * 1024


def test_no_descriptor_is_lost_over_many_resources(tenant: Tenant, operator: Operator) -> None:
    operator.restart()
    names = [unique("fds") for _ in range(10)]
    tenant.apply(*[database(name) for name in names[:5]])
    for name in names[:5]:
        tenant.wait_ready(name)
    before = operator.metric("process_open_fds")

    tenant.apply(*[database(name) for name in names[5:]])
    for name in names[5:]:
        tenant.wait_ready(name)

    assert operator.metric("process_open_fds") <= before + 8  # idle connections of eight workers
