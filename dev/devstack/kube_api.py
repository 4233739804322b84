"""The API server over connections that are used again: for reading and writing often.

What a user does is done with kubectl; whoever looks ten times a second cannot start a program each
time.
"""

from __future__ import annotations

import http.client
import json
import ssl
import threading
import time
from pathlib import Path
from typing import Any

_IDLE_SECONDS = 20  # the API server closes connections that are idle for longer than some minutes


class KubeApi:
    """Calls with a client certificate; any thread may use it, each has a connection of its own."""

    def __init__(self, port: int, ca_file: Path, certificate: Path, key: Path) -> None:
        self._port = port
        self._context = ssl.create_default_context(cafile=str(ca_file))
        self._context.load_cert_chain(certificate, key)
        self._local = threading.local()

    def call(self, method: str, path: str, document: Any = None, *, missing_ok: bool = False) -> Any:
        """The answer's JSON; None when the object is missing and may be."""
        body = None if document is None else json.dumps(document)
        try:
            status, text = self._exchange(method, path, body)
        except (OSError, http.client.HTTPException):
            if method != "GET":
                raise
            status, text = self._exchange(method, path, body)  # the server was started anew meanwhile
        if missing_ok and status == 404:
            return None
        assert status < 300, f"{method} {path}: {status} {text.decode(errors='replace')[:500]}"
        return json.loads(text)

    def _exchange(self, method: str, path: str, body: str | None) -> tuple[int, bytes]:
        content = "application/merge-patch+json" if method == "PATCH" else "application/json"
        connection = self._connection()
        try:
            connection.request(method, path, body, {"Content-Type": content})
            with connection.getresponse() as answer:
                return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()  # the next call opens another one
            raise

    def _connection(self) -> http.client.HTTPSConnection:
        local = self._local
        if not hasattr(local, "connection"):
            local.connection = http.client.HTTPSConnection("127.0.0.1", self._port, context=self._context, timeout=20)
        elif time.monotonic() - local.used_at > _IDLE_SECONDS:
            local.connection.close()
        local.used_at = time.monotonic()
        connection: http.client.HTTPSConnection = local.connection
        return connection
