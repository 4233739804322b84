"""Folders of unpacked programs in the cache, each made once and verified when it is first used.

The digests of all files of a folder are stored in it, so that a damaged or half-written one is made
again.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from devstack.kube_build import file_digest
from devstack.locations import cache_dir

_MANIFEST = "manifest.json"


def ensure_folder(kind: str, name: str, make: Callable[[Path], dict[str, Any]]) -> Path:
    """The folder `name` among those of its kind; `make` fills it where it is missing and says where from."""
    root = cache_dir() / kind
    root.mkdir(parents=True, exist_ok=True)
    with (root / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        final = root / name
        if _is_sound(final):
            return final
        if final.exists():
            print(f"{final} is damaged: unpacking again.", file=sys.stderr, flush=True)
            shutil.rmtree(final)
        for left in root.glob("unfinished-*"):  # of a run that was killed: the lock is ours
            shutil.rmtree(left)
        unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=root))
        try:
            origin = make(unfinished)
            manifest = {**origin, "files": dict(_digests(unfinished))}
            (unfinished / _MANIFEST).write_text(json.dumps(manifest, indent=1))
            unfinished.chmod(0o755)
            unfinished.rename(final)
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
        return final


def files_of(folder: Path) -> Iterator[Path]:
    """Every file and link below a folder, in order."""
    return (path for path in sorted(folder.rglob("*")) if path.is_symlink() or path.is_file())


def copy_tree(source: Path, target: Path) -> None:
    """The same elsewhere, for a user who may not enter the cache; links where that is possible."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, symlinks=True, copy_function=_link_or_copy)
    target.chmod(0o755)


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)


def _digests(folder: Path) -> Iterator[tuple[str, str]]:
    for path in files_of(folder):
        name = str(path.relative_to(folder))
        if name != _MANIFEST:
            yield name, f"-> {path.readlink()}" if path.is_symlink() else file_digest(path)


def _is_sound(folder: Path) -> bool:
    try:
        stored = json.loads((folder / _MANIFEST).read_text())["files"]
    except (FileNotFoundError, ValueError, KeyError):
        return False
    return bool(stored == dict(_digests(folder)))
