"""What the servers shall do, read again at each request, so that a test changes it by writing a file."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any


class Settings:
    """settings.json of the folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "settings.json"
        self._lock = threading.Lock()
        self._answered: dict[str, int] = {}
        self._stamp: tuple[int, int] | None = None

    def read(self) -> dict[str, Any]:
        """The settings as they are now."""
        document: dict[str, Any] = json.loads(self._path.read_text(encoding="utf-8"))
        return document

    def next_failure(self, server: str) -> str | None:
        """The code that this answer of the server shall have; None when it shall be a real one."""
        status = os.stat(self._path)
        with self._lock:
            stamp = (status.st_mtime_ns, status.st_ino)
            if stamp != self._stamp:
                self._stamp, self._answered = stamp, {}
            codes = self.read().get("failures", {}).get(server, [])
            number = self._answered.get(server, 0)
            self._answered[server] = number + 1
        return codes[number] if number < len(codes) else None
