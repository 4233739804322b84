"""All servers of the stack over one state folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from devstack.awsidentity import SERVERS as IDENTITY_SERVERS
from devstack.awsidentity import AwsIdentityServer
from devstack.database import DatabaseServer
from devstack.kube import ControlPlane
from devstack.mysql import MARIADB_11_8, MariaDbServer, MySqlServer
from devstack.operator import Operator, install_manifests
from devstack.postgres import PostgresServer
from devstack.process import StackError
from devstack.secretsmanager import SecretsManagerServer

SERVERS = ("kube", "postgres", "mariadb", "secretsmanager")
ON_REQUEST = ("postgres16", "postgres17", "postgres18", "mariadb118", "mysql", "awsidentity", "operator")
PARTS = (*SERVERS, *ON_REQUEST)
_MARK = "this-is-a-stack"


class Stack:
    """The parts that were asked for; a part is made when it is first used."""

    def __init__(self, folder: Path, *, detached: bool = False) -> None:
        self.folder = folder
        self._detached = detached
        self._parts: dict[str, Any] = {}

    @property
    def kube(self) -> ControlPlane:
        """The control plane."""
        return self._part("kube", ControlPlane)

    @property
    def postgres(self) -> PostgresServer:
        """The distribution's PostgreSQL."""
        return self._part("postgres", PostgresServer)

    @property
    def postgres16(self) -> PostgresServer:
        """PostgreSQL 16."""
        return self._postgres_part(16)

    @property
    def postgres17(self) -> PostgresServer:
        """PostgreSQL 17."""
        return self._postgres_part(17)

    @property
    def postgres18(self) -> PostgresServer:
        """PostgreSQL 18."""
        return self._postgres_part(18)

    @property
    def mariadb(self) -> MariaDbServer:
        """The distribution's MariaDB."""
        return self._part("mariadb", MariaDbServer)

    @property
    def mariadb118(self) -> MariaDbServer:
        """MariaDB 11.8."""
        return self._part(
            "mariadb118",
            lambda folder, detached: MariaDbServer(folder, "mariadb118", MARIADB_11_8, detached=detached),
        )

    @property
    def mysql(self) -> MySqlServer:
        """MySQL 9."""
        return self._part("mysql", MySqlServer)

    @property
    def secretsmanager(self) -> SecretsManagerServer:
        """The Secrets Manager."""
        return self._part("secretsmanager", SecretsManagerServer)

    @property
    def awsidentity(self) -> AwsIdentityServer:
        """STS, Pod Identity and instance metadata, which need the control plane and the Secrets Manager."""
        return self._part(
            "awsidentity",
            lambda folder, detached: AwsIdentityServer(folder, self.kube, self.secretsmanager, detached=detached),
        )

    @property
    def operator(self) -> Operator:
        """The operator, which needs the control plane and the Secrets Manager."""
        aws = self.secretsmanager.environment("operator")
        return self._part("operator", lambda folder, detached: Operator(folder, self.kube, aws, detached=detached))

    def _postgres_part(self, version: int) -> PostgresServer:
        part: PostgresServer = self._part(
            f"postgres{version}",
            lambda folder, detached: PostgresServer(folder, version=version, detached=detached),
        )
        return part

    def _part(self, name: str, make: Any) -> Any:
        if name not in self._parts:
            self._parts[name] = make(self.folder / name, detached=self._detached)
        return self._parts[name]

    def up(self, parts: Iterable[str] = SERVERS) -> None:
        """Starts the parts; what was started is ended again when one of them fails."""
        self._claim()
        try:
            for name in parts:
                if not self._is_running(name):
                    print(f"Starting {name} ...", flush=True)
                if name == "operator":
                    install_manifests(self.kube)
                getattr(self, name).start()
        except BaseException:
            self.down()
            raise

    def down(self) -> None:
        """Ends every part that has state here and removes the state folder."""
        if not self.folder.exists():
            return
        if not (self.folder / _MARK).exists():
            raise StackError(f"{self.folder} is not the state folder of a stack: nothing was touched")
        for name in reversed(PARTS):
            if (self.folder / name).exists():
                self._end(name)
        shutil.rmtree(self.folder)

    def describe(self) -> dict[str, Any]:
        """What is running, and how to reach it (holds passwords of the stack)."""
        description: dict[str, Any] = {"state": str(self.folder)}
        if self._is_running("kube"):
            description["kube"] = {
                "server": self.kube.server,
                "kubeconfig": str(self.kube.admin_kubeconfig),
                "programs": str(self.kube.programs),
            }
        for name in PARTS:
            if self._is_running(name) and isinstance(getattr(self, name), DatabaseServer):
                description[name] = getattr(self, name).describe()
        if self._is_running("secretsmanager"):
            description["secretsmanager"] = {
                "url": self.secretsmanager.url,
                "environment": self.secretsmanager.environment("person"),
            }
        if self._is_running("awsidentity"):
            description["awsidentity"] = {name: self.awsidentity.url(name) for name in IDENTITY_SERVERS}
        if self._is_running("operator"):
            description["operator"] = {"log": str(self.operator.process.log), "pages": self.operator.pages}
        return description

    def _claim(self) -> None:
        mark = self.folder / _MARK
        if self.folder.exists() and not mark.exists() and any(self.folder.iterdir()):
            raise StackError(f"{self.folder} exists and holds other files: name an empty folder with --state")
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o755)
        mark.touch()

    def _is_running(self, name: str) -> bool:
        if not (self.folder / name).exists():
            return False
        part = getattr(self, name)
        process = part.apiserver if name == "kube" else part.process
        return process.pid is not None

    def _end(self, name: str) -> None:
        part = getattr(self, name)
        part.remove() if isinstance(part, DatabaseServer) else part.stop()


def print_description(stack: Stack) -> None:
    """The description as JSON on standard output."""
    print(json.dumps(stack.describe(), indent=2))
