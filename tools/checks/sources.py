"""Checks that read the sources and build nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from .command import BUILD, TREE, last_lines, read_output, require, run
from .outcome import Broken, Outcome, failure, success

C_FOLDERS = ("src", "tests", "bench")
SHELL_FOLDERS = ("tools", ".ci", "dev", "bench", "tests", "config")


def c_files(*suffixes: str) -> list[Path]:
    """All C files of ours, in a stable order."""
    return sorted(
        path
        for folder in C_FOLDERS
        for path in (TREE / folder).rglob("*")
        if path.suffix in suffixes and path.is_file()
    )


def _shown(path: Path) -> str:
    return str(path.relative_to(TREE))


def _judge(name: str, command: list[str], what_to_do: str) -> Outcome:
    """One command whose exit status is the verdict."""
    log = BUILD / "check" / f"{name}.log"
    if run(command, log, limit_seconds=300) == 0:
        return success()
    return failure(f"{last_lines(log)}\n{what_to_do}")


def check_format() -> Outcome:
    """Layout as clang-format makes it."""
    require("clang-format")
    files = [_shown(path) for path in c_files(".c", ".h")]
    return _judge(
        "format",
        ["clang-format", "--dry-run", "-Werror", *files],
        "the layout differs from .clang-format: run `make format`",
    )


def check_layers() -> Outcome:
    """The arrows between the rooms."""
    return _judge(
        "layers",
        ["tools/check_layers.sh"],
        "an #include breaks the layers: see tools/check_layers.sh",
    )


def check_tools() -> Outcome:
    """The checks must themselves fail where they should."""
    log = BUILD / "check" / "tools.log"
    status = run(
        [sys.executable, "-m", "unittest", "discover", "-v", "-s", "tests/tools"],
        log,
        limit_seconds=300,
    )
    text = log.read_text(errors="replace")
    passed = sum(line.endswith("... ok") for line in text.splitlines())
    if status == 0 and passed > 0:
        return Outcome(passed=passed)
    failed = max(1, text.count("\nFAIL: ") + text.count("\nERROR: "))
    return Outcome(passed, failed, [last_lines(log)])


def check_headers() -> Outcome:
    """Every header compiles alone, may be included twice, and has the guard of its path."""
    require("gcc", "pkg-config")
    packages = ("jansson", "libcurl", "libpq", "libmariadb", "libmicrohttpd", "yaml-0.1", "cmocka")
    flags = read_output(["pkg-config", "--cflags", *packages]).split()
    outcome = Outcome()
    for header in c_files(".h"):
        outcome.add(_check_header(header, flags))
    if outcome.failed == 0:
        return success()
    return failure(*outcome.complaints)


def _check_header(header: Path, flags: list[str]) -> Outcome:
    guard = _guard_of(header)
    if f"#ifndef {guard}\n#define {guard}\n" not in header.read_text():
        return failure(f"{_shown(header)}: has no include guard {guard}")
    done = subprocess.run(
        ["gcc", "-fsyntax-only", "-std=gnu17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror"]
        + ["-Isrc", "-Itests", f"-I{header.parent}", *flags, "-x", "c", "-"],
        input=f'#include "{header}"\n#include "{header}"\n',
        cwd=TREE,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode == 0:
        return success()
    return failure(f"{_shown(header)} does not compile alone: include what it uses\n{done.stderr}")


def _guard_of(header: Path) -> str:
    """ROOM_FILE_H for the product, TESTS_... for the rest."""
    path = header.relative_to(TREE)
    parts = path.parts[1:] if path.parts[0] == "src" else path.parts
    return "_".join(parts).upper().replace(".", "_").replace("-", "_")


def shell_scripts() -> list[Path]:
    """Files that a shell runs: by their name, or by their first line."""
    found = []
    for folder in SHELL_FOLDERS:
        for path in sorted((TREE / folder).rglob("*")):
            if path.is_file() and not path.is_symlink() and _is_shell(path):
                found.append(path)
    return found


def _is_shell(path: Path) -> bool:
    if path.suffix == ".sh":
        return True
    if path.suffix or not os.access(path, os.X_OK):
        return False
    with path.open("rb") as stream:
        first = stream.readline(100).split()
    return bool(first) and first[0].startswith(b"#!") and first[-1].endswith((b"sh", b"bash"))


def check_shell() -> Outcome:
    """shellcheck on every script."""
    require("shellcheck")
    scripts = [_shown(path) for path in shell_scripts()]
    if not scripts:
        raise Broken("no shell script was found: is this the source tree?")
    return _judge("shell", ["shellcheck", *scripts], "shellcheck complains")
