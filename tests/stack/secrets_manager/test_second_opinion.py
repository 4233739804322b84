"""moto as a second opinion: where it is known to follow the real service, both must agree.

The same random histories go to both. Left out is what moto is known to get wrong (docs/decisions names it):
private staging labels, changes of scheduled secrets, limits, and everything around HTTP.
"""

from __future__ import annotations

import random
import uuid
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

NAMES = ["one", "two/three", "four-five"]
TAGS = ["team", "stage", "cost"]
STEPS = 60


class History:
    """A reproducible sequence of calls. Tokens repeat on purpose: idempotence is the point."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._tokens = [str(uuid.UUID(int=self._random.getrandbits(128))) for _ in range(4)]
        self._scheduled: set[str] = set()

    def steps(self) -> list[tuple[str, dict[str, Any]]]:
        """Operation and parameters, in boto3's spelling."""
        return [self._step() for _ in range(STEPS)]

    def _step(self) -> tuple[str, dict[str, Any]]:
        name = self._random.choice(NAMES)
        if name in self._scheduled and self._random.random() < 0.5:
            self._scheduled.discard(name)
            return "restore_secret", {"SecretId": name}
        if name in self._scheduled:
            return "describe_secret", {"SecretId": name}
        operation = self._random.choice(
            ["create_secret"] * 3
            + ["put_secret_value"] * 5
            + ["get_secret_value"] * 2
            + ["update_secret", "tag_resource", "untag_resource", "describe_secret", "delete_secret", "force_delete"]
        )
        return getattr(self, f"_{operation}")(name)

    def _write(self) -> dict[str, str]:
        token = self._random.choice(self._tokens)
        return {"ClientRequestToken": token, "SecretString": self._random.choice(["red", "green"])}

    def _create_secret(self, name: str) -> tuple[str, dict[str, Any]]:
        return "create_secret", {"Name": name} | self._write()

    def _put_secret_value(self, name: str) -> tuple[str, dict[str, Any]]:
        return "put_secret_value", {"SecretId": name} | self._write()

    def _update_secret(self, name: str) -> tuple[str, dict[str, Any]]:
        return "update_secret", {"SecretId": name, "Description": self._random.choice(["a", "b"])}

    def _get_secret_value(self, name: str) -> tuple[str, dict[str, Any]]:
        which = self._random.choice([{}, {"VersionId": self._random.choice(self._tokens)}])
        return "get_secret_value", {"SecretId": name} | which

    def _describe_secret(self, name: str) -> tuple[str, dict[str, Any]]:
        return "describe_secret", {"SecretId": name}

    def _tag_resource(self, name: str) -> tuple[str, dict[str, Any]]:
        return "tag_resource", {"SecretId": name, "Tags": [{"Key": self._random.choice(TAGS), "Value": "v"}]}

    def _untag_resource(self, name: str) -> tuple[str, dict[str, Any]]:
        return "untag_resource", {"SecretId": name, "TagKeys": [self._random.choice(TAGS)]}

    def _delete_secret(self, name: str) -> tuple[str, dict[str, Any]]:
        self._scheduled.add(name)
        return "delete_secret", {"SecretId": name, "RecoveryWindowInDays": 7}

    def _force_delete(self, name: str) -> tuple[str, dict[str, Any]]:
        return "delete_secret", {"SecretId": name, "ForceDeleteWithoutRecovery": True}


def outcome(client: Any, operation: str, params: dict[str, Any]) -> Any:
    """What a caller learns, without what is random or a matter of form: ARNs, times, order, empty lists."""
    try:
        answer = getattr(client, operation)(**params)
    except ClientError as err:
        return err.response["Error"]["Code"]
    shown = {key: answer[key] for key in ("Name", "VersionId", "SecretString", "Description") if answer.get(key)}
    if operation == "create_secret":
        del shown["VersionId"]  # moto answers a repeated create with the version that is current by now
    if operation == "describe_secret":
        labels = answer.get("VersionIdsToStages", {})
        shown["labels"] = {key: sorted(value) for key, value in labels.items() if value}
        shown["tags"] = {tag["Key"]: tag["Value"] for tag in answer.get("Tags") or []}
        shown["scheduled"] = bool(answer.get("DeletedDate"))
    if operation in ("put_secret_value", "get_secret_value"):
        shown["labels"] = sorted(answer.get("VersionStages") or [])
    return shown


@pytest.mark.parametrize("seed", range(12))
def test_both_answer_the_same_history_alike(client: Any, seed: int) -> None:
    steps = History(seed).steps()
    ours = [outcome(client, *step) for step in steps]
    with mock_aws():
        other = boto3.client(
            "secretsmanager", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
        )
        theirs = [outcome(other, *step) for step in steps]
    for number, (step, mine, moto) in enumerate(zip(steps, ours, theirs, strict=True)):
        assert mine == moto, f"step {number} of seed {seed}: {step}"
