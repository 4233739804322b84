"""The IAM policy of the guide, filled in for a cluster of the tests."""

from __future__ import annotations

import json
from typing import Any

from devstack.locations import TREE
from devstack.secretsmanager import ACCOUNT, REGION

from support.cluster import Namespace

ADMIN = "rds-admin/main"


def text_of_the_guide() -> str:
    """The policy as docs/AWS_CREDENTIALS.md has it."""
    guide = (TREE / "docs" / "AWS_CREDENTIALS.md").read_text()
    return guide.partition("## The IAM policy")[2].partition("```json\n")[2].partition("```")[0]


def actions_of_the_guide() -> list[tuple[str, str]]:
    """Each action of each statement, by the statement's Sid."""
    statements = json.loads(text_of_the_guide())["Statement"]
    return [(statement["Sid"], action) for statement in statements for action in statement["Action"]]


def policy_of_the_guide(namespace: Namespace) -> dict[str, Any]:
    """The same for this cluster, secret names under rds/, and one admin secret, called ADMIN here."""
    text = text_of_the_guide()
    cluster = namespace.kube.kubectl_json("get", "namespace", "kube-system")["metadata"]["uid"]
    values = {"ACCOUNT": ACCOUNT, "REGION": REGION, "PREFIX": "rds", "CLUSTER": cluster, "ADMIN": ADMIN}
    for name, value in values.items():
        text = text.replace(name, value)
    policy: dict[str, Any] = json.loads(text)
    return policy


def without(policy: dict[str, Any], sid: str, action: str) -> dict[str, Any]:
    """The same policy with one action of one statement less."""
    statements = []
    for statement in policy["Statement"]:
        left = [item for item in statement["Action"] if (statement["Sid"], item) != (sid, action)]
        statements += [{**statement, "Action": left}] if left else []
    return {**policy, "Statement": statements}
