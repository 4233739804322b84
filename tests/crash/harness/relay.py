"""What the proxies have in common: connections on loopback, one thread each, and exact reading."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
import threading
from abc import ABC, abstractmethod
from collections import deque
from pathlib import Path

from harness.calls import Calls, Severed

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Ended(Exception):
    """The other end has closed the connection."""


class Wire:
    """One end of a connection.  `take()` never reads beyond what was asked for: TLS may follow."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._ahead = b""  # what take_until() has read too much
        self._is_taking = False

    def await_message(self) -> None:
        """Waits until a message begins, which is due until `counted()`."""
        is_decrypted = isinstance(self._end, ssl.SSLSocket) and self._end.pending() > 0
        if not is_decrypted and self._ahead == b"":
            select.select([self._end], [], [])
        self._is_taking = True  # before anything is taken: there is no moment at which it is not seen

    def counted(self) -> None:
        """The message has its number."""
        self._is_taking = False

    def is_due(self) -> bool:
        """Whether a message has come in that has no number yet; for other threads."""
        with contextlib.suppress(OSError, ValueError):  # closed meanwhile
            return self._is_taking or select.select([self._end], [], [], 0)[0] != []
        return False

    def take(self, count: int) -> bytes:
        """Exactly so many bytes."""
        while len(self._ahead) < count:
            self._ahead += self._receive(count - len(self._ahead))
        taken, self._ahead = self._ahead[:count], self._ahead[count:]
        return taken

    def take_until(self, mark: bytes) -> bytes:
        """Everything up to the mark, which is included."""
        while mark not in self._ahead:
            self._ahead += self._receive(65536)
        end = self._ahead.index(mark) + len(mark)
        taken, self._ahead = self._ahead[:end], self._ahead[end:]
        return taken

    def take_rest(self) -> bytes:
        """Everything until the other end closes the connection."""
        with contextlib.suppress(Ended):
            while True:
                self._ahead += self._receive(65536)
        taken, self._ahead = self._ahead, b""
        return taken

    def give(self, data: bytes) -> None:
        """Sends everything."""
        self._end.sendall(data)

    def start_tls(self, context: ssl.SSLContext, *, server_side: bool) -> None:
        """From here on through TLS."""
        name = None if server_side else "127.0.0.1"
        self._end = context.wrap_socket(self._end, server_side=server_side, server_hostname=name)

    def sever(self) -> None:
        """Ends the connection from another thread, which lets go whoever reads from it.

        Only the reader may close: OpenSSL would go on with a number that by then names another file.
        """
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self._end, socket.SHUT_RDWR)

    def close(self, *, reset: bool = False) -> None:
        """Ends the connection; for the thread that reads from it."""
        if reset:
            with contextlib.suppress(OSError):
                self._end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        else:
            self.sever()
        with contextlib.suppress(OSError):
            self._end.close()

    def _receive(self, count: int) -> bytes:
        data = self._end.recv(count)
        if not data:
            raise Ended
        return data


class Tls:
    """The certificate of a server, shown by the proxy as its own.

    It is the very same certificate, so that even channel binding (which covers the certificate)
    holds through the proxy, and the operator works as it does without one.
    """

    def __init__(self, certificate: Path, key: Path, ca: Path) -> None:
        self.to_client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.to_client.load_cert_chain(certificate, key)
        self.to_server = ssl.create_default_context(cafile=str(ca))


class Relay(ABC):
    """Listens on a port of its own and speaks for a server; subclasses know the protocol."""

    HAS_LAST_MESSAGES = True  # which nobody answers: see Calls

    def __init__(self, calls: Calls, target_port: int, tls: Tls | None) -> None:
        self.calls = calls
        self.tls = tls
        self.troubles: deque[str] = deque(maxlen=10)  # why connections ended that nobody closed
        self._target_port = target_port
        self._lock = threading.Lock()
        self._open: set[Wire] = set()  # guarded by the lock
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def sever(self) -> None:
        """Ends every connection; new ones work."""
        with self._lock:
            wires = list(self._open)
        for wire in wires:
            wire.sever()

    def close(self) -> None:
        """Ends the proxy."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.sever()

    @abstractmethod
    def serve(self, client: Wire, server: Wire) -> None:
        """One connection, until one of the ends is gone (Ended) or it is Severed."""

    def _accept(self) -> None:
        while True:
            try:
                end, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._run, args=(end,), daemon=True).start()

    def _run(self, end: socket.socket) -> None:
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client = Wire(end)
        try:
            other = socket.create_connection(("127.0.0.1", self._target_port), timeout=5)
        except OSError as failure:
            self.troubles.append(f"connecting to {self._target_port}: {failure!r}")
            client.close(reset=True)
            return
        other.settimeout(None)
        other.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        server = Wire(other)
        with self._lock:
            self._open |= {client, server}
        if self.HAS_LAST_MESSAGES:
            self.calls.open(client)
        severed = False
        try:
            self.serve(client, server)
        except Severed:
            severed = True
        except Ended:
            pass
        except OSError as failure:
            self.troubles.append(f"{type(self).__name__}: {failure!r}")
        finally:
            self.calls.close(client)
            with self._lock:
                self._open -= {client, server}
            client.close(reset=severed)
            server.close()
