"""What may be found at a server's address: nothing, silence, refusal, slowness."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from types import TracebackType

from support.proxy import Proxy


class Address:
    """A port on loopback that behaves in one bad way until it is closed."""

    port: int

    def __enter__(self) -> Address:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends it."""
        raise NotImplementedError


class Refusing(Address):
    """Nobody listens: connections are refused."""

    def __init__(self) -> None:
        self._reserved = socket.socket()
        self._reserved.bind(("127.0.0.1", 0))
        self.port = self._reserved.getsockname()[1]

    def close(self) -> None:
        self._reserved.close()


class Dead(Address):
    """Packets vanish: the queue of a listener that accepts nobody is full."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=0)
        self.port = self._listener.getsockname()[1]
        self._waiting = [socket.socket() for _ in range(4)]
        for end in self._waiting:
            end.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                end.connect(("127.0.0.1", self.port))

    def close(self) -> None:
        for end in (self._listener, *self._waiting):
            end.close()


class Hanging(Address):
    """Takes connections and says nothing; knows how many it had, and how many at once."""

    def __init__(self) -> None:
        self.accepted = 0
        self.most_at_once = 0
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()  # guarded by the lock
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for end in self._open:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                end, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._open.add(end)
                self.accepted += 1
                self.most_at_once = max(self.most_at_once, len(self._open))
            threading.Thread(target=self._drain, args=(end,), daemon=True).start()

    def _drain(self, end: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while end.recv(65536):
                pass
        with self._lock:
            self._open.discard(end)
        end.close()


class SlowProxy(Proxy):
    """What the client says arrives `seconds` late."""

    def __init__(self, target_port: int, seconds: float = 0) -> None:
        super().__init__(target_port)
        self.seconds = seconds

    def hear(self, data: bytes) -> None:
        time.sleep(self.seconds)
