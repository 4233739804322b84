"""The examples of the usage guide, as config/samples has them."""

from __future__ import annotations

from typing import Any

import yaml

from devstack.locations import TREE


def sample(name: str) -> dict[str, Any]:
    """One sample, in whatever namespace it is applied."""
    document: dict[str, Any] = yaml.safe_load((TREE / "config" / "samples" / f"{name}.yaml").read_text())
    document["metadata"].pop("namespace", None)
    return document
