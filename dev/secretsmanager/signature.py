"""Signature Version 4, verified by botocore's own signer over what the request says it has signed."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials

from secretsmanager.clock import Clock
from secretsmanager.credentials import Credential, CredentialsFile
from secretsmanager.errors import ServiceError, front_end_error
from secretsmanager.protocol import Request

ALGORITHM = "AWS4-HMAC-SHA256"
SERVICE = "secretsmanager"
SKEW = timedelta(minutes=5)
STAMP = "%Y%m%dT%H%M%SZ"
REGION = re.compile(r"([a-z]+-)+\d+")
AWS_HOST = re.compile(r"secretsmanager(-fips)?\.(?P<region>[a-z0-9-]+)\.[a-z0-9.-]+(:\d+)?", re.IGNORECASE)

INVALID_TOKEN = "The security token included in the request is invalid."
MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)


@dataclass(frozen=True)
class Authorization:
    """The Authorization header, taken apart."""

    access_key_id: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str


@dataclass(frozen=True)
class Identity:
    """Who signed, and for which region."""

    credential: Credential
    region: str


def incomplete(message: str) -> ServiceError:
    """The signature cannot even be checked."""
    return front_end_error("IncompleteSignatureException", message)


def invalid(message: str) -> ServiceError:
    """The signature does not prove the request."""
    return front_end_error("InvalidSignatureException", message)


def parse_authorization(request: Request) -> Authorization:
    """Takes the header apart. Requests without one are unsigned, whatever else they carry."""
    headers = request.values("authorization")
    if not headers:
        raise front_end_error("MissingAuthenticationTokenException", "Request is missing Authentication Token")
    if len(headers) > 1:
        raise incomplete("The request has more than one Authorization header.")
    algorithm, _, rest = headers[0].partition(" ")
    if algorithm != ALGORITHM:
        raise incomplete(f"Unsupported AWS 'algorithm': only {ALGORITHM} is supported.")
    parts = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    missing = [name for name in ("Credential", "SignedHeaders", "Signature") if not parts.get(name)]
    if missing:
        raise incomplete(" ".join(f"Authorization header requires '{name}' parameter." for name in missing))
    scope = parts["Credential"].rsplit("/", 4)
    if len(scope) != 5:
        raise incomplete(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term."
        )
    if scope[4] != "aws4_request":
        raise invalid("Credential should be scoped with a valid terminator: 'aws4_request'.")
    names = tuple(parts["SignedHeaders"].split(";"))
    return Authorization(scope[0], scope[1], scope[2], scope[3], names, parts["Signature"])


def signing_time(request: Request) -> datetime:
    """The time in the request. Two of the same header are refused: which one was signed would be a guess."""
    name = "x-amz-date" if request.values("x-amz-date") else "date"
    values = request.values(name)
    if len(values) != 1:
        raise incomplete("Authorization header requires existence of exactly one 'X-Amz-Date' or 'Date' header.")
    try:
        if name == "x-amz-date":
            return datetime.strptime(values[0], STAMP).replace(tzinfo=timezone.utc)
        return parsedate_to_datetime(values[0]).astimezone(timezone.utc)
    except ValueError:
        raise incomplete("Date must be in ISO-8601 'basic format'.") from None


def check_scope(request: Request, authorization: Authorization, moment: datetime, service: str) -> None:
    """Date, region and service of the credential scope have to be those of the request and the endpoint."""
    if not REGION.fullmatch(authorization.region):
        raise invalid(f"Credential should be scoped to a valid region, not '{authorization.region}'.")
    host = AWS_HOST.fullmatch(request.value("host") or "")
    if host is not None and host["region"].lower() != authorization.region:
        raise invalid(f"Credential should be scoped to a valid region, not '{authorization.region}'.")
    if authorization.service != service:
        raise invalid(f"Credential should be scoped to correct service: '{service}'.")
    day = moment.strftime("%Y%m%d")
    if authorization.date != day:
        raise invalid(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{authorization.date}' != '{day}', from '{moment.strftime(STAMP)}'."
        )


def check_signed_headers(request: Request, names: tuple[str, ...]) -> None:
    """Host, content type and every x-amz-* header have to be covered, and what is named has to be there."""
    if list(names) != sorted(set(names)) or any(name != name.lower() for name in names):
        raise invalid("SignedHeaders must be in lower case, sorted and without repetition.")
    for name in names:
        if not request.values(name):
            raise incomplete(f"'{name}' is named as a SignedHeader, but it does not exist in the HTTP request")
    present = {key.lower() for key, _ in request.headers}
    must = {"host"} | {name for name in present if name == "content-type" or name.startswith("x-amz-")}
    for name in sorted(must - set(names)):
        shown = "'Host' or ':authority'" if name == "host" else f"'{name}'"
        raise invalid(f"{shown} must be a 'SignedHeader' in the AWS Authorization.")


def check_skew(moment: datetime, now: datetime) -> None:
    """Five minutes either way, in AWS's words: a client can read our time from them."""
    stamp = moment.strftime(STAMP)
    if moment < now - SKEW:
        limit = (now - SKEW).strftime(STAMP)
        raise invalid(f"Signature expired: {stamp} is now earlier than {limit} ({now.strftime(STAMP)} - 5 min.)")
    if moment > now + SKEW:
        limit = (now + SKEW).strftime(STAMP)
        raise invalid(
            f"Signature not yet current: {stamp} is still later than {limit} ({now.strftime(STAMP)} + 5 min.)"
        )


