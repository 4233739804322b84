"""The check of the binary must see each property that is missing: programs are built without it."""

from __future__ import annotations

import subprocess
import tempfile
import unittest
from pathlib import Path

import location  # noqa: F401
from checks.hardening import inspect

SOURCE = """
#include <stdio.h>
#include <string.h>
int main(int argc, char **argv)
{
    char text[16];
    strcpy(text, argv[argc - 1]);
    return printf(text) + puts(text);
}
"""
GOOD = {
    "optimize": "-O2",
    "fortify": "-D_FORTIFY_SOURCE=2",
    "stack": "-fstack-protector-strong",
    "pie": "-fPIE -pie",
    "relro": "-Wl,-z,relro",
    "now": "-Wl,-z,now",
    "noexecstack": "-Wl,-z,noexecstack",
    "path": "",
    "library": "",
}


class Hardening(unittest.TestCase):
    """One flag at a time is turned into its opposite."""

    def complaints(self, **changed: str) -> list[str]:
        """Builds the program with changed flags and inspects it."""
        flags = " ".join((GOOD | changed).values()).split()
        with tempfile.TemporaryDirectory() as folder:
            program = Path(folder) / "program"
            subprocess.run(
                ["gcc", "-w", "-x", "c", "-", "-o", program, *flags],
                input=SOURCE,
                text=True,
                check=True,
                timeout=60,
            )
            return inspect(program)

    def test_a_hardened_program_has_no_complaint(self) -> None:
        self.assertEqual(self.complaints(), [])

    def test_each_missing_property_is_named(self) -> None:
        cases = (
            ({"fortify": "-U_FORTIFY_SOURCE"}, "fortified"),
            ({"stack": "-fno-stack-protector"}, "stack protector"),
            ({"pie": "-no-pie"}, "position independent"),
            ({"relro": "-Wl,-z,norelro"}, "read-only relocations"),
            ({"now": "-Wl,-z,lazy"}, "lazily"),
            ({"noexecstack": "-Wl,-z,execstack"}, "executable stack"),
            ({"path": "-Wl,-rpath,/opt/lib"}, "path of its own"),
            ({"library": "-Wl,--no-as-needed -lresolv"}, "nobody decided on: libresolv"),
        )
        for changed, word in cases:
            with self.subTest(changed=changed):
                complaints = self.complaints(**changed)
                self.assertEqual(len(complaints), 1, complaints)
                self.assertIn(word, complaints[0])


if __name__ == "__main__":
    unittest.main()
