"""Values, versions and staging labels."""

from __future__ import annotations

import base64
from typing import Any

from secretsmanager.context import Context
from secretsmanager.errors import ServiceError, invalid_parameter, invalid_request, not_found
from secretsmanager.lifecycle import DAY_SECONDS, token_in_use
from secretsmanager.rules import MAX_LABELS, check_token, check_value
from secretsmanager.secret import CURRENT, Secret, Version


def no_value(what: str, which: str) -> ServiceError:
    """Also the answer about a secret without any value, so it says nothing about the secret's existence."""
    return not_found(f"Secrets Manager can't find the specified secret value for {what}: {which}")


def value_members(version: Version) -> dict[str, Any]:
    """The value as the answer spells it."""
    if version.binary is not None:
        return {"SecretBinary": base64.b64encode(version.binary).decode("ascii")}
    return {"SecretString": version.text}


def select_version(secret: Secret, params: dict[str, Any]) -> Version:
    """The version by id, by label, or by both if they agree."""
    version_id, label = params.get("VersionId"), params.get("VersionStage")
    if version_id is not None:
        version = secret.versions.get(version_id)
        if version is None:
            raise no_value("VersionId", version_id)
        if label is not None and label not in version.labels:
            raise invalid_request("You provided a VersionStage that is not associated to the provided VersionId.")
        return version
    version = secret.version_with(label or CURRENT)
    if version is None:
        raise no_value("staging label", label or CURRENT)
    return version


def get_secret_value(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    """The value of one version."""
    secret = context.open_active("GetSecretValue", params)
    version = select_version(secret, params)
    # The service tells accesses by the day. Not worth a write to disk: a restart forgets them.
    secret.last_accessed = version.last_accessed = context.now - context.now % DAY_SECONDS
    answer: dict[str, Any] = {"ARN": secret.arn, "Name": secret.name, "VersionId": version.version_id}
    answer |= value_members(version)
    if version.labels:
        answer["VersionStages"] = sorted(version.labels)
    return answer | {"CreatedDate": version.created}


def put_secret_value(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    """A new version. With a known token it does nothing, whatever has happened to the labels since."""
    secret = context.open_active("PutSecretValue", params)
    token = check_token(params)
    text, binary = check_value(params)
    if text is None and binary is None:
        raise invalid_request("You must provide either SecretString or SecretBinary.")
    version = secret.versions.get(token)
    if version is not None and not version.holds(text, binary):
        raise token_in_use(secret, token)
    if version is None:
        version = Version(token, text, binary, context.now)
        draft = secret.copy()
        draft.add_version(version, set(params.get("VersionStages", [CURRENT])))
        draft.last_changed = context.now
        context.store.save(draft)
    answer: dict[str, Any] = {"ARN": secret.arn, "Name": secret.name, "VersionId": token}
    return answer | {"VersionStages": sorted(version.labels)} if version.labels else answer


def update_secret(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    """Metadata, and a new current version if a value is given. Unlike Put, a known token is an error."""
    secret = context.open_active("UpdateSecret", params)
    token = check_token(params)
    text, binary = check_value(params)
    if token in secret.versions:
        raise token_in_use(secret, token)
    draft = secret.copy()
    draft.description = params.get("Description", draft.description)
    draft.kms_key_id = params.get("KmsKeyId", draft.kms_key_id)
    draft.last_changed = context.now
    answer = {"ARN": draft.arn, "Name": draft.name}
    if text is not None or binary is not None:
        draft.add_version(Version(token, text, binary, context.now), {CURRENT})
        answer["VersionId"] = token
    context.store.save(draft)
    return answer


def update_secret_version_stage(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    """Moves, adds or removes one label. The caller has to name the version that loses it."""
    draft = context.open_active("UpdateSecretVersionStage", params).copy()
    label = params["VersionStage"]
    losing = known_version(draft, params.get("RemoveFromVersionId"))
    gaining = known_version(draft, params.get("MoveToVersionId"))
    check_label_move(draft, label, losing, gaining)
    if losing is not None and gaining is None:
        losing.labels.discard(label)
    if gaining is not None:
        draft.move_label(label, gaining)
        if len(gaining.labels) > MAX_LABELS:
            raise ServiceError("LimitExceededException", f"A version can have at most {MAX_LABELS} staging labels.")
    draft.last_changed = context.now
    context.store.save(draft)
    return {"ARN": draft.arn, "Name": draft.name}


def known_version(secret: Secret, version_id: str | None) -> Version | None:
    """The version that a label is to leave or to reach."""
    if version_id is None:
        return None
    if version_id not in secret.versions:
        raise no_value("VersionId", version_id)
    return secret.versions[version_id]


def check_label_move(secret: Secret, label: str, losing: Version | None, gaining: Version | None) -> None:
    """This is the compare-and-swap of the service: RemoveFromVersionId has to be the present holder."""
    holder = secret.version_with(label)
    if losing is None and gaining is None:
        raise invalid_parameter("You must provide MoveToVersionId, RemoveFromVersionId, or both.")
    if losing is not None and losing is not holder:
        raise invalid_parameter(
            f"When you move staging label {label}, if you specify RemoveFromVersionId, it must be set to the version "
            f"that currently has the staging label {label}."
        )
    if gaining is None and label == CURRENT:
        raise invalid_parameter(
            f"You can only move staging label {CURRENT} to a different secret version. It can't be completely removed."
        )
    if losing is None and holder is not None and holder is not gaining:
        raise invalid_parameter(
            f"The parameter RemoveFromVersionId can't be empty. Staging label {label} is currently attached to version "
            f"{holder.version_id}, so you must explicitly reference that version in RemoveFromVersionId."
        )


def list_secret_version_ids(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    """The versions, deprecated ones only on request. Works on a scheduled secret."""
    secret = context.open("ListSecretVersionIds", params)
    versions = [v for v in secret.versions.values() if v.labels or params.get("IncludeDeprecated", False)]
    return {
        "ARN": secret.arn,
        "Name": secret.name,
        "Versions": [version_entry(secret, version) for version in versions],
    }


def version_entry(secret: Secret, version: Version) -> dict[str, Any]:
    """One version as ListSecretVersionIds shows it."""
    entry: dict[str, Any] = {
        "VersionId": version.version_id,
        "CreatedDate": version.created,
        "KmsKeyIds": [secret.kms_key_id or "DefaultEncryptionKey"],
    }
    if version.labels:
        entry["VersionStages"] = sorted(version.labels)
    if version.last_accessed is not None:
        entry["LastAccessedDate"] = version.last_accessed
    return entry
