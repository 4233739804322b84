"""HTTP/1.1 on loopback: one thread a connection, kept alive."""

from __future__ import annotations

import os
import socket
import struct
import threading
import uuid
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from secretsmanager.calls import Calls
from secretsmanager.clock import Clock
from secretsmanager.control import PREFIX, Control
from secretsmanager.exchange import Exchange
from secretsmanager.faults import Faults
from secretsmanager.protocol import TARGET_PREFIX, Answer, Request, named_secret
from secretsmanager.service import Service

MAX_BODY_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class Parts:
    """What the requests of all connections share."""

    service: Service
    calls: Calls
    faults: Faults
    clock: Clock
    control: Control


class Server(ThreadingHTTPServer):
    """Threads are daemons: a hanging call must not delay the end of the process."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, parts: Parts) -> None:
        self.parts = parts
        self._lock = threading.Lock()
        self._connections = 0
        super().__init__(("127.0.0.1", port), Handler)

    @property
    def port(self) -> int:
        """The port that clients connect to."""
        return self.server_address[1]

    def next_connection(self) -> int:
        """Numbers connections, so that the log of calls shows which ones were reused."""
        with self._lock:
            self._connections += 1
            return self._connections

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news; the default prints a trace for it."""


class Handler(BaseHTTPRequestHandler):
    """The requests of one connection."""

    protocol_version = "HTTP/1.1"
    server_version = "SecretsManager"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body of an answer leave together
    server: Server

    def setup(self) -> None:
        """A connection has been accepted."""
        super().setup()
        self._number = self.server.next_connection()
        self._parts = self.server.parts

    def log_message(self, format: str, *args: Any) -> None:
        """The log of calls replaces the access log."""

    def version_string(self) -> str:
        """Not what it is made of."""
        return self.server_version

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The Date header shows the service's time: clients correct their clock by it."""
        return super().date_time_string(self._parts.clock.now() if timestamp is None else timestamp)

    def do_POST(self) -> None:
        """Control requests are told by their path; everything else is the service's business."""
        body = self._read_body()
        if body is None:
            return
        if self.path.startswith(PREFIX):
            self._send(self._parts.control.handle(self.command, self.path, body))
        else:
            self._serve(Request(self.command, self.path, tuple(self.headers.items()), body))

    do_GET = do_PUT = do_DELETE = do_POST

    def _read_body(self) -> bytes | None:
        """The body, or None if the request was refused because its length is unknown or too large."""
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdigit():
            self.send_error(411)
        elif int(length) > MAX_BODY_BYTES:
            self.send_error(413)
        else:
            return self.rfile.read(int(length))
        self.close_connection = True
        return None

    def _serve(self, request: Request) -> None:
        """One API call, with its fault if there is one."""
        operation = (request.value("x-amz-target") or "").removeprefix(TARGET_PREFIX)
        secret = named_secret(request.body)
        call = self._parts.calls.begin(
            self._parts.clock.now(),
            connection=self._number,
            operation=operation,
            secret=secret,
            request_id=str(uuid.uuid4()),
        )
        armed = self._parts.faults.take(operation, secret)
        Exchange(self, self._parts.service, self._parts.calls, request, call, armed).run()

    def send_answer(self, answer: Answer, request_id: str, length: int | None = None) -> None:
        """Sends an answer; `length` is how much of its body, for a truncated one."""
        self._send(answer, (("x-amzn-RequestId", request_id),), length)

    def _send(self, answer: Answer, headers: tuple[tuple[str, str], ...] = (), length: int | None = None) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        for name, value in headers + answer.headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body if length is None else answer.body[:length])

    def reset_connection(self) -> None:
        """Sends RST: lingering is switched off and the descriptor closed under the buffered files."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())

    def client_has_left(self) -> bool:
        """True once the client has closed its side."""
        try:
            return self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True
