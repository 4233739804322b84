"""The order of the checks: fast and cheap first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .builds import ASAN, CLANG, GCC, TSAN, compile_and_test, test_with_valgrind
from .command import BUILD, TREE, last_lines, run
from .hardening import check_release
from .integration import check_integration, prepare_stack
from .outcome import Broken, Outcome, success
from .sources import check_format, check_headers, check_layers, check_shell, check_tools


@dataclass(frozen=True)
class Step:
    """One heading of `make check`."""

    name: str
    title: str
    check: Callable[[], Outcome]
    programs: tuple[str, ...] = ()


def install_dependencies() -> Outcome:
    """The packages of the distribution that are missing."""
    if not (TREE / "tools" / "install-dependencies").exists():
        raise Broken("tools/install-dependencies is missing: this is not a whole source tree")
    log = BUILD / "check" / "dependencies.log"
    if run(["tools/install-dependencies"], log, limit_seconds=1200) != 0:
        raise Broken(last_lines(log))
    return success()


_COMPILE = ("meson", "ninja", "pkg-config")
STEPS = (
    Step("dependencies", "packages of the distribution", install_dependencies),
    Step("format", "layout of the C sources", check_format, ("clang-format",)),
    Step("layers", "arrows between the rooms, owners of the libraries", check_layers, ("awk",)),
    Step("headers", "every header compiles alone", check_headers, ("gcc", "pkg-config")),
    Step("shell", "shell scripts", check_shell, ("shellcheck",)),
    Step("tools", "the checks themselves", check_tools, ("gcc", "readelf", "awk")),
    Step("gcc", "gcc, unit tests", lambda: compile_and_test(GCC), ("gcc", *_COMPILE)),
    Step("clang", "clang, unit tests", lambda: compile_and_test(CLANG), ("clang", *_COMPILE)),
    Step("release", "release build and its hardening", check_release, ("readelf", *_COMPILE)),
    Step("asan", "address and undefined behaviour sanitizers, unit tests",
         lambda: compile_and_test(ASAN), ("gcc", *_COMPILE)),  # fmt: skip
    Step("tsan", "thread sanitizer, unit tests", lambda: compile_and_test(TSAN), ("gcc", *_COMPILE)),
    Step("valgrind", "valgrind, unit tests", test_with_valgrind, ("valgrind", *_COMPILE)),
    Step("stack", "what the local stack needs once (the first time takes minutes)", prepare_stack),
    Step("integration", "integration tests on real servers", check_integration),
)
