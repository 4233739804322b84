"""The API server as the tests use it: namespaces of their own, and answers as values."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from typing import Any

import yaml

from devstack.kube import ControlPlane

_GROUPS = {"database": "/apis/database.opzkit.io/v1alpha1", "secret": "/api/v1"}


class Namespace:
    """One namespace of one test, made with what it shall hold from the start."""

    def __init__(self, kube: ControlPlane, name: str, *objects: dict[str, Any]) -> None:
        self.kube = kube
        self.name = name
        held = [{**item, "metadata": {**item["metadata"], "namespace": name}} for item in objects]
        kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}, *held)

    def kubectl(
        self, *arguments: str, stdin: str | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """kubectl in this namespace."""
        return self.kube.kubectl("-n", self.name, *arguments, stdin=stdin, check=check)

    def apply(self, *documents: dict[str, Any]) -> None:
        """Applies objects; an error of the API server fails the test."""
        self.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(documents))

    def refusal(self, document: dict[str, Any]) -> str:
        """What the API server says when it refuses the object; accepting it fails the test."""
        result = self.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(document), check=False)
        assert result.returncode != 0, f"the API server accepted {json.dumps(document['spec'])}"
        return result.stderr

    def patch(self, name: str, patch: dict[str, Any], check: bool = True) -> subprocess.CompletedProcess[str]:
        """`kubectl patch database NAME --type merge`."""
        return self.kubectl("patch", "database", name, "--type", "merge", "-p", json.dumps(patch), check=check)

    def get(self, kind: str, name: str) -> dict[str, Any]:
        """One object."""
        found: dict[str, Any] = self.kube.api.call("GET", self._path(kind, name))
        return found

    def exists(self, kind: str, name: str) -> bool:
        """Whether the object is there."""
        return self.kube.api.call("GET", self._path(kind, name), missing_ok=True) is not None

    def _path(self, kind: str, name: str) -> str:
        return f"{_GROUPS[kind]}/namespaces/{self.name}/{kind}s/{name}"

    def status(self, name: str) -> dict[str, Any]:
        """status of a Database; empty while there is none."""
        return self.get("database", name).get("status", {})

    def wait_for(self, name: str, accept: Callable[[dict[str, Any]], bool], what: str, seconds: float = 20) -> dict[str, Any]:
        """Waits until the status of a Database is acceptable; fails showing the last one."""
        deadline = time.monotonic() + seconds
        while True:
            resource = self.get("database", name)
            status = resource.get("status", {})
            current = status.get("observedGeneration") == resource["metadata"]["generation"]
            if current and accept(status):
                return status
            assert time.monotonic() < deadline, f"{name} is not {what} after {seconds:.0f} s: {json.dumps(status, indent=1)}"
            time.sleep(0.1)

    def wait_ready(self, name: str, seconds: float = 20) -> dict[str, Any]:
        """Waits until the Database is Ready for its present generation."""
        return self.wait_for(name, lambda status: status.get("phase") == "Ready", "Ready", seconds)

    def wait_error(self, name: str, reason: str, seconds: float = 20) -> dict[str, Any]:
        """Waits until the Ready condition is False for this reason."""
        return self.wait_for(
            name, lambda status: condition(status, "Ready").get("reason") == reason, f"in error {reason}", seconds
        )


def condition(status: dict[str, Any], kind: str) -> dict[str, Any]:
    """One condition of a status; empty when it is not there."""
    return next((c for c in status.get("conditions", []) if c["type"] == kind), {})
