"""The operator of the trials between its proxies, and everything that looks at what it does."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from devstack.kube import ControlPlane
from devstack.operator import Operator
from devstack.secretsmanager import SecretsManagerServer

from harness.calls import Calls, Fault
from harness.cluster import Cluster
from harness.engines import Engine
from harness.http_proxy import AwsProxy, HttpProxy
from harness.relay import Relay, Tls
from harness.secrets import Secrets
from harness.subject import Subject

Done = Callable[[Subject], bool]

_CONVERGE_SECONDS = 30
_STRIKE_SECONDS = 20


class Bench:
    """One operator, killed again and again, and its surroundings, which stay."""

    def __init__(self, folder: Path, kube: ControlPlane, aws: SecretsManagerServer, calls: Calls, engine: Engine) -> None:
        pki = kube.folder / "pki"
        self.calls = calls
        self.engine = engine
        self.cluster = Cluster(kube)
        self.secrets = Secrets(aws)
        kube_proxy = HttpProxy(calls, kube.port, Tls(pki / "apiserver.crt", pki / "apiserver.key", kube.ca_file))
        aws_proxy = AwsProxy(calls, aws.port, None)
        self._proxies: tuple[Relay, ...] = (kube_proxy, aws_proxy, engine.proxy)
        self.operator = Operator(
            folder, kube, aws.environment(), server=f"https://127.0.0.1:{kube_proxy.port}",
            environment={"AWS_ENDPOINT_URL": f"http://127.0.0.1:{aws_proxy.port}"},
        )  # fmt: skip
        self._logs = [self.operator.process.log, aws.folder / "calls.log", *engine.logs()]
        self.operator.start()  # mints the token that all later starts use
        self.stop()
        engine.make_decoys()
        self.secrets.make_decoys()

    def close(self) -> None:
        """Ends the operator and the proxies."""
        self.stop()
        for proxy in self._proxies:
            proxy.close()

    # --- the operator ---

    def converge(self, subject: Subject, is_done: Done) -> None:
        """Has the operator run until what is wanted of the resource is reached and nothing is left to do, and ends it."""
        self.operator.process.start()
        deadline = time.monotonic() + _CONVERGE_SECONDS
        while not is_done(subject):
            assert self.operator.process.pid is not None, "the operator ended by itself"
            resource = self.cluster.find_database(subject) or {}
            assert time.monotonic() < deadline, f"not done after {_CONVERGE_SECONDS} s: {resource.get('status')}"
            time.sleep(0.02)
        self.stop()

    def stop(self) -> None:
        """Ends the operator and its connections."""
        self.operator.kill()
        for proxy in self._proxies:
            proxy.sever()

    def record(self, subject: Subject, is_done: Done) -> list[str]:
        """What the operator calls until then."""
        self.calls.begin()
        self.converge(subject, is_done)
        return self.calls.end()

    def kill_at(self, fault: Fault) -> list[str]:
        """Starts the operator, which is killed at the fault; what it called until then."""
        return self._run_into(fault, self._kill)

    def cut_at(self, fault: Fault) -> list[str]:
        """Starts the operator, whose call is cut at the fault; what it called until then."""
        return self._run_into(fault, None)

    # --- what may be wanted of a resource ---

    def is_ready(self, subject: Subject) -> bool:
        """Ready, with at least one pass behind it and none running or due."""
        resource = self.cluster.database(subject)
        status = resource.get("status", {})
        current = status.get("observedGeneration") == resource["metadata"]["generation"]
        has_run = self.operator.get("/readyz")[0] == 200 and self.operator.metric("controller_runtime_reconcile_total") > 0
        return current and status.get("phase") == "Ready" and has_run and self._is_idle()

    def is_gone(self, subject: Subject) -> bool:
        """Gone, and no pass running or due."""
        return self.cluster.find_database(subject) is None and self._is_idle()

    def describe_trouble(self) -> str:
        """What the operator and the proxies met lately."""
        troubles = [trouble for proxy in self._proxies for trouble in proxy.troubles]
        return "\n".join(["the proxies met:", *troubles, "the operator's log ends with:", self.operator.log_text[-8000:]])

    # --- what it leaves in logs ---

    @contextmanager
    def logged(self) -> Iterator[list[bytes]]:
        """A list that holds, after the block, what was logged during it."""
        begins = [log.stat().st_size if log.exists() else 0 for log in self._logs]
        texts: list[bytes] = []
        yield texts
        for log, begin in zip(self._logs, begins, strict=True):
            with log.open("rb") as file:
                file.seek(begin)
                texts.append(file.read())

    # --- inside ---

    def _run_into(self, fault: Fault, strike: Callable[[], None] | None) -> list[str]:
        self.calls.begin(fault, strike)
        self.operator.process.start()
        struck = self.calls.struck.wait(_STRIKE_SECONDS)
        if strike is not None:
            self.stop()
        labels = self.calls.end()
        assert struck, f"call {fault.number} was not made, only {len(labels)}"
        return labels

    def _kill(self) -> None:
        pid = self.operator.process.pid
        if pid is not None:
            os.kill(pid, signal.SIGKILL)

    def _is_idle(self) -> bool:
        metric = self.operator.metric
        if self.operator.get("/readyz")[0] != 200:
            return False
        return metric("controller_runtime_active_workers") + metric("workqueue_depth") == 0
