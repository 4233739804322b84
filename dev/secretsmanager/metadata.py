"""Descriptions, tags and lists."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from secretsmanager.context import Context
from secretsmanager.errors import ServiceError, invalid_parameter
from secretsmanager.rules import check_tag_count, check_tag_keys, check_tags
from secretsmanager.secret import Secret

PAGE = 100


def description_of(secret: Secret, versions_member: str) -> dict[str, Any]:
    """What is known of a secret. Facts without a value are left out, as the real service does."""
    facts: dict[str, Any] = {
        "ARN": secret.arn,
        "Name": secret.name,
        "Description": secret.description or None,
        "KmsKeyId": secret.kms_key_id or None,
        "CreatedDate": secret.created,
        "LastChangedDate": secret.last_changed,
        "LastAccessedDate": secret.last_accessed,
        "DeletedDate": secret.purge_at,
        versions_member: secret.labels_by_version() or None,
    }
    if secret.tags is not None:
        facts["Tags"] = [{"Key": key, "Value": value} for key, value in secret.tags.items()]
    return {key: value for key, value in facts.items() if value is not None}


def describe_secret(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    """Everything but the values. Works on a scheduled secret, and is how a client learns that it is one."""
    return description_of(context.open("DescribeSecret", params), "VersionIdsToStages")


def tag_resource(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    """Adds tags to those that are there, replacing values of equal keys."""
    secret = context.open_active("TagResource", params)
    return change_tags(context, "TagResource", params, secret, (secret.tags or {}) | check_tags(params))


def untag_resource(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    """Removes tags; absent ones are no error."""
    secret = context.open_active("UntagResource", params)
    check_tag_keys(params["TagKeys"])
    if secret.tags is None:
        return {}
    tags = {key: value for key, value in secret.tags.items() if key not in params["TagKeys"]}
    return change_tags(context, "UntagResource", params, secret, tags)


def change_tags(
    context: Context, operation: str, params: dict[str, Any], secret: Secret, tags: dict[str, str]
) -> dict[str, Any]:
    """Stores tags, unless they would cost the caller its own access to the secret."""
    check_tag_count(tags)
    context.require(operation, params, resource=secret.arn, shown=params["SecretId"], resource_tags=tags)
    draft = secret.copy()
    draft.tags = tags
    draft.last_changed = context.now
    context.store.save(draft)
    return {}


def list_secrets(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    """A page of the secrets. Scheduled ones only on request."""
    context.require("ListSecrets", params, resource="*", shown=None)
    filters = [parse_filter(item) for item in params.get("Filters", [])]
    planned = params.get("IncludePlannedDeletion", False)
    matching = [
        secret
        for secret in context.store.all(context.region)
        if (planned or not secret.scheduled_for_deletion) and all(test(secret) for test in filters)
    ]
    start = parse_page_token(params.get("NextToken"))
    end = start + params.get("MaxResults", PAGE)
    answer: dict[str, Any] = {
        "SecretList": [description_of(secret, "SecretVersionsToStages") for secret in matching[start:end]]
    }
    if end < len(matching):
        answer["NextToken"] = base64.b64encode(str(end).encode("ascii")).decode("ascii")
    return answer


def parse_page_token(token: str | None) -> int:
    """Where the next page starts."""
    if token is None:
        return 0
    try:
        return int(base64.b64decode(token, validate=True))
    except (binascii.Error, ValueError):
        raise ServiceError("InvalidNextTokenException", "The NextToken value is invalid.") from None


FILTERED = {
    "name": lambda secret: [secret.name],
    "description": lambda secret: [secret.description],
    "tag-key": lambda secret: list(secret.tags or {}),
    "tag-value": lambda secret: list((secret.tags or {}).values()),
}


def parse_filter(item: dict[str, Any]) -> Any:
    """A test for one secret: some text of it starts with one of the values, or with none for a leading `!`."""
    key, values = item.get("Key"), item.get("Values")
    if key not in FILTERED:
        raise invalid_parameter(f"The local Secrets Manager filters by {', '.join(FILTERED)} only.")
    if not values:
        raise invalid_parameter(f"Invalid filter values for key: {key}")

    def test(secret: Secret) -> bool:
        texts = FILTERED[key](secret)
        return any(
            any(text.startswith(value.removeprefix("!")) for text in texts) != value.startswith("!") for value in values
        )

    return test
