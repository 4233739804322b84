"""One server process for the tests: start, stop, kill, start again on the same state."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

DEV = Path(__file__).resolve().parents[3] / "dev"
READY_SECONDS = 20.0

ADMIN_KEY = "AKIAADMINISTRATOR000"
ADMIN_SECRET = "administrator/secret+key"
ADMIN = {
    "secret": ADMIN_SECRET,
    "session_token": None,
    "principal_arn": "arn:aws:iam::123456789012:user/administrator",
    "policy": None,
}


class LocalServer:
    """The server as the stack starts it: another process, files for everything."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.state = directory / "state"
        self.log = directory / "calls.log"
        self.credentials = directory / "credentials.json"
        self.port_file = directory / "port"
        self.process: subprocess.Popen[bytes] | None = None
        self.port = 0
        self.write_credentials({})

    def command(self, *extra: str) -> list[str]:
        """The documented command line."""
        return [
            sys.executable,
            "-m",
            "secretsmanager",
            "--port-file",
            str(self.port_file),
            "--state-dir",
            str(self.state),
            "--log",
            str(self.log),
            "--credentials",
            str(self.credentials),
            *extra,
        ]

    def start(self, *extra: str) -> None:
        """Returns when the port file is there. The file of a killed process must not be taken for the new one's."""
        self.port_file.unlink(missing_ok=True)
        environment = os.environ | {"PYTHONPATH": str(DEV)}
        self.process = subprocess.Popen(self.command(*extra), env=environment, stderr=subprocess.PIPE)
        end = time.monotonic() + READY_SECONDS
        while not self.port_file.exists():
            assert self.process.poll() is None, f"the server ended: {self.process.stderr.read().decode()}"
            assert time.monotonic() < end, "the server did not write its port file in time"
            time.sleep(0.02)
        self.port = int(self.port_file.read_text(encoding="ascii"))

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        self.process.terminate()
        return self._end()

    def kill(self) -> None:
        """SIGKILL, as a crash."""
        self.process.kill()
        self._end()

    def _end(self) -> int:
        status = self.process.wait(timeout=10)
        self.process.stderr.close()
        self.process = None
        return status

    def write_credentials(self, others: dict[str, dict[str, Any]]) -> None:
        """The administrator and these; in one step, as a writer should."""
        unfinished = self.credentials.with_suffix(".new")
        unfinished.write_text(json.dumps({ADMIN_KEY: ADMIN} | others), encoding="utf-8")
        os.replace(unfinished, self.credentials)

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"http://127.0.0.1:{self.port}"

    def boto(
        self, region: str = "us-east-1", key: str = ADMIN_KEY, secret: str = ADMIN_SECRET, token: str | None = None
    ) -> Any:
        """AWS's own client, without retries, so that every test sees each answer."""
        return boto3.client(
            "secretsmanager",
            region_name=region,
            endpoint_url=self.url,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token,
            config=Config(retries={"total_max_attempts": 1}, read_timeout=10, proxies={}),
        )
