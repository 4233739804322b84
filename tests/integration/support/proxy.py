"""A TCP proxy on loopback that cuts connections, or keeps them open and silent."""

from __future__ import annotations

import contextlib
import functools
import socket
import struct
import threading
from collections.abc import Callable
from types import TracebackType

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Proxy:
    """Forwards every connection to one port until told otherwise; a context manager."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._flowing = threading.Event()
        self._flowing.set()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()  # guarded by the lock
        self.accepted = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Proxy:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._flowing.set()
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        """Resets every connection; new ones work."""
        with self._lock:
            sockets, self._open = self._open, set()
        for end in sockets:
            with contextlib.suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def refuse(self) -> None:
        """Resets every connection and listens no longer, for good."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def silence(self) -> None:
        """Forwards nothing any longer; connections stay open, new ones are accepted."""
        self._flowing.clear()

    def speak(self) -> None:
        """Forwards again, also what came in meanwhile."""
        self._flowing.set()

    @property
    def connections(self) -> int:
        """How many connections are open."""
        with self._lock:
            return len(self._open) // 2

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            try:
                server = socket.create_connection(("127.0.0.1", self._target_port), timeout=5)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            with self._lock:
                self._open |= {client, server}
            answers = functools.partial(self.hear_answer, self.accepted)
            for source, target, hear in ((client, server, self.hear), (server, client, answers)):
                threading.Thread(target=self._pump, args=(source, target, hear), daemon=True).start()

    def hear(self, data: bytes) -> None:
        """What a client says, for those who listen."""

    def hear_answer(self, connection: int, data: bytes) -> None:
        """What the server says on a connection, for those who listen; connections are counted from 1."""

    def _pump(self, source: socket.socket, target: socket.socket, hear: Callable[[bytes], None]) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                hear(data)
                self._flowing.wait()
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        with self._lock:
            self._open -= {source, target}
