"""Running the programs that do the work: output into a log, progress on the screen, an end in any
case."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from .outcome import Broken

TREE = Path(__file__).resolve().parents[2]
BUILD = TREE / "build"
PROGRESS_SECONDS = 20
LAST_LINES = 40


def require(*programs: str) -> None:
    """Raises `Broken` when a program is missing."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        raise Broken(f"{', '.join(missing)} not found: run tools/install-dependencies")


def read_output(command: Sequence[str], env: Mapping[str, str] | None = None) -> str:
    """Standard output of a short command that must succeed."""
    done = subprocess.run(
        command, cwd=TREE, env=env, capture_output=True, text=True, timeout=120, check=False
    )
    if done.returncode != 0:
        raise Broken(f"{' '.join(command)} failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def last_lines(log: Path, count: int = LAST_LINES) -> str:
    """The end of a log, for a screen."""
    lines = log.read_text(errors="replace").splitlines()
    return "\n".join("    " + line for line in lines[-count:])


def _last_line(log: Path) -> str:
    """What the command said last, short enough for one line of progress."""
    with log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - 4096))
        lines = stream.read().decode(errors="replace").strip().splitlines()
    return lines[-1].strip()[:90] if lines else ""


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Ends the command and what it started: it leads a process group of its own."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(timeout=10)
            return
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def run(
    command: Sequence[str],
    log: Path,
    *,
    env: Mapping[str, str] | None = None,
    limit_seconds: float,
) -> int:
    """Runs a command with its output in `log` and returns its exit status.

    A line of progress appears while it takes long.  Raises `Broken` when it exceeds its time."""
    log.parent.mkdir(parents=True, exist_ok=True)
    start = shown = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=TREE,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            while True:
                try:
                    return process.wait(timeout=0.2)
                except subprocess.TimeoutExpired:
                    pass
                now = time.monotonic()
                if now - start > limit_seconds:
                    raise Broken(
                        f"{' '.join(command[:4])} did not end within {limit_seconds:.0f} s; "
                        f"its output is in {log.relative_to(TREE)}"
                    )
                if now - shown >= PROGRESS_SECONDS:
                    shown = now
                    print(f"   ... {now - start:.0f} s: {_last_line(log)}")
                    sys.stdout.flush()
        finally:
            if process.poll() is None:
                _end_group(process)
