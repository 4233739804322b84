"""The IAM policy of the guide: enough for everything, and nothing in it is too much."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from devstack.operator import PROGRAM
from devstack.secretsmanager import ACCOUNT
from support.aws_policy import ADMIN, actions_of_the_guide, policy_of_the_guide, text_of_the_guide, without
from support.resources import database, unique
from support.tenant import Tenant, assert_works
from support.watching import CallWatch

Policy = Callable[[dict[str, Any] | None], None]

TEMPLATE = '{"url": "{{.DatabaseURL}}", "password": "{{.DBPassword}}"}'


def path_of(name: str) -> str:
    """Where the credentials of a resource are."""
    return f"rds/postgres/{name}"


# What needs an action: the resource before, and the change that needs it.


def create(tenant: Tenant, name: str) -> None:
    """A new resource."""
    tenant.apply(database(name))


def create_from_aws(tenant: Tenant, name: str) -> None:
    """A new resource whose admin connection is in AWS."""
    client = tenant.secretsmanager.client()
    if not tenant.description(ADMIN):
        client.create_secret(Name=ADMIN, SecretString=tenant.postgres.admin_url())
    reference = {"secretName": ADMIN}
    tenant.apply(database(name, connectionStringSecretRef=None, connectionStringAWSSecretRef=reference))


def add_tag(tenant: Tenant, name: str) -> None:
    """Another tag."""
    tenant.patch(name, {"spec": {"awsSecretsManager": {"tags": {"Team": "x", "More": "y"}}}})


def remove_tag(tenant: Tenant, name: str) -> None:
    """A tag less."""
    tenant.patch(name, {"spec": {"awsSecretsManager": {"tags": {"Team": None}}}})


def change_description(tenant: Tenant, name: str) -> None:
    """Another description."""
    tenant.patch(name, {"spec": {"awsSecretsManager": {"description": "changed"}}})


def change_value(tenant: Tenant, name: str) -> None:
    """Another shape of the value."""
    tenant.patch(name, {"spec": {"secretTemplate": TEMPLATE}})


def schedule(tenant: Tenant, name: str) -> None:
    """Somebody schedules the secret for deletion."""
    tenant.secretsmanager.client().delete_secret(SecretId=path_of(name), RecoveryWindowInDays=7)
    tenant.kubectl("annotate", "database", name, "database.opzkit.io/reconcile-now=1")


def move(tenant: Tenant, name: str) -> None:
    """Another path; the former secret goes, as nothing is retained."""
    tenant.patch(name, {"spec": {"secretName": f"rds/moved/{name}"}})


Change = Callable[[Tenant, str], None]

CHANGES: dict[tuple[str, str], Change] = {
    ("Look", "DescribeSecret"): create,
    ("MakeOwn", "CreateSecret"): create,
    ("MakeOwn", "TagResource"): create,
    ("ReadAdmin", "GetSecretValue"): create_from_aws,
    ("UseOwn", "GetSecretValue"): create,
    ("UseOwn", "PutSecretValue"): change_value,
    ("UseOwn", "UpdateSecret"): change_description,
    ("UseOwn", "UpdateSecretVersionStage"): change_value,
    ("UseOwn", "TagResource"): add_tag,
    ("UseOwn", "UntagResource"): remove_tag,
    ("UseOwn", "RestoreSecret"): schedule,
    ("UseOwn", "DeleteSecret"): move,
}


def make_ready(tenant: Tenant, name: str) -> None:
    """A resource with a tag that retains nothing."""
    tenant.apply(database(name, retainOnDelete=False, awsSecretsManager={"tags": {"Team": "x"}}))
    tenant.wait_ready(name)


def test_the_policy_of_the_guide_is_the_one_that_the_program_prints() -> None:
    printed = subprocess.run([PROGRAM, "--print-iam-policy"], capture_output=True, text=True, check=True).stdout

    assert text_of_the_guide() == printed


def test_under_the_policy_of_the_guide_everything_works_and_every_action_is_used(
    tenant: Tenant, policy: Policy
) -> None:
    calls = CallWatch(tenant.secretsmanager)
    policy(policy_of_the_guide(tenant))
    changes = set(CHANGES.values()) - {create, create_from_aws}
    resources = {change: unique("permitted") for change in changes}
    admin = unique("permitted")
    create_from_aws(tenant, admin)
    for name in resources.values():
        make_ready(tenant, name)

    for change, name in resources.items():
        change(tenant, name)
        tenant.wait_for(name, lambda status: status.get("phase") == "Ready", "ready")
    moved = resources[move]
    tenant.wait_for(moved, lambda status: status.get("actualSecretName") == f"rds/moved/{moved}", "moved")
    restored = resources[schedule]
    tenant.wait_for(restored, lambda _: "DeletedDate" not in tenant.description(path_of(restored)), "restored")
    tenant.wait_ready(admin)
    assert_works(tenant.stored(path_of(admin)))
    tenant.delete(resources[add_tag])
    assert "DeletedDate" in tenant.description(path_of(resources[add_tag]))

    used = {f"secretsmanager:{operation}" for operation in calls.operations()}
    assert used == {action for _, action in actions_of_the_guide()}


@pytest.mark.parametrize(("sid", "action"), actions_of_the_guide())
def test_an_action_that_is_taken_away_is_named_with_resource_and_principal(
    tenant: Tenant, policy: Policy, sid: str, action: str
) -> None:
    name = unique("forbidden")
    change = CHANGES[sid, action.removeprefix("secretsmanager:")]
    reason = "AdminSecretDenied" if sid == "ReadAdmin" else "SecretsManagerAccessDenied"
    if change not in (create, create_from_aws):
        make_ready(tenant, name)
    policy(without(policy_of_the_guide(tenant), sid, action))

    change(tenant, name)

    status = tenant.wait_error(name, reason, 30)
    assert action in status["message"]
    assert (ADMIN if sid == "ReadAdmin" else name) in status["message"]
    assert f"arn:aws:iam::{ACCOUNT}:role/operator" in status["message"]
    policy(policy_of_the_guide(tenant))
    tenant.wait_ready(name, 60)
