"""AWS JSON 1.1: from an HTTP request to an operation with parameters, and from a result to an answer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from secretsmanager.errors import ServiceError

CONTENT_TYPE = "application/x-amz-json-1.1"
TARGET_PREFIX = "secretsmanager."


@dataclass(frozen=True)
class Request:
    """An HTTP request as it came in. Header names keep their spelling and may repeat."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def values(self, name: str) -> list[str]:
        """All values of a header."""
        return [value for key, value in self.headers if key.lower() == name]

    def value(self, name: str) -> str | None:
        """The first value of a header."""
        return next(iter(self.values(name)), None)


@dataclass(frozen=True)
class Answer:
    """What goes back: `code` is the error code, or None for a success."""

    status: int
    body: bytes
    content_type: str = CONTENT_TYPE
    code: str | None = None
    headers: tuple[tuple[str, str], ...] = ()


def operation_name(request: Request) -> str:
    """The operation that the target names. The real service says nothing more about a target it does not know."""
    target = request.value("x-amz-target") or ""
    content_type = (request.value("content-type") or "").split(";")[0].strip().lower()
    if request.method != "POST" or request.target != "/" or content_type != CONTENT_TYPE:
        raise ServiceError("UnknownOperationException", None)
    if not target.startswith(TARGET_PREFIX):
        raise ServiceError("UnknownOperationException", None)
    return target.removeprefix(TARGET_PREFIX)


def parse_body(body: bytes) -> dict[str, Any]:
    """The JSON object of the request; an empty body counts as an empty object."""
    try:
        document = json.loads(body.decode("utf-8")) if body.strip() else {}
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise ServiceError("SerializationException", None) from None
    if not isinstance(document, dict):
        raise ServiceError("SerializationException", "Start of structure or map expected")
    return document


def named_secret(body: bytes) -> str | None:
    """The secret that a request is about, as it spells it, for faults and the log; None if it names none."""
    try:
        document = parse_body(body)
    except ServiceError:
        return None
    name = document.get("SecretId", document.get("Name"))
    return name[:2048] if isinstance(name, str) else None


def success(result: dict[str, Any]) -> Answer:
    """Results hold no None: absent members are left out where they are made."""
    return Answer(200, json.dumps(result, ensure_ascii=False).encode("utf-8"))


def failure(error: ServiceError) -> Answer:
    """An error answer."""
    return Answer(error.status, json.dumps(error.body(), ensure_ascii=False).encode("utf-8"), code=error.code)
