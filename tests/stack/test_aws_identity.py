"""The local sources of AWS credentials, with botocore's own providers as a second opinion."""

from __future__ import annotations

import base64
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError, CredentialRetrievalError
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256

TREE = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TREE / "dev")]

from devstack.locations import DEV  # noqa: E402
from devstack.process import ServerProcess, free_port  # noqa: E402

SUBJECT = "system:serviceaccount:operators:operator"
ROLE = "arn:aws:iam::123456789012:role/operator"
PERSON = "arn:aws:iam::123456789012:role/person"
ISSUER = "https://issuer"


def encode(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Identity:
    """The servers over one folder, and the key of their cluster."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = generate_private_key(65537, 2048)
        public = self.key.public_key().public_numbers()
        jwk = {"kid": "1", "kty": "RSA", "n": encode(public.n.to_bytes(256, "big")), "e": encode(b"\x01\x00\x01")}
        (folder / "jwks.json").write_text(json.dumps({"keys": [jwk]}))
        self.table = folder / "credentials.json"
        self.table.write_text(json.dumps({"AKIAPERSON": {"secret": "s3cret", "principal_arn": PERSON}}))
        self.ports = {name: free_port() for name in ("sts", "pod-identity", "metadata")}
        flags = [part for name, port in self.ports.items() for part in (f"--{name}-port", str(port))]
        self.process = ServerProcess(
            "awsidentity",
            [sys.executable, "-m", "awsidentity", "--folder", folder, "--jwks", folder / "jwks.json",
             "--credentials", self.table, *flags],
            folder / "log",
            environment={"PYTHONPATH": str(DEV), "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip

    def url(self, name: str) -> str:
        """Where one of them answers."""
        return f"http://127.0.0.1:{self.ports[name]}"

    def configure(self, **changes: Any) -> None:
        """Settings as in dev/awsidentity/README.md."""
        settings = {
            "issuer": ISSUER,
            "roles": {ROLE: {"subjects": [SUBJECT], "principals": [PERSON]}},
            "associations": {SUBJECT: ROLE},
            "instance_role": ROLE,
            "region": "eu-west-3",
            "lifetime_seconds": 3600,
            **changes,
        }
        (self.folder / "settings.json").write_text(json.dumps(settings))

    def token(self, audience: str, key: RSAPrivateKey | None = None, **claims: Any) -> Path:
        """A file with a token, as the API server would make it unless told otherwise."""
        payload = {"iss": ISSUER, "aud": [audience], "sub": SUBJECT, "exp": time.time() + 600, **claims}
        head = encode(json.dumps({"alg": "RS256", "kid": "1"}).encode())
        signed = f"{head}.{encode(json.dumps(payload).encode())}"
        signature = (key or self.key).sign(signed.encode(), PKCS1v15(), SHA256())
        path = self.folder / "token"
        path.write_text(f"{signed}.{encode(signature)}")
        return path

    def known(self, access_key_id: str) -> dict[str, Any]:
        """What the Secrets Manager knows of a set."""
        entry: dict[str, Any] = json.loads(self.table.read_text())[access_key_id]
        return entry


@pytest.fixture
def identity(tmp_path: Path) -> Iterator[Identity]:
    """The servers, running."""
    identity = Identity(tmp_path)
    identity.configure()
    identity.process.start()
    identity.process.wait_ready((tmp_path / "ready").exists, 30)
    yield identity
    identity.process.stop()


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """The environment of botocore, without anything of AWS in it."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-3")
    return monkeypatch


def fetch() -> Any:
    """What botocore's chain finds."""
    credentials = botocore.session.get_session().get_credentials()
    assert credentials is not None
    return credentials.get_frozen_credentials()


def set_web_identity(settings: pytest.MonkeyPatch, identity: Identity, token: Path) -> None:
    """What the webhook of EKS sets, and where STS is."""
    settings.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(token))
    settings.setenv("AWS_ROLE_ARN", ROLE)
    settings.setenv("AWS_ROLE_SESSION_NAME", "second-opinion")
    settings.setenv("AWS_ENDPOINT_URL_STS", identity.url("sts"))


def test_botocore_takes_a_role_with_a_web_identity(identity: Identity, settings: pytest.MonkeyPatch) -> None:
    set_web_identity(settings, identity, identity.token("sts.amazonaws.com"))

    known = identity.known(fetch().access_key)

    assert known["principal_arn"] == "arn:aws:sts::123456789012:assumed-role/operator/second-opinion"


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"aud": ["somebody-else"]}, "InvalidIdentityToken"),
        ({"iss": "https://other"}, "InvalidIdentityToken"),
        ({"exp": 1}, "ExpiredTokenException"),
        ({"sub": "system:serviceaccount:operators:other"}, "AccessDenied"),
        ({"key": generate_private_key(65537, 2048)}, "InvalidIdentityToken"),
    ],
    ids=["audience", "issuer", "expiry", "subject", "signature"],
)
def test_tokens_that_prove_nothing_are_refused(
    identity: Identity, settings: pytest.MonkeyPatch, claims: dict[str, Any], code: str
) -> None:
    set_web_identity(settings, identity, identity.token("sts.amazonaws.com", **claims))

    with pytest.raises(ClientError) as refusal:
        fetch()

    assert refusal.value.response["Error"]["Code"] == code


def test_botocore_takes_a_role_over_keys(identity: Identity, settings: pytest.MonkeyPatch) -> None:
    (identity.folder / "config").write_text(
        f"[default]\nrole_arn = {ROLE}\nsource_profile = keys\n"
        "[profile keys]\naws_access_key_id = AKIAPERSON\naws_secret_access_key = s3cret\n"
    )
    settings.setenv("AWS_CONFIG_FILE", str(identity.folder / "config"))
    settings.setenv("AWS_ENDPOINT_URL_STS", identity.url("sts"))

    assert identity.known(fetch().access_key)["principal_arn"].startswith(
        "arn:aws:sts::123456789012:assumed-role/operator/"
    )

    identity.configure(roles={ROLE: {"principals": []}})
    with pytest.raises(ClientError, match="AccessDenied"):
        fetch()


def test_botocore_is_served_by_pod_identity(identity: Identity, settings: pytest.MonkeyPatch) -> None:
    settings.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", identity.url("pod-identity") + "/v1/credentials")
    settings.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(identity.token("pods.eks.amazonaws.com")))

    found = fetch()
    assert identity.known(found.access_key)["session_token"] == found.token

    identity.token("sts.amazonaws.com")
    with pytest.raises(CredentialRetrievalError):
        fetch()


def test_botocore_is_served_by_the_instance_metadata(identity: Identity, settings: pytest.MonkeyPatch) -> None:
    settings.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", identity.url("metadata"))

    assert identity.known(fetch().access_key)["principal_arn"].startswith("arn:aws:sts::123456789012:assumed-role/")

    identity.configure(instance_role=None)
    assert botocore.session.get_session().get_credentials() is None
