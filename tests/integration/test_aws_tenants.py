"""What the operator's owner lets namespaces do with its AWS role: every rule refuses before any call."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from devstack.operator import PROGRAM, Operator
from devstack.process import wait_until
from devstack.secretsmanager import SecretsManagerServer
from support.resources import database, unique
from support.tenant import Tenant, assert_works
from support.watching import CallWatch, SqlWatch

StartOperator = Callable[..., Operator]


@pytest.fixture
def start_with(
    start_operator: Callable[..., Operator], secretsmanager: SecretsManagerServer
) -> StartOperator:
    """Starts an operator with rules, as flags or as variables, in place of the one before."""

    def start(*arguments: str, **variables: str) -> Operator:
        return start_operator({**secretsmanager.environment("operator"), **variables}, *arguments)

    return start


def admin_in_aws(team: Tenant, name: str, **reference: str) -> dict[str, Any]:
    """The spec members of a resource whose admin connection is in AWS; the secret is made."""
    region = reference.get("region", "us-east-1")
    team.secretsmanager.client(region=region).create_secret(Name=name, SecretString=team.postgres.admin_url())
    return {
        "connectionStringSecretRef": None,
        "connectionStringAWSSecretRef": {"secretName": name, **reference},
    }


def assert_refused(team: Tenant, resource: dict[str, Any], *parts: str) -> None:
    """Refused with these words, and nobody was asked anything."""
    sql, calls = SqlWatch(team.postgres), CallWatch(team.secretsmanager)
    name = resource["metadata"]["name"]
    team.apply(resource)

    status = team.wait_error(name, "NotAllowed")

    for part in parts:
        assert part in status["message"]
    assert sql.changes() == []
    assert calls.operations() == []


# --- names ---


def test_names_are_put_under_the_prefix_and_others_are_refused(team: Tenant, start_with: StartOperator) -> None:
    plain, own, foreign = unique("plain"), unique("own"), unique("foreign")
    start_with("--secret-name-prefix=k8s/{namespace}/{name}/")
    team.apply(database(plain), database(own, secretName=f"k8s/{team.name}/{own}/x"))

    assert team.wait_ready(plain)["actualSecretName"] == f"k8s/{team.name}/{plain}/rds/postgres/{plain}"
    assert team.wait_ready(own)["actualSecretName"] == f"k8s/{team.name}/{own}/x"
    assert_works(team.stored(f"k8s/{team.name}/{plain}/rds/postgres/{plain}"))
    assert_refused(
        team,
        database(foreign, secretName=f"k8s/{team.name}-other/x"),
        "--secret-name-prefix",
        f"set spec.secretName to 'k8s/{team.name}/{foreign}/k8s/{team.name}-other/x'",
    )


def test_a_prefix_that_comes_later_moves_nothing_by_itself_and_one_that_goes_neither(
    team: Tenant, start_with: StartOperator
) -> None:
    name = unique("later")
    former, target = f"rds/postgres/{name}", f"{team.name}/rds/postgres/{name}"
    start_with()
    team.apply(database(name))
    team.wait_ready(name)
    password = team.stored(former)["DB_PASSWORD"]

    start_with(SECRET_NAME_PREFIX="{namespace}/")
    status = team.wait_error(name, "NotAllowed")
    assert f"set spec.secretName to '{target}'" in status["message"]
    assert team.description(target) == {}

    team.patch(name, {"spec": {"secretName": target}})
    team.wait_ready(name)
    assert team.stored(target)["DB_PASSWORD"] == password
    team.patch(name, {"spec": {"secretName": None}})
    assert team.wait_ready(name)["actualSecretName"] == target

    start_with()
    team.patch(name, {"spec": {"privileges": ["SELECT"]}})
    assert team.wait_ready(name)["actualSecretName"] == target
    assert "DeletedDate" not in team.description(target)


def test_a_resource_from_before_the_prefix_can_be_deleted_with_everything(
    team: Tenant, start_with: StartOperator
) -> None:
    name = unique("before")
    start_with()
    team.apply(database(name, retainOnDelete=False))
    team.wait_ready(name)
    start_with("--secret-name-prefix={namespace}/")
    team.wait_error(name, "NotAllowed")

    team.delete(name)

    assert not team.has_database(name)
    assert "DeletedDate" in team.description(f"rds/postgres/{name}")


def test_a_resource_that_is_given_up_names_its_secret_under_the_prefix(
    team: Tenant, start_with: StartOperator
) -> None:
    name = unique("given-up")
    start_with("--secret-name-prefix={namespace}/")
    team.apply(database(name, retainOnDelete=False))
    path = team.wait_ready(name)["actualSecretName"]
    team.kubectl("annotate", "database", name, "database.opzkit.io/abandon-external-resources=true")

    team.delete(name)

    wait_until(lambda: f"secret '{path}' stays" in team.kubectl("get", "events", "-o", "json").stdout, "the event", 20)
    assert "DeletedDate" not in team.description(path)


# --- the admin's secret, and regions ---


def test_only_the_listed_admin_secrets_may_be_named(team: Tenant, start_with: StartOperator) -> None:
    allowed, denied, by_arn = unique("allowed"), unique("denied"), unique("arn")
    start_with(f"--allowed-admin-secrets={team.name}=rds/admin/{team.name}/*,other=*")
    team.apply(database(allowed, **admin_in_aws(team, f"rds/admin/{team.name}/main")))

    team.wait_ready(allowed)
    parts = ("--allowed-admin-secrets", f"namespace '{team.name}'")
    foreign = admin_in_aws(team, f"rds/admin/other-{team.name}/main")
    assert_refused(team, database(denied, **foreign), *parts)
    arn = team.description(f"rds/admin/{team.name}/main")["ARN"]
    reference = {"secretName": arn}
    assert_refused(
        team,
        database(by_arn, connectionStringSecretRef=None, connectionStringAWSSecretRef=reference),
        *parts,
        arn,
    )


def test_a_deletion_does_not_read_an_admin_secret_that_is_not_allowed_any_more(
    team: Tenant, start_with: StartOperator
) -> None:
    name = unique("closed")
    start_with()
    team.apply(database(name, retainOnDelete=False, **admin_in_aws(team, f"admin/{team.name}")))
    team.wait_ready(name)
    start_with("--allowed-admin-secrets=nobody=*")
    team.wait_error(name, "NotAllowed")
    calls = CallWatch(team.secretsmanager)

    team.delete(name, wait=False)

    status = team.wait_for(name, lambda status: status.get("phase") == "Deleting", "deleting")
    assert "--allowed-admin-secrets" in status["message"]
    assert calls.operations() == []
    assert team.has_database(name)
    team.patch(name, {"spec": {"retainOnDelete": True}})
    team.kubectl("wait", "--for=delete", f"database/{name}", "--timeout=60s")


def test_only_the_listed_regions_may_be_used(team: Tenant, start_with: StartOperator) -> None:
    allowed, default, own, admin = unique("allowed"), unique("default"), unique("own"), unique("admin")
    start_with(f"--allowed-regions={team.name}=eu-west-*,other=us-east-1")
    team.apply(database(allowed, awsSecretsManager={"region": "eu-west-1"}))

    assert team.wait_ready(allowed)["secretRegion"] == "eu-west-1"
    assert_refused(team, database(default), "--allowed-regions", "'us-east-1'", "the secret with the credentials")
    assert_refused(team, database(own, awsSecretsManager={"region": "us-west-2"}), "--allowed-regions", "'us-west-2'")
    reference = admin_in_aws(team, f"admin/{team.name}", region="eu-central-1")
    assert_refused(
        team,
        database(admin, awsSecretsManager={"region": "eu-west-1"}, **reference),
        "--allowed-regions",
        "'eu-central-1'",
        "the secret with the admin connection",
    )


# --- tags and the key ---


def test_required_tags_are_on_every_secret_and_the_spec_cannot_change_them(
    team: Tenant, start_with: StartOperator
) -> None:
    before, after, opposed = unique("before"), unique("after"), unique("opposed")
    start_with()
    team.apply(database(before, awsSecretsManager={"tags": {"Team": "x"}}))
    team.wait_ready(before)

    start_with("--required-tags=Owner=platform,Cost Centre=4711")
    team.apply(database(after))
    team.wait_ready(after)
    team.patch(before, {"spec": {"awsSecretsManager": {"tags": {"Team": "y"}}}})
    team.wait_ready(before)

    for name in (before, after):
        tags = team.description(f"rds/postgres/{name}")["Tags"]
        assert (tags["Owner"], tags["Cost Centre"]) == ("platform", "4711")
    assert team.description(f"rds/postgres/{before}")["Tags"]["Team"] == "y"
    assert_refused(
        team, database(opposed, awsSecretsManager={"tags": {"Owner": "me"}}), "--required-tags", "'Owner'"
    )
    team.patch(before, {"spec": {"awsSecretsManager": {"tags": {"Owner": "platform", "Team": None}}}})
    team.wait_ready(before)
    team.patch(before, {"spec": {"awsSecretsManager": {"tags": {"Owner": None}}}})
    team.wait_ready(before)
    tags = team.description(f"rds/postgres/{before}")["Tags"]
    assert tags["Owner"] == "platform"
    assert "Team" not in tags


def test_a_required_tag_that_somebody_removed_comes_back_without_any_change(
    team: Tenant, start_with: StartOperator
) -> None:
    name = unique("tagged")
    start_with("--required-tags=Owner=platform")
    team.apply(database(name))
    team.wait_ready(name)
    client = team.secretsmanager.client()
    client.untag_resource(SecretId=f"rds/postgres/{name}", TagKeys=["Owner"])

    start_with(REQUIRED_TAGS="Owner=platform")

    team.wait_for(
        name,
        lambda _: team.description(f"rds/postgres/{name}")["Tags"].get("Owner") == "platform",
        "tagged",
    )


def test_new_secrets_are_encrypted_with_the_key(team: Tenant, start_with: StartOperator) -> None:
    name = unique("encrypted")
    start_with("--kms-key-id=alias/databases")
    team.apply(database(name))

    team.wait_ready(name)

    assert team.description(f"rds/postgres/{name}")["KmsKeyId"] == "alias/databases"


# --- options ---


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("--secret-name-prefix={namespace}-", "'{namespace}' must be followed by a '/'"),
        ("--allowed-admin-secrets=rds/admin/*", "'rds/admin/*' is not of the form NAMESPACE=PATTERN"),
        ("--allowed-regions=eu-west-1", "--allowed-regions"),
        ("--required-tags=ManagedBy=me", "'ManagedBy' is reserved"),
    ],
)
def test_a_rule_that_cannot_be_read_keeps_the_operator_from_starting(argument: str, said: str) -> None:
    result = subprocess.run(
        [PROGRAM, argument], capture_output=True, text=True, timeout=20, check=False, env={"LANG": "C.UTF-8"}
    )

    assert result.returncode == 1
    assert said in result.stderr


def test_a_secret_that_nobody_marked_needs_a_word_from_aws(team: Tenant, start_with: StartOperator) -> None:
    name = unique("unmarked")
    path = f"rds/postgres/{name}"
    value = json.dumps({"DB_PASSWORD": "Known-to-the-team-and-32-chars_1"})
    client = team.secretsmanager.client()
    client.create_secret(Name=path, SecretString=value)
    start_with("--require-adoption-tag")
    watch, calls = SqlWatch(team.postgres), CallWatch(team.secretsmanager)
    team.apply(database(name))

    status = team.wait_error(name, "AdoptionTagMissing")

    tag = {"Key": "database.opzkit.io/adopt-by", "Value": f"{team.name}/{name}"}
    assert f"{tag['Key']}={tag['Value']}" in status["message"]
    assert watch.changes() == []
    assert calls.writes(path) == []
    client.tag_resource(SecretId=path, Tags=[tag])
    team.kubectl("annotate", "database", name, "database.opzkit.io/reconcile-now=1")
    team.wait_ready(name)
    assert_works(team.stored(path))
