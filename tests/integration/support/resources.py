"""Database resources and admin Secrets as Python values."""

from __future__ import annotations

import itertools
from typing import Any

_numbers = itertools.count(1)


def unique(prefix: str) -> str:
    """A name that no other test of this run uses; fit for databases and for Kubernetes objects."""
    return f"{prefix}{next(_numbers)}"


def database(name: str, **spec: Any) -> dict[str, Any]:
    """A Database; `spec` members as in YAML.  The minimal example of the usage guide otherwise."""
    full = {
        "engine": "postgres",
        "databaseName": name.replace("-", "_"),
        "connectionStringSecretRef": {"name": "postgres-admin"},
        **spec,
    }
    return {
        "apiVersion": "database.opzkit.io/v1alpha1",
        "kind": "Database",
        "metadata": {"name": name},
        "spec": {key: value for key, value in full.items() if value is not None},
    }


def secret(name: str, **values: str) -> dict[str, Any]:
    """A Kubernetes Secret."""
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": values}
