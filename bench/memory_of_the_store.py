"""How much memory the operator has when it knows so many resources."""

from __future__ import annotations

from pathlib import Path

from devstack.operator import Operator
from devstack.process import wait_until
from generated_apiserver import GeneratedApiServer

# The budgets: private memory (RssAnon) when idle, after 1 000 creations, with 100 000 resources; and what is resident besides.
IDLE_KIB, CREATED_KIB, STORE_KIB, SHARED_KIB = 4 * 1024, 10 * 1024, 120 * 1024, 12 * 1024
STORE_SIZE = 100_000
BYTES_PER_RESOURCE = STORE_KIB * 1024 // STORE_SIZE

# Long enough for 100 000 passes that go no further than to a refusal.
_SECONDS = 1800


def _list_again(apiserver: GeneratedApiServer, operator: Operator) -> None:
    """Makes the operator list everything anew, and waits until it watches again."""
    name, lists = "database_user_operator_informer_watches_total", apiserver.lists
    watches = operator.metric(name, resource="databases")
    apiserver.expire_watches()
    wait_until(lambda: apiserver.lists > lists, "another list", _SECONDS)
    wait_until(lambda: operator.metric(name, resource="databases") > watches, "another watch", _SECONDS)


def measure(folder: Path, databases: int, secrets: int = 0, *, lists: int = 1) -> dict[str, int]:
    """RssAnon and VmRSS in KiB, once each resource is in the store and in the work queue, and so many lists were made."""
    folder.mkdir(parents=True, exist_ok=True)
    credentials = {"AWS_ACCESS_KEY_ID": "of-the-bench", "AWS_SECRET_ACCESS_KEY": "none", "AWS_REGION": "eu-west-1"}
    with GeneratedApiServer(folder, databases, secrets) as apiserver:
        operator = Operator(folder / "operator", apiserver, credentials, arguments=["--log-level=error"])
        operator.start(wait=False)
        try:
            operator.process.wait_ready(lambda: operator.get("/readyz")[0] == 200, _SECONDS)
            wait_until(lambda: len(apiserver.refused) >= databases, "a pass over each resource", _SECONDS)
            for _ in range(1, lists):
                _list_again(apiserver, operator)
            return operator.memory_kib()
        finally:
            operator.process.kill()
