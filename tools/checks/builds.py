"""The builds: one folder under build/ each, configured the same way every time."""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from .command import BUILD, TREE, last_lines, read_output, require, run
from .counts import count_meson
from .outcome import Broken, Outcome, failure, success

RELEASE_OPTIONS = ("-Dbuildtype=release", "-Doptimization=2", "-Dtests=false")

# gcc warns of what the instrumentation itself brings in (a null format string), so warnings are
# errors in the plain builds of both compilers only.
SANITIZER_OPTIONS = ("-Dwerror=false", "-Db_lundef=false")


@dataclass(frozen=True)
class Build:
    """One configuration of the sources."""

    name: str
    compiler: str
    options: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    timeout_multiplier: int = 1
    is_sanitized: bool = False

    @property
    def folder(self) -> Path:
        """Where it is built."""
        return BUILD / self.name


GCC = Build("gcc", "gcc")
CLANG = Build("clang", "clang")
RELEASE = Build("release", "gcc", RELEASE_OPTIONS)
ASAN = Build(
    "asan",
    "gcc",
    ("-Db_sanitize=address,undefined", *SANITIZER_OPTIONS),
    {
        "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=1:allow_user_segv_handler=0"
        ":detect_stack_use_after_return=1",
        "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    },
    timeout_multiplier=4,
    is_sanitized=True,
)
TSAN = Build(
    "tsan",
    "gcc",
    ("-Db_sanitize=thread", *SANITIZER_OPTIONS),
    {"TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1"},
    timeout_multiplier=6,
    is_sanitized=True,
)


def _log(build: Build, what: str) -> Path:
    return BUILD / "check" / f"{build.name}-{what}.log"


def configure(build: Build) -> None:
    """Makes the folder, or makes it anew when it was configured otherwise."""
    require("meson", "ninja", build.compiler)
    stamp = build.folder / "configured-as.json"
    wanted = json.dumps([build.compiler, build.options])
    if stamp.exists() and stamp.read_text() == wanted:
        return
    if build.folder.exists():
        shutil.rmtree(build.folder)
    log = _log(build, "configure")
    status = run(
        ["meson", "setup", *build.options, str(build.folder), str(TREE)],
        log,
        env=os.environ | {"CC": build.compiler},
        limit_seconds=300,
    )
    if status != 0:
        raise Broken(
            f"meson cannot configure the build; if a library is missing, run "
            f"tools/install-dependencies:\n{last_lines(log, 8)}"
        )
    stamp.write_text(wanted)


def compile_build(build: Build) -> Outcome:
    """Compiles everything; warnings are errors where the configuration says so."""
    configure(build)
    log = _log(build, "compile")
    status = run(
        ["ninja", "-C", str(build.folder), f"-j{os.cpu_count() or 2}"], log, limit_seconds=1200
    )
    if status == 0:
        return success()
    return failure(f"{build.compiler} ({build.name}):\n{last_lines(log)}")


def randomization_wrapper() -> list[str]:
    """What to put before sanitized programs.

    The sanitizers of gcc 12 and clang 14 find their shadow memory taken where the kernel spreads
    mappings over more than 28 bits (vm.mmap_rnd_bits, 32 on newer kernels), so it is turned off
    for them."""
    setting = Path("/proc/sys/vm/mmap_rnd_bits")
    if not setting.exists() or int(setting.read_text()) <= 28:
        return []
    require("setarch")
    wrapper = ["setarch", "--addr-no-randomize"]
    try:
        read_output([*wrapper, "true"])
    except Broken as broken:
        raise Broken(
            "the sanitizers need less address space randomization than this kernel has, and it "
            f"cannot be turned off for one program ({broken}): run as root "
            "`sysctl vm.mmap_rnd_bits=28`, or allow the system call personality in the container"
        ) from broken
    return wrapper


def run_tests(build: Build, name: str, extra: tuple[str, ...] = (), multiplier: int = 0) -> Outcome:
    """Runs the unit tests of a compiled build and counts each cmocka case.

    `name` tells its log from those of other runs of the same build."""
    log = _log(build, f"{name}-tests")
    wrapper = randomization_wrapper() if build.is_sanitized else []
    results = build.folder / "meson-logs" / f"testlog{'-' + name if '--setup' in extra else ''}.json"
    results.unlink(missing_ok=True)
    environment = os.environ | build.environment | {"CMOCKA_MESSAGE_OUTPUT": "TAP"}
    status = run(
        [*wrapper, "meson", "test", "--no-rebuild", "-C", str(build.folder), "--print-errorlogs"]
        + ["--num-processes", str(os.cpu_count() or 2)]
        + ["--timeout-multiplier", str(multiplier or build.timeout_multiplier), *extra],
        log,
        env=environment,
        limit_seconds=1200,
    )
    if not results.exists():
        raise Broken(f"meson ran no tests:\n{last_lines(log)}")
    outcome = count_meson(results)
    if outcome.passed + outcome.failed == 0:
        raise Broken(f"the build {build.name} has no tests: see {log.relative_to(TREE)}")
    if status != 0 and outcome.failed == 0:
        outcome.add(failure("meson test failed though every test passed"))
    if outcome.failed:
        outcome.complaints.append(_explain(log))
    return outcome


def _explain(log: Path) -> str:
    """Where to read more, with the part that sanitizers, valgrind and cmocka write on failure."""
    lines = log.read_text(errors="replace").splitlines()
    telling = re.compile(r"not ok|# |error|ERROR|SUMMARY|WARNING: |runtime error|==\d+==|^\s+#\d+ ")
    told = ["    " + line for line in lines if telling.search(line)]
    return "\n".join([*told[:60], f"    the whole output is in {log.relative_to(TREE)}"])


def compile_and_test(build: Build) -> Outcome:
    """Compiles and, if that went well, runs the unit tests."""
    outcome = compile_build(build)
    if outcome.failed == 0:
        outcome.add(run_tests(build, build.name))
    return outcome


def test_with_valgrind() -> Outcome:
    """The unit tests of the gcc build once more, each instruction watched."""
    require("valgrind")
    outcome = compile_build(GCC)
    if outcome.failed:
        return outcome
    return run_tests(GCC, "valgrind", ("--setup", "valgrind"), multiplier=20)


def executables(build: Build) -> list[Path]:
    """The programs that a build installs."""
    targets = json.loads(read_output(["meson", "introspect", "--targets", str(build.folder)]))
    return [
        Path(target["filename"][0])
        for target in targets
        if target["type"] == "executable" and target["installed"]
    ]
