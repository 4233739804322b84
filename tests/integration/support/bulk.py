"""Many objects at once, which kubectl would take minutes for."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from devstack.kube import ControlPlane

_CONNECTIONS = 16


def create_many(kube: ControlPlane, path: str, objects: Sequence[dict[str, Any]]) -> None:
    """POSTs each object to the collection at `path`, as administrator."""
    context = ssl.create_default_context(cafile=str(kube.ca_file))
    context.load_cert_chain(kube.folder / "pki" / "admin.crt", kube.folder / "pki" / "admin.key")

    def create(share: Sequence[dict[str, Any]]) -> None:
        connection = http.client.HTTPSConnection("127.0.0.1", kube.port, context=context, timeout=60)
        for item in share:
            connection.request("POST", path, json.dumps(item), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            body = answer.read()
            assert answer.status == http.HTTPStatus.CREATED, body.decode()
        connection.close()

    with ThreadPoolExecutor(_CONNECTIONS) as pool:
        list(pool.map(create, [objects[begin::_CONNECTIONS] for begin in range(_CONNECTIONS)]))
