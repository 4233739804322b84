"""What the source checks look at, and that they complain."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path
from unittest import mock

import location  # noqa: F401
from checks import builds, command, sources
from checks.outcome import Broken


class Tree(unittest.TestCase):
    """A small source tree in place of ours."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        for module in (sources, command):
            for name, value in (("TREE", self.root), ("BUILD", self.root / "build")):
                patcher = mock.patch.object(module, name, value)
                patcher.start()
                self.addCleanup(patcher.stop)

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """A file of the tree."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)

    def test_a_header_that_leans_on_others_is_named(self) -> None:
        guard = "#ifndef BASE_A_H\n#define BASE_A_H\n"
        self.write("src/base/a.h", guard + "size_t f(void);\n#endif\n")
        outcome = sources.check_headers()
        self.assertEqual((outcome.passed, outcome.failed), (0, 1))
        self.assertIn("src/base/a.h does not compile alone", outcome.complaints[0])

    def test_a_header_without_its_guard_is_named(self) -> None:
        self.write("src/base/a.h", "#ifndef A_H\n#define A_H\n#endif\n")
        self.assertIn("no include guard BASE_A_H", sources.check_headers().complaints[0])

    def test_a_sound_header_passes(self) -> None:
        guard = "#ifndef BASE_A_H\n#define BASE_A_H\n"
        self.write("src/base/a.h", guard + "#include <stddef.h>\nsize_t f(void);\n#endif\n")
        self.assertEqual(sources.check_headers().failed, 0)

    def test_another_layout_is_a_failure(self) -> None:
        self.write(".clang-format", "BasedOnStyle: LLVM\n")
        self.write("src/a.c", "int   x ;\n")
        self.assertEqual(sources.check_format().failed, 1)
        self.write("src/a.c", "int x;\n")
        self.assertEqual(sources.check_format().failed, 0)

    def test_scripts_are_found_by_name_and_by_first_line(self) -> None:
        self.write("tools/a.sh", "")
        self.write("tools/b", "#!/usr/bin/env bash\n", 0o755)
        self.write(".ci/run", "#!/bin/sh\n", 0o755)
        self.write("tools/c", "#!/usr/bin/env python3\n", 0o755)
        self.write("tools/d", "#!/bin/sh\n")
        names = [path.name for path in sources.shell_scripts()]
        self.assertEqual(names, ["a.sh", "b", "run"])

    def test_a_careless_script_is_a_failure(self) -> None:
        self.write("tools/a.sh", "#!/bin/sh\nrm -rf $1/*\n")
        self.assertEqual(sources.check_shell().failed, 1)

    def test_a_command_that_does_not_end_is_ended(self) -> None:
        log = self.root / "build" / "log"
        with self.assertRaisesRegex(Broken, "did not end within"):
            command.run(["sleep", "60"], log, limit_seconds=0.5)

    def test_a_missing_program_comes_with_the_remedy(self) -> None:
        with self.assertRaisesRegex(Broken, "no-such-program not found: run tools/install"):
            command.require("sh", "no-such-program")


class Randomization(unittest.TestCase):
    """The sanitizers' wrapper."""

    def test_it_is_used_only_where_the_kernel_spreads_mappings_too_far(self) -> None:
        for bits, expected in (("28\n", []), ("32\n", ["setarch", "--addr-no-randomize"])):
            with mock.patch.object(Path, "read_text", return_value=bits):
                self.assertEqual(builds.randomization_wrapper(), expected)


if __name__ == "__main__":
    unittest.main()
