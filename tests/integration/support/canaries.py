"""Secrets that must be told nowhere, and every place where they might be."""

from __future__ import annotations

import base64
import urllib.parse
from collections.abc import Mapping

# A part of this length is as good as the whole.
_TELLING = 12


def _forms(secret: str) -> set[str]:
    """How a text may carry it: as it is, in a URL, in base64, and a long beginning or end of these."""
    whole = {
        secret,
        urllib.parse.quote(secret, safe=""),
        base64.b64encode(secret.encode()).decode().rstrip("="),
        base64.urlsafe_b64encode(secret.encode()).decode().rstrip("="),
        secret.encode().hex(),
    }
    return {part for form in whole for part in (form, form[:_TELLING], form[-_TELLING:])}


def leaks(secrets: Mapping[str, str], places: Mapping[str, str]) -> list[str]:
    """Which secret is told where; the secrets are named, not shown."""
    for name, secret in secrets.items():
        assert len(secret) >= _TELLING, f"{name} is too short to be searched for"
    for place, text in places.items():
        assert text, f"there is nothing in {place}"
    return [
        f"{name} in {place}"
        for name, secret in secrets.items()
        for place, text in places.items()
        if any(form in text for form in _forms(secret))
    ]
