"""Programs of a Debian release, unpacked into the cache, and verified there.

A test needs several versions of a server, and no release has more than one.  So the packages come
from the machine's own Debian mirror with an apt configuration of our own: nothing is installed, no
right is needed, and apt verifies signatures and digests as ever.  The programs run with the
libraries of their release, which its own loader finds; no chroot is needed for that.

A folder is named by the digest of its recipe; unpacked.py verifies its files.
"""

from __future__ import annotations

import fnmatch
import functools
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from devstack.process import StackError
from devstack.unpacked import copy_tree, ensure_folder, files_of

HOST = "the host's"
_KEYRINGS = ("/usr/share/keyrings/debian-archive-keyring.pgp", "/usr/share/keyrings/debian-archive-keyring.gpg")
_ALIASES = ("oldstable", "stable", "testing", "unstable", "sid")
_WITHOUT_UPDATES = ("sid", "unstable")
_LOADERS_AND_LIBRARIES = ("*/ld-linux*.so.*", "*-linux-gnu*/lib*.so.*")
_APT_SECONDS = 600
_UNPACK_SECONDS = 120


@dataclass(frozen=True)
class Recipe:
    """What is unpacked: the files of these packages and of those that they need, as far as kept."""

    name: str
    release: str
    packages: tuple[str, ...]
    keep: tuple[str, ...]
    alone: tuple[str, ...] = ()  # packages of which a few files are of use, and not what they need


class Programs:
    """An unpacked folder, and how its programs are run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def command(self, program: str) -> list[str]:
        """The beginning of a command line: the release's own loader and the program."""
        loaders = [path for path in self.folder.rglob("ld-linux*.so.*") if not path.is_symlink()]
        if len(loaders) != 1:
            raise StackError(f"{self.folder} has {len(loaders)} loaders instead of one: remove it and try again")
        triplet = loaders[0].parent.name
        libraries = [str(self.folder / start / triplet) for start in ("lib", "usr/lib")]
        return [str(loaders[0]), "--inhibit-cache", "--library-path", ":".join(libraries), str(self.folder / program)]

    def find(self, pattern: str) -> Path:
        """The only file or folder that matches."""
        found = sorted(self.folder.glob(pattern))
        if len(found) != 1:
            raise StackError(f"{self.folder} has {len(found)} of {pattern} instead of one")
        return found[0]

    def copy_to(self, target: Path) -> Programs:
        """The same elsewhere, for a user who may not enter the cache; links where that is possible."""
        copy_tree(self.folder, target)
        return Programs(target)


@functools.cache
def ensure(recipe: Recipe) -> Programs:
    """The unpacked folder; made where it is missing."""
    return Programs(ensure_folder("debian", f"{recipe.name}-{_key(recipe)}", lambda folder: _make(recipe, folder)))


def _key(recipe: Recipe) -> str:
    parts = (_release(recipe), _architecture(), recipe.packages, recipe.keep, recipe.alone, Path(__file__).read_text())
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:24]


# --- the folder ---


def _make(recipe: Recipe, folder: Path) -> dict[str, list[str]]:
    begun = time.monotonic()
    print(f"Unpacking {recipe.name} of Debian {_release(recipe)} (once) ...", flush=True)
    work = Path(tempfile.mkdtemp(prefix="dbuo-apt-"))
    work.chmod(0o755)  # apt downloads as a user of its own when root runs it
    try:
        archives = _download(recipe, work)
        print(f"  {len(archives)} packages downloaded, {time.monotonic() - begun:.0f} s", flush=True)
        for archive in archives:
            _run(["dpkg-deb", "-x", str(archive), str(work / "unpacked")], _UNPACK_SECONDS)
        _take(work / "unpacked", folder, (*_LOADERS_AND_LIBRARIES, *recipe.keep))
        _build_dictionary(Programs(folder))
        names = sorted(archive.name for archive in archives)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print(f"  unpacked in {time.monotonic() - begun:.0f} s", flush=True)
    return {"packages": names}


def _take(unpacked: Path, folder: Path, keep: tuple[str, ...]) -> None:
    for path in files_of(unpacked):
        name = path.relative_to(unpacked)
        if any(fnmatch.fnmatchcase(str(name), pattern) for pattern in keep):
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(path, target)
    for path in (folder, *folder.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)


