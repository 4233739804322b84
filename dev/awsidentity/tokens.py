"""Tokens of service accounts, verified as AWS does: by the keys that the API server publishes."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256


class TokenError(Exception):
    """The token proves nothing; `code` is that of STS."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def decode(part: str) -> bytes:
    """base64url without padding."""
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def number(part: str) -> int:
    """A number of a JWK."""
    return int.from_bytes(decode(part), "big")


class Verifier:
    """Verifies tokens against one set of keys."""

    def __init__(self, jwks: Path) -> None:
        keys = json.loads(jwks.read_text(encoding="utf-8"))["keys"]
        self._keys = {key["kid"]: RSAPublicNumbers(number(key["e"]), number(key["n"])).public_key() for key in keys}

    def subject(self, token: str, issuer: str, audience: str) -> str:
        """Whose token it is; TokenError when it is not one for this audience."""
        claims = self._claims(token)
        if claims.get("iss") != issuer:
            raise TokenError("InvalidIdentityToken", "No OpenIDConnect provider found in your account for this issuer")
        if audience not in claims.get("aud", []):
            raise TokenError("InvalidIdentityToken", "Incorrect token audience")
        if claims.get("exp", 0) <= time.time():
            raise TokenError("ExpiredTokenException", "Token expired: current date/time must be before its expiration")
        return str(claims.get("sub"))

    def _claims(self, token: str) -> dict[str, Any]:
        try:
            header, payload, signature = token.split(".")
            head = json.loads(decode(header))
            if head["alg"] != "RS256":
                raise ValueError
            self._keys[head["kid"]].verify(
                decode(signature), f"{header}.{payload}".encode("ascii"), PKCS1v15(), SHA256()
            )
            claims: dict[str, Any] = json.loads(decode(payload))
        except (ValueError, KeyError, TypeError, InvalidSignature):
            raise TokenError("InvalidIdentityToken", "Couldn't verify the token") from None
        return claims
