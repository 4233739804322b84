"""The control plane's program, built by Go from dev/kube into the cache, and verified there.

A build is named by the digest of everything that goes into it.  Its own digest is stored beside it
and compared on every use, so that a damaged or half-written entry is built again.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from devstack.locations import DEV, cache_dir
from devstack.process import StackError

PROGRAMS = ("kube-apiserver", "kube-controller-manager", "kubectl", "etcd")
_SOURCES = ("go.mod", "go.sum", "main.go", "etcd.go")


def _kubernetes_version() -> str:
    for line in (DEV / "kube" / "go.mod").read_text().splitlines():
        words = line.split()
        if len(words) >= 2 and words[0] == "k8s.io/kubernetes":
            return words[1]
    raise StackError("dev/kube/go.mod does not require k8s.io/kubernetes")


def _flags() -> list[str]:
    version = _kubernetes_version()
    major, minor = version.lstrip("v").split(".")[:2]
    package = "k8s.io/component-base/version"
    stamp = f"-X {package}.gitVersion={version} -X {package}.gitMajor={major} -X {package}.gitMinor={minor}"
    return ["-trimpath", "-buildvcs=false", "-ldflags", f"-s -w {stamp}"]


def _key() -> str:
    digest = hashlib.sha256()
    for name in _SOURCES:
        digest.update((DEV / "kube" / name).read_bytes())
    digest.update("\0".join(_flags()).encode())
    digest.update(os.uname().machine.encode())
    return digest.hexdigest()[:24]


def file_digest(path: Path) -> str:
    """SHA-256 of a file in hexadecimal."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _is_sound(folder: Path) -> bool:
    try:
        return (folder / "kube.sha256").read_text() == file_digest(folder / "kube")
    except FileNotFoundError:
        return False


def _build_into(folder: Path) -> None:
    print("Building the Kubernetes API server from source (once; about 10 minutes on 2 cores).", flush=True)
    command = ["go", "build", *_flags(), "-o", str(folder / "kube"), "."]
    log = folder / "build.log"
    begun = time.monotonic()
    with log.open("wb") as output:
        build = subprocess.Popen(command, cwd=DEV / "kube", stdout=output, stderr=output)
        try:
            while True:
                try:
                    build.wait(timeout=15)
                    break
                except subprocess.TimeoutExpired:
                    print(f"  ... still compiling, {time.monotonic() - begun:.0f} s", flush=True)
        except BaseException:
            build.terminate()
            build.wait()
            raise
    if build.returncode != 0:
        raise StackError(f"building dev/kube failed:\n{log.read_text(errors='replace')[-3000:]}")
    print(f"  built in {time.monotonic() - begun:.0f} s", flush=True)
    for name in PROGRAMS:
        (folder / name).symlink_to("kube")
    (folder / "kube.sha256").write_text(file_digest(folder / "kube"))


def ensure_programs() -> Path:
    """The folder with kube-apiserver, kube-controller-manager, kubectl and etcd."""
    given = os.environ.get("KUBEBUILDER_ASSETS")
    if given:
        return _check_assets(Path(given))
    root = cache_dir() / "kube"
    root.mkdir(parents=True, exist_ok=True)
    with (root / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        final = root / _key()
        if _is_sound(final):
            return final
        if final.exists():
            print(f"The cached build {final} is damaged: building again.", file=sys.stderr, flush=True)
            shutil.rmtree(final)
        unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=root))
        try:
            _build_into(unfinished)
            unfinished.chmod(0o755)
            unfinished.rename(final)
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
        return final


def _check_assets(folder: Path) -> Path:
    missing = [name for name in ("kube-apiserver", "kubectl", "etcd") if not (folder / name).exists()]
    if missing:
        raise StackError(f"KUBEBUILDER_ASSETS={folder} has no {', '.join(missing)}: unset it, or install them there")
    return folder
