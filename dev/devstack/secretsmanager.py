"""The local AWS Secrets Manager (dev/secretsmanager) as a server of the stack."""

from __future__ import annotations

import json
import secrets
import sys
from pathlib import Path
from typing import Any

from devstack.locations import DEV
from devstack.process import ServerProcess, free_port

ACCOUNT = "123456789012"
REGION = "us-east-1"


class SecretsManagerServer:
    """One server over one state folder; restarts keep port and data.

    Two principals: `operator`, whose keys the operator gets, and `person`, who looks and meddles.
    """

    def __init__(self, folder: Path, *, detached: bool = False) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.credentials = self._load_credentials()
        self.port = self._load_port()
        self.process = ServerProcess(
            "secretsmanager",
            [
                sys.executable, "-m", "secretsmanager",
                "--port", str(self.port), "--port-file", folder / "ready", "--state-dir", folder / "state",
                "--log", folder / "calls.log", "--credentials", folder / "credentials.json",
            ],
            folder / "logs" / "secretsmanager.log",
            environment={"PYTHONPATH": str(DEV), "PATH": "/usr/bin:/bin", "PYTHONUNBUFFERED": "1", "LANG": "C.UTF-8",
                         "PYTHONDONTWRITEBYTECODE": "1"},
            record=folder / "secretsmanager.pid" if detached else None,
        )  # fmt: skip

    @property
    def url(self) -> str:
        """The endpoint."""
        return f"http://127.0.0.1:{self.port}"

    def environment(self, principal: str = "operator") -> dict[str, str]:
        """What points an AWS SDK, the AWS command line or the operator at this server."""
        key = self.credentials[principal]
        return {
            "AWS_ACCESS_KEY_ID": key["id"],
            "AWS_SECRET_ACCESS_KEY": key["secret"],
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self, principal: str = "person", region: str = REGION) -> Any:
        """A boto3 client."""
        import boto3

        key = self.credentials[principal]
        return boto3.client(
            "secretsmanager", region_name=region, endpoint_url=self.url,
            aws_access_key_id=key["id"], aws_secret_access_key=key["secret"],
        )  # fmt: skip

    def start(self) -> None:
        """Starts the server and waits until it answers."""
        if self.process.pid is not None:
            return
        ready = self.folder / "ready"
        ready.unlink(missing_ok=True)
        self.process.start()
        self.process.wait_ready(ready.exists, 60)

    def stop(self) -> None:
        """Ends the server; the secrets stay."""
        self.process.stop()

    def kill(self) -> None:
        """Ends it at once."""
        self.process.kill()

    def restart(self) -> None:
        """stop() and start()."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Connections stay open and silent."""
        self.process.pause()

    def resume(self) -> None:
        """Lets it go on after pause()."""
        self.process.resume()

    def _load_port(self) -> int:
        path = self.folder / "port"
        if not path.exists():
            path.write_text(str(free_port()))
        return int(path.read_text())

    def _load_credentials(self) -> dict[str, dict[str, str]]:
        path = self.folder / "principals.json"
        if not path.exists():
            principals = {
                name: {"id": f"AKIA{secrets.token_hex(8).upper()}", "secret": secrets.token_urlsafe(30)}
                for name in ("operator", "person")
            }
            path.touch(0o600)
            path.write_text(json.dumps(principals))
        principals = json.loads(path.read_text())
        table = {
            key["id"]: {
                "secret": key["secret"],
                "session_token": None,
                "principal_arn": f"arn:aws:iam::{ACCOUNT}:role/{name}",
                "policy": None,
            }
            for name, key in principals.items()
        }
        credentials = self.folder / "credentials.json"
        if not credentials.exists():  # a test may have written policies into it
            credentials.touch(0o600)
            credentials.write_text(json.dumps(table))
        return principals
