"""One file for each secret, so that a restarted server still has what it had accepted.

A write is a new file and a rename: a killed process leaves either the former or the new state. There is no
fsync; a power cut is not what this server is for.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from secretsmanager.secret import Secret

FORMAT = 1


class StateError(Exception):
    """The state directory cannot be used; the text is one sentence."""


class Disk:
    """The state directory. Files hold secret values, hence the modes 0700 and 0600."""

    def __init__(self, directory: Path) -> None:
        self._root = directory / "secrets"
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._root.mkdir(mode=0o700, exist_ok=True)
            self._lock = open(directory / "lock", "w", encoding="ascii")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as err:
            raise StateError(f'the state directory "{directory}" is in use by another server: stop that one') from err
        except OSError as err:
            raise StateError(f'cannot use the state directory "{directory}": {err.strerror}') from err

    def load(self) -> Iterator[Secret]:
        """Every stored secret. A write that a kill interrupted is thrown away: it had not been answered."""
        for path in sorted(self._root.rglob("*.unfinished")):
            path.unlink()
        for path in sorted(self._root.rglob("*.json")):
            try:
                document = json.loads(path.read_text(encoding="utf-8"))
                if document["format"] != FORMAT:
                    raise ValueError("other format")
                yield Secret.from_record(document["secret"])
            except (OSError, ValueError, KeyError, TypeError) as err:
                raise StateError(
                    f'the stored secret "{path}" cannot be read: remove the file to go on without'
                ) from err

    def save(self, secret: Secret) -> None:
        """Stores the secret as it is now."""
        path = self._path(secret)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        unfinished = path.with_suffix(".unfinished")
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            json.dump({"format": FORMAT, "secret": secret.to_record()}, file)
        os.replace(unfinished, path)

    def remove(self, secret: Secret) -> None:
        """Forgets the secret."""
        self._path(secret).unlink(missing_ok=True)

    def _path(self, secret: Secret) -> Path:
        # Names may hold "/" and be longer than a file name may be.
        digest = hashlib.sha256(secret.name.encode("utf-8")).hexdigest()
        return self._root / secret.region / f"{digest}.json"
