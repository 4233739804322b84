"""The proxy in front of PostgreSQL: a call is one message of the client, those of the login included."""

from __future__ import annotations

from harness.relay import Ended, Relay, Wire
from harness.statement import summary

_SSL_REQUEST, _CANCEL_REQUEST = 80877103, 80877102
_NAMES = {
    b"p": "password message", b"Q": "query", b"P": "parse", b"B": "bind", b"D": "describe", b"E": "execute",
    b"C": "close", b"S": "sync", b"H": "flush", b"X": "terminate",
}  # fmt: skip
# These are answered together at the next sync.
_UNANSWERED = {b"P", b"B", b"D", b"E", b"C"}
# Requests of the server that end its turn while somebody logs in.
_ASKING = {3, 5, 10, 11}


class PostgresProxy(Relay):
    """Ends TLS on both sides where the client asks for it."""

    def serve(self, client: Wire, server: Wire) -> None:
        while not self._greet(client, server):
            pass
        while True:
            client.await_message()
            kind = client.take(1)
            frame = client.take(4)
            body = client.take(int.from_bytes(frame, "big") - 4)
            number = self.calls.arrive(_label(kind, body), client, is_last=kind == b"X")
            client.counted()
            server.give(kind + frame + body)
            self.calls.forwarded(number)
            answer = b"" if kind in _UNANSWERED else _take_answer(server)
            self.calls.answered(number)
            client.give(answer)
            if kind == b"X":
                return

    def _greet(self, client: Wire, server: Wire) -> bool:
        """A message without a kind; whether it was the last such."""
        frame = client.take(4)
        body = client.take(int.from_bytes(frame, "big") - 4)
        code = int.from_bytes(body[:4], "big")
        label = "sql " + {_SSL_REQUEST: "ssl request", _CANCEL_REQUEST: "cancel"}.get(code, "startup")
        number = self.calls.arrive(label, client)
        server.give(frame + body)
        self.calls.forwarded(number)
        answer = server.take(1) if code == _SSL_REQUEST else _take_answer(server)
        self.calls.answered(number)
        client.give(answer)
        if code != _SSL_REQUEST:
            return True
        if answer == b"S":
            assert self.tls is not None
            server.start_tls(self.tls.to_server, server_side=False)
            client.start_tls(self.tls.to_client, server_side=True)
        return False


def _label(kind: bytes, body: bytes) -> str:
    text = f"sql {_NAMES.get(kind, str(kind))}"
    if kind == b"Q":
        return f"{text} {summary(body[:-1])}"
    if kind == b"P":
        return f"{text} {summary(body.split(bytes(1))[1])}"
    return text


def _take_answer(server: Wire) -> bytes:
    """Everything until it is the client's turn again, or the server has closed the connection."""
    answer = b""
    try:
        while True:
            kind = server.take(1)
            frame = server.take(4)
            body = server.take(int.from_bytes(frame, "big") - 4)
            answer += kind + frame + body
            if kind == b"Z" or (kind == b"R" and int.from_bytes(body[:4], "big") in _ASKING):
                return answer
    except Ended:
        return answer
