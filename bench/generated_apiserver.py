"""An API server that exists only as far as the operator reads it: generated objects over HTTPS.

A real kube-apiserver on two cores takes most of an hour to be filled with 100 000 resources.  This one serves LIST in
pages and WATCH with bookmarks of objects that are made while they are sent, as large as real ones (with managedFields).
A single object is refused with a long Retry-After, as an overloaded server does: so each resource gets its entry in the
work queue, as in a quiet cluster, and no pass goes further.
"""

from __future__ import annotations

import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml
from devstack.authority import Authority

_VERSION = "1000000"
_NAMESPACE_SIZE = 100  # resources in each namespace
_MANAGERS = ("kubectl-client-side-apply", "database-user-operator", "argocd-controller")


def _managed_fields(group: str) -> list[dict[str, Any]]:
    """What an API server keeps about who set what: most of the text of a small object."""
    fields = {f"f:member{number}": {".": {}, "f:type": {}, "f:status": {}, "f:reason": {}} for number in range(6)}
    return [
        {"manager": manager, "operation": "Apply", "apiVersion": group, "time": "2026-01-01T00:00:00Z",
         "fieldsType": "FieldsV1", "fieldsV1": {"f:metadata": {}, "f:spec": fields}}
        for manager in _MANAGERS
    ]  # fmt: skip


def _metadata(number: int, name: str, group: str) -> dict[str, Any]:
    return {
        "name": name,
        "namespace": f"team-{number // _NAMESPACE_SIZE:05d}",
        "uid": f"00000000-0000-4000-8000-{number:012d}",
        "resourceVersion": str(number + 1),
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "labels": {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "shop"},
        "managedFields": _managed_fields(group),
    }


def _database(number: int) -> dict[str, Any]:
    """A resource that has been Ready for long."""
    name = f"application-{number:06d}"
    metadata = _metadata(number, name, "database.opzkit.io/v1alpha1")
    conditions = [
        {"type": kind, "status": "True", "reason": "Ready", "message": "as it should be", "observedGeneration": 1,
         "lastTransitionTime": "2026-01-01T00:00:00Z"}
        for kind in ("Ready", "SecretReady", "DatabaseReady", "UserReady", "PrivilegesReady", "CredentialsVerified")
    ]  # fmt: skip
    return {
        "apiVersion": "database.opzkit.io/v1alpha1",
        "kind": "Database",
        "metadata": {**metadata, "generation": 1, "finalizers": ["database.opzkit.io/finalizer"]},
        "spec": {
            "engine": "postgres",
            "databaseName": name.replace("-", "_"),
            "connectionStringSecretRef": {"name": f"admin-of-{name}"},
            "awsSecretsManager": {"description": "credentials of the shop", "tags": {"team": "shop"}},
        },
        "status": {"phase": "Ready", "observedGeneration": 1, "conditions": conditions},
    }


def _secret(number: int) -> dict[str, Any]:
    """The metadata of a Secret that no resource names."""
    return {"metadata": _metadata(number, f"unrelated-{number:06d}", "v1")}


class GeneratedApiServer:
    """Serves so many Databases and Secrets on a loopback port; a context manager."""

    def __init__(self, folder: Path, databases: int, secrets: int = 0) -> None:
        self.contents = {"databases": (databases, _database), "secrets": (secrets, _secret)}
        self.refused: set[str] = set()  # paths of single objects that were asked for
        self._authority = Authority(folder / "pki", "bench-kubernetes")
        certificate, key = self._authority.issue(folder / "pki" / "apiserver", "bench", server=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.lists = 0  # of Databases that were sent to the end
        self.expired = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Exchange)
        self._server.daemon_threads = True
        self._server.owner = self
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)

    def __enter__(self) -> GeneratedApiServer:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.expire_watches()
        self._server.shutdown()
        self._server.server_close()

    def expire_watches(self) -> None:
        """Ends the watches that are open as a server does that has forgotten their version."""
        expired, self.expired = self.expired, threading.Event()
        expired.set()

    def service_account_kubeconfig(
        self, namespace: str, name: str, folder: Path, *, server: str | None = None
    ) -> Path:
        """A kubeconfig for it, made as the real control plane does; nobody's rights are checked."""
        path = folder / "kubeconfig"
        cluster = {
            "server": server or f"https://127.0.0.1:{self._server.server_address[1]}",
            "certificate-authority": str(self._authority.certificate_file),
        }
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "bench", "cluster": cluster}],
            "users": [{"name": "user", "user": {"token": f"of-{namespace}-{name}"}}],
            "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": "user"}}],
            "current-context": "bench",
        }
        path.write_text(yaml.safe_dump(config))
        return path


class _Server(ThreadingHTTPServer):
    owner: GeneratedApiServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: the operator closes its connections as it likes."""


class _Exchange(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing: there is a request for each resource."""

    def do_GET(self) -> None:
        """LIST and WATCH of what there is; everything else is put off."""
        url = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        plural = url.path.rsplit("/", 1)[-1]
        if plural not in self.server.owner.contents:
            self._refuse()
        elif query.get("watch"):
            self._watch()
        else:
            self._list(plural, int(query.get("continue", "0")), int(query.get("limit", "0")))

    do_PATCH = do_POST = do_GET

    def _list(self, plural: str, begin: int, limit: int) -> None:
        count, make = self.server.owner.contents[plural]
        end = min(count, begin + limit) if limit else count
        items = [make(number) for number in range(begin, end)]
        metadata = {"resourceVersion": _VERSION, "continue": str(end) if end < count else ""}
        body = json.dumps({"items": items, "kind": "List", "metadata": metadata}, separators=(",", ":")).encode()
        self._answer(200, body)
        if plural == "databases" and end == count:
            self.server.owner.lists += 1

    def _refuse(self) -> None:
        length = int(self.headers.get("Content-Length", "0"))
        self.rfile.read(length)
        self.server.owner.refused.add(self.path)
        status = {"kind": "Status", "reason": "TooManyRequests", "code": 429, "message": "the bench never answers"}
        self._answer(429, json.dumps(status).encode(), **{"Retry-After": "86400"})

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _watch(self) -> None:
        """A bookmark, and then the silence of a quiet cluster, until the version expires."""
        expired = self.server.owner.expired
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self._send_event("BOOKMARK", {"metadata": {"resourceVersion": _VERSION}})
        while not expired.wait(60):
            self._send_event("BOOKMARK", {"metadata": {"resourceVersion": _VERSION}})
        self._send_event("ERROR", {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"})
        self.wfile.write(b"0\r\n\r\n")

    def _send_event(self, kind: str, item: dict[str, Any]) -> None:
        line = json.dumps({"type": kind, "object": item}).encode() + b"\n"
        self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
