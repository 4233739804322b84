"""A secret with its versions, staging labels and tags, and its form on disk."""

from __future__ import annotations

import base64
import copy
from dataclasses import dataclass, field
from typing import Any

CURRENT = "AWSCURRENT"
PREVIOUS = "AWSPREVIOUS"
PENDING = "AWSPENDING"

KEPT_VERSIONS = 100
KEPT_SECONDS = 24 * 3600


@dataclass
class Version:
    """One value of a secret. Exactly one of text and binary is set."""

    version_id: str
    text: str | None
    binary: bytes | None
    created: float
    labels: set[str] = field(default_factory=set)
    last_accessed: float | None = None

    def holds(self, text: str | None, binary: bytes | None) -> bool:
        """True if this is the same value, which makes a repeated token harmless."""
        return self.text == text and self.binary == binary


@dataclass
class Secret:
    """Everything the service knows of one secret in one region. Times are epoch seconds."""

    region: str
    name: str
    arn: str
    created: float
    last_changed: float
    description: str = ""
    kms_key_id: str = ""
    tags: dict[str, str] | None = None  # None until the first tag: the real service shows [] only afterwards.
    versions: dict[str, Version] = field(default_factory=dict)  # in order of creation
    purge_at: float | None = None  # end of the recovery window while scheduled for deletion
    last_accessed: float | None = None

    @property
    def scheduled_for_deletion(self) -> bool:
        return self.purge_at is not None

    def copy(self) -> Secret:
        """An independent draft: an operation that fails half-way leaves the stored secret as it was."""
        return copy.deepcopy(self)

    def version_with(self, label: str) -> Version | None:
        """The version that carries the label; a label is on one version at most."""
        return next((version for version in self.versions.values() if label in version.labels), None)

    def labels_by_version(self) -> dict[str, list[str]]:
        """Versions without a label are deprecated and not shown."""
        return {key: sorted(version.labels) for key, version in self.versions.items() if version.labels}

    def move_label(self, label: str, target: Version) -> None:
        """Attaches the label to one version, taking it from another; AWSCURRENT leaves AWSPREVIOUS behind."""
        holder = self.version_with(label)
        if holder is target:
            return
        if holder is not None:
            holder.labels.discard(label)
        target.labels.add(label)
        if label == CURRENT and holder is not None:
            for version in self.versions.values():
                version.labels.discard(PREVIOUS)
            holder.labels.add(PREVIOUS)

    def add_version(self, version: Version, labels: set[str]) -> None:
        """Adds a value with its labels. The first version is always current.

        A value that becomes current at once ends a rotation: the real service then drops AWSPENDING from the
        version that was current until now.
        """
        if not self.versions:
            labels = labels | {CURRENT}
        former = self.version_with(CURRENT)
        self.versions[version.version_id] = version
        for label in sorted(labels):
            self.move_label(label, version)
        if CURRENT in labels and former is not None:
            former.labels.discard(PENDING)
        self._drop_old_versions(version.created)

    def _drop_old_versions(self, now: float) -> None:
        """The service keeps about 100 versions, never drops labelled ones, nor any younger than a day."""
        surplus = len(self.versions) - KEPT_VERSIONS
        old = [key for key, v in self.versions.items() if not v.labels and v.created < now - KEPT_SECONDS]
        for key in old[: max(surplus, 0)]:
            del self.versions[key]

    def to_record(self) -> dict[str, Any]:
        """The form on disk."""
        record = {key: value for key, value in vars(self).items() if key != "versions"}
        record["versions"] = [version_record(version) for version in self.versions.values()]
        return record

    @staticmethod
    def from_record(record: dict[str, Any]) -> Secret:
        """The opposite of to_record()."""
        members = dict(record)
        versions = [version_from_record(item) for item in members.pop("versions")]
        return Secret(**members, versions={version.version_id: version for version in versions})


def version_record(version: Version) -> dict[str, Any]:
    """JSON has neither bytes nor sets."""
    record = dict(vars(version))
    record["binary"] = None if version.binary is None else base64.b64encode(version.binary).decode("ascii")
    record["labels"] = sorted(version.labels)
    return record


def version_from_record(record: dict[str, Any]) -> Version:
    """The opposite of version_record()."""
    members = dict(record)
    members["binary"] = None if members["binary"] is None else base64.b64decode(members["binary"])
    members["labels"] = set(members["labels"])
    return Version(**members)
