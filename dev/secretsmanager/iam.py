"""Identity-based policies, evaluated on the secret's ARN.

Only what can be evaluated faithfully is accepted: a policy with an operator or a condition key that this
file does not know is refused when it is read, because guessing would make a test of permissions worthless.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from secretsmanager.errors import ServiceError

ACTIONS = frozenset(
    f"secretsmanager:{name}"
    for name in (
        "CreateSecret DeleteSecret DescribeSecret GetSecretValue ListSecretVersionIds ListSecrets PutSecretValue "
        "RestoreSecret TagResource UntagResource UpdateSecret UpdateSecretVersionStage"
    ).split()
)

CONDITION_KEYS = re.compile(
    r"aws:(requestedregion|tagkeys|requesttag/.+|resourcetag/.+)"
    r"|secretsmanager:(name|secretid|description|kmskeyid|versionstage|recoverywindowindays"
    r"|forcedeletewithoutrecovery|resourcetag/.+|resource/.+)",
    re.DOTALL,
)


class PolicyError(Exception):
    """A policy document that cannot be evaluated; the text says which part."""


class Decision(Enum):
    """What the policies of one principal say about one request."""

    ALLOW = "allow"
    EXPLICIT_DENY = "explicit deny"
    IMPLICIT_DENY = "implicit deny"


@dataclass(frozen=True)
class AccessRequest:
    """What is asked for. The keys of `context` are condition keys in lower case."""

    action: str
    resource: str
    context: dict[str, list[str]] = field(default_factory=dict)


def strings(value: Any, where: str) -> list[str]:
    """IAM lets every list of one element be written without the list."""
    values = value if isinstance(value, list) else [value]
    if not values or not all(isinstance(item, str) for item in values):
        raise PolicyError(f"{where} is neither a string nor a list of strings")
    return values


def wildcard(pattern: str, *, ignore_case: bool = False) -> re.Pattern[str]:
    """`*` and `?` as IAM reads them; policy variables are refused, not taken literally."""
    if "${" in pattern:
        raise PolicyError(f'policy variables are not supported, found in "{pattern}"')
    body = "".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in pattern)
    return re.compile(body, re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def string_equals(wanted: str, value: str) -> bool:
    return wanted == value


def string_equals_ignore_case(wanted: str, value: str) -> bool:
    return wanted.casefold() == value.casefold()


def string_like(wanted: str, value: str) -> bool:
    return wildcard(wanted).fullmatch(value) is not None


def numeric_equals(wanted: str, value: str) -> bool:
    return float(wanted) == float(value)


def numeric_less(wanted: str, value: str) -> bool:
    return float(value) < float(wanted)


def numeric_greater(wanted: str, value: str) -> bool:
    return float(value) > float(wanted)


# Operator -> (comparison of one policy value with one request value, result is negated).
OPERATORS = {
    "stringequals": (string_equals, False),
    "stringnotequals": (string_equals, True),
    "stringequalsignorecase": (string_equals_ignore_case, False),
    "stringnotequalsignorecase": (string_equals_ignore_case, True),
    "stringlike": (string_like, False),
    "stringnotlike": (string_like, True),
    "arnlike": (string_like, False),
    "arnequals": (string_like, False),
    "bool": (string_equals_ignore_case, False),
    "numericequals": (numeric_equals, False),
    "numericlessthan": (numeric_less, False),
    "numericlessthanequals": (numeric_greater, True),
    "numericgreaterthan": (numeric_greater, False),
    "numericgreaterthanequals": (numeric_less, True),
}


@dataclass(frozen=True)
class Condition:
    """One operator on one key, for example StringEquals on aws:RequestTag/team."""

    operator: str
    key: str
    wanted: tuple[str, ...]
    qualifier: str
    if_exists: bool

    @staticmethod
    def parse(operator: str, key: str, value: Any) -> Condition:
        qualifier, _, name = operator.rpartition(":")
        name = name.lower()
        if_exists = name.endswith("ifexists")
        name = name.removesuffix("ifexists")
        if name not in OPERATORS and name != "null":
            raise PolicyError(f'the condition operator "{operator}" is not supported')
        if qualifier.lower() not in ("", "forallvalues", "foranyvalue"):
            raise PolicyError(f'the condition operator "{operator}" is not supported')
        if not CONDITION_KEYS.fullmatch(key.lower()):
            raise PolicyError(f'the condition key "{key}" is not supported')
        values = value if isinstance(value, list) else [value]
        wanted = tuple(str(item).lower() if isinstance(item, bool) else str(item) for item in values)
        if name.startswith("numeric") and not all(re.fullmatch(r"-?\d+(\.\d+)?", item) for item in wanted):
            raise PolicyError(f'the condition on "{key}" compares with something that is not a number')
        return Condition(name, key.lower(), wanted, qualifier.lower(), if_exists)

    def holds(self, request: AccessRequest) -> bool:
        present = request.context.get(self.key)
        if self.operator == "null":
            return (present is None) == (self.wanted[0].lower() == "true")
        if present is None:
            _, negated = OPERATORS[self.operator]
            return self.if_exists or negated or self.qualifier == "forallvalues"
        results = [self._matches(value) for value in present]
        return all(results) if self.qualifier == "forallvalues" else any(results)

    def _matches(self, value: str) -> bool:
        compare, negated = OPERATORS[self.operator]
        return any(compare(wanted, value) for wanted in self.wanted) != negated


@dataclass(frozen=True)
class Statement:
    """One statement of a policy, with its patterns compiled."""

    deny: bool
    actions: tuple[re.Pattern[str], ...]
    actions_inverted: bool
    resources: tuple[re.Pattern[str], ...]
    resources_inverted: bool
    conditions: tuple[Condition, ...]

    @staticmethod
    def parse(document: Any) -> Statement:
        if not isinstance(document, dict):
            raise PolicyError("a statement is not an object")
        known = {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"}
        unknown = sorted(set(document) - known)
        if unknown:
            raise PolicyError(f'a statement has the member "{unknown[0]}", which identity-based policies do not have')
        if document.get("Effect") not in ("Allow", "Deny"):
            raise PolicyError('the "Effect" of a statement is neither Allow nor Deny')
        actions, actions_inverted = Statement._patterns(document, "Action", ignore_case=True)
        resources, resources_inverted = Statement._patterns(document, "Resource", ignore_case=False)
        statement = Statement(
            document["Effect"] == "Deny", actions, actions_inverted, resources, resources_inverted, ()
        )
        # Conditions of statements about other services (kms:ViaService) are never evaluated here.
        if not any(statement._covers_action(action) for action in ACTIONS):
            return statement
        return Statement(
            statement.deny,
            actions,
            actions_inverted,
            resources,
            resources_inverted,
            Statement._conditions(document.get("Condition", {})),
        )

    @staticmethod
    def _patterns(
        document: dict[str, Any], member: str, *, ignore_case: bool
    ) -> tuple[tuple[re.Pattern[str], ...], bool]:
        inverted = f"Not{member}" in document
        if inverted == (member in document):
            raise PolicyError(f'a statement needs exactly one of "{member}" and "Not{member}"')
        name = f"Not{member}" if inverted else member
        patterns = strings(document[name], f'"{name}"')
        return tuple(wildcard(pattern, ignore_case=ignore_case) for pattern in patterns), inverted

    @staticmethod
    def _conditions(document: Any) -> tuple[Condition, ...]:
        if not isinstance(document, dict) or not all(isinstance(keys, dict) for keys in document.values()):
            raise PolicyError('"Condition" is not an object of operators')
        return tuple(
            Condition.parse(operator, key, value) for operator, keys in document.items() for key, value in keys.items()
        )

    def _covers_action(self, action: str) -> bool:
        return any(pattern.fullmatch(action) for pattern in self.actions) != self.actions_inverted

    def applies(self, request: AccessRequest) -> bool:
        """True if the statement speaks about this request."""
        covers_resource = any(pattern.fullmatch(request.resource) for pattern in self.resources)
        return (
            self._covers_action(request.action)
            and covers_resource != self.resources_inverted
            and all(condition.holds(request) for condition in self.conditions)
        )


@dataclass(frozen=True)
class Policy:
    """A policy document."""

    statements: tuple[Statement, ...]

    @staticmethod
    def parse(document: Any) -> Policy:
        if not isinstance(document, dict) or "Statement" not in document:
            raise PolicyError('the policy has no "Statement"')
        if document.get("Version") != "2012-10-17":
            raise PolicyError('the "Version" of the policy is not "2012-10-17"')
        statements = document["Statement"]
        items = statements if isinstance(statements, list) else [statements]
        return Policy(tuple(Statement.parse(item) for item in items))

    def decide(self, request: AccessRequest) -> Decision:
        """An explicit deny wins, then an allow; silence denies."""
        applying = [statement for statement in self.statements if statement.applies(request)]
        if any(statement.deny for statement in applying):
            return Decision.EXPLICIT_DENY
        return Decision.ALLOW if applying else Decision.IMPLICIT_DENY


def access_denied(principal_arn: str, action: str, shown_resource: str | None, reason: str) -> ServiceError:
    """AWS's sentence. The resource is shown as the caller named it, and left out where the action has none."""
    resource = "" if shown_resource is None else f" on resource: {shown_resource}"
    return ServiceError(
        "AccessDeniedException",
        f"User: {principal_arn} is not authorized to perform: {action}{resource} {reason}",
    )


def reason_of(decision: Decision, action: str) -> str:
    """The tail of AWS's sentence, from which a reader learns where to look."""
    if decision is Decision.EXPLICIT_DENY:
        return "with an explicit deny in an identity-based policy"
    return f"because no identity-based policy allows the {action} action"
