"""Secrets Manager refuses, fails, loses answers and is slow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from devstack.secretsmanager import REGION, SecretsManagerServer
from secretsmanager.control_client import ControlClient
from support.cluster import condition
from support.resources import database, unique
from support.tenant import Tenant, assert_works

Policy = Callable[[dict[str, Any] | None], None]


def assert_one_password(tenant: Tenant, name: str) -> None:
    """One secret with one version whose password logs in."""
    assert tenant.versions(f"rds/postgres/{name}") == [tenant.status(name)["secretVersion"]]
    assert_works(tenant.stored(f"rds/postgres/{name}"))


@pytest.mark.parametrize(
    "fault",
    [
        {"action": "throttle", "times": 1},
        {"action": "error", "times": 2},
        {"action": "html", "times": 2},
        {"action": "reset", "times": 2},
        {"action": "close", "times": 2},
        {"action": "delay", "seconds": 0.3},
    ],
    ids=["throttling", "500", "page of a proxy", "reset", "closed", "slow"],
)
def test_a_passing_fault_delays_and_nothing_else(tenant: Tenant, faults: ControlClient, fault: dict[str, Any]) -> None:
    name = unique("passing")
    faults.add_fault(secret=f"*{name}*", **fault)
    tenant.apply(database(name))

    tenant.wait_ready(name)

    assert_one_password(tenant, name)


@pytest.mark.parametrize("action", ["error", "html", "reset"])
def test_a_lasting_fault_is_an_error_with_its_reason_until_it_passes(
    tenant: Tenant, faults: ControlClient, action: str
) -> None:
    name, bystander = unique("lasting"), unique("bystander")
    fault = faults.add_fault(secret=f"*{name}*", action=action)
    tenant.apply(database(name))

    status = tenant.wait_error(name, "SecretsManagerUnavailable")
    assert f"AWS DescribeSecret of 'rds/postgres/{name}' in {REGION}" in status["message"]
    assert condition(status, "SecretReady")["status"] == "Unknown"
    assert not tenant.has_role(name)
    tenant.apply(database(bystander))
    tenant.wait_ready(bystander)

    faults.clear_fault(fault)
    tenant.wait_ready(name)
    assert_one_password(tenant, name)


def test_lasting_throttling_is_an_error_that_says_so(tenant: Tenant, faults: ControlClient) -> None:
    name = unique("throttled")
    fault = faults.add_fault(secret=f"*{name}*", action="throttle")
    tenant.apply(database(name))

    status = tenant.wait_error(name, "SecretsManagerUnavailable")
    assert "ThrottlingException" in status["message"]

    faults.clear_fault(fault)
    tenant.wait_ready(name, 30)


def test_a_stopped_secrets_manager_is_an_error_until_it_is_back(
    tenant: Tenant, secretsmanager: SecretsManagerServer
) -> None:
    name = unique("stopped")
    secretsmanager.stop()
    try:
        tenant.apply(database(name))
        tenant.wait_error(name, "SecretsManagerUnavailable")
        assert not tenant.has_role(name) and not tenant.has_database(name)
    finally:
        secretsmanager.start()

    tenant.wait_ready(name)
    assert_one_password(tenant, name)


@pytest.mark.parametrize(
    ("action", "times"),
    [("close", 1), ("truncate", 1), ("error", 1), ("reset", 10)],
    ids=["closed", "truncated", "500", "reset at all attempts"],
)
def test_a_lost_answer_to_create_secret_makes_no_second_password(
    tenant: Tenant, faults: ControlClient, action: str, times: int
) -> None:
    name = unique("lost")
    faults.add_fault(operation="CreateSecret", secret=f"*{name}*", action=action, when="after", times=times)
    tenant.apply(database(name))

    tenant.wait_ready(name)

    assert any(fault["hits"] for fault in faults.faults())
    assert_one_password(tenant, name)


@pytest.mark.parametrize("operation", ["DescribeSecret", "GetSecretValue", "TagResource", "UpdateSecret"])
def test_a_lost_answer_to_any_other_call_does_no_harm(tenant: Tenant, faults: ControlClient, operation: str) -> None:
    name = unique("lost")
    tenant.apply(database(name))
    tenant.wait_ready(name)
    faults.add_fault(operation=operation, secret=f"*{name}*", action="close", when="after", times=1)

    tenant.apply(database(name, awsSecretsManager={"description": "changed", "tags": {"Team": "x"}}))

    tenant.wait_ready(name)
    description = tenant.description(f"rds/postgres/{name}")
    assert (description["Description"], description["Tags"]["Team"]) == ("changed", "x")
    assert_one_password(tenant, name)


@pytest.mark.parametrize("action", ["CreateSecret", "GetSecretValue"])
def test_a_denied_action_is_named_with_who_was_denied_and_allowing_it_is_enough(
    tenant: Tenant, policy: Policy, action: str
) -> None:
    name = unique("forbidden")
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    denial = {"Effect": "Deny", "Action": f"secretsmanager:{action}", "Resource": "*"}
    policy({"Version": "2012-10-17", "Statement": [everything, denial]})
    tenant.apply(database(name))

    status = tenant.wait_error(name, "SecretsManagerAccessDenied")
    assert f"secretsmanager:{action}" in status["message"]
    assert "arn:aws:iam::123456789012:role/operator" in status["message"]
    assert f"rds/postgres/{name}" in status["message"]
    assert condition(status, "Stalled")["status"] == "True"

    policy(None)
    tenant.wait_ready(name)
    assert_one_password(tenant, name)


def test_a_clock_that_is_off_is_corrected(tenant: Tenant, faults: ControlClient) -> None:
    early, late = unique("clock"), unique("clock")
    faults.shift_clock(3600)
    try:
        tenant.apply(database(early))
        tenant.wait_ready(early)
    finally:
        faults.shift_clock(0)

    tenant.apply(database(late))

    tenant.wait_ready(late)
    assert_works(tenant.stored(f"rds/postgres/{early}"))
