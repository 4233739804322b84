"""The API server as the trials use it: as administrator."""

from __future__ import annotations

from typing import Any

from devstack.kube import ControlPlane

from harness.subject import Subject

ADMIN_SECRET = "admin-connection"
_DATABASES = "/apis/database.opzkit.io/v1alpha1/namespaces/{}/databases"
_SECRETS = "/api/v1/namespaces/{}/secrets"


def _database(subject: Subject) -> str:
    """Where the Database is."""
    return f"{_DATABASES.format(subject.namespace)}/{subject.resource}"


class Cluster:
    """Namespaces with a Database, its admin Secret and a Secret that is nobody's business."""

    def __init__(self, kube: ControlPlane) -> None:
        self._call = kube.api.call

    # --- what a team does ---

    def make_namespace(self, subject: Subject, connection: dict[str, str]) -> None:
        """A namespace with the admin Secret, and another Secret."""
        self._call("POST", "/api/v1/namespaces", {"metadata": {"name": subject.namespace}})
        for name, values in ((ADMIN_SECRET, connection), ("of-somebody-else", {"value": "x"})):
            self._call("POST", _SECRETS.format(subject.namespace), {"metadata": {"name": name}, "stringData": values})

    def make_database(self, subject: Subject, **spec: Any) -> None:
        """The Database."""
        document = {
            "apiVersion": "database.opzkit.io/v1alpha1",
            "kind": "Database",
            "metadata": {"name": subject.resource},
            "spec": {
                "engine": subject.engine,
                "databaseName": subject.name,
                "connectionStringSecretRef": {"name": ADMIN_SECRET},
                **spec,
            },
        }
        self._call("POST", _DATABASES.format(subject.namespace), document)

    def delete_database(self, subject: Subject) -> None:
        """`kubectl delete --wait=false`."""
        self._call("DELETE", _database(subject), missing_ok=True)

    def change_spec(self, subject: Subject, **spec: Any) -> None:
        """`kubectl patch`, where the Database is still there."""
        self._call("PATCH", _database(subject), {"spec": spec}, missing_ok=True)

    def annotate(self, subject: Subject, annotations: dict[str, str]) -> None:
        """Sets annotations of the Database."""
        self._call("PATCH", _database(subject), {"metadata": {"annotations": annotations}})

    def remove(self, subject: Subject) -> None:
        """Takes the Database away without its operator, then the namespace."""
        self.delete_database(subject)
        self.forget_finalizers(subject)
        self._call("DELETE", f"/api/v1/namespaces/{subject.namespace}", missing_ok=True)

    def forget_finalizers(self, subject: Subject) -> None:
        """Nothing holds the Database any longer."""
        self._call("PATCH", _database(subject), {"metadata": {"finalizers": None}}, missing_ok=True)

    # --- what is there ---

    def database(self, subject: Subject) -> dict[str, Any]:
        """The Database as it is."""
        found = self.find_database(subject)
        assert found is not None, "the Database is gone"
        return found

    def find_database(self, subject: Subject) -> dict[str, Any] | None:
        """The same, or None when it is gone."""
        found: dict[str, Any] | None = self._call("GET", _database(subject), missing_ok=True)
        return found

    def secret_versions(self, subject: Subject) -> dict[str, str]:
        """The resource versions of the Secrets of the namespace: what changes when one is written."""
        items = self._call("GET", _SECRETS.format(subject.namespace))["items"]
        return {item["metadata"]["name"]: item["metadata"]["resourceVersion"] for item in items}

    def events(self, subject: Subject) -> list[dict[str, Any]]:
        """The events of the namespace."""
        items: list[dict[str, Any]] = self._call("GET", f"/api/v1/namespaces/{subject.namespace}/events")["items"]
        return items
