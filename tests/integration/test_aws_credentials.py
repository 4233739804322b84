"""The operator with each source of AWS credentials, with broken ones, and with sets that end during work."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from devstack.awsidentity import ROLE, SUBJECT, AwsIdentityServer
from devstack.operator import Operator
from devstack.secretsmanager import REGION, SecretsManagerServer
from secretsmanager.control_client import ControlClient
from support.aws_policy import policy_of_the_guide, without
from support.aws_sources import (
    STS_AUDIENCE,
    Environment,
    Source,
    from_environment,
    from_metadata,
    from_pod_identity,
    from_profile,
    from_profile_over_container,
    from_profile_over_metadata,
    from_profile_with_token,
    from_web_identity,
)
from support.resources import database, unique
from support.tenant import Tenant, assert_works

StartOperator = Callable[..., Operator]


def assert_nothing_leaked(operator: Operator, secretsmanager: SecretsManagerServer, identity: AwsIdentityServer) -> None:
    """Neither keys nor tokens are in the log."""
    table = (secretsmanager.folder / "credentials.json").read_text()
    for token_file in identity.folder.glob("*-token"):
        assert token_file.read_text().strip()[:40] not in operator.log_text
    for member in ("secret", "session_token"):
        assert member in table
    for key in ("ASIA", "AKIA", "IQoJ", secretsmanager.credentials["operator"]["secret"]):
        assert key not in operator.log_text


@pytest.mark.parametrize(
    ("source", "name", "session"),
    [
        (from_environment, "environment", None),
        (from_web_identity, "web identity", "database-user-operator-operator-pod"),
        (from_profile, "profile", "database-user-operator-operator-pod"),
        (from_profile_over_metadata, "profile", "database-user-operator-operator-pod"),
        (from_profile_over_container, "profile", "database-user-operator-operator-pod"),
        (from_profile_with_token, "profile", "database-user-operator-operator-pod"),
        (from_pod_identity, "container endpoint", "eks-local"),
        (from_metadata, "instance metadata", "i-0123456789abcdef0"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_a_resource_becomes_ready_with_this_source_alone(
    identity: AwsIdentityServer,
    secretsmanager: SecretsManagerServer,
    start_operator: StartOperator,
    team: Tenant,
    tmp_path: Path,
    source: Source,
    name: str,
    session: str | None,
) -> None:
    resource = unique("sourced")
    operator = start_operator(source(identity, secretsmanager, tmp_path))
    team.apply(database(resource))

    team.wait_ready(resource)

    assert_works(team.stored(f"rds/postgres/{resource}"))
    calls = ControlClient(secretsmanager.url).calls(secret=f"rds/postgres/{resource}")
    writers = {call["principal"] for call in calls if call["operation"] == "CreateSecret"}
    account = ROLE.split(":")[4]
    expected = f"arn:aws:sts::{account}:assumed-role/operator/{session}" if session else ROLE
    assert writers == {expected}
    assert f"AWS credentials from {name}" in operator.log_text
    assert_nothing_leaked(operator, secretsmanager, identity)


def test_sts_that_answers_only_xml_will_do(
    identity: AwsIdentityServer,
    secretsmanager: SecretsManagerServer,
    start_operator: StartOperator,
    team: Tenant,
    tmp_path: Path,
) -> None:
    resource = unique("xml")
    identity.configure(json=False)
    start_operator(from_web_identity(identity, secretsmanager, tmp_path))
    team.apply(database(resource))

    team.wait_ready(resource)


# --- broken sources ---


def break_token_audience(environment: Environment, identity: AwsIdentityServer) -> None:
    """A token that is for somebody else."""
    identity.mint_token("web-identity-token", "somebody-else")


def break_token_file(environment: Environment, identity: AwsIdentityServer) -> None:
    """No token at all."""
    os.unlink(environment["AWS_WEB_IDENTITY_TOKEN_FILE"])


def break_trust(environment: Environment, identity: AwsIdentityServer) -> None:
    """A role that trusts somebody else."""
    identity.configure(roles={ROLE: {"subjects": ["system:serviceaccount:other:other"]}})


def break_association(environment: Environment, identity: AwsIdentityServer) -> None:
    """No association for the service account."""
    identity.configure(associations={})


def break_instance(environment: Environment, identity: AwsIdentityServer) -> None:
    """An instance without a profile."""
    identity.configure(instance_role=None)
    environment["AWS_REGION"] = REGION


def break_hops(environment: Environment, identity: AwsIdentityServer) -> None:
    """A hop limit of one: the answer never arrives."""
    identity.configure(silent=["metadata"])
    environment["AWS_REGION"] = REGION


def break_metadata(environment: Environment, identity: AwsIdentityServer) -> None:
    """Switched off, and nothing else is there."""
    environment |= {"AWS_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true"}


def break_source_of_profile(environment: Environment, identity: AwsIdentityServer) -> None:
    """An instance without a profile of its own under a profile that builds on it."""
    identity.configure(instance_role=None)


def break_profile(environment: Environment, identity: AwsIdentityServer) -> None:
    """A profile that needs a program."""
    Path(environment["AWS_CONFIG_FILE"]).write_text(
        f"[profile app]\ncredential_process = /bin/x\nregion = {REGION}\n"
    )


def break_config_file(environment: Environment, identity: AwsIdentityServer) -> None:
    """A file that cannot be read."""
    Path(environment["AWS_CONFIG_FILE"]).write_text("[profile app\n")


def break_keys(environment: Environment, identity: AwsIdentityServer) -> None:
    """A key without the other."""
    del environment["AWS_SECRET_ACCESS_KEY"]


@pytest.mark.parametrize(
    ("source", "broken", "expected"),
    [
        (from_environment, break_keys, ["the operator's environment", "AWS_SECRET_ACCESS_KEY is not"]),
        (from_web_identity, break_token_audience, ["web identity", "/web-identity-token'", "InvalidIdentityToken"]),
        (from_web_identity, break_token_file, ["web identity", "/web-identity-token'", "No such file"]),
        (from_web_identity, break_trust, ["web identity", ROLE, "AccessDenied", "trust policy"]),
        (from_profile, break_profile, ["profile 'app'", "/config'", "credential_process"]),
        (from_profile, break_config_file, ["/config'", "line 1"]),
        (from_pod_identity, break_association, ["container endpoint", "HTTP status 404", "no association"]),
        (from_profile_over_metadata, break_source_of_profile, ["profile", "no instance profile"]),
        (from_metadata, break_metadata, ["no AWS credentials are configured"]),
        (from_metadata, break_instance, ["instance metadata", "no instance profile"]),
        (from_metadata, break_hops, ["instance metadata", "hop limit"]),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_a_broken_source_is_named_in_the_status(
    identity: AwsIdentityServer,
    secretsmanager: SecretsManagerServer,
    start_operator: StartOperator,
    team: Tenant,
    tmp_path: Path,
    source: Source,
    broken: Callable[[Environment, AwsIdentityServer], None],
    expected: list[str],
) -> None:
    resource = unique("unsourced")
    environment = source(identity, secretsmanager, tmp_path)
    broken(environment, identity)
    operator = start_operator(environment)
    team.apply(database(resource))

    status = team.wait_for(resource, lambda status: status.get("phase") == "Error", "in error", 30)

    for text in expected:
        assert text in status["message"]
    assert not team.has_role(resource)
    assert_nothing_leaked(operator, secretsmanager, identity)


# --- a policy ---


def test_what_the_role_lacks_is_named_with_the_session_that_lacks_it(
    identity: AwsIdentityServer,
    secretsmanager: SecretsManagerServer,
    start_operator: StartOperator,
    team: Tenant,
    tmp_path: Path,
) -> None:
    resource = unique("forbidden")
    lacking = without(policy_of_the_guide(team), "MakeOwn", "secretsmanager:CreateSecret")
    identity.configure(roles={ROLE: {"subjects": [SUBJECT], "policy": lacking}})
    start_operator(from_web_identity(identity, secretsmanager, tmp_path))
    team.apply(database(resource))

    status = team.wait_error(resource, "SecretsManagerAccessDenied")

    assert "secretsmanager:CreateSecret" in status["message"]
    assert f"rds/postgres/{resource}" in status["message"]
    assert "assumed-role/operator/database-user-operator-operator-pod" in status["message"]
    assert "AWS credentials from: web identity" in status["message"]


# --- sets that change ---


def test_a_corrected_source_serves_without_a_restart(
    identity: AwsIdentityServer,
    secretsmanager: SecretsManagerServer,
    start_operator: StartOperator,
    team: Tenant,
    tmp_path: Path,
) -> None:
    resource = unique("corrected")
    environment = from_web_identity(identity, secretsmanager, tmp_path)
    break_token_audience(environment, identity)
    start_operator(environment)
    team.apply(database(resource))
    team.wait_error(resource, "SecretsManagerAccessDenied")

    identity.mint_token("web-identity-token", STS_AUDIENCE)

    team.wait_ready(resource, 60)


TEMPORARY = pytest.mark.parametrize(
    ("source", "server", "name"),
    [
        (from_web_identity, "sts", "web identity"),
        (from_profile, "sts", "profile"),
        (from_profile_over_metadata, "sts", "profile"),
        (from_pod_identity, "pod-identity", "container endpoint"),
        (from_metadata, "metadata", "instance metadata"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)


@TEMPORARY
def test_short_lived_sets_are_renewed_without_any_error(
    identity: AwsIdentityServer,
    secretsmanager: SecretsManagerServer,
    start_operator: StartOperator,
    team: Tenant,
    tmp_path: Path,
    source: Source,
    server: str,
    name: str,
) -> None:
    identity.configure(lifetime_seconds=6)
    before = len(identity.calls(server))
    operator = start_operator(source(identity, secretsmanager, tmp_path))

    for _ in range(4):
        resource = unique("shortlived")
        team.apply(database(resource))
        team.wait_ready(resource)
        time.sleep(2)

    assert len(identity.calls(server)) - before >= 2
    assert operator.log_lines(level="error") == []
    assert operator.log_lines(level="warning") == []
    assert operator.log_text.count(f"AWS credentials from {name}, valid until") >= 2


@TEMPORARY
def test_an_end_while_its_endpoint_is_down_is_an_error_until_it_is_back(
    identity: AwsIdentityServer,
    secretsmanager: SecretsManagerServer,
    start_operator: StartOperator,
    team: Tenant,
    tmp_path: Path,
    source: Source,
    server: str,
    name: str,
) -> None:
    first, second = unique("before"), unique("during")
    identity.configure(lifetime_seconds=4)
    environment = {**source(identity, secretsmanager, tmp_path), "AWS_REGION": REGION}
    operator = start_operator(environment)
    team.apply(database(first))
    team.wait_ready(first)

    identity.configure(lifetime_seconds=4, failures={server: ["ServiceUnavailable"] * 1000})
    time.sleep(4)
    team.apply(database(second))
    status = team.wait_error(second, "SecretsManagerUnavailable")
    assert f"AWS credentials from {name}" in status["message"]
    assert not team.has_role(second)

    identity.configure()
    team.wait_ready(second, 60)
    assert_nothing_leaked(operator, secretsmanager, identity)


@TEMPORARY
def test_an_endpoint_that_is_down_at_the_start_is_named_and_served_when_it_comes(
    identity: AwsIdentityServer,
    secretsmanager: SecretsManagerServer,
    start_operator: StartOperator,
    team: Tenant,
    tmp_path: Path,
    source: Source,
    server: str,
    name: str,
) -> None:
    resource = unique("early")
    environment = {**source(identity, secretsmanager, tmp_path), "AWS_REGION": REGION}
    identity.stop()
    try:
        operator = start_operator(environment)
        team.apply(database(resource))
        status = team.wait_for(resource, lambda status: status.get("phase") == "Error", "in error", 30)
        assert f"AWS credentials from {name}" in status["message"]
    finally:
        identity.start()

    team.wait_ready(resource, 90)
    assert_nothing_leaked(operator, secretsmanager, identity)


def test_a_session_in_the_environment_that_ends_is_named_and_cannot_be_renewed(
    secretsmanager: SecretsManagerServer, start_operator: StartOperator, team: Tenant
) -> None:
    first, second = unique("before"), unique("after")
    path = secretsmanager.folder / "credentials.json"
    original = path.read_text()
    end = datetime.now(timezone.utc) + timedelta(seconds=8)
    key = {
        "secret": "secret-of-a-session",
        "session_token": "token-of-a-session",
        "principal_arn": ROLE,
        "policy": None,
        "expires_at": end.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    path.write_text(json.dumps({**json.loads(original), "ASIASESSION": key}))
    try:
        environment = secretsmanager.environment() | {
            "AWS_ACCESS_KEY_ID": "ASIASESSION",
            "AWS_SECRET_ACCESS_KEY": "secret-of-a-session",
            "AWS_SESSION_TOKEN": "token-of-a-session",
        }
        operator = start_operator(environment)
        team.apply(database(first))
        team.wait_ready(first)
        time.sleep(max(0.0, (end - datetime.now(timezone.utc)).total_seconds()) + 1)
        team.apply(database(second))

        status = team.wait_error(second, "SecretsManagerAccessDenied")

        assert "ExpiredTokenException" in status["message"]
        assert "AWS credentials from: environment" in status["message"]
        assert "of-a-session" not in operator.log_text + json.dumps(status)
    finally:
        path.write_text(original)


def test_a_set_that_is_refused_is_replaced_at_once(
    identity: AwsIdentityServer,
    secretsmanager: SecretsManagerServer,
    start_operator: StartOperator,
    team: Tenant,
    tmp_path: Path,
) -> None:
    first, second = unique("known"), unique("forgotten")
    operator = start_operator(from_web_identity(identity, secretsmanager, tmp_path))
    team.apply(database(first))
    team.wait_ready(first)
    time.sleep(5)  # a set that was just fetched is not fetched again
    table = secretsmanager.folder / "credentials.json"
    before = len(identity.calls("sts"))
    original = table.read_text()
    principals = {key["id"] for key in secretsmanager.credentials.values()}
    table.write_text(_only(original, principals))

    team.apply(database(second))
    team.wait_ready(second)

    assert len(identity.calls("sts")) == before + 1
    assert operator.log_lines(level="error") == []


def _only(table: str, keys: set[str]) -> str:
    """The credentials file without everybody else."""
    return json.dumps({key: entry for key, entry in json.loads(table).items() if key in keys})
