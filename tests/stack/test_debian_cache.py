"""The cache of unpacked packages: what it keeps, that it notices damage, and whom it trusts.

No network: the packages are made here.
"""

from __future__ import annotations

import gzip
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from devstack import debian
from devstack.debian import HOST, Recipe
from devstack.process import StackError

RECIPE = Recipe("small", HOST, packages=("small",), keep=("usr/bin/small",))


def build_package(folder: Path) -> Path:
    """A package with a program, documentation and a link among libraries."""
    content = folder / "content"
    libraries = content / "usr/lib/x86_64-linux-gnu"
    for name in ("DEBIAN", "usr/bin", "usr/share/doc", "usr/lib/x86_64-linux-gnu"):
        (content / name).mkdir(parents=True)
    (content / "DEBIAN/control").write_text(
        "Package: small\nVersion: 1\nArchitecture: all\nMaintainer: nobody <nobody@example.com>\nDescription: small\n"
    )
    (content / "usr/bin/small").write_text("program")
    (content / "usr/share/doc/small").write_text("text")
    (libraries / "libsmall.so.1.2").write_text("library")
    (libraries / "libsmall.so.1").symlink_to("libsmall.so.1.2")
    package = folder / "small_1_all.deb"
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "-b", content, package], check=True, timeout=60, stdout=subprocess.DEVNULL
    )
    return package


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    monkeypatch.setenv("DBUO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "debian"


@pytest.fixture
def ensure(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Path]:
    """ensure() as a new process would call it, with a package from here."""
    package = build_package(tmp_path)

    def download(recipe: Recipe, work: Path) -> list[Path]:
        (work / "unpacked").mkdir()
        return [package]

    monkeypatch.setattr(debian, "_download", download)

    def call() -> Path:
        debian.ensure.cache_clear()
        folder = debian.ensure(RECIPE).folder
        debian.ensure.cache_clear()
        return folder

    return call


def names(folder: Path) -> set[str]:
    """All files of a folder."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_symlink() or path.is_file()}


def test_libraries_and_what_the_recipe_names_are_kept(ensure: Callable[[], Path]) -> None:
    folder = ensure()
    libraries = {f"usr/lib/x86_64-linux-gnu/{name}" for name in ("libsmall.so.1", "libsmall.so.1.2")}
    assert names(folder) == {"manifest.json", "usr/bin/small", *libraries}
    assert (folder / "usr/lib/x86_64-linux-gnu/libsmall.so.1").read_text() == "library"


def test_sound_folder_is_used_again(ensure: Callable[[], Path]) -> None:
    before = ensure().stat()
    after = ensure().stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "usr/bin/small").write_text("damaged"),
        lambda folder: (folder / "usr/bin/small").unlink(),
        lambda folder: (folder / "usr/bin/more").write_text("foreign"),
        lambda folder: (folder / "manifest.json").write_text("{"),
        lambda folder: (folder / "usr/lib/x86_64-linux-gnu/libsmall.so.1").unlink(),
    ],
    ids=["changed", "missing", "foreign", "manifest", "link"],
)
def test_damaged_folder_is_made_again(damage: Callable[[Path], object], ensure: Callable[[], Path], cache: Path) -> None:
    folder = ensure()
    whole = names(folder)
    damage(folder)
    assert ensure() == folder
    assert names(folder) == whole and (folder / "usr/bin/small").read_text() == "program"
    assert {path.name for path in cache.iterdir()} == {".lock", folder.name}


def test_other_recipe_is_another_folder(ensure: Callable[[], Path]) -> None:
    assert ensure().name == f"small-{debian._key(RECIPE)}"
    other = Recipe("small", "sid", packages=("small",), keep=RECIPE.keep)
    assert debian._key(other) != debian._key(RECIPE)


def offer(folder: Path, monkeypatch: pytest.MonkeyPatch, uri: str) -> None:
    """Makes apt look at one place only."""
    suite = debian._host_release()
    monkeypatch.setattr(debian, "_sources", lambda release: debian._stanza(uri, suite))
    lists = folder / "dists" / suite / "main" / f"binary-{debian._architecture()}"
    lists.mkdir(parents=True)
    (lists / "Packages.gz").write_bytes(gzip.compress(b""))
    (folder / "dists" / suite / "Release").write_text(f"Suite: {suite}\nComponents: main\n")


def test_archive_without_signature_is_refused(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o755)
    offer(tmp_path / "archive", monkeypatch, f"file:{tmp_path}/archive")
    with pytest.raises(StackError, match="not signed|no InRelease|does not have a Release file"):
        debian.ensure(RECIPE)
    assert [path.name for path in cache.iterdir()] == [".lock"]


def test_mirror_that_does_not_answer_is_named(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(tmp_path / "archive", monkeypatch, "http://127.0.0.1:1/debian")
    with pytest.raises(StackError, match="127.0.0.1"):
        debian.ensure(RECIPE)
    assert [path.name for path in cache.iterdir()] == [".lock"]


def test_sources_come_from_the_machines_own(monkeypatch: pytest.MonkeyPatch) -> None:
    own = [
        "http://mirror/debian/\tbookworm\tmain",
        "http://mirror/debian/\tbookworm-updates\tmain",
        "http://mirror/debian/\tbookworm-backports\tmain",
        "http://mirror/security/\tbookworm-security\tmain",
        "http://mirror/debian/\tbookworm\tcontrib",
        "http://elsewhere/node\tnodistro\tmain",
    ]
    monkeypatch.setattr(debian, "_run", lambda command, seconds: "\n".join(own))
    monkeypatch.setattr(debian, "_host_release", lambda: "bookworm")
    monkeypatch.setattr(debian, "_stanza", lambda uri, suite: f"{uri} {suite}")
    assert debian._sources("trixie").splitlines() == [
        "http://mirror/debian/ trixie",
        "http://mirror/debian/ trixie-updates",
        "http://mirror/security/ trixie-security",
    ]
    assert debian._sources("sid").splitlines() == ["http://mirror/debian/ sid"]
    del own[0]
    with pytest.raises(StackError, match="no Debian mirror"):
        debian._sources("sid")
