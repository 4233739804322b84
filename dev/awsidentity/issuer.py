"""Makes temporary credentials and lets the local Secrets Manager know them."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Temporary:
    """One set."""

    access_key_id: str
    secret_access_key: str
    session_token: str
    expires: float

    @property
    def expires_text(self) -> str:
        """RFC 3339."""
        return datetime.fromtimestamp(self.expires, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def session_arn(role: str, session: str) -> str:
    """The principal that a session of a role is: arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION."""
    account, name = role.split(":")[4], role.rpartition("/")[2]
    return f"arn:aws:sts::{account}:assumed-role/{name}/{session}"


class Issuer:
    """Writes what it hands out into the credentials file, in one step."""

    def __init__(self, credentials: Path) -> None:
        self._path = credentials

    def issue(self, role: str, session: str, seconds: float, policy: Any = None) -> Temporary:
        """A new set for a session of the role; without a policy everything is allowed."""
        made = Temporary(
            f"ASIA{secrets.token_hex(8).upper()}",
            secrets.token_urlsafe(30),
            f"IQoJ{secrets.token_urlsafe(300)}==",
            int(time.time()) + seconds,
        )
        entry = {
            "secret": made.secret_access_key,
            "session_token": made.session_token,
            "principal_arn": session_arn(role, session),
            "policy": policy,
            "expires_at": made.expires_text,
        }
        lock = self._path.with_name(self._path.name + ".lock")
        with lock.open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            table = json.loads(self._path.read_text(encoding="utf-8"))
            table[made.access_key_id] = entry
            unfinished = self._path.with_name(self._path.name + ".unfinished")
            unfinished.touch(0o600)
            unfinished.write_text(json.dumps(table), encoding="utf-8")
            os.replace(unfinished, self._path)
        return made
