"""The two sources beside a pod: the EKS Pod Identity agent, and the metadata of an EC2 instance."""

from __future__ import annotations

import json
import secrets

from secretsmanager.protocol import Answer, Request

from awsidentity.issuer import Issuer, Temporary
from awsidentity.settings import Settings
from awsidentity.tokens import TokenError, Verifier

AUDIENCE = "pods.eks.amazonaws.com"
ROLES = "/latest/meta-data/iam/security-credentials/"


def text(status: int, body: str, code: str | None = None) -> Answer:
    """An answer in plain text."""
    return Answer(status, body.encode(), "text/plain", code=code)


def document(made: Temporary) -> dict[str, str]:
    """Credentials in the form of both."""
    return {
        "AccessKeyId": made.access_key_id,
        "SecretAccessKey": made.secret_access_key,
        "Token": made.session_token,
        "Expiration": made.expires_text,
    }


class PodIdentity:
    """GET /v1/credentials with the pod's token."""

    name = "pod-identity"

    def __init__(self, settings: Settings, issuer: Issuer, verifier: Verifier) -> None:
        self._settings = settings
        self._issuer = issuer
        self._verifier = verifier

    def answer(self, request: Request) -> Answer:
        """One request."""
        failure = self._settings.next_failure(self.name)
        if failure is not None:
            return text(500, f"[local]: ({failure}): a failure on demand", failure)
        if request.method != "GET" or request.target != "/v1/credentials":
            return text(404, "page not found", "NotFound")
        settings = self._settings.read()
        try:
            subject = self._verifier.subject(request.value("authorization") or "", settings["issuer"], AUDIENCE)
        except TokenError as err:
            return text(400, f"[local]: ({err.code}): {err}, fault: client", err.code)
        role = settings["associations"].get(subject)
        if role is None:
            message = f"[local]: (ResourceNotFoundException): no association for {subject}, fault: client"
            return text(404, message, "ResourceNotFoundException")
        made = self._issuer.issue(role, "eks-local", settings["lifetime_seconds"])
        return Answer(200, json.dumps(document(made)).encode(), "application/json")


class Metadata:
    """Version 2 of the instance metadata: nothing without a token."""

    name = "metadata"

    def __init__(self, settings: Settings, issuer: Issuer) -> None:
        self._settings = settings
        self._issuer = issuer
        self._tokens: set[str] = set()

    def answer(self, request: Request) -> Answer:
        """One request."""
        failure = self._settings.next_failure(self.name)
        if failure is not None:
            return text(500, "", failure)
        if request.target == "/latest/api/token":
            return self._issue_token(request)
        if request.value("x-aws-ec2-metadata-token") not in self._tokens:
            return text(401, "", "Unauthorized")
        return self._look_up(request.target)

    def _issue_token(self, request: Request) -> Answer:
        seconds = request.value("x-aws-ec2-metadata-token-ttl-seconds") or ""
        if request.method != "PUT" or not seconds.isdigit() or request.value("x-forwarded-for") is not None:
            return text(400, "", "BadRequest")
        token = secrets.token_urlsafe(40)
        self._tokens.add(token)
        return text(200, token)

    def _look_up(self, path: str) -> Answer:
        settings = self._settings.read()
        role = settings["instance_role"]
        if path == "/latest/meta-data/placement/region":
            return text(200, settings["region"])
        if role is None:
            return text(404, "", "NotFound")
        name = role.rpartition("/")[2]
        if path == ROLES:
            return text(200, name)
        if path != ROLES + name:
            return text(404, "", "NotFound")
        made = self._issuer.issue(role, "i-0123456789abcdef0", settings["lifetime_seconds"])
        return Answer(200, json.dumps({"Code": "Success", "Type": "AWS-HMAC", **document(made)}).encode(), "text/plain")
