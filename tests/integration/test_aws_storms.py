"""AWS in trouble: storms of throttling and of 500s, silence, and answers that are none."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from devstack.operator import Operator
from devstack.secretsmanager import REGION, SecretsManagerServer
from secretsmanager.control_client import ControlClient
from support.cluster import condition
from support.resources import database, unique
from support.tenant import Tenant, assert_works

THROTTLES = "AWS throttles: "


def lines_about(operator: Operator, text: str) -> list[str]:
    """The operator's log lines that have this text."""
    return [line["msg"] for line in operator.log_lines() if text in line["msg"]]


def test_a_storm_of_throttling_is_one_line_whatever_it_hits(
    team: Tenant,
    faults: ControlClient,
    secretsmanager: SecretsManagerServer,
    start_operator: Callable[..., Operator],
) -> None:
    names = [unique("stormy") for _ in range(6)]
    operator = start_operator(secretsmanager.environment())
    fault = faults.add_fault(action="throttle")
    team.apply(*(database(name) for name in names))
    for name in names:
        assert "ThrottlingException" in team.wait_error(name, "SecretsManagerUnavailable", 40)["message"]

    assert next(item for item in faults.faults() if item["id"] == fault)["hits"] >= len(names) * 2
    told = lines_about(operator, THROTTLES)
    assert len(told) == 1
    assert f"DescribeSecret in {REGION} was answered with ThrottlingException" in told[0]
    faults.clear_fault(fault)
    for name in names:
        team.wait_ready(name, 60)
        assert_works(team.stored(f"rds/postgres/{name}"))
    assert len(lines_about(operator, THROTTLES)) == 1


def test_a_storm_of_500s_uses_the_bucket_up_and_then_tries_once(
    team: Tenant,
    faults: ControlClient,
    secretsmanager: SecretsManagerServer,
    start_operator: Callable[..., Operator],
) -> None:
    names = [unique("stormy") for _ in range(25)]
    operator = start_operator(secretsmanager.environment())
    fault = faults.add_fault(action="error")
    team.apply(*(database(name) for name in names))
    for name in names:
        team.wait_error(name, "SecretsManagerUnavailable", 40)
    time.sleep(10)

    calls = next(item for item in faults.faults() if item["id"] == fault)["hits"]
    passes = operator.metric("controller_runtime_reconcile_total")
    # 500 tokens at 14 each are 35 repetitions; the pass under way is not counted yet.
    assert passes <= calls <= passes + 35 + 8
    assert calls >= passes + 20
    faults.clear_fault(fault)
    for name in names:
        team.wait_ready(name, 90)


@pytest.mark.parametrize(("word", "told"), [("adaptive", True), ("standard", False)])
def test_another_retry_mode_counts_as_the_only_one(
    team: Tenant,
    secretsmanager: SecretsManagerServer,
    start_operator: Callable[..., Operator],
    word: str,
    told: bool,
) -> None:
    name = unique("mode")
    operator = start_operator({**secretsmanager.environment(), "AWS_RETRY_MODE": word})
    team.apply(database(name))

    team.wait_ready(name)

    assert lines_about(operator, "AWS_RETRY_MODE") == (["AWS_RETRY_MODE 'adaptive' counts as 'standard'"] if told else [])


@pytest.mark.parametrize("attempts", [1, 5])
def test_attempts_are_as_many_as_the_setting_says(
    team: Tenant,
    faults: ControlClient,
    secretsmanager: SecretsManagerServer,
    start_operator: Callable[..., Operator],
    attempts: int,
) -> None:
    name = unique("attempts")
    operator = start_operator({**secretsmanager.environment(), "AWS_MAX_ATTEMPTS": str(attempts)})
    fault = faults.add_fault(secret=f"*{name}*", action="error", times=attempts * 2)
    team.apply(database(name))

    team.wait_ready(name)

    assert next(item for item in faults.faults() if item["id"] == fault)["hits"] == attempts * 2
    assert operator.metric("controller_runtime_reconcile_errors_total") == 2


