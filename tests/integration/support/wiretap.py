"""A TCP proxy on loopback that knows which process speaks, remembers when it did, and can hold back what it said."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType


def owns_port(pid: int, port: int, peer: int) -> bool:
    """Whether the process has a connection on loopback from its port to the peer's."""
    wanted = f"0100007F:{port:04X} 0100007F:{peer:04X}"
    with contextlib.suppress(OSError):  # it may end any time
        for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines():
            fields = line.split()
            if f"{fields[1]} {fields[2]}" == wanted:
                return any(
                    os.readlink(entry.path) == f"socket:[{fields[9]}]" for entry in os.scandir(f"/proc/{pid}/fd")
                )
    return False


class Wiretap:
    """In front of one port; a context manager.

    `pids` tells the names and ids of the processes that may speak.
    """

    def __init__(self, target_port: int, pids: Callable[[], dict[str, int | None]]) -> None:
        self._target_port = target_port
        self._pids = pids
        self._held_name = ""
        self._marks: list[bytes] = []
        self._released = threading.Event()
        self.held = threading.Event()
        self.spoke: list[tuple[float, str]] = []  # when something was passed on, and whose
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Wiretap:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def hold(self, name: str, *marks: bytes) -> None:
        """Holds back what this process says with the last mark in it, once it has said the others; `held` tells when."""
        self._held_name = name
        self._marks = list(marks)

    def release(self) -> None:
        """Passes on what is held back."""
        self._released.set()

    def _accept(self) -> None:
        while True:
            try:
                client, address = self._listener.accept()
            except OSError:
                return
            name = self._find_owner(address[1])
            server = socket.create_connection(("127.0.0.1", self._target_port), timeout=5)
            server.settimeout(None)
            threading.Thread(target=self._speak, args=(client, server, name), daemon=True).start()
            threading.Thread(target=self._answer, args=(server, client), daemon=True).start()

    def _find_owner(self, port: int) -> str:
        return next((name for name, pid in self._pids().items() if pid and owns_port(pid, port, self.port)), "?")

    def _speak(self, client: socket.socket, server: socket.socket, name: str) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(65536):
                if self._is_to_be_held(name, data):
                    self.held.set()
                    self._released.wait()
                self.spoke.append((time.time(), name))
                server.sendall(data)
        _end(client, server)

    def _is_to_be_held(self, name: str, data: bytes) -> bool:
        if name != self._held_name or not self._marks or self._marks[0] not in data:
            return False
        self._marks.pop(0)
        return not self._marks

    def _answer(self, server: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                client.sendall(data)
        _end(client, server)


def _end(*ends: socket.socket) -> None:
    for end in ends:
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
