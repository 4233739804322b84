"""What the shipped program must be, read from the program itself and not from the flags."""

from __future__ import annotations

import re
from pathlib import Path

from .builds import RELEASE, compile_build, executables
from .command import read_output, require
from .outcome import Outcome, failure, success

SIZE_LIMIT_BYTES = 1_000_000
LIBRARIES = ("libcurl", "libjansson", "libpq", "libmariadb", "libmicrohttpd", "libyaml")
LIBRARIES += ("libssl", "libcrypto", "libc", "libm", "ld-linux")


def _is_known(library: str) -> bool:
    return re.match(r"[a-z-]+", library)[0].rstrip("-") in LIBRARIES  # type: ignore[index]


def inspect(program: Path) -> list[str]:
    """One sentence for each property that is missing."""
    header = read_output(["readelf", "--wide", "--file-header", "--program-headers", str(program)])
    dynamic = read_output(["readelf", "--wide", "--dynamic", str(program)])
    symbols = read_output(["readelf", "--wide", "--dyn-syms", str(program)])
    stack = re.search(r"GNU_STACK\s+.*?\s([R ][W ][E ])\s", header)
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic)
    foreign = [library for library in needed if not _is_known(library)]
    complaints = {
        "is not position independent (-pie)": "DYN" not in header or "PIE" not in dynamic,
        "has no read-only relocations (-z relro)": "GNU_RELRO" not in header,
        "binds symbols lazily (-z now)": not re.search(r"\bBIND_NOW\b|\bNOW\b", dynamic),
        "has an executable stack": stack is None or "E" in stack[1],
        "has no stack protector": "__stack_chk_fail" not in symbols,
        "has no fortified calls (-D_FORTIFY_SOURCE)": not re.search(r"__\w+_chk\b", symbols),
        "searches libraries in a path of its own": "RPATH" in dynamic or "RUNPATH" in dynamic,
        f"needs libraries that nobody decided on: {', '.join(foreign)}": bool(foreign),
        f"is larger than {SIZE_LIMIT_BYTES} bytes": program.stat().st_size > SIZE_LIMIT_BYTES,
    }
    return [f"{program.name} {text}" for text, is_wrong in complaints.items() if is_wrong]


def check_release() -> Outcome:
    """The build of `make`, and what came out of it."""
    require("readelf")
    outcome = compile_build(RELEASE)
    if outcome.failed:
        return outcome
    programs = executables(RELEASE)
    if not programs:
        outcome.add(failure("the release build installs no program: see src/meson.build"))
    for program in programs:
        complaints = inspect(program)
        outcome.add(failure(*complaints) if complaints else success())
    return outcome