class Recalculation(SigV4Auth):
    """botocore's signer, told which headers to sign instead of choosing them."""

    def __init__(self, credentials: Credentials, authorization: Authorization) -> None:
        super().__init__(credentials, authorization.service, authorization.region)
        self._names = authorization.signed_headers

    def headers_to_sign(self, request: AWSRequest) -> HTTPHeaders:
        chosen = HTTPHeaders()
        for name, value in request.context["received"]:
            if name.lower() in self._names:
                chosen[name.lower()] = value
        return chosen


def check_signature(request: Request, authorization: Authorization, moment: datetime, secret: str) -> None:
    """Recalculates. A mismatch shows the canonical request, as AWS does, with every signed header in it."""
    declared = request.value("x-amz-content-sha256")
    if declared is not None and declared != hashlib.sha256(request.body).hexdigest():
        raise invalid("The value of 'x-amz-content-sha256' does not match the request payload.")
    signer = Recalculation(Credentials(authorization.access_key_id, secret), authorization)
    received = AWSRequest(request.method, f"http://{request.value('host')}{request.target}", data=request.body)
    received.context["received"] = request.headers
    received.context["timestamp"] = moment.strftime(STAMP)
    canonical = signer.canonical_request(received)
    to_sign = signer.string_to_sign(received, canonical)
    expected = signer.signature(to_sign, received)
    if not hmac.compare_digest(expected.encode("ascii"), authorization.signature.encode("utf-8")):
        raise invalid(
            f"{MISMATCH}\n\nThe Canonical String for this request should have been\n'{canonical}'\n\n"
            f"The String-to-Sign should have been\n'{to_sign}'\n"
        )


def authenticate(
    request: Request, credentials: CredentialsFile, clock: Clock, service: str = SERVICE
) -> Identity:
    """Who sent this request; raises the error of the first thing that is wrong with it."""
    authorization = parse_authorization(request)
    moment = signing_time(request)
    check_scope(request, authorization, moment, service)
    check_signed_headers(request, authorization.signed_headers)
    now = clock.now()
    check_skew(moment, datetime.fromtimestamp(now, timezone.utc).replace(microsecond=0))
    credential = credentials.get(authorization.access_key_id)
    if credential is None or credential.session_token != request.value("x-amz-security-token"):
        raise front_end_error("UnrecognizedClientException", INVALID_TOKEN)
    check_signature(request, authorization, moment, credential.secret)
    if credential.expires_at is not None and credential.expires_at <= now:
        raise front_end_error("ExpiredTokenException", "The security token included in the request is expired")
    return Identity(credential, authorization.region)
