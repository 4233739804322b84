"""Each source of AWS credentials as the settings of an operator that has no other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from devstack.awsidentity import ROLE, AwsIdentityServer
from devstack.secretsmanager import REGION, SecretsManagerServer

Environment = dict[str, str]
Source = Callable[[AwsIdentityServer, SecretsManagerServer, Path], Environment]

STS_AUDIENCE = "sts.amazonaws.com"
POD_AUDIENCE = "pods.eks.amazonaws.com"


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


def _with_profile(environment: Environment, folder: Path, how: str) -> Environment:
    """The same settings, with a profile that takes the role in this way."""
    config = folder / "config"
    config.write_text(f"[profile app]\nrole_arn = {ROLE}\n{how}\nregion = {REGION}\n")
    return {**environment, "AWS_CONFIG_FILE": str(config), "AWS_PROFILE": "app"}


def from_profile_over_metadata(
    identity: AwsIdentityServer, secretsmanager: SecretsManagerServer, folder: Path
) -> Environment:
    """A role over the role of the instance."""
    return _with_profile(from_metadata(identity, secretsmanager, folder), folder, "credential_source = Ec2InstanceMetadata")


def from_profile_over_container(
    identity: AwsIdentityServer, secretsmanager: SecretsManagerServer, folder: Path
) -> Environment:
    """A role over the role of the pod."""
    return _with_profile(from_pod_identity(identity, secretsmanager, folder), folder, "credential_source = EcsContainer")


def from_profile_with_token(
    identity: AwsIdentityServer, secretsmanager: SecretsManagerServer, folder: Path
) -> Environment:
    """A web identity that a profile names instead of variables."""
    token = identity.mint_token("profile-identity-token", STS_AUDIENCE)
    return _with_profile(endpoints(identity, secretsmanager), folder, f"web_identity_token_file = {token}")
