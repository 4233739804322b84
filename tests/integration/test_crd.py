"""What the API server itself refuses and shows: schema, rules, columns, rights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from devstack.locations import TREE
from support.cluster import Namespace
from support.resources import database

OPERATOR = "system:serviceaccount:database-user-operator-system:database-user-operator-controller-manager"
SAMPLES = sorted(
    path
    for path in (TREE / "config" / "samples").glob("*.yaml")
    if path.name != "kustomization.yaml" and not path.name.startswith("admin_secret")
)

REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("unknown engine", {"engine": "oracle"}, 'supported values: "postgres", "postgresql", "mysql", "mariadb"'),
    ("no engine", {"engine": None}, "spec.engine: Required value"),
    ("no database name", {"databaseName": None}, "spec.databaseName: Required value"),
    ("capital letters", {"databaseName": "MyApp"}, "should match '^[a-z][a-z0-9_]*$'"),
    ("leading digit", {"databaseName": "1app"}, "should match '^[a-z][a-z0-9_]*$'"),
    ("quote in the name", {"databaseName": 'a"b'}, "should match '^[a-z][a-z0-9_]*$'"),
    ("name too long", {"databaseName": "a" * 64}, "may not be more than 63"),
    ("empty database name", {"databaseName": ""}, "spec.databaseName"),
    ("user name with a quote", {"username": "a'b"}, "spec.username"),
    ("user name too long", {"username": "u" * 64}, "may not be more than 63"),
    ("no connection", {"connectionStringSecretRef": None}, "exactly one of connectionStringSecretRef and"),
    (
        "both connections",
        {"connectionStringAWSSecretRef": {"secretName": "admin"}},
        "exactly one of connectionStringSecretRef and connectionStringAWSSecretRef must be given",
    ),
    ("connection without name", {"connectionStringSecretRef": {"key": "x"}}, "connectionStringSecretRef.name: Required"),
    ("secret name with a blank", {"secretName": "my secret"}, "spec.secretName"),
    ("secret name too long", {"secretName": "s" * 513}, "may not be more than 512"),
    ("bad region", {"awsSecretsManager": {"region": "europe"}}, "spec.awsSecretsManager.region"),
    ("description too long", {"awsSecretsManager": {"description": "d" * 2049}}, "may not be more than 2048"),
    (
        "reserved tag",
        {"awsSecretsManager": {"tags": {"database.opzkit.io/owner-name": "x"}}},
        "reserved: remove or rename",
    ),
    ("tag of AWS", {"awsSecretsManager": {"tags": {"AWS:x": "x"}}}, "reserved: remove or rename"),
    (
        "another manager",
        {"awsSecretsManager": {"tags": {"ManagedBy": "me"}}},
        "ManagedBy may only have the value database-user-operator",
    ),
    ("bad tag key", {"awsSecretsManager": {"tags": {"a&b": "x"}}}, "the key of a tag may hold"),
    ("bad tag value", {"awsSecretsManager": {"tags": {"a": "x;y"}}}, "spec.awsSecretsManager.tags.a"),
    ("too many tags", {"awsSecretsManager": {"tags": {f"k{i}": "x" for i in range(41)}}}, "must have at most 40"),
    ("privilege that is no word", {"privileges": ["SELECT; DROP"]}, "spec.privileges[0]"),
    ("privileges as text", {"privileges": "ALL"}, "spec.privileges"),
]

CHANGES: list[tuple[str, dict[str, Any], str]] = [
    ("engine", {"engine": "mysql"}, "engine cannot be changed: create a new resource"),
    ("engine to its other word", {"engine": "postgresql"}, "engine cannot be changed: create a new resource"),
    ("databaseName", {"databaseName": "other"}, "databaseName cannot be changed: create a new resource"),
    ("username given", {"username": "other"}, "username cannot be changed: create a new resource"),
]


@pytest.mark.parametrize(("spec", "sentence"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_bad_spec_is_refused_with_what_to_do(namespace: Namespace, spec: dict[str, Any], sentence: str) -> None:
    assert sentence in namespace.refusal(database("app", **spec))
    assert not namespace.exists("database", "app")


@pytest.mark.parametrize(("spec", "sentence"), [row[1:] for row in CHANGES], ids=[row[0] for row in CHANGES])
def test_what_cannot_change_is_refused(namespace: Namespace, spec: dict[str, Any], sentence: str) -> None:
    namespace.apply(database("app"))

    assert sentence in namespace.refusal(database("app", **spec))


def test_a_given_username_cannot_be_removed(namespace: Namespace) -> None:
    namespace.apply(database("app", username="somebody"))

    assert "username cannot be changed" in namespace.refusal(database("app"))


def test_naming_the_default_username_is_no_change(namespace: Namespace) -> None:
    namespace.apply(database("app"))
    namespace.apply(database("app", username="app"))
    namespace.apply(database("app", privileges=["SELECT"], retainOnDelete=False))


@pytest.mark.parametrize("path", SAMPLES, ids=[path.stem for path in SAMPLES])
def test_each_sample_is_accepted_as_it_is(namespace: Namespace, path: Path) -> None:
    sample = yaml.safe_load(path.read_text())
    sample["metadata"].pop("namespace", None)

    namespace.kubectl("apply", "--validate=strict", "-f", "-", stdin=yaml.safe_dump(sample))

    assert namespace.get("database", sample["metadata"]["name"])["spec"] == sample["spec"]


def test_the_schema_adds_no_defaults_to_stored_objects(namespace: Namespace) -> None:
    minimal = database("app")
    namespace.apply(minimal)

    assert namespace.get("database", "app")["spec"] == minimal["spec"]


def test_an_unknown_field_is_named(namespace: Namespace) -> None:
    document = yaml.safe_dump(database("app", passwordLength=8))
    result = namespace.kubectl("apply", "--validate=strict", "-f", "-", stdin=document, check=False)

    assert 'unknown field "spec.passwordLength"' in result.stderr


def test_the_columns_are_the_documented_ones(namespace: Namespace) -> None:
    namespace.apply(database("app"))
    header = namespace.kubectl("get", "databases").stdout.splitlines()[0].split()

    assert header == ["NAME", "ENGINE", "DATABASE", "USERNAME", "SECRETNAME", "PHASE", "AGE"]
    assert namespace.kubectl("get", "db").stdout.splitlines()[0].split() == header


@pytest.mark.parametrize(
    "field",
    ["engine", "databaseName", "username", "secretName", "privileges", "retainOnDelete", "secretTemplate",
     "connectionStringSecretRef.key", "connectionStringAWSSecretRef.secretName", "awsSecretsManager.region",
     "awsSecretsManager.tags", "awsSecretsManager.description"],
)  # fmt: skip
def test_kubectl_explain_tells_what_a_field_is(namespace: Namespace, field: str) -> None:
    text = namespace.kubectl("explain", f"database.spec.{field}").stdout

    description = text.partition("DESCRIPTION:")[2].strip()
    assert len(description) > 20, text


@pytest.mark.parametrize(
    ("verb", "resource", "allowed"),
    [
        ("list", "databases.database.opzkit.io", True),
        ("watch", "databases.database.opzkit.io", True),
        ("patch", "databases.database.opzkit.io", True),
        ("patch", "databases.database.opzkit.io/status", True),
        ("delete", "databases.database.opzkit.io", False),
        ("create", "databases.database.opzkit.io", False),
        ("get", "secrets", True),
        ("watch", "secrets", True),
        ("create", "secrets", False),
        ("update", "secrets", False),
        ("patch", "secrets", False),
        ("delete", "secrets", False),
        ("get", "namespaces/kube-system", True),
        ("get", "namespaces/default", False),
        ("list", "namespaces", False),
        ("list", "pods", False),
        ("create", "serviceaccounts/token", False),
        ("impersonate", "users", False),
    ],
)
def test_the_operator_has_exactly_the_rights_it_needs(
    namespace: Namespace, verb: str, resource: str, allowed: bool
) -> None:
    answer = namespace.kubectl("auth", "can-i", verb, resource, f"--as={OPERATOR}", check=False).stdout.strip()

    assert answer == ("yes" if allowed else "no")


@pytest.mark.parametrize(
    ("role", "verb", "allowed"),
    [("view", "get", True), ("view", "create", False), ("edit", "create", True), ("edit", "delete", True)],
)
def test_the_clusters_own_roles_reach_databases(namespace: Namespace, role: str, verb: str, allowed: bool) -> None:
    user = f"{role}er-of-{namespace.name}"
    namespace.kubectl("create", "rolebinding", role, f"--clusterrole={role}", f"--user={user}")
    answer = namespace.kubectl("auth", "can-i", verb, "databases", f"--as={user}", check=False).stdout.strip()

    assert answer == ("yes" if allowed else "no")


def test_what_is_installed_has_the_documented_names(namespace: Namespace) -> None:
    system = "database-user-operator-system"
    deployment = namespace.kube.kubectl_json(
        "-n", system, "get", "deployment", "database-user-operator-controller-manager"
    )

    pod = deployment["spec"]["template"]["spec"]
    assert [container["name"] for container in pod["containers"]] == ["manager"]
    assert pod["serviceAccountName"] == "database-user-operator-controller-manager"
    assert pod["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True
