"""The operator with each source of AWS credentials, with broken ones, and with sets that end during work."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from devstack.awsidentity import ROLE, SUBJECT, AwsIdentityServer
from devstack.operator import Operator
from devstack.secretsmanager import REGION, SecretsManagerServer
from secretsmanager.control_client import ControlClient
from support.aws_policy import policy_of_the_guide, without
from support.resources import database, unique
from support.tenant import Tenant, assert_works

Environment = dict[str, str]
StartOperator = Callable[..., Operator]

STS_AUDIENCE = "sts.amazonaws.com"
POD_AUDIENCE = "pods.eks.amazonaws.com"


# --- the sources ---


def endpoints(identity: AwsIdentityServer, secretsmanager: SecretsManagerServer) -> Environment:
    """Where the services are, without any credentials."""
    return {
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": secretsmanager.url,
        "AWS_ENDPOINT_URL_STS": identity.url("sts"),
        "HOSTNAME": "operator-pod",
    }


def from_environment(identity: AwsIdentityServer, secretsmanager: SecretsManagerServer, folder: Path) -> Environment:
    """Long-term keys."""
    return secretsmanager.environment("operator")


def from_web_identity(identity: AwsIdentityServer, secretsmanager: SecretsManagerServer, folder: Path) -> Environment:
    """What the webhook of EKS gives a pod whose service account has a role (IRSA)."""
    return {
        **endpoints(identity, secretsmanager),
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_STS_REGIONAL_ENDPOINTS": "regional",
        "AWS_ROLE_ARN": ROLE,
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(identity.mint_token("web-identity-token", STS_AUDIENCE)),
    }


def from_profile(identity: AwsIdentityServer, secretsmanager: SecretsManagerServer, folder: Path) -> Environment:
    """A role over the keys of another profile; the region is the profile's too."""
    key = secretsmanager.credentials["operator"]
    config, credentials = folder / "config", folder / "credentials"
    config.write_text(f"[profile app]\nrole_arn = {ROLE}\nsource_profile = keys\nregion = {REGION}\n")
    credentials.touch(0o600)
    credentials.write_text(f"[keys]\naws_access_key_id = {key['id']}\naws_secret_access_key = {key['secret']}\n")
    return {
        **endpoints(identity, secretsmanager),
        "AWS_CONFIG_FILE": str(config),
        "AWS_SHARED_CREDENTIALS_FILE": str(credentials),
        "AWS_PROFILE": "app",
    }


def from_pod_identity(identity: AwsIdentityServer, secretsmanager: SecretsManagerServer, folder: Path) -> Environment:
    """What the webhook of EKS gives a pod whose service account has an association (Pod Identity)."""
    return {
        **endpoints(identity, secretsmanager),
        "AWS_REGION": REGION,
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": identity.url("pod-identity") + "/v1/credentials",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(identity.mint_token("pod-identity-token", POD_AUDIENCE)),
    }


def from_metadata(identity: AwsIdentityServer, secretsmanager: SecretsManagerServer, folder: Path) -> Environment:
    """Nothing at all on an EC2 instance: role and region are the instance's."""
    return {
        **endpoints(identity, secretsmanager),
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": identity.url("metadata"),
    }


Source = Callable[[AwsIdentityServer, SecretsManagerServer, Path], Environment]


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
        (from_pod_identity, "container endpoint", "eks-local"),
        (from_metadata, "instance metadata", "i-0123456789abcdef0"),
    ],
    ids=["environment", "web identity", "profile", "Pod Identity", "instance metadata"],
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


def test_short_lived_sets_are_renewed_without_any_error(
    identity: AwsIdentityServer,
    secretsmanager: SecretsManagerServer,
    start_operator: StartOperator,
    team: Tenant,
    tmp_path: Path,
) -> None:
    identity.configure(lifetime_seconds=6)
    before = len(identity.calls("sts"))
    operator = start_operator(from_web_identity(identity, secretsmanager, tmp_path))

    for _ in range(5):
        resource = unique("shortlived")
        team.apply(database(resource))
        team.wait_ready(resource)
        time.sleep(2)

    assert len(identity.calls("sts")) - before >= 3
    assert operator.log_lines(level="error") == []
    assert operator.log_lines(level="warning") == []
    assert operator.log_text.count("AWS credentials from web identity, valid until") >= 3


def test_an_end_while_sts_is_down_is_an_error_until_it_is_back(
    identity: AwsIdentityServer,
    secretsmanager: SecretsManagerServer,
    start_operator: StartOperator,
    team: Tenant,
    tmp_path: Path,
) -> None:
    first, second = unique("before"), unique("during")
    identity.configure(lifetime_seconds=4)
    operator = start_operator(from_web_identity(identity, secretsmanager, tmp_path))
    team.apply(database(first))
    team.wait_ready(first)

    identity.configure(lifetime_seconds=4, failures={"sts": ["ServiceUnavailable"] * 1000})
    time.sleep(4)
    team.apply(database(second))
    status = team.wait_error(second, "SecretsManagerUnavailable")
    assert "AWS credentials from web identity" in status["message"]
    assert "ServiceUnavailable" in status["message"]

    identity.configure()
    team.wait_ready(second, 60)
    assert_nothing_leaked(operator, secretsmanager, identity)


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
