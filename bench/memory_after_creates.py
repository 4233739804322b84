"""How much memory the operator has after so many resources were really created: all servers are those of the stack."""

from __future__ import annotations

import time
from pathlib import Path

from devstack.kube import ControlPlane
from devstack.operator import install_manifests
from devstack.process import wait_until
from devstack.stack import Stack

_NAMESPACE = "bench"
_SECONDS = 1800
_BATCH = 100


def _secret(connection: str) -> dict[str, object]:
    metadata = {"name": "postgres-admin", "namespace": _NAMESPACE}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"connectionString": connection}}


def _database(number: int) -> dict[str, object]:
    return {
        "apiVersion": "database.opzkit.io/v1alpha1",
        "kind": "Database",
        "metadata": {"name": f"application-{number:05d}", "namespace": _NAMESPACE},
        "spec": {
            "engine": "postgres",
            "databaseName": f"application_{number:05d}",
            "connectionStringSecretRef": {"name": "postgres-admin"},
        },
    }


def _ready(kube: ControlPlane) -> int:
    """How many resources are Ready."""
    path = "jsonpath={.items[*].status.phase}"
    return kube.kubectl("-n", _NAMESPACE, "get", "databases", "-o", path).stdout.split().count("Ready")


def measure(folder: Path, count: int) -> tuple[dict[str, int], float]:
    """RssAnon and VmRSS in KiB once all are Ready, and how long that took."""
    stack = Stack(folder)
    try:
        stack.up(["kube", "postgres", "secretsmanager"])
        install_manifests(stack.kube)
        stack.up(["operator"])
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _NAMESPACE}}
        stack.kube.apply(namespace, _secret(stack.postgres.admin_url()))
        begin = time.monotonic()
        for first in range(0, count, _BATCH):
            stack.kube.apply(*[_database(number) for number in range(first, min(count, first + _BATCH))])
        wait_until(lambda: _ready(stack.kube) == count, f"that {count} resources are Ready", _SECONDS)
        return stack.operator.memory_kib(), time.monotonic() - begin
    finally:
        stack.down()
