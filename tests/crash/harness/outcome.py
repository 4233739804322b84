"""What a trial ends with, in words that are the same for every subject: nothing of a detour may stay."""

from __future__ import annotations

import json
import re

from harness.bench import Bench
from harness.engines import Snapshot
from harness.subject import Subject

# Different for every subject, and looked at elsewhere.
_OWN = {"secretVersion", "lastTransitionTime", "connectionInfo"}
_ARN_SUFFIX = re.compile(r"(:secret:[^\"]*)-[A-Za-z0-9]{6}\b")


def outcome(bench: Bench, subject: Subject) -> Snapshot:
    """Database, user, rights, secret, status and metadata that the operator writes."""
    resource = bench.cluster.database(subject)
    found = {
        "finalizers": resource["metadata"].get("finalizers", []),
        "annotations": sorted(resource["metadata"].get("annotations", {}).items()),
        "status": [json.dumps(_without_own(resource["status"]), sort_keys=True)],
    }
    return {**outside(bench, subject, resource["metadata"]["uid"]), **_plain_rows(found, subject, resource["metadata"]["uid"])}


def outside(bench: Bench, subject: Subject, uid: str) -> Snapshot:
    """The part of it that outlives the resource, which had this uid."""
    found = {
        **bench.engine.outcome(subject.name),
        "the secret's description": bench.secrets.description(subject.secret),
        "the secret's deletion": [str(bench.secrets.is_scheduled(subject.secret))],
    }
    return _plain_rows(found, subject, uid)


def _plain_rows(found: Snapshot, subject: Subject, uid: str) -> Snapshot:
    return {place: [_plain(str(row), subject, uid) for row in rows] for place, rows in found.items()}


def _without_own(value: object) -> object:
    if isinstance(value, dict):
        return {key: _without_own(member) for key, member in value.items() if key not in _OWN}
    return [_without_own(member) for member in value] if isinstance(value, list) else value


def _plain(text: str, subject: Subject, uid: str) -> str:
    text = text.replace("\\_", "_")  # as the rights of MySQL name databases
    for own, word in ((uid, "UID"), (subject.namespace, "TEAM"), (subject.resource, "RESOURCE"), (subject.name, "NAME")):
        text = re.sub(rf"(?<![\w-]){re.escape(own)}(?![\w])", word, text)
    return _ARN_SUFFIX.sub(r"\1-SUFFIX", text)
