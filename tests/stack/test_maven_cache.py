"""PostgreSQL of other versions: what is unpacked, and that nothing but the pinned archive is."""

from __future__ import annotations

import dataclasses
import io
import re
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack import maven
from devstack.database import ADMIN
from devstack.kube_build import file_digest
from devstack.maven import Artifact
from devstack.postgres import PostgresServer
from devstack.process import StackError

PROGRAM = b"a program"


def build_jar(folder: Path) -> Path:
    """A jar around an archive with one program."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:xz") as archive:
        entry = tarfile.TarInfo("bin/small")
        entry.size, entry.mode = len(PROGRAM), 0o755
        archive.addfile(entry, io.BytesIO(PROGRAM))
    jar = folder / "small-1.jar"
    with zipfile.ZipFile(jar, "w") as whole:
        whole.writestr("small.txz", packed.getvalue())
    return jar


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cache of the test's own."""
    monkeypatch.setenv("DBUO_CACHE", str(tmp_path / "cache"))
    maven.ensure.cache_clear()
    yield tmp_path / "cache" / "maven"
    maven.ensure.cache_clear()


@pytest.fixture
def artifact(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Artifact:
    """One that needs no network."""
    jar = build_jar(tmp_path)
    monkeypatch.setattr(maven, "_download", lambda artifact, work: jar)
    return Artifact("a.group", "small", "1", file_digest(jar), "small.txz")


def test_the_archive_is_unpacked_once(artifact: Artifact, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = maven.ensure(artifact)

    assert (folder / "bin/small").read_bytes() == PROGRAM
    assert (folder / "bin/small").stat().st_mode & 0o777 == 0o755
    maven.ensure.cache_clear()
    monkeypatch.delattr(maven, "_download")
    assert maven.ensure(artifact) == folder


def test_a_damaged_folder_is_made_again(artifact: Artifact) -> None:
    folder = maven.ensure(artifact)
    (folder / "bin/small").write_bytes(b"damaged")
    maven.ensure.cache_clear()

    assert (maven.ensure(artifact) / "bin/small").read_bytes() == PROGRAM


def test_another_archive_than_the_pinned_one_is_refused(artifact: Artifact, cache: Path) -> None:
    with pytest.raises(StackError, match=r"small-1\.jar has the SHA-256 [0-9a-f]{64} instead of 0000"):
        maven.ensure(dataclasses.replace(artifact, sha256="0" * 64))

    assert [path.name for path in cache.iterdir()] == [".lock"]


def test_what_cannot_be_reached_is_named(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = tmp_path / ".m2" / "settings.xml"
    settings.parent.mkdir()
    settings.write_text(
        "<settings><mirrors><mirror><id>nobody</id><mirrorOf>*</mirrorOf><url>http://127.0.0.1:1/</url></mirror></mirrors></settings>"
    )
    monkeypatch.setenv("MAVEN_OPTS", f"-Duser.home={tmp_path}")

    with pytest.raises(StackError, match=r"mvn cannot download io\.zonky.*127\.0\.0\.1"):
        maven.ensure(maven.POSTGRES[16])

    assert [path.name for path in cache.iterdir()] == [".lock"]


@pytest.mark.parametrize("version", maven.POSTGRES)
def test_each_version_runs_with_an_admin_who_is_no_superuser(version: int) -> None:
    folder = Path(tempfile.mkdtemp(prefix="dbuo-test-"))
    folder.chmod(0o755)
    server = PostgresServer(folder / "server", version=version)
    try:
        server.start()
        assert re.match(rf"{version}\.\d+", server.sql("SHOW server_version")[0])
        rights = "rolsuper, rolcreatedb, rolcreaterole, rolinherit"
        assert server.sql(f"SELECT {rights} FROM pg_roles WHERE rolname = '{ADMIN}'") == ["f|t|t|t"]
        assert server.sql("SHOW ssl") == ["on"]
    finally:
        server.remove()
        shutil.rmtree(folder)
