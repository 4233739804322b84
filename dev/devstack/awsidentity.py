"""The local sources of AWS credentials (dev/awsidentity) as a server of the stack."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from devstack.kube import ControlPlane
from devstack.locations import DEV
from devstack.operator import NAMESPACE, SERVICE_ACCOUNT
from devstack.process import ServerProcess, free_port
from devstack.secretsmanager import ACCOUNT, REGION, SecretsManagerServer

ISSUER = "https://kubernetes.default.svc"
SUBJECT = f"system:serviceaccount:{NAMESPACE}:{SERVICE_ACCOUNT}"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/operator"
SERVERS = ("sts", "pod-identity", "metadata")


class AwsIdentityServer:
    """STS, Pod Identity and instance metadata, each on a port of its own."""

    def __init__(
        self, folder: Path, kube: ControlPlane, secretsmanager: SecretsManagerServer, *, detached: bool = False
    ) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._kube = kube
        self._secretsmanager = secretsmanager
        self._ports = self._load_ports()
        ports = [part for name in SERVERS for part in (f"--{name}-port", str(self._ports[name]))]
        self.process = ServerProcess(
            "awsidentity",
            [
                sys.executable, "-m", "awsidentity", "--folder", folder, "--jwks", folder / "jwks.json",
                "--credentials", secretsmanager.folder / "credentials.json", *ports,
            ],
            folder / "awsidentity.log",
            environment={"PYTHONPATH": str(DEV), "PATH": "/usr/bin:/bin", "PYTHONUNBUFFERED": "1", "LANG": "C.UTF-8",
                         "PYTHONDONTWRITEBYTECODE": "1"},
            record=folder / "awsidentity.pid" if detached else None,
        )  # fmt: skip

    def url(self, name: str) -> str:
        """Where `sts`, `pod-identity` or `metadata` answers."""
        return f"http://127.0.0.1:{self._ports[name]}"

    # --- what the servers shall do ---

    def configure(self, **changes: Any) -> None:
        """Settings as in dev/awsidentity/README.md; what is not named goes back to the default."""
        session = f"arn:aws:sts::{ACCOUNT}:assumed-role/operator"
        trusted = [f"arn:aws:iam::{ACCOUNT}:role/operator", f"{session}/eks-local", f"{session}/i-0123456789abcdef0"]
        settings = {
            "issuer": ISSUER,
            "roles": {ROLE: {"subjects": [SUBJECT], "principals": trusted}},
            "associations": {SUBJECT: ROLE},
            "instance_role": ROLE,
            "region": REGION,
            "lifetime_seconds": 3600,
            **changes,
        }
        (self.folder / "settings.json").write_text(json.dumps(settings))

    def mint_token(self, name: str, audience: str, seconds: int = 3600) -> Path:
        """A file with a token of the operator's service account, as kubelet projects it."""
        token = self._kube.kubectl(
            "create", "token", SERVICE_ACCOUNT, "-n", NAMESPACE, "--audience", audience, f"--duration={seconds}s"
        ).stdout
        path = self.folder / name
        path.touch(0o600)
        path.write_text(token)
        return path

    def calls(self, server: str) -> list[dict[str, Any]]:
        """The requests that a server answered."""
        path = self.folder / "calls.log"
        lines = path.read_text().splitlines() if path.exists() else []
        return [call for call in map(json.loads, lines) if call["server"] == server]

    # --- life cycle ---

    def start(self) -> None:
        """Starts the servers with the keys of the API server."""
        if self.process.pid is not None:
            return
        (self.folder / "jwks.json").write_text(self._kube.kubectl("get", "--raw", "/openid/v1/jwks").stdout)
        self.configure()
        ready = self.folder / "ready"
        ready.unlink(missing_ok=True)
        self.process.start()
        self.process.wait_ready(ready.exists, 60)

    def stop(self) -> None:
        """Ends them."""
        self.process.stop()

    def _load_ports(self) -> dict[str, int]:
        path = self.folder / "ports.json"
        if not path.exists():
            path.write_text(json.dumps({name: free_port() for name in SERVERS}))
        ports: dict[str, int] = json.loads(path.read_text())
        return ports
