"""The Python packages of the stack and the tests: a virtual environment in the cache.

Named by the digest of dev/requirements.txt, whose hashes pip verifies; a stamp says that it is
whole.  Runs with the standard library alone, before the environment exists.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from devstack.locations import DEV, cache_dir


def ensure_environment() -> Path:
    """The python of the environment; makes it where it is missing or of another Python."""
    requirements = DEV / "requirements.txt"
    digest = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:24]
    root = cache_dir() / "python"
    root.mkdir(parents=True, exist_ok=True)
    folder = root / digest
    with (root / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists() or not (folder / "bin" / "python").exists():
            _make(folder, requirements)
    return folder / "bin" / "python"


def _make(folder: Path, requirements: Path) -> None:
    print("Installing the Python packages of the local stack (once) ...", file=sys.stderr, flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    command = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--require-hashes",
               "--only-binary", ":all:", "-r", str(requirements)]  # fmt: skip
    subprocess.run(command, check=True, env=environment)
    (folder / "complete").touch()


if __name__ == "__main__":
    print(ensure_environment())
