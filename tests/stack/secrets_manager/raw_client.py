"""Requests by hand, signed by an implementation of Signature Version 4 that owes nothing to botocore.

The server verifies with botocore, so what passes here is accepted by two independent readings of the
specification. Each part of a request can be bent, to see that the server minds.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from local_server import ADMIN_KEY, ADMIN_SECRET

CONTENT_TYPE = "application/x-amz-json-1.1"


@dataclass
class RawAnswer:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The error code."""
        return self.json["__type"]

    @property
    def text(self) -> str:
        """The error text, under either of its names."""
        return self.json.get("Message", self.json.get("message"))


@dataclass
class Signer:
    """The ingredients of a signature; tests change one at a time."""

    key: str = ADMIN_KEY
    secret: str = ADMIN_SECRET
    region: str = "us-east-1"
    service: str = "secretsmanager"
    terminator: str = "aws4_request"
    skew: timedelta = timedelta(0)
    scope_date: str | None = None
    leave_out: tuple[str, ...] = ()

    def now(self) -> str:
        """The time that the request claims."""
        return (datetime.now(timezone.utc) + self.skew).strftime("%Y%m%dT%H%M%SZ")

    def authorization(self, headers: list[tuple[str, str]], body: bytes, stamp: str) -> str:
        """The Authorization header for a POST to `/`."""
        signed = {name.lower(): value.strip() for name, value in headers if name.lower() not in self.leave_out}
        names = ";".join(sorted(signed))
        canonical = "\n".join(
            ["POST", "/", ""]
            + [f"{name}:{signed[name]}" for name in sorted(signed)]
            + ["", names, hashlib.sha256(body).hexdigest()]
        )
        day = self.scope_date or stamp[:8]
        scope = f"{day}/{self.region}/{self.service}/{self.terminator}"
        text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        key = f"AWS4{self.secret}".encode()
        for part in (day, self.region, self.service, self.terminator):
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.digest(key, text.encode(), "sha256").hex()
        return f"AWS4-HMAC-SHA256 Credential={self.key}/{scope}, SignedHeaders={names}, Signature={signature}"


class RawClient:
    """One kept connection."""

    def __init__(self, port: int, signer: Signer | None = None) -> None:
        self.port = port
        self.signer = signer or Signer()
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)

    def close(self) -> None:
        """Ends the connection."""
        self.connection.close()

    def call(self, operation: str, params: dict[str, Any]) -> RawAnswer:
        """An ordinary signed call."""
        headers, body = self.build(operation, json.dumps(params).encode())
        return self.send(headers, body)

    def write(self, operation: str, params: dict[str, Any]) -> RawAnswer:
        """A signed call with a fresh token, as SDKs add it."""
        return self.call(operation, params | {"ClientRequestToken": str(uuid.uuid4())})

    def build(
        self,
        operation: str,
        body: bytes,
        *,
        target: str | None = None,
        host: str | None = None,
        extra: tuple[tuple[str, str], ...] = (),
        content_type: str = CONTENT_TYPE,
    ) -> tuple[list[tuple[str, str]], bytes]:
        """The headers of a signed call, Authorization last."""
        stamp = self.signer.now()
        headers = [
            ("Host", host or f"127.0.0.1:{self.port}"),
            ("Content-Type", content_type),
            ("X-Amz-Date", stamp),
            ("X-Amz-Target", f"secretsmanager.{operation}" if target is None else target),
            *extra,
        ]
        return headers + [("Authorization", self.signer.authorization(headers, body, stamp))], body

    def send(self, headers: list[tuple[str, str]], body: bytes, method: str = "POST", path: str = "/") -> RawAnswer:
        """Sends exactly these headers, and Content-Length."""
        self.connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers:
            self.connection.putheader(name, value)
        self.connection.putheader("Content-Length", str(len(body)))
        self.connection.endheaders(body)
        response = self.connection.getresponse()
        return RawAnswer(response.status, response.headers, response.read())


def without(headers: list[tuple[str, str]], name: str) -> list[tuple[str, str]]:
    """The headers less one."""
    return [(key, value) for key, value in headers if key != name]
