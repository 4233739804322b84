"""tools/check_layers.sh must complain where it should: each rule is broken once, on purpose."""

from __future__ import annotations

import subprocess
import tempfile
import unittest
from pathlib import Path

from location import TREE

SCRIPT = TREE / "tools" / "check_layers.sh"

# file, the line in it, what the complaint must say
VIOLATIONS = (
    ("src/base/log.c", '#include "http/transport.h"', "room base may not include"),
    ("src/http/url.c", '#include "kube/client.h"', "room http may not include"),
    ("src/kube/client.c", '#include "aws/sigv4.h"', "room kube may not include"),
    ("src/aws/sigv4.h", '#include "kube/client.h"', "room aws may not include"),
    ("src/engine/engine.c", '#include "http/transport.h"', "room engine may not include"),
    ("src/server/health.c", '#include "controller/plan.h"', "room server may not include"),
    ("src/controller/plan.c", '#include "http/transport.h"', "room controller may not include"),
    ("src/controller/plan.c", '  #  include   "server/health.h"', "room controller may not"),
    ("src/kube/client.c", '#include "client.h"', "is not a path from src/"),
    ("src/kube/client.c", '#include "options.h"', "nobody includes them"),
    ("src/kube/client.c", '#include "../base/log.h"', "is relative"),
    ("src/kube/client.c", '#include "kube/../aws/sigv4.h"', "is relative"),
    ("src/kube/client.c", '#include "support/test.h"', "the product includes"),
    ("src/kube/client.c", '#include "misc/things.h"', "names no room"),
    ("src/misc/things.c", "#include <stdio.h>", "misc is no room"),
    ("src/controller/plan.c", "#include <libpq-fe.h>", "belongs to engine/postgres"),
    ("src/engine/engine.c", "#include <libpq-fe.h>", "belongs to engine/postgres"),
    ("src/engine/postgres.c", "#include <mysql/mysql.h>", "belongs to engine/mysql"),
    ("src/kube/client.c", "#include <curl/curl.h>", "belongs to http/"),
    ("src/kube/config.c", "#include <yaml.h>", "belongs to kube/kubeconfig.c"),
    ("src/aws/sigv4.c", "#include <openssl/hmac.h>", "belongs to base/digest.c"),
    ("src/http/transport.c", "#include <jansson.h>", "belongs to base/"),
    ("src/main.c", "#include <microhttpd.h>", "belongs to server/"),
    ("src/base/log.c", "#include <glib.h>", "nobody decided on"),
    ("src/base/log.c", "#include <uv/version.h>", "nobody decided on"),
    ("tests/unit/base/test_log.c", '#include "http/url.h"', "room base may not include"),
    ("tests/unit/kube/test_client.c", '#include "aws/sigv4.h"', "room kube may not include"),
    ("tests/unit/kube/test_client.c", "#include <cmocka.h>", "belongs to support/test.h"),
    ("tests/unit/kube/test_client.c", "#include <libpq-fe.h>", "belongs to engine/postgres"),
    ("tests/unit/kube/test_client.c", '#include "nowhere.h"', "is not a path from src/"),
)

ALLOWED = (
    ("src/base/log.c", '#include "base/strbuf.h"\n#include <sys/eventfd.h>'),
    ("src/base/digest.c", "#include <openssl/evp.h>"),
    ("src/http/curl_transport.c", "#include <curl/curl.h>"),
    ("src/kube/client.c", '#include "http/transport.h"\n#include <jansson.h>'),
    ("src/aws/sigv4.c", '#include "http/transport.h"\n#include "base/digest.h"'),
    ("src/engine/postgres_observe.c", "#include <libpq-fe.h>"),
    ("src/controller/plan.c", '#include "engine/engine.h"\n#include "kube/client.h"'),
    ("src/server/health.c", '#include "kube/informer.h"\n#include <microhttpd.h>'),
    ("src/main.c", '#include "controller/controller.h"\n#include "options.h"'),
    ("tests/support/test.h", "#include <cmocka.h>"),
    ("tests/unit/http/test_tls.c", '#include "support/test.h"\n#include <openssl/ssl.h>'),
    ("tests/unit/main/test_options.c", '#include "options.h"'),
)


class Layers(unittest.TestCase):
    """One file at a time in an otherwise empty tree."""

    def check(self, path: str, text: str) -> tuple[int, str]:
        """Runs the script over a tree with this one file."""
        with tempfile.TemporaryDirectory() as folder:
            for room in ("src", "tests/unit", "tests/support"):
                (Path(folder) / room).mkdir(parents=True)
            file = Path(folder) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text + "\n")
            done = subprocess.run(
                [SCRIPT, folder], capture_output=True, text=True, timeout=60, check=False
            )
            return done.returncode, done.stdout + done.stderr

    def test_each_violation_is_named_with_its_place(self) -> None:
        for path, text, complaint in VIOLATIONS:
            with self.subTest(path=path, text=text):
                status, output = self.check(path, "/* first line */\n" + text)
                self.assertEqual(status, 1, output)
                self.assertIn(complaint, output)
                if "is no room" not in complaint:
                    self.assertIn(f"{path}:2:", output)

    def test_what_is_allowed_passes(self) -> None:
        for path, text in ALLOWED:
            with self.subTest(path=path):
                self.assertEqual(self.check(path, text), (0, ""))

    def test_a_test_may_include_a_header_beside_it(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            room = Path(folder) / "tests" / "unit" / "http"
            for part in ("src", "tests/support", "tests/unit/http"):
                (Path(folder) / part).mkdir(parents=True)
            (room / "peer.h").write_text("#include <stdio.h>\n")
            (room / "test_tls.c").write_text('#include "peer.h"\n')
            done = subprocess.run([SCRIPT, folder], capture_output=True, timeout=60, check=False)
            self.assertEqual((done.returncode, done.stdout), (0, b""))

    def test_an_empty_tree_is_no_success(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            for part in ("src", "tests/support", "tests/unit"):
                (Path(folder) / part).mkdir(parents=True)
            done = subprocess.run([SCRIPT, folder], capture_output=True, timeout=60, check=False)
            self.assertEqual(done.returncode, 1)


if __name__ == "__main__":
    unittest.main()
