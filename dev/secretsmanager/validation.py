"""The constraints of AWS's own API model, applied to a request as the real front end does.

Lengths, ranges, patterns and required members are not repeated here: they come from the model that botocore
ships, so that they follow the service when botocore is updated.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

import botocore.loaders
from botocore.model import ListShape, OperationModel, ServiceModel, Shape, StringShape, StructureShape

from secretsmanager.errors import ServiceError, validation_error

# These have their own error in the service, raised by rules.py, and not the model's.
OWN_RULES = {"ClientRequestToken", "RecoveryWindowInDays"}


def serialization_error(message: str | None) -> ServiceError:
    """The body is not what the protocol says. For unreadable JSON the real service gives no text at all."""
    return ServiceError("SerializationException", message)


def load_model() -> ServiceModel:
    """The API model of Secrets Manager."""
    description = botocore.loaders.Loader().load_service_model("secretsmanager", "service-2")
    return ServiceModel(description, service_name="secretsmanager")


def spelled(member: str) -> str:
    """Member names in validation texts start with a small letter."""
    return member[:1].lower() + member[1:]


class Validator:
    """Checks one request; collects violations, because the service reports all of them at once."""

    def __init__(self) -> None:
        self._violations: list[str] = []

    def check(self, operation: OperationModel, body: dict[str, Any]) -> dict[str, Any]:
        """The known, non-null members of the body, with binary members decoded."""
        params = self._structure(operation.input_shape, body, "")
        if self._violations:
            count = len(self._violations)
            noun = "error" if count == 1 else "errors"
            raise validation_error(f"{count} validation {noun} detected: {'; '.join(self._violations)}")
        return params

    def _structure(self, shape: StructureShape, value: dict[str, Any], prefix: str) -> dict[str, Any]:
        for name in shape.required_members:
            if value.get(name) is None:
                self._violate(shape.members[name], None, prefix + spelled(name), "Member must not be null")
        present = {name: value[name] for name in shape.members if value.get(name) is not None}
        return {
            name: self._value(shape.members[name], item, prefix + spelled(name), name) for name, item in present.items()
        }

    def _value(self, shape: Shape, value: Any, path: str, member: str) -> Any:
        kind = shape.type_name
        if kind == "structure":
            return self._structure(shape, self._typed(value, dict, "structure"), f"{path}.")
        if kind == "list":
            return self._list(shape, self._typed(value, list, "list"), path)
        if kind == "blob":
            return self._blob(shape, self._typed(value, str, "Blob"), path)
        if kind == "string":
            return self._string(shape, self._typed(value, str, "String"), path, member)
        if kind in ("integer", "long"):
            return self._integer(shape, self._typed(value, int, "Integer"), path, member)
        return self._typed(value, bool, "Boolean")

    @staticmethod
    def _typed(value: Any, wanted: type, name: str) -> Any:
        if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
            raise serialization_error(f"{type(value).__name__} can not be converted to a {name}")
        return value

    def _list(self, shape: ListShape, value: list[Any], path: str) -> list[Any]:
        self._length(shape, len(value), value, path)
        return [
            self._value(shape.member, item, f"{path}.{index}.member", "")
            for index, item in enumerate(value, start=1)
            if item is not None
        ]

    def _blob(self, shape: Shape, value: str, path: str) -> bytes:
        try:
            decoded = base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            raise serialization_error("The value of a Blob is not base64") from None
        self._length(shape, len(decoded), value, path)
        return decoded

    def _string(self, shape: StringShape, value: str, path: str, member: str) -> str:
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise serialization_error("A String holds half of a surrogate pair") from None
        if member in OWN_RULES:
            return value
        self._length(shape, len(value), value, path)
        pattern = shape.metadata.get("pattern")
        if pattern and not re.fullmatch(pattern, value):
            self._violate(shape, value, path, f"Member must satisfy regular expression pattern: {pattern}")
        if shape.enum and value not in shape.enum:
            self._violate(shape, value, path, f"Member must satisfy enum value set: [{', '.join(shape.enum)}]")
        return value

    def _integer(self, shape: Shape, value: int, path: str, member: str) -> int:
        low, high = shape.metadata.get("min"), shape.metadata.get("max")
        if member not in OWN_RULES and low is not None and value < low:
            self._violate(shape, value, path, f"Member must have value greater than or equal to {low}")
        if member not in OWN_RULES and high is not None and value > high:
            self._violate(shape, value, path, f"Member must have value less than or equal to {high}")
        return value

    def _length(self, shape: Shape, length: int, value: Any, path: str) -> None:
        low, high = shape.metadata.get("min"), shape.metadata.get("max")
        if low is not None and length < low:
            self._violate(shape, value, path, f"Member must have length greater than or equal to {low}")
        if high is not None and length > high:
            self._violate(shape, value, path, f"Member must have length less than or equal to {high}")

    def _violate(self, shape: Shape, value: Any, path: str, constraint: str) -> None:
        """Values of sensitive members are not quoted, neither here nor by the real service."""
        shown = "null" if value is None else f"'{value}'"
        quoted = "Value" if shape.metadata.get("sensitive") else f"Value {shown}"
        self._violations.append(f"{quoted} at '{path}' failed to satisfy constraint: {constraint}")