def _build_dictionary(programs: Programs) -> None:
    """The dictionary of cracklib, which its package makes when it is installed."""
    words = programs.folder / "usr/share/dict/cracklib-small"
    if not words.exists():
        return
    target = programs.folder / "cracklib" / "dictionary"
    target.parent.mkdir()
    with words.open("rb") as source:
        _run([*programs.command("usr/sbin/cracklib-packer"), str(target)], _UNPACK_SECONDS, stdin=source)


# --- apt ---


def _run(command: list[str], seconds: float, **more) -> str:  # type: ignore[no-untyped-def]
    environment = {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    try:
        result = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=seconds, check=False,
            env=environment, **more,
        )  # fmt: skip
    except FileNotFoundError:
        raise StackError(f"{command[0]} is not there: the servers are unpacked from Debian packages") from None
    except subprocess.TimeoutExpired:
        raise StackError(f"{' '.join(command[:2])} did not end within {seconds:.0f} s") from None
    if result.returncode != 0:
        raise StackError(f"{' '.join(command[:2])} failed:\n{(result.stdout + result.stderr).strip()[-2000:]}")
    return result.stdout


@functools.cache
def _architecture() -> str:
    return _run(["dpkg", "--print-architecture"], 30).strip()


def _host_release() -> str:
    for line in Path("/etc/os-release").read_text().splitlines():
        if line.startswith("VERSION_CODENAME="):
            return line.partition("=")[2].strip('"')
    raise StackError("/etc/os-release names no release: the servers are unpacked from Debian packages")


def _release(recipe: Recipe) -> str:
    return _host_release() if recipe.release == HOST else recipe.release


def _sources(release: str) -> str:
    """The release on the mirrors that the machine uses for its own, with its updates where it has them."""
    form = "$(REPO_URI)\t$(RELEASE)\t$(COMPONENT)"
    listed = _run(["apt-get", "indextargets", "--format", form, "Created-By: Packages"], 30)
    stanzas: dict[tuple[str, str], None] = {}
    for line in listed.splitlines():
        uri, suite, component = line.split("\t")
        base, _, updates = suite.partition("-")
        if component == "main" and base in (_host_release(), *_ALIASES) and updates in ("", "updates", "security"):
            if not updates:
                stanzas[uri, release] = None
            elif release not in _WITHOUT_UPDATES:
                stanzas[uri, f"{release}-{updates}"] = None
    if not any(suite == release for _, suite in stanzas):
        raise StackError(f"apt's sources name no Debian mirror (main of {_host_release()}), from which to take {release}")
    return "\n".join(_stanza(uri, suite) for uri, suite in stanzas)


def _stanza(uri: str, suite: str) -> str:
    keyring = next((path for path in _KEYRINGS if Path(path).exists()), None)
    if keyring is None:
        raise StackError("Debian's keys are not there: install the package debian-archive-keyring")
    return (
        f"Types: deb\nURIs: {uri}\nSuites: {suite}\nComponents: main\nArchitectures: {_architecture()}\n"
        f"Targets: Packages\nSigned-By: {keyring}\n"
    )


def _download(recipe: Recipe, work: Path) -> list[Path]:
    archives = work / "cache" / "archives"
    for folder in (archives / "partial", work / "state" / "lists" / "partial", work / "unpacked"):
        folder.mkdir(parents=True)
    (work / "status").touch()  # nothing is installed: so every library is downloaded
    sources = work / "debian.sources"
    sources.write_text(_sources(_release(recipe)))
    options = {
        "Dir::Etc::sourcelist": sources,
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::preferences": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        "Dir::State": work / "state",
        "Dir::State::status": work / "status",
        "Dir::Cache": work / "cache",
        "Dir::Cache::archives": archives,
        "Acquire::AllowInsecureRepositories": "false",
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
        "APT::Get::AllowUnauthenticated": "false",
        "APT::Install-Recommends": "false",
        "APT::Update::Error-Mode": "any",
    }
    apt = ["apt-get", "-q", "-y", *(f"-o{name}={value}" for name, value in options.items())]
    _run([*apt, "update"], _APT_SECONDS)
    _run([*apt, "install", "--download-only", *recipe.packages], _APT_SECONDS)
    if recipe.alone:
        _run([*apt, "download", *recipe.alone], _APT_SECONDS, cwd=archives)
    return sorted(archives.glob("*.deb"))
