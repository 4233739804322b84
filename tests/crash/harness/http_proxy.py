"""The proxy in front of the API server and of Secrets Manager: a call is one request."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from harness.relay import Relay, Wire

_END = b"\r\n\r\n"
_NAMED = re.compile(r"^/(?:api/v1|apis/[^/]+/[^/]+)(?:/namespaces/[^/]+)?/([a-z]+)/([^/?]+)(/status)?(?:\?|$)")
# Written beside the pass, by other threads, whenever these find the time.
_BESIDE = {"events", "leases"}


@dataclass
class Message:
    """A request or an answer: its first line, its header fields, and everything as it came."""

    line: str
    fields: dict[str, str]
    head: bytes

    @classmethod
    def take(cls, wire: Wire) -> Message:
        """Reads up to the begin of the body."""
        head = wire.take_until(_END)
        line, *rest = head.decode("latin-1").split("\r\n")
        pairs = (field.partition(":") for field in rest if field)
        return cls(line, {name.lower(): value.strip() for name, _, value in pairs}, head)

    @property
    def is_chunked(self) -> bool:
        """Whether the body comes in pieces of announced length."""
        return self.fields.get("transfer-encoding", "").lower() == "chunked"

    @property
    def length(self) -> int | None:
        """The length of the body where it is announced."""
        text = self.fields.get("content-length")
        return None if text is None else int(text)


def kube_label(request: Message) -> str | None:
    """What a request to the API server is called; None for what is not counted.

    Counted is what a pass does: it names one object.  LIST and WATCH are the informers', events and
    leases are written beside.
    """
    method, path, _ = request.line.split(" ", 2)
    named = _NAMED.match(path)
    if named is None or named[1] in _BESIDE:
        return None
    return f"kube {method} {named[1]}{named[3] or ''}"


def aws_label(request: Message) -> str | None:
    """What a request to Secrets Manager is called; all of them are counted."""
    return f"aws {request.fields.get('x-amz-target', request.line).rpartition('.')[2]}"


class HttpProxy(Relay):
    """One request after the other on each connection; `label` decides which are counted."""

    HAS_LAST_MESSAGES = False
    label = staticmethod(kube_label)

    def serve(self, client: Wire, server: Wire) -> None:
        if self.tls is not None:
            client.start_tls(self.tls.to_client, server_side=True)
            server.start_tls(self.tls.to_server, server_side=False)
        while True:
            request = Message.take(client)
            body = client.take(request.length or 0)
            label = self.label(request)
            number = 0 if label is None else self.calls.arrive(label, client)
            server.give(request.head + body)
            self.calls.forwarded(number)
            answer = Message.take(server)
            if number > 0:
                whole = answer.head + b"".join(_pieces(request, answer, server))
                self.calls.answered(number)
                client.give(whole)
            else:
                client.give(answer.head)
                for piece in _pieces(request, answer, server):
                    client.give(piece)
            if answer.fields.get("connection", "").lower() == "close":
                return


class AwsProxy(HttpProxy):
    """In front of Secrets Manager."""

    label = staticmethod(aws_label)


def _has_body(request: Message, answer: Message) -> bool:
    status = int(answer.line.split(" ", 2)[1])
    return not request.line.startswith("HEAD ") and status >= 200 and status not in (204, 304)


def _pieces(request: Message, answer: Message, server: Wire) -> Iterator[bytes]:
    """The body as it comes."""
    if not _has_body(request, answer):
        return
    if not answer.is_chunked:
        yield server.take_rest() if answer.length is None else server.take(answer.length)
        return
    size = 1
    while size > 0:
        line = server.take_until(b"\r\n")
        size = int(line.split(b";")[0], 16)
        yield line + server.take(size + 2)