def test_an_endpoint_that_hangs_holds_up_nobody_else(tenant: Tenant, faults: ControlClient) -> None:
    name, bystander = unique("hanging"), unique("bystander")
    fault = faults.add_fault(secret=f"*{name}*", action="hang")
    tenant.apply(database(name))
    tenant.apply(database(bystander))
    tenant.wait_ready(bystander)

    status = tenant.wait_error(name, "SecretsManagerUnavailable", 60)

    assert f"AWS DescribeSecret of 'rds/postgres/{name}' in {REGION}" in status["message"]
    assert "no complete answer from" in status["message"] and "in time" in status["message"]
    faults.clear_fault(fault)
    tenant.wait_ready(name, 60)


MALFORMED: dict[str, dict[str, Any]] = {
    "no JSON": {"action": "respond", "body": "it works!"},
    "a list": {"action": "respond", "body": "[1, 2]"},
    "half an object": {"action": "respond", "body": '{"ARN": "arn:aws:'},
    "no ARN": {"action": "respond", "body": "{}"},
    "twice a key": {"action": "respond", "body": '{"ARN": "a", "ARN": "b"}'},
    "a page with 200": {"action": "html", "status": 200},
    "two megabytes": {"action": "respond", "body": '{"ARN": "' + "x" * 2_000_000 + '"}'},
    "an unknown refusal": {"action": "respond", "status": 400, "body": '{"__type": "WhatIsThis"}'},
    "a refusal without words": {"action": "respond", "status": 418, "body": ""},
}


@pytest.mark.parametrize("operation", ["DescribeSecret", "CreateSecret", "GetSecretValue"])
def test_an_answer_that_is_none_is_an_error_and_costs_nothing(
    tenant: Tenant, faults: ControlClient, operation: str
) -> None:
    """One resource for each kind, all at once: each waits for its own fault."""
    names = {kind: unique("malformed") for kind in MALFORMED}
    when = {"when": "after"} if operation == "CreateSecret" else {}
    set_faults = {
        kind: faults.add_fault(operation=operation, secret=f"*/{name}", **when, **MALFORMED[kind])
        for kind, name in names.items()
    }
    tenant.apply(*(database(name) for name in names.values()))

    for kind, name in names.items():
        fault = set_faults[kind]
        tenant.wait_for(name, lambda status, fault=fault: is_over(status, fault, faults), f"touched by {kind}", 60)
        faults.clear_fault(fault)

    for name in names.values():
        tenant.wait_ready(name, 60)
        assert tenant.versions(f"rds/postgres/{name}") == [tenant.status(name)["secretVersion"]]
        assert_works(tenant.stored(f"rds/postgres/{name}"))


def is_over(status: dict[str, Any], fault: int, faults: ControlClient) -> bool:
    """The fault was met, and the status says what came of it."""
    met = any(item["id"] == fault and item["hits"] for item in faults.faults())
    return met and status.get("phase") in ("Ready", "Error")


def test_a_redirect_is_not_followed_and_nothing_leaks(tenant: Tenant, faults: ControlClient) -> None:
    name = unique("redirected")
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=listen, args=(listener, heard), daemon=True).start()
        location = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        fault = faults.add_fault(
            operation="CreateSecret", secret=f"*{name}*", action="respond", status=307, headers={"Location": location}
        )
        tenant.apply(database(name))

        status = tenant.wait_for(name, lambda status: status.get("phase") == "Error", "in error")

        assert "307" in status["message"]
        assert heard == []
    faults.clear_fault(fault)
    tenant.wait_ready(name, 60)


def listen(listener: socket.socket, heard: list[bytes]) -> None:
    """Remembers what anybody says."""
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            heard.append(connection.recv(65536))


def test_a_service_that_does_not_exist_is_named_in_the_condition(
    team: Tenant, secretsmanager: SecretsManagerServer, start_operator: Callable[..., Operator]
) -> None:
    name = unique("nowhere")
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    start_operator({**secretsmanager.environment(), "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"})
    team.apply(database(name))

    status = team.wait_error(name, "SecretsManagerUnavailable")

    assert f"127.0.0.1:{port}" in status["message"]
    assert condition(status, "SecretReady")["status"] == "Unknown"
