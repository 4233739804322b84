"""Two operators for one Lease, and what the servers recorded of each."""

from __future__ import annotations

import base64
import json
import threading
import time
import uuid
from datetime import datetime
from pathlib import Path
from typing import Any

from devstack.kube import ControlPlane
from devstack.operator import NAMESPACE, SERVICE_ACCOUNT, Operator
from devstack.postgres import PostgresServer
from devstack.process import wait_until
from devstack.secretsmanager import SecretsManagerServer
from secretsmanager.control_client import ControlClient

from support.proxy import Proxy
from support.resources import database, unique
from support.tenant import Tenant
from support.watching import READING
from support.wiretap import Wiretap

_TOKEN_ID = "authentication.kubernetes.io/credential-id"
LEASE = "the-lease"
_credentials_lock = threading.Lock()
# Who may use a Lease in the team's namespace, as config/rbac allows the real one in the operator's.
_RIGHTS = [
    {
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "leader-election"},
        "rules": [
            {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"]},
            {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "resourceNames": [LEASE],
             "verbs": ["get", "update"]},
        ],
    },
    {
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "leader-election"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "leader-election"},
        "subjects": [{"kind": "ServiceAccount", "name": SERVICE_ACCOUNT, "namespace": NAMESPACE}],
    },
]  # fmt: skip


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment.replace("Z", "+00:00")).timestamp()


class Replica:
    """One operator, with its own way to the API server, its own token and its own AWS key."""

    def __init__(self, team: Tenant, name: str, folder: Path, aws: dict[str, str], *arguments: str) -> None:
        self.name = name
        self.uid = str(uuid.uuid4())
        self.proxy = Proxy(team.kube.port)
        self.principal = aws.pop("principal")
        self.operator = Operator(
            folder / name, team.kube, aws, server=f"https://127.0.0.1:{self.proxy.port}",
            environment={"POD_NAME": name, "POD_UID": self.uid},
            arguments=["--leader-elect", f"--namespace={team.name}", f"--leader-election-namespace={team.name}",
                       f"--leader-election-id={LEASE}", *arguments],
        )  # fmt: skip
        self._token_file = folder / name / "token"
        self._tokens: set[str] = set()
        self.started = 0.0

    @property
    def identity(self) -> str:
        """What it writes into the Lease."""
        return f"{self.name}_{self.uid}"

    @property
    def exit_status(self) -> int | None:
        """None while it runs; minus the signal that ended it."""
        return self.operator.process.exit_status

    def start(self) -> None:
        """Starts it, once more with the same identity."""
        self.operator.start(wait=False)
        self.started = time.time()
        wait_until(lambda: self.operator.get("/readyz")[0] == 200, f"start of {self.name}", 60)
        payload = self._token_file.read_text().split(".")[1]
        self._tokens.add(f"JTI={json.loads(base64.urlsafe_b64decode(payload + '=='))['jti']}")

    def wrote(self, entry: dict[str, Any]) -> bool:
        """Whether a line of the audit log is its own."""
        return bool(self._tokens & set(entry["user"].get("extra", {}).get(_TOKEN_ID, [])))

    def leads(self) -> bool:
        """What it says itself."""
        return self.operator.metric("leader_election_master_status", name=LEASE) == 1


