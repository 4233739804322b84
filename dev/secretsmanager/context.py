"""What an operation works with: the caller, the region, the time, the secrets, and the permission check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from secretsmanager.credentials import Credential
from secretsmanager.errors import marked_for_deletion, not_found
from secretsmanager.iam import AccessRequest, Decision, access_denied, reason_of
from secretsmanager.rules import check_name
from secretsmanager.secret import Secret
from secretsmanager.store import ACCOUNT, SECRET_ARN, Store, arn_of

# Request parameters that are condition keys of the same name.
PARAMETER_KEYS = (
    "Name",
    "SecretId",
    "Description",
    "KmsKeyId",
    "VersionStage",
    "RecoveryWindowInDays",
    "ForceDeleteWithoutRecovery",
)


@dataclass(frozen=True)
class Context:
    """One call of one caller. Operations run one at a time, under the store's lock."""

    store: Store
    caller: Credential
    region: str
    now: float

    def require(
        self,
        operation: str,
        params: dict[str, Any],
        *,
        resource: str,
        shown: str | None,
        resource_tags: dict[str, str] | None = None,
    ) -> None:
        """Raises AccessDeniedException unless the caller's policy allows the operation on this ARN."""
        action = f"secretsmanager:{operation}"
        arn = SECRET_ARN.fullmatch(resource)
        if arn is not None and arn["account"] != ACCOUNT:
            # The other account's consent would be a resource policy, and there is none.
            reason = f"because no resource-based policy allows the {action} action"
            raise access_denied(self.caller.principal_arn, action, shown, reason)
        if self.caller.policy is None:
            return
        request = AccessRequest(action, resource, condition_context(self.region, params, resource_tags))
        decision = self.caller.policy.decide(request)
        if decision is not Decision.ALLOW:
            raise access_denied(self.caller.principal_arn, action, shown, reason_of(decision, action))

    def open(self, operation: str, params: dict[str, Any]) -> Secret:
        """The secret that SecretId names, if the caller may do this to it.

        Permission comes first: to a caller without it, an absent secret is AccessDenied as well.
        """
        secret_id = params["SecretId"]
        is_arn = SECRET_ARN.fullmatch(secret_id) is not None
        if not is_arn:
            check_name(secret_id)
        secret = self.store.find(self.region, secret_id)
        if secret is not None:
            resource = secret.arn
        else:
            resource = secret_id if is_arn else arn_of(self.region, secret_id)
        tags = None if secret is None else secret.tags
        self.require(operation, params, resource=resource, shown=secret_id, resource_tags=tags)
        if secret is None:
            raise not_found()
        return secret

    def open_active(self, operation: str, params: dict[str, Any]) -> Secret:
        """The same for operations that a secret in its recovery window refuses."""
        secret = self.open(operation, params)
        if secret.scheduled_for_deletion:
            raise marked_for_deletion()
        return secret


def condition_context(
    region: str, params: dict[str, Any], resource_tags: dict[str, str] | None
) -> dict[str, list[str]]:
    """The condition keys of a request, in lower case; absent facts have no key."""
    context = {"aws:requestedregion": [region]}
    for name in PARAMETER_KEYS:
        if params.get(name) is not None:
            value = params[name]
            context[f"secretsmanager:{name.lower()}"] = [str(value).lower() if isinstance(value, bool) else str(value)]
    request_tags = {tag["Key"]: tag.get("Value", "") for tag in params.get("Tags", []) if "Key" in tag}
    for key, value in request_tags.items():
        context[f"aws:requesttag/{key.lower()}"] = [value]
    keys = list(request_tags) + params.get("TagKeys", [])
    if keys:
        context["aws:tagkeys"] = keys
    for key, value in (resource_tags or {}).items():
        context[f"aws:resourcetag/{key.lower()}"] = [value]
        context[f"secretsmanager:resourcetag/{key.lower()}"] = [value]
    return context
