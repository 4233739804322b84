"""Where things are: the source tree, and the cache outside it."""

from __future__ import annotations

import os
from pathlib import Path

TREE = Path(__file__).resolve().parents[2]
DEV = TREE / "dev"


def cache_dir() -> Path:
    """The cache of built and downloaded parts; `DBUO_CACHE` moves it."""
    given = os.environ.get("DBUO_CACHE")
    if given:
        return Path(given)
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "database-user-operator"


def default_state_dir() -> Path:
    """The state folder of `dev/stack` when none is named; `DBUO_STATE` moves it."""
    given = os.environ.get("DBUO_STATE")
    return Path(given) if given else cache_dir() / "stack"
