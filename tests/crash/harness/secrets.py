"""Secrets Manager as the trials see it: by a person's keys, beside the proxy."""

from __future__ import annotations

import json
from typing import Any

from devstack.secretsmanager import SecretsManagerServer

from harness.engines import Snapshot

_FOREIGN = "decoys/of-somebody"
_STAMPS = {"LastAccessedDate", "LastChangedDate", "CreatedDate", "DeletedDate"}


class Secrets:
    """The secrets of the operator, and one of somebody else."""

    def __init__(self, server: SecretsManagerServer) -> None:
        self._server = server
        self._client = server.client()

    def make_decoys(self) -> None:
        """A secret of somebody else."""
        if _FOREIGN not in self._names():
            tags = [{"Key": "Team", "Value": "another"}]
            self._client.create_secret(Name=_FOREIGN, SecretString='{"password": "of somebody"}', Tags=tags)

    def snapshot(self, without: str) -> Snapshot:
        """Everything about every secret but one."""
        found = {}
        for entry in self._entries():
            if entry["Name"] != without:
                facts = {key: value for key, value in entry.items() if key not in _STAMPS}
                value = self._client.get_secret_value(SecretId=entry["Name"])["SecretString"]
                found[f"secret {entry['Name']}"] = [json.dumps(facts, sort_keys=True, default=str), value]
        return found

    def stored(self, name: str) -> dict[str, Any] | None:
        """The credentials as an application reads them; None when there are none, or not any longer."""
        if name not in self._names() or self.is_scheduled(name):
            return None
        value: dict[str, Any] = json.loads(self._client.get_secret_value(SecretId=name)["SecretString"])
        return value

    def is_scheduled(self, name: str) -> bool:
        """Whether the secret is there and scheduled for deletion."""
        return any(entry["Name"] == name and "DeletedDate" in entry for entry in self._entries())

    def restore(self, name: str) -> None:
        """Takes the deletion back."""
        self._client.restore_secret(SecretId=name)

    def description(self, name: str) -> list[str]:
        """Tags, description and labels, without what differs from secret to secret."""
        entry = next(entry for entry in self._entries() if entry["Name"] == name)
        labels = sorted(entry.pop("SecretVersionsToStages").values())
        tags = sorted((tag["Key"], tag["Value"]) for tag in entry.pop("Tags"))
        facts = {key: value for key, value in entry.items() if key not in _STAMPS}
        return [json.dumps(facts, sort_keys=True, default=str), *map(str, tags), *map(str, labels)]

    def versions(self, name: str) -> list[str]:
        """The ids of all versions, those without a label included."""
        answer = self._client.list_secret_version_ids(SecretId=name, IncludeDeprecated=True)
        return sorted(version["VersionId"] for version in answer["Versions"])

    def passwords(self, name: str) -> set[str]:
        """The passwords in all versions, those without a label included."""
        found = set()
        for version in self.versions(name):
            value = self._client.get_secret_value(SecretId=name, VersionId=version)["SecretString"]
            found.add(json.loads(value)["DB_PASSWORD"])
        return found

    def store_again(self, name: str) -> None:
        """Makes another version with the same value."""
        value = self._client.get_secret_value(SecretId=name)["SecretString"]
        self._client.put_secret_value(SecretId=name, SecretString=value)

    def remove(self, name: str) -> None:
        """Removes a secret at once."""
        if name in self._names():
            self._client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)

    def _entries(self) -> list[dict[str, Any]]:
        answer = self._client.list_secrets(IncludePlannedDeletion=True, MaxResults=100)
        assert "NextToken" not in answer
        entries: list[dict[str, Any]] = answer["SecretList"]
        return entries

    def _names(self) -> set[str]:
        return {entry["Name"] for entry in self._entries()}
