"""Permissions: policies of the caller, on the secret's ARN, with AWS's sentence when they do not suffice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_server import LocalServer

ROLE = "arn:aws:sts::123456789012:assumed-role/operator/pod"
PREFIX = "arn:aws:secretsmanager:us-east-1:123456789012:secret:app/"

Limited = Callable[..., Any]


def statement(action: Any, resource: Any = f"{PREFIX}*", effect: str = "Allow", **condition: Any) -> dict[str, Any]:
    """One statement; each keyword is a condition operator."""
    base = {"Effect": effect, "Action": action, "Resource": resource}
    return base | {"Condition": condition} if condition else base


@pytest.fixture
def limited(server: LocalServer) -> Limited:
    """boto3 as a caller with exactly these statements."""

    def make(*statements: dict[str, Any]) -> Any:
        policy = {"Version": "2012-10-17", "Statement": list(statements)}
        entry = {"secret": "limited", "session_token": None, "principal_arn": ROLE, "policy": policy}
        server.write_credentials({"AKIALIMITED": entry})
        return server.boto(key="AKIALIMITED", secret="limited")

    return make


def denied(call: Callable[..., Any], **params: Any) -> str:
    """The sentence of a refusal."""
    with pytest.raises(ClientError) as failure:
        call(**params)
    assert failure.value.response["Error"]["Code"] == "AccessDeniedException"
    assert failure.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return failure.value.response["Error"]["Message"]


def test_without_a_policy_member_everything_is_allowed(server: LocalServer) -> None:
    server.write_credentials({"AKIAOTHER": {"secret": "other", "session_token": None, "principal_arn": ROLE}})
    server.boto(key="AKIAOTHER", secret="other").create_secret(Name="anything")


def test_an_action_that_nothing_allows_is_denied_in_aws_words(limited: Limited, client: Any) -> None:
    client.create_secret(Name="app/one", SecretString="v")
    message = denied(limited(statement("secretsmanager:DescribeSecret")).get_secret_value, SecretId="app/one")
    assert message == (
        f"User: {ROLE} is not authorized to perform: secretsmanager:GetSecretValue on resource: app/one because no "
        "identity-based policy allows the secretsmanager:GetSecretValue action"
    )


def test_the_sentence_names_the_resource_as_the_caller_did(limited: Limited, client: Any) -> None:
    arn = client.create_secret(Name="other/one")["ARN"]
    message = denied(limited(statement("secretsmanager:*")).describe_secret, SecretId=arn)
    assert f" on resource: {arn} because " in message


def test_an_explicit_deny_wins_and_is_named(limited: Limited, client: Any) -> None:
    client.create_secret(Name="app/one")
    caller = limited(
        statement("secretsmanager:*"), statement("secretsmanager:DescribeSecret", f"{PREFIX}one-*", effect="Deny")
    )
    message = denied(caller.describe_secret, SecretId="app/one")
    assert message.endswith(" on resource: app/one with an explicit deny in an identity-based policy")


def test_resources_are_matched_on_the_arn_not_the_name(limited: Limited, client: Any) -> None:
    client.create_secret(Name="app/one")
    client.create_secret(Name="prod/one")
    caller = limited(statement("secretsmanager:DescribeSecret"))
    assert caller.describe_secret(SecretId="app/one")["Name"] == "app/one"
    denied(caller.describe_secret, SecretId="prod/one")


def test_the_bare_arn_of_a_name_does_not_match_an_existing_secret(limited: Limited, client: Any) -> None:
    client.create_secret(Name="app/one")
    denied(limited(statement("secretsmanager:DescribeSecret", f"{PREFIX}one")).describe_secret, SecretId="app/one")
    caller = limited(statement("secretsmanager:DescribeSecret", f"{PREFIX}one-??????"))
    assert caller.describe_secret(SecretId="app/one")["Name"] == "app/one"


def test_permission_is_asked_before_existence(limited: Limited) -> None:
    caller = limited(statement("secretsmanager:DescribeSecret"))
    denied(caller.describe_secret, SecretId="prod/absent")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        caller.describe_secret(SecretId="app/absent")


def test_a_pattern_for_the_suffix_does_not_match_an_absent_secret(limited: Limited) -> None:
    denied(
        limited(statement("secretsmanager:DescribeSecret", f"{PREFIX}one-??????")).describe_secret, SecretId="app/one"
    )


def test_creating_is_asked_on_the_arn_to_be(limited: Limited) -> None:
    caller = limited(statement("secretsmanager:CreateSecret", f"{PREFIX}one-??????"))
    caller.create_secret(Name="app/one")
    message = denied(caller.create_secret, Name="app/two")
    assert " secretsmanager:CreateSecret on resource: app/two because " in message


def test_creating_with_tags_needs_tag_resource_too(limited: Limited) -> None:
    caller = limited(statement("secretsmanager:CreateSecret"))
    message = denied(caller.create_secret, Name="app/one", Tags=[{"Key": "team", "Value": "blue"}])
    assert "to perform: secretsmanager:TagResource on resource: app/one" in message
    caller = limited(statement(["secretsmanager:CreateSecret", "secretsmanager:TagResource"]))
    caller.create_secret(Name="app/one", Tags=[{"Key": "team", "Value": "blue"}])


@pytest.mark.parametrize(
    "pattern", ["*", "secretsmanager:*", "secretsmanager:Describe*", "SecretsManager:describesecret"]
)
def test_actions_may_have_wildcards_and_any_case(limited: Limited, client: Any, pattern: str) -> None:
    client.create_secret(Name="app/one")
    assert limited(statement(pattern)).describe_secret(SecretId="app/one")["Name"] == "app/one"


def test_not_action_and_not_resource_invert(limited: Limited, client: Any) -> None:
    client.create_secret(Name="app/one", SecretString="v")
    base = {"Effect": "Allow", "NotAction": "secretsmanager:GetSecretValue", "NotResource": f"{PREFIX}two*"}
    caller = limited(base)
    caller.describe_secret(SecretId="app/one")
    denied(caller.get_secret_value, SecretId="app/one")
    denied(caller.describe_secret, SecretId="app/two")


def test_request_tags_can_be_required(limited: Limited) -> None:
    condition = {"StringEquals": {"aws:RequestTag/owner": "cluster-1"}}
    caller = limited(statement(["secretsmanager:CreateSecret", "secretsmanager:TagResource"], **condition))
    denied(caller.create_secret, Name="app/one")
    denied(caller.create_secret, Name="app/one", Tags=[{"Key": "owner", "Value": "cluster-2"}])
    caller.create_secret(Name="app/one", Tags=[{"Key": "owner", "Value": "cluster-1"}])


@pytest.mark.parametrize("key", ["secretsmanager:ResourceTag/owner", "aws:ResourceTag/owner"])
def test_tags_of_the_secret_can_be_required(limited: Limited, client: Any, key: str) -> None:
    client.create_secret(Name="app/mine", Tags=[{"Key": "owner", "Value": "cluster-1"}])
    client.create_secret(Name="app/theirs", Tags=[{"Key": "owner", "Value": "cluster-2"}])
    client.create_secret(Name="app/nobodys")
    caller = limited(statement("secretsmanager:PutSecretValue", StringEquals={key: "cluster-1"}))
    caller.put_secret_value(SecretId="app/mine", SecretString="v")
    denied(caller.put_secret_value, SecretId="app/theirs", SecretString="v")
    denied(caller.put_secret_value, SecretId="app/nobodys", SecretString="v")


@pytest.mark.parametrize(
    ("condition", "allowed"),
    [
        ({"StringEquals": {"aws:ResourceTag/owner": ["x", "cluster-1"]}}, True),
        ({"StringNotEquals": {"aws:ResourceTag/owner": "cluster-1"}}, False),
        ({"StringNotEquals": {"aws:ResourceTag/absent": "x"}}, True),
        ({"StringLike": {"aws:ResourceTag/owner": "cluster-*"}}, True),
        ({"StringEqualsIfExists": {"aws:ResourceTag/absent": "x"}}, True),
        ({"Null": {"aws:ResourceTag/owner": "true"}}, False),
        ({"Null": {"aws:ResourceTag/absent": "true"}}, True),
        ({"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}, False),
        ({"StringEquals": {"secretsmanager:SecretId": "app/one"}}, True),
        ({"StringLike": {"aws:ResourceTag/owner": "cluster-*"}, "StringEquals": {"aws:RequestedRegion": "x"}}, False),
    ],
    ids=str,
)
def test_condition_operators(limited: Limited, client: Any, condition: dict[str, Any], allowed: bool) -> None:
    client.create_secret(Name="app/one", Tags=[{"Key": "owner", "Value": "cluster-1"}])
    caller = limited(statement("secretsmanager:DescribeSecret", **condition))
    if allowed:
        caller.describe_secret(SecretId="app/one")
    else:
        denied(caller.describe_secret, SecretId="app/one")


def test_keys_of_a_tag_request_can_be_limited(limited: Limited, client: Any) -> None:
    client.create_secret(Name="app/one")
    condition = {"ForAllValues:StringEquals": {"aws:TagKeys": ["team", "stage"]}}
    caller = limited(statement("secretsmanager:TagResource", **condition))
    caller.tag_resource(SecretId="app/one", Tags=[{"Key": "team", "Value": "blue"}])
    denied(caller.tag_resource, SecretId="app/one", Tags=[{"Key": "cost", "Value": "42"}])


def test_force_deletion_and_recovery_window_can_be_limited(limited: Limited, client: Any) -> None:
    client.create_secret(Name="app/one")
    caller = limited(
        statement("secretsmanager:DeleteSecret", NumericGreaterThanEquals={"secretsmanager:RecoveryWindowInDays": 7}),
        statement("secretsmanager:*", effect="Deny", Bool={"secretsmanager:ForceDeleteWithoutRecovery": "true"}),
    )
    message = denied(caller.delete_secret, SecretId="app/one", ForceDeleteWithoutRecovery=True)
    assert "explicit deny" in message
    caller.delete_secret(SecretId="app/one", RecoveryWindowInDays=7)


def test_tags_that_would_cost_the_caller_its_access_are_refused(limited: Limited, client: Any) -> None:
    client.create_secret(Name="app/one", Tags=[{"Key": "owner", "Value": "me"}])
    condition = {"StringEquals": {"secretsmanager:ResourceTag/owner": "me"}}
    caller = limited(statement(["secretsmanager:TagResource", "secretsmanager:UntagResource"], **condition))
    denied(caller.tag_resource, SecretId="app/one", Tags=[{"Key": "owner", "Value": "them"}])
    denied(caller.untag_resource, SecretId="app/one", TagKeys=["owner"])
    caller.tag_resource(SecretId="app/one", Tags=[{"Key": "stage", "Value": "test"}])


def test_listing_has_no_resource(limited: Limited) -> None:
    message = denied(limited(statement("secretsmanager:ListSecrets")).list_secrets)
    assert message == (
        f"User: {ROLE} is not authorized to perform: secretsmanager:ListSecrets because no identity-based policy "
        "allows the secretsmanager:ListSecrets action"
    )
    assert limited(statement("secretsmanager:ListSecrets", "*")).list_secrets()["SecretList"] == []


def test_a_secret_of_another_account_is_denied_for_lack_of_its_consent(client: Any) -> None:
    arn = "arn:aws:secretsmanager:us-east-1:210987654321:secret:rds/admin-AbCdEf"
    message = denied(client.get_secret_value, SecretId=arn)
    assert message.endswith("because no resource-based policy allows the secretsmanager:GetSecretValue action")


def test_a_refused_change_leaves_the_secret_as_it_was(limited: Limited, client: Any) -> None:
    client.create_secret(Name="app/one", SecretString="v")
    before = client.describe_secret(SecretId="app/one")
    caller = limited(statement("secretsmanager:DescribeSecret"))
    denied(caller.put_secret_value, SecretId="app/one", SecretString="w")
    denied(caller.delete_secret, SecretId="app/one", RecoveryWindowInDays=7)
    after = client.describe_secret(SecretId="app/one")
    assert {k: before[k] for k in before if k != "ResponseMetadata"} == {
        k: after[k] for k in after if k != "ResponseMetadata"
    }


@pytest.mark.parametrize(
    ("bent", "named"),
    [
        ({"Condition": {"IpAddress": {"aws:SourceIp": "127.0.0.1"}}}, "IpAddress"),
        ({"Condition": {"StringEquals": {"aws:SourceVpce": "vpce-1"}}}, "aws:SourceVpce"),
        ({"Resource": "arn:aws:secretsmanager:*:*:secret:${aws:username}/*"}, "policy variables"),
        ({"Principal": "*"}, "Principal"),
        ({"Effect": "Perhaps"}, "Effect"),
        ({"NotAction": "*"}, "NotAction"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_policy_that_cannot_be_evaluated_is_refused_loudly(
    limited: Limited, bent: dict[str, Any], named: str
) -> None:
    caller = limited(statement("secretsmanager:*") | bent)
    with pytest.raises(ClientError, match="InternalFailure") as failure:
        caller.list_secrets()
    message = failure.value.response["Error"]["Message"]
    assert "AKIALIMITED" in message
    assert named in message


def test_conditions_of_other_services_are_no_obstacle(limited: Limited, client: Any) -> None:
    client.create_secret(Name="app/one")
    kms = statement("kms:Decrypt", "*", StringEquals={"kms:ViaService": "secretsmanager.us-east-1.amazonaws.com"})
    limited(statement("secretsmanager:DescribeSecret"), kms).describe_secret(SecretId="app/one")
