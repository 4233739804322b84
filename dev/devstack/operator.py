"""The operator as a process, under its own ServiceAccount with the rights of config/rbac."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from devstack.kube import ControlPlane
from devstack.locations import TREE
from devstack.process import ServerProcess, free_port

NAMESPACE = "database-user-operator-system"
DEPLOYMENT = "database-user-operator-controller-manager"
SERVICE_ACCOUNT = "database-user-operator-controller-manager"
PROGRAM = TREE / "build" / "release" / "src" / "database-user-operator"


def install_manifests(kube: ControlPlane) -> None:
    """What `kubectl apply -k config/default` installs, without pods: nothing runs them here."""
    kube.kubectl("apply", "-k", str(TREE / "config" / "default"))
    kube.kubectl("wait", "--for=condition=Established", "crd/databases.database.opzkit.io", "--timeout=30s")
    kube.kubectl("-n", NAMESPACE, "scale", "--replicas=0", f"deployment/{DEPLOYMENT}")


class ApiServer(Protocol):
    """What the operator needs of a control plane: access for an account."""

    def service_account_kubeconfig(
        self, namespace: str, name: str, folder: Path, *, server: str | None = None
    ) -> Path:
        """Writes a kubeconfig of the account."""


class Operator:
    """One operator process over one state folder."""

    def __init__(
        self,
        folder: Path,
        kube: ApiServer,
        aws: Mapping[str, str],
        *,
        detached: bool = False,
        program: Path = PROGRAM,
        arguments: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        server: str | None = None,
        account: tuple[str, str] = (NAMESPACE, SERVICE_ACCOUNT),
    ) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._kube = kube
        self._server = server
        self._account = account
        self._ports = self._load_ports()
        self.process = ServerProcess(
            "operator",
            [
                program,
                f"--kubeconfig={folder / 'kubeconfig'}",
                f"--health-probe-bind-address=127.0.0.1:{self._ports['health']}",
                f"--metrics-bind-address=127.0.0.1:{self._ports['metrics']}",
                "--leader-elect=false",  # several serve one control plane, each its own resources
                *arguments,
            ],
            folder / "operator.log",
            environment={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", **aws, **(environment or {})},
            record=folder / "operator.pid" if detached else None,
            cwd=Path("/"),
        )

    # --- what others need ---

    @property
    def log_text(self) -> str:
        """Everything it logged."""
        return self.process.log.read_text(errors="replace") if self.process.log.exists() else ""

    def log_lines(self, **wanted: str) -> list[dict[str, Any]]:
        """The log lines whose members have these values."""
        lines = (json.loads(line) for line in self.log_text.splitlines() if line.startswith("{"))
        return [line for line in lines if all(line.get(key) == value for key, value in wanted.items())]

    @property
    def pages(self) -> dict[str, str]:
        """Where it serves health and metrics."""
        return {
            "health": f"http://127.0.0.1:{self._ports['health']}/readyz?verbose",
            "metrics": f"http://127.0.0.1:{self._ports['metrics']}/metrics",
        }

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of one of its pages; status 0 when nobody answers."""
        port = self._ports["metrics" if path.startswith("/metrics") else "health"]
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as failure:
            return failure.code, failure.read().decode()
        except (urllib.error.URLError, OSError):
            return 0, ""

    def metric(self, name: str, /, **labels: str) -> float:
        """The sum of a metric's series that carry these labels."""
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        total = 0.0
        for line in self.get("/metrics")[1].splitlines():
            series, _, value = line.rpartition(" ")
            if series.split("{")[0] == name and all(label in series for label in wanted):
                total += float(value)
        return total

    def memory_kib(self) -> dict[str, int]:
        """Private (RssAnon) and resident (VmRSS) memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
        return {name: int(fields[name].split()[0]) for name in ("RssAnon", "VmRSS")}

    # --- life cycle ---

    def start(self, *, wait: bool = True) -> None:
        """Starts it with a fresh token and waits until it is ready."""
        if self.process.pid is not None:
            return
        self._kube.service_account_kubeconfig(*self._account, self.folder, server=self._server)
        self.process.start()
        if wait:
            self.process.wait_ready(lambda: self.get("/readyz")[0] == 200, 30)

    def stop(self) -> None:
        """Ends it as a pod is ended."""
        self.process.stop(seconds=40)

    def kill(self) -> None:
        """Ends it as the out-of-memory killer does."""
        self.process.kill()

    def restart(self) -> None:
        """stop() and start()."""
        self.stop()
        self.start()

    # --- inside ---

    def _load_ports(self) -> dict[str, int]:
        path = self.folder / "ports.json"
        if not path.exists():
            path.write_text(json.dumps({"health": free_port(), "metrics": free_port()}))
        ports: dict[str, int] = json.loads(path.read_text())
        return ports
