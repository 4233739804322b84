"""promtool of the release's package `prometheus`, unpacked: installed, the package would start a server."""

from __future__ import annotations

import subprocess

from devstack.debian import HOST, Programs, Recipe, ensure

RECIPE = Recipe("promtool", HOST, packages=("libc6",), alone=("prometheus",), keep=("usr/bin/promtool",))


def check_metrics(page: str) -> str:
    """What `promtool check metrics` finds in a page; empty when there is nothing."""
    programs: Programs = ensure(RECIPE)
    result = subprocess.run(
        [*programs.command("usr/bin/promtool"), "check", "metrics"],
        input=page, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    complaints = result.stdout + result.stderr
    return complaints if complaints or result.returncode == 0 else f"promtool ended with {result.returncode}"
