"""Who may call: the credentials file, read again whenever it changes."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from secretsmanager.iam import Policy, PolicyError

MEMBERS = {"secret", "session_token", "principal_arn", "policy", "expires_at"}


class CredentialsError(Exception):
    """The credentials file cannot be used; the text is one sentence for the person who wrote it."""


@dataclass(frozen=True)
class Credential:
    """One access key and the principal behind it."""

    access_key_id: str
    secret: str
    session_token: str | None
    principal_arn: str
    policy: Policy | None
    expires_at: float | None


def parse_credential(access_key_id: str, entry: Any) -> Credential:
    """Checks one entry strictly: a misspelt `policy` must not silently mean "everything is allowed"."""
    where = f'the entry of access key "{access_key_id}"'
    if not isinstance(entry, dict):
        raise CredentialsError(f'{where} is not an object: write {{"secret": ..., "principal_arn": ...}}')
    unknown = sorted(set(entry) - MEMBERS)
    if unknown:
        raise CredentialsError(f'{where} has the unknown member "{unknown[0]}": use {", ".join(sorted(MEMBERS))}')
    for member in ("secret", "principal_arn"):
        if not isinstance(entry.get(member), str) or not entry[member]:
            raise CredentialsError(f'{where} lacks "{member}": give it as a string')
    token = entry.get("session_token")
    if token is not None and (not isinstance(token, str) or not token):
        raise CredentialsError(f'{where} has a "session_token" that is neither a string nor null')
    try:
        policy = None if entry.get("policy") is None else Policy.parse(entry["policy"])
    except PolicyError as err:
        raise CredentialsError(f"{where} has a policy that cannot be used: {err}") from err
    return Credential(access_key_id, entry["secret"], token, entry["principal_arn"], policy, parse_expiry(where, entry))


def parse_expiry(where: str, entry: dict[str, Any]) -> float | None:
    """`expires_at` is RFC 3339, as credential sources hand it out."""
    value = entry.get("expires_at")
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError) as err:
        raise CredentialsError(f'{where} has an "expires_at" that is not an RFC 3339 time') from err
    if moment.tzinfo is None:
        raise CredentialsError(f'{where} has an "expires_at" without time zone: append "Z"')
    return moment.timestamp()


def parse_credentials(text: str) -> dict[str, Credential]:
    """The whole file: access key id -> credential."""
    try:
        document = json.loads(text)
    except ValueError as err:
        raise CredentialsError("the file is not JSON") from err
    if not isinstance(document, dict):
        raise CredentialsError("the file is not a JSON object of access key ids")
    return {key: parse_credential(key, entry) for key, entry in document.items()}


class CredentialsFile:
    """The credentials of the file as it is now; tests rotate and expire keys by rewriting it.

    While the file cannot be used, nobody gets in: keeping the former set in force would let a test of a
    policy with a mistake in it pass under the policy before.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._stamp: tuple[int, int, int] | None = None
        self._credentials: dict[str, Credential] = {}
        self._refresh()

    def get(self, access_key_id: str) -> Credential | None:
        """The credential of this key; CredentialsError while the file cannot be used."""
        with self._lock:
            self._refresh()
            return self._credentials.get(access_key_id)

    def _refresh(self) -> None:
        """Reads the file if it is another than the one read last."""
        try:
            status = os.stat(self._path)
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
            if stamp == self._stamp:
                return
            self._stamp = None
            self._credentials = parse_credentials(self._path.read_text(encoding="utf-8"))
            self._stamp = stamp
        except OSError as err:
            raise CredentialsError(f'cannot read the credentials file "{self._path}": {err.strerror}') from err
        except (UnicodeDecodeError, CredentialsError) as err:
            raise CredentialsError(f'cannot use the credentials file "{self._path}": {err}') from err
