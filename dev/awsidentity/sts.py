"""AWS Security Token Service: the two ways to take a role."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from secretsmanager.clock import Clock
from secretsmanager.credentials import CredentialsFile
from secretsmanager.errors import ServiceError
from secretsmanager.protocol import Answer, Request
from secretsmanager.signature import authenticate

from awsidentity.issuer import Issuer, Temporary
from awsidentity.settings import Settings
from awsidentity.tokens import TokenError, Verifier

AUDIENCE = "sts.amazonaws.com"
NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"
UNAVAILABLE = {"IDPCommunicationError": 400, "InternalFailure": 500, "ServiceUnavailable": 503, "Throttling": 400}


def refusal(code: str, message: str, status: int = 400) -> Answer:
    """An error in the form of the query protocol."""
    body = (
        f'<ErrorResponse xmlns="{NAMESPACE}"><Error><Type>Sender</Type><Code>{code}</Code>'
        f"<Message>{escape(message)}</Message></Error><RequestId>local</RequestId></ErrorResponse>"
    )
    return Answer(status, body.encode(), "text/xml", code=code)


def render_xml(action: str, made: Temporary) -> bytes:
    """The documented form."""
    return (
        f'<{action}Response xmlns="{NAMESPACE}"><{action}Result><Credentials>'
        f"<AccessKeyId>{made.access_key_id}</AccessKeyId>"
        f"<SecretAccessKey>{made.secret_access_key}</SecretAccessKey>"
        f"<SessionToken>{made.session_token}</SessionToken>"
        f"<Expiration>{made.expires_text}</Expiration></Credentials></{action}Result></{action}Response>"
    ).encode()


def render_json(action: str, made: Temporary) -> bytes:
    """What the real service answers to `Accept: application/json`."""
    credentials = {
        "AccessKeyId": made.access_key_id,
        "SecretAccessKey": made.secret_access_key,
        "SessionToken": made.session_token,
        "Expiration": made.expires,
    }
    return json.dumps({f"{action}Response": {f"{action}Result": {"Credentials": credentials}}}).encode()


class Sts:
    """Answers the requests of one server."""

    name = "sts"

    def __init__(self, settings: Settings, issuer: Issuer, verifier: Verifier, credentials: CredentialsFile) -> None:
        self._settings = settings
        self._issuer = issuer
        self._verifier = verifier
        self._credentials = credentials

    def answer(self, request: Request) -> Answer:
        """One request."""
        failure = self._settings.next_failure(self.name)
        if failure is not None:
            return refusal(failure, "a failure on demand", UNAVAILABLE.get(failure, 400))
        if request.method != "POST" or request.target != "/":
            return refusal("InvalidAction", "only POST / is served here")
        form = {key: values[0] for key, values in parse_qs(request.body.decode(), strict_parsing=True).items()}
        settings = self._settings.read()
        role = settings["roles"].get(form.get("RoleArn"))
        try:
            if form.get("Action") == "AssumeRoleWithWebIdentity":
                allowed = self._is_trusted_identity(form, role, settings["issuer"])
            elif form.get("Action") == "AssumeRole":
                allowed = self._is_trusted_principal(request, form, role)
            else:
                return refusal("InvalidAction", "the action is not served here")
        except TokenError as err:
            return refusal(err.code, str(err))
        except ServiceError as err:
            return refusal(err.code.removesuffix("Exception"), err.message or "", 403)
        if not allowed:
            return refusal("AccessDenied", f"Not authorized to perform sts:{form['Action']}", 403)
        return self._issue(request, form, settings)

    def _is_trusted_identity(self, form: dict[str, str], role: dict[str, Any] | None, issuer: str) -> bool:
        subject = self._verifier.subject(form["WebIdentityToken"], issuer, AUDIENCE)
        return role is not None and subject in role.get("subjects", [])

    def _is_trusted_principal(self, request: Request, form: dict[str, str], role: dict[str, Any] | None) -> bool:
        caller = authenticate(request, self._credentials, Clock(), "sts").credential.principal_arn
        if role is None or caller not in role.get("principals", []):
            return False
        return role.get("external_id") is None or role["external_id"] == form.get("ExternalId")

    def _issue(self, request: Request, form: dict[str, str], settings: dict[str, Any]) -> Answer:
        seconds = float(form.get("DurationSeconds", settings["lifetime_seconds"]))
        policy = settings["roles"][form["RoleArn"]].get("policy")
        made = self._issuer.issue(form["RoleArn"], form["RoleSessionName"], seconds, policy)
        if settings.get("json", True) and request.value("accept") == "application/json":
            return Answer(200, render_json(form["Action"], made), "application/json")
        return Answer(200, render_xml(form["Action"], made), "text/xml")
