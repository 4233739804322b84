"""The options: the program, its help and the page that describes them say the same."""

from __future__ import annotations

import json
import re
import subprocess

import pytest
from devstack.locations import TREE
from devstack.operator import PROGRAM

_PAGE = TREE / "docs" / "OPTIONS.md"
_ENTRY = re.compile(r"^  --(\S+)\n        (.*)$", re.MULTILINE)
_MEANING = re.compile(r"(?P<text>.*?)(?: \(default (?P<default>[^()]*)\))?(?: \[\$(?P<variable>\w+)\])?$")


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=10, check=False, env={})


def _row(flag: str, meaning: str) -> str:
    parts = _MEANING.fullmatch(meaning)
    assert parts
    variable = f"`{parts['variable']}`" if parts["variable"] else ""
    default = f"`{parts['default']}`" if parts["default"] else ""
    return f"| `--{flag}` | {variable} | {default} | {parts['text']} |"


def test_the_page_has_the_row_of_every_option_and_no_other() -> None:
    told = [_row(flag, meaning) for flag, meaning in _ENTRY.findall(_run("--help").stdout)]
    table = _PAGE.read_text().split("\n## ")[0]
    written = [line for line in table.splitlines() if line.startswith("| `--")]

    assert len(told) > 10
    assert written == told


def test_help_and_version_succeed_and_say_nothing_else() -> None:
    for argument, begin in (("--help", "Usage: "), ("--version", "database-user-operator ")):
        result = _run(argument)
        assert (result.returncode, result.stderr) == (0, "")
        assert result.stdout.startswith(begin)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--nonsense=1"], "unknown option '--nonsense': see --help"),
        (["--log-format", "xml"], "--log-format must be one of json, text, not 'xml'"),
        (["--sync-period"], "--sync-period needs a value"),
    ],
)
def test_a_wrong_flag_is_one_sentence_and_nothing_starts(arguments: list[str], message: str) -> None:
    result = _run(*arguments)

    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == f"database-user-operator: {message}\n"


def test_flags_of_the_predecessor_are_taken_and_named_in_the_log() -> None:
    result = _run("--kubeconfig=/nonexistent", "--zap-log-level=debug", "--zap-time-encoding=iso8601")

    messages = [json.loads(line)["msg"] for line in result.stderr.splitlines()]
    assert messages == [
        "--zap-log-level=debug is a flag of the predecessor: it counts as --log-level=debug",
        "--zap-time-encoding=iso8601 is a flag of the predecessor: it changes nothing",
        "cannot start",
    ]


def test_the_predecessors_console_is_our_text() -> None:
    result = _run("--kubeconfig=/nonexistent", "--zap-devel")

    lines = result.stderr.splitlines()
    assert lines[0].startswith("level=info ts=")
    assert lines[-1].startswith("level=error ts=")
    assert ' msg="cannot start" error="kubeconfig: ' in lines[-1]
