"""HTTP/1.1 on loopback for one of the sources."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs

from secretsmanager.protocol import Answer, Request

from awsidentity.settings import Settings

MAX_BODY_BYTES = 64 * 1024
SILENCE_SECONDS = 60


class Source(Protocol):
    """What stands behind a server."""

    name: str

    def answer(self, request: Request) -> Answer:
        """One request."""


class CallLog:
    """One JSON line a request: which server, what, and what came of it; no tokens, no keys."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def note(self, source: Source, request: Request, answer: Answer) -> None:
        """Appends a line."""
        form = parse_qs(request.body.decode(errors="replace"))
        line = {
            "time": time.time(),
            "server": source.name,
            "method": request.method,
            "target": request.target,
            "action": form.get("Action", [None])[0],
            "session": form.get("RoleSessionName", [None])[0],
            "status": answer.status,
            "code": answer.code,
        }
        with self._lock, self._path.open("a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")


class Server(ThreadingHTTPServer):
    """One source on one port; threads are daemons, so that silence does not delay the end."""

    daemon_threads = True

    def __init__(self, port: int, source: Source, settings: Settings, log: CallLog) -> None:
        self.source = source
        self.settings = settings
        self.log = log
        super().__init__(("127.0.0.1", port), Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news; the default prints a trace for it."""


class Handler(BaseHTTPRequestHandler):
    """Hands each request to the source."""

    protocol_version = "HTTP/1.1"
    server: Server

    def _serve(self) -> None:
        length = min(int(self.headers.get("Content-Length") or 0), MAX_BODY_BYTES)
        request = Request(self.command, self.path, tuple(self.headers.items()), self.rfile.read(length))
        if self.server.source.name in self.server.settings.read().get("silent", []):
            time.sleep(SILENCE_SECONDS)
            return
        try:
            answer = self.server.source.answer(request)
        except (KeyError, ValueError) as err:
            answer = Answer(400, f"cannot be served: {type(err).__name__}".encode(), "text/plain", code="Malformed")
        self.server.log.note(self.server.source, request, answer)
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_PUT = do_POST = _serve  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:
        """The log of calls says more."""