class Pair:
    """Two replicas, `a` and `b`, of which `a` leads; a context manager that ends them."""

    def __init__(
        self, folder: Path, kube: ControlPlane, postgres: PostgresServer, secretsmanager: SecretsManagerServer,
        *arguments: str,
    ) -> None:  # fmt: skip
        self.kube = kube
        self.secretsmanager = secretsmanager
        self.team = Tenant(kube, unique("pair-"), postgres, secretsmanager)
        self.team.apply(*_RIGHTS)
        folder = folder / self.team.name
        self.a, self.b = (
            Replica(self.team, name, folder, self._aws(name), "--max-concurrent-reconciles=1", *arguments)
            for name in ("a", "b")
        )
        self.wiretap = Wiretap(postgres.port, lambda: {r.name: r.operator.process.pid for r in (self.a, self.b)})
        self.team.set_admin(postgres.admin_url(port=self.wiretap.port, parameters="sslmode=disable"))

    def __enter__(self) -> Pair:
        self.a.start()
        self.await_leader(self.a, 30)
        self.b.start()
        return self

    def __exit__(self, *_: object) -> None:
        for replica in (self.a, self.b):
            replica.operator.process.resume()
            replica.operator.kill()
            replica.proxy.__exit__(None, None, None)
        self.wiretap.__exit__(None, None, None)
        self.team.clear()

    # --- the Lease ---

    def holder(self) -> str:
        """holderIdentity."""
        path = f"/apis/coordination.k8s.io/v1/namespaces/{self.team.name}/leases/{LEASE}"
        lease = self.kube.api.call("GET", path, missing_ok=True)
        return lease["spec"].get("holderIdentity", "") if lease else ""

    def await_leader(self, replica: Replica, seconds: float) -> None:
        """Waits until it holds the Lease."""
        wait_until(lambda: self.holder() == replica.identity, f"leading of {replica.name}", seconds)

    # --- work ---

    def give_work(self, count: int) -> list[str]:
        """Makes so many resources at once."""
        names = [unique("work") for _ in range(count)]
        self.team.apply(*(database(name) for name in names))
        return names

    def await_first_ready(self, names: list[str]) -> None:
        """Waits until the work is under way and far from done."""
        self.team.wait_ready(names[0], 60)

    def await_all_ready(self, names: list[str], seconds: float) -> None:
        """Waits until everything is done."""

        def phases() -> list[str]:
            return [self.team.status(name).get("phase", "") for name in names]

        wait_until(lambda: phases() == ["Ready"] * len(names), "the end of the work", seconds)

    # --- records ---

    def takings(self, replica: Replica) -> list[float]:
        """When it wrote the Lease, by the audit log of the API server."""
        return [moment for moment, what in self._audited(replica) if what.startswith("leases")]

    def writes(self, replica: Replica) -> list[tuple[float, str]]:
        """Everything else that it changed, in order, by the records of the servers; whatever it said to the database
        counts, and of what it asked of the API server only what that did."""
        found = [(moment, what) for moment, what in self._audited(replica) if not what.startswith("leases")]
        for call in ControlClient(self.secretsmanager.url).calls():
            if (call["principal"] or "").endswith(f"/{replica.principal}") and call["operation"] not in READING:
                found.append((_seconds(call["time"]), call["operation"]))
        found += [(moment, "SQL") for moment, name in self.wiretap.spoke if name == replica.name]
        return sorted(found)

    def _audited(self, replica: Replica) -> list[tuple[float, str]]:
        return [
            (_seconds(entry["stageTimestamp"]), f"{entry['objectRef']['resource']} {entry['verb']}")
            for entry in self.kube.audited()
            if replica.wrote(entry) and entry["objectRef"].get("namespace") == self.team.name
            and entry["responseStatus"]["code"] < 300
        ]  # fmt: skip

    def assert_never_both(self, *, pause: float = 0) -> None:
        """Each wrote something, and the second had the Lease only so long after the first had done its last."""
        first, second = self.writes(self.a), self.writes(self.b)
        assert first, "a wrote nothing"
        assert second, "b wrote nothing"
        taken = self.takings(self.b)[0]
        assert first[-1][0] + pause < taken < second[0][0], (first[-3:], taken, second[:3])

    # --- inside ---

    def _aws(self, name: str) -> dict[str, str]:
        """A key that only this replica has."""
        principal, key = f"{self.team.name}-{name}", f"AKIA{uuid.uuid4().hex[:16].upper()}"
        secret = uuid.uuid4().hex
        add_credential(self.secretsmanager, key, secret, principal)
        return {
            **self.secretsmanager.environment(), "AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret,
            "principal": principal,
        }  # fmt: skip


def add_credential(secretsmanager: SecretsManagerServer, key: str, secret: str, principal: str) -> None:
    """One more principal that may do everything."""
    path = secretsmanager.folder / "credentials.json"
    with _credentials_lock:
        table = json.loads(path.read_text())
        entry = dict(table[secretsmanager.credentials["operator"]["id"]])
        account = entry["principal_arn"].rpartition("/")[0]
        table[key] = {**entry, "secret": secret, "principal_arn": f"{account}/{principal}"}
        fresh = path.with_name("credentials.new")
        fresh.write_text(json.dumps(table))
        fresh.replace(path)
