"""Rules for parameters that the API model does not express, or expresses with another error."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Any

from secretsmanager.errors import invalid_parameter, invalid_request, validation_error

NAME = re.compile(r"[A-Za-z0-9/_+=.@!-]+")
MAX_TAGS = 50
MAX_VALUE_BYTES = 65536
MAX_LABELS = 20
TAG_PUNCTUATION = frozenset("+-=._:/@")


def check_name(name: str) -> None:
    """Names, and ids that are not ARNs. The text is the real service's."""
    if not NAME.fullmatch(name):
        raise validation_error(
            "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!"
        )


def check_token(params: dict[str, Any]) -> str:
    """The token of a write. SDKs add one; a client that speaks HTTP itself has to."""
    token = params.get("ClientRequestToken")
    if token is None:
        raise invalid_request("You must provide a ClientRequestToken value. We recommend a UUID-type value.")
    if not 32 <= len(token) <= 64:
        raise invalid_parameter("ClientRequestToken must be 32-64 characters long.")
    return token


def check_value(params: dict[str, Any]) -> tuple[str | None, bytes | None]:
    """The value of a write, which may be absent. The limit counts bytes, the API model only characters."""
    text, binary = params.get("SecretString"), params.get("SecretBinary")
    if text is not None and binary is not None:
        raise invalid_parameter(
            "You can't specify both a binary secret value and a string secret value in the same secret."
        )
    if text is not None and len(text.encode("utf-8")) > MAX_VALUE_BYTES:
        raise validation_error(
            "1 validation error detected: Value at 'secretString' failed to satisfy constraint: "
            f"Member must have length less than or equal to {MAX_VALUE_BYTES}"
        )
    return text, binary


def check_tag_characters(kind: str, text: str) -> None:
    """Letters, digits and spaces of any script, and a few signs."""
    for char in text:
        if unicodedata.category(char)[0] not in "LNZ" and char not in TAG_PUNCTUATION:
            raise invalid_parameter(
                f"The tag {kind} holds a character that is not allowed: use letters, digits, spaces and + - = . _ : / @"
            )


def check_tag_keys(keys: Iterable[str]) -> None:
    """Keys that a caller may set or remove."""
    for key in keys:
        check_tag_characters("key", key)
        if key.lower().startswith("aws:"):
            raise invalid_parameter("Tag keys that start with aws: are reserved for AWS.")


def check_tags(params: dict[str, Any]) -> dict[str, str]:
    """The tags of a request as a mapping."""
    tags: dict[str, str] = {}
    for tag in params.get("Tags", []):
        key, value = tag.get("Key"), tag.get("Value", "")
        if key is None:
            raise invalid_parameter("A tag has no key.")
        if key in tags:
            raise invalid_parameter("The request has two tags with the same key.")
        check_tag_characters("value", value)
        tags[key] = value
    check_tag_keys(tags)
    return tags


def check_tag_count(tags: dict[str, str]) -> None:
    """What a secret may carry."""
    if len(tags) > MAX_TAGS:
        raise invalid_parameter(f"A secret can have at most {MAX_TAGS} tags.")


def check_recovery_window(params: dict[str, Any]) -> int | None:
    """Days until a deleted secret is gone; None means at once."""
    days, force = params.get("RecoveryWindowInDays"), params.get("ForceDeleteWithoutRecovery", False)
    if days is not None and force:
        raise invalid_parameter("You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.")
    if days is not None and not 7 <= days <= 30:
        raise invalid_parameter("The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).")
    return None if force else (30 if days is None else days)
