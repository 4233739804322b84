"""Creating, deleting and restoring secrets."""

from __future__ import annotations

from typing import Any

from secretsmanager.context import Context
from secretsmanager.errors import invalid_request, resource_exists
from secretsmanager.rules import (
    check_name,
    check_recovery_window,
    check_tag_count,
    check_tags,
    check_token,
    check_value,
)
from secretsmanager.secret import Secret, Version
from secretsmanager.store import SECRET_ARN, arn_of, new_arn

DAY_SECONDS = 86400


def token_in_use(secret: Secret, token: str) -> Exception:
    """A version cannot be changed, only followed by another."""
    return resource_exists(
        f"You can't use ClientRequestToken {token} because that value is already in use for a version of secret "
        f"{secret.arn}."
    )


def create_secret(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    """A new secret; repeated with the same token and value it answers as the first time."""
    name = params["Name"]
    check_name(name)
    existing = context.store.find(context.region, name)
    arn = new_arn(context.region, name) if existing is None else existing.arn
    context.require("CreateSecret", params, resource=arn, shown=name)
    tags = check_tags(params)
    if tags:
        context.require("TagResource", params, resource=arn, shown=name)
    token = check_token(params)
    text, binary = check_value(params)
    check_tag_count(tags)
    if existing is not None:
        return repeated_create(existing, token, text, binary)

    secret = Secret(context.region, name, arn, context.now, context.now)
    secret.description = params.get("Description", "")
    secret.kms_key_id = params.get("KmsKeyId", "")
    secret.tags = tags or None
    if text is not None or binary is not None:
        secret.add_version(Version(token, text, binary, context.now), set())
    context.store.save(secret)
    return created(secret, token)


def repeated_create(secret: Secret, token: str, text: str | None, binary: bytes | None) -> dict[str, Any]:
    """The name is taken: by this very request, sent again, or by another."""
    if secret.scheduled_for_deletion:
        raise invalid_request(
            "You can't create this secret because a secret with this name is already scheduled for deletion."
        )
    version = secret.versions.get(token)
    if version is None:
        raise resource_exists(f"The operation failed because the secret {secret.name} already exists.")
    if not version.holds(text, binary):
        raise token_in_use(secret, token)
    return created(secret, token)


def created(secret: Secret, token: str) -> dict[str, Any]:
    """A secret that was made without a value has no version to name."""
    answer = {"ARN": secret.arn, "Name": secret.name}
    return answer | {"VersionId": token} if token in secret.versions else answer


def delete_secret(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    """Schedules the deletion, or deletes at once when forced."""
    days = check_recovery_window(params)
    if days is None:
        return force_delete(context, params)
    secret = context.open("DeleteSecret", params)
    if secret.scheduled_for_deletion:
        raise invalid_request(
            "You can't perform this operation on the secret because it was already scheduled for deletion."
        )
    draft = secret.copy()
    draft.purge_at = context.now + days * DAY_SECONDS
    draft.last_changed = context.now
    context.store.save(draft)
    return {"ARN": draft.arn, "Name": draft.name, "DeletionDate": draft.purge_at}


def force_delete(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    """Without recovery: succeeds on a scheduled secret and, as the real service, on an absent one."""
    secret_id = params["SecretId"]
    if context.store.find(context.region, secret_id) is None and SECRET_ARN.fullmatch(secret_id) is None:
        check_name(secret_id)
        arn = arn_of(context.region, secret_id)
        context.require("DeleteSecret", params, resource=arn, shown=secret_id)
        return {"ARN": new_arn(context.region, secret_id), "Name": secret_id, "DeletionDate": context.now}
    secret = context.open("DeleteSecret", params)
    context.store.remove(secret)
    return {"ARN": secret.arn, "Name": secret.name, "DeletionDate": context.now}


def restore_secret(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    """Cancels a scheduled deletion; versions, labels and tags are as they were. Harmless on an active secret."""
    secret = context.open("RestoreSecret", params)
    if secret.scheduled_for_deletion:
        draft = secret.copy()
        draft.purge_at = None
        draft.last_changed = context.now
        context.store.save(draft)
    return {"ARN": secret.arn, "Name": secret.name}
