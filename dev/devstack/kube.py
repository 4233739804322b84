"""A real Kubernetes control plane on loopback: etcd, kube-apiserver, kube-controller-manager."""

from __future__ import annotations

import json
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from devstack.authority import Authority, write_rsa_key
from devstack.kube_api import KubeApi
from devstack.kube_build import ensure_programs
from devstack.process import ServerProcess, StackError, free_port, wait_until

# The controllers that a cluster cannot do without here: namespaces empty, objects are collected,
# service accounts exist and find the CA.
_CONTROLLERS = (
    "namespace-controller,garbage-collector-controller,serviceaccount-controller,"
    "serviceaccount-token-controller,root-ca-certificate-publisher-controller,"
    "clusterrole-aggregation-controller"
)

# Who wrote what, so that tests can ask: the last word on which of two operators did.
_AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {
            "level": "Metadata",
            "verbs": ["create", "update", "patch", "delete"],
            "resources": [
                {"group": group} for group in ("database.opzkit.io", "coordination.k8s.io", "events.k8s.io")
            ],
        },
        {"level": "None"},
    ],
}


class ControlPlane:
    """etcd, kube-apiserver and kube-controller-manager over one state folder.

    `stop()` keeps the data and the ports, so that `start()` brings back the same cluster.
    """

    def __init__(self, folder: Path, *, detached: bool = False, apiserver_flags: Sequence[str] = ()) -> None:
        self.folder = folder
        self.programs = ensure_programs()
        folder.mkdir(parents=True, exist_ok=True)
        self._ports = self._load_ports()
        self._detached = detached
        self._authority = Authority(folder / "pki", "stack-kubernetes")
        self._prepare_credentials()
        self.etcd = self._process("etcd", self._etcd_arguments())
        self.apiserver = self._process("kube-apiserver", self._apiserver_arguments(apiserver_flags))
        self.controllers = self._process("kube-controller-manager", self._controllers_arguments())

    # --- what others need ---

    @property
    def server(self) -> str:
        """The URL of the API server."""
        return f"https://127.0.0.1:{self._ports['apiserver']}"

    @property
    def port(self) -> int:
        """The API server's port."""
        return self._ports["apiserver"]

    @property
    def etcd_port(self) -> int:
        """etcd's port for clients."""
        return self._ports["etcd"]

    @property
    def ca_file(self) -> Path:
        """The CA of the API server's certificate."""
        return self._authority.certificate_file

    @property
    def admin_kubeconfig(self) -> Path:
        """A kubeconfig of system:masters."""
        return self.folder / "admin.kubeconfig"

    @property
    def admin_certificate(self) -> tuple[Path, Path]:
        """Certificate and key of system:masters."""
        return self.folder / "pki" / "admin.crt", self.folder / "pki" / "admin.key"

    def audited(self) -> list[dict[str, Any]]:
        """What the API server was asked to write, its answers included (audit.k8s.io/v1)."""
        lines = (self.folder / "audit.log").read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Runs kubectl as administrator; StackError with its output when it fails and `check`."""
        result = subprocess.run(
            [str(self.programs / "kubectl"), f"--kubeconfig={self.admin_kubeconfig}", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if check and result.returncode != 0:
            raise StackError(f"kubectl {' '.join(arguments)} failed: {result.stderr.strip()}")
        return result

    @cached_property
    def api(self) -> KubeApi:
        """The API as administrator, without kubectl."""
        return KubeApi(self.port, self.ca_file, *self.admin_certificate)

    def kubectl_json(self, *arguments: str) -> Any:
        """What `kubectl ... -o json` prints, parsed."""
        return json.loads(self.kubectl(*arguments, "-o", "json").stdout)

    def apply(self, *documents: dict[str, Any]) -> None:
        """Applies objects."""
        self.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(documents))

    def service_account_kubeconfig(
        self, namespace: str, name: str, folder: Path, *, server: str | None = None, seconds: int = 86400
    ) -> Path:
        """Mints a token for a service account and writes a kubeconfig that reads it from a file."""
        folder.mkdir(parents=True, exist_ok=True)
        token_file = folder / "token"
        token = self.kubectl("create", "token", name, "-n", namespace, f"--duration={seconds}s").stdout
        token_file.touch(0o600)
        token_file.write_text(token)
        path = folder / "kubeconfig"
        _write_kubeconfig(path, server or self.server, self.ca_file, {"tokenFile": str(token_file)}, namespace)
        return path

    # --- life cycle ---

    def start(self) -> None:
        """Starts everything and waits until a service account can be used."""
        self.etcd.start()
        self.apiserver.start()
        self.apiserver.wait_ready(self._is_ready, 90)
        self.controllers.start()
        wait_until(self._has_default_account, "creation of the default service account", 60)

    def stop(self) -> None:
        """Ends everything; the data stay."""
        for process in (self.controllers, self.apiserver, self.etcd):
            process.stop()

    def restart_apiserver(self, *, kill: bool = False) -> None:
        """Ends the API server alone and starts it again on the same port."""
        self.apiserver.kill() if kill else self.apiserver.stop()
        self.apiserver.start()
        self.apiserver.wait_ready(self._is_ready, 90)

    # --- inside ---

    def _load_ports(self) -> dict[str, int]:
        path = self.folder / "ports.json"
        if not path.exists():
            names = ("etcd", "etcd-peer", "apiserver", "controllers")
            path.write_text(json.dumps({name: free_port() for name in names}))
        ports: dict[str, int] = json.loads(path.read_text())
        return ports

    def _process(self, name: str, arguments: Sequence[str]) -> ServerProcess:
        record = self.folder / f"{name}.pid" if self._detached else None
        return ServerProcess(
            name, [self.programs / name, *arguments], self.folder / "logs" / f"{name}.log", record=record
        )

    def _prepare_credentials(self) -> None:
        pki = self.folder / "pki"
        if (pki / "service-account.key").exists():
            return
        self._authority.issue(pki / "apiserver", "kube-apiserver", server=True)
        for name, common_name in (("admin", "stack-admin"), ("controllers", "system:kube-controller-manager")):
            organization = "system:masters" if name == "admin" else None
            certificate, key = self._authority.issue(pki / name, common_name, organization=organization)
            user = {"client-certificate": str(certificate), "client-key": str(key)}
            _write_kubeconfig(self.folder / f"{name}.kubeconfig", self.server, self.ca_file, user, "default")
        write_rsa_key(pki / "service-account.key")

    def _etcd_arguments(self) -> list[str]:
        return [
            f"--data-dir={self.folder / 'etcd'}",
            f"--listen-client-urls=http://127.0.0.1:{self._ports['etcd']}",
            f"--listen-peer-urls=http://127.0.0.1:{self._ports['etcd-peer']}",
            f"--advertise-client-urls=http://127.0.0.1:{self._ports['etcd']}",
        ]

    def _apiserver_arguments(self, extra: Sequence[str]) -> list[str]:
        pki = self.folder / "pki"
        policy = self.folder / "audit-policy.yaml"
        policy.write_text(yaml.safe_dump(_AUDIT_POLICY))
        return [
            f"--etcd-servers=http://127.0.0.1:{self._ports['etcd']}",
            f"--secure-port={self._ports['apiserver']}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--tls-cert-file={pki / 'apiserver.crt'}",
            f"--tls-private-key-file={pki / 'apiserver.key'}",
            f"--client-ca-file={self.ca_file}",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--endpoint-reconciler-type=none",
            "--authorization-mode=RBAC",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={pki / 'service-account.key'}",
            f"--service-account-signing-key-file={pki / 'service-account.key'}",
            "--allow-privileged=true",
            f"--audit-policy-file={policy}",
            f"--audit-log-path={self.folder / 'audit.log'}",
            "--audit-log-maxsize=100",
            "--audit-log-maxbackup=1",
            *extra,
        ]

    def _controllers_arguments(self) -> list[str]:
        pki = self.folder / "pki"
        return [
            f"--kubeconfig={self.folder / 'controllers.kubeconfig'}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self._ports['controllers']}",
            "--leader-elect=false",
            f"--controllers={_CONTROLLERS}",
            f"--root-ca-file={self.ca_file}",
            f"--service-account-private-key-file={pki / 'service-account.key'}",
            "--use-service-account-credentials=true",
            "--concurrent-gc-syncs=2",
        ]

    def _is_ready(self) -> bool:
        context = ssl.create_default_context(cafile=str(self.ca_file))
        context.load_cert_chain(*self.admin_certificate)
        try:
            with urllib.request.urlopen(f"{self.server}/readyz", context=context, timeout=2) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def _has_default_account(self) -> bool:
        return self.kubectl("get", "serviceaccount", "default", "-n", "default", check=False).returncode == 0


def _write_kubeconfig(path: Path, server: str, ca_file: Path, user: dict[str, str], namespace: str) -> None:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "stack", "cluster": {"server": server, "certificate-authority": str(ca_file)}}],
        "users": [{"name": "user", "user": user}],
        "contexts": [{"name": "stack", "context": {"cluster": "stack", "user": "user", "namespace": namespace}}],
        "current-context": "stack",
    }
    path.touch(0o600)
    path.write_text(yaml.safe_dump(config))
