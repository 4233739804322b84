"""Many servers at once: the sick ones cost the others nothing, and what somebody waits for comes first."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from devstack.operator import Operator
from devstack.stack import Stack
from support.cluster import condition
from support.mysql_tenant import start_server
from support.proxy import Proxy
from support.resources import database, secret, unique
from support.sick_servers import Address, Dead, Hanging, Refusing, SlowProxy
from support.tenant import Tenant

NOW = "database.opzkit.io/reconcile-now"
_HEALTHY = 38
_SICK = 6  # of each of four kinds
_BURST = 6


class Place:
    """A server as a team sees it: an admin Secret of its own, and resources that name it."""

    def __init__(self, tenant: Tenant, url: str, engine: str = "postgres") -> None:
        self.tenant = tenant
        self.url = url
        self.engine = engine
        self._secret = unique("admin-")
        self.names: list[str] = []

    def admin(self, url: str | None = None) -> dict[str, Any]:
        """Its admin Secret."""
        return secret(self._secret, connectionString=url or self.url)

    def database(self) -> dict[str, Any]:
        """One more resource on it."""
        self.names.append(unique("fair-"))
        reference = {"name": self._secret}
        return database(self.names[-1], engine=self.engine, connectionStringSecretRef=reference)

    def make(self, count: int) -> set[str]:
        """So many resources at once, with the Secret; their names."""
        documents = [self.database() for _ in range(count)]
        self.tenant.apply(self.admin(), *documents)
        return set(self.names[-count:])


def postgres_place(tenant: Tenant, port: int) -> Place:
    """A PostgreSQL at another port."""
    return Place(tenant, tenant.postgres.admin_url(port=port))


def statuses(tenant: Tenant) -> dict[str, dict[str, Any]]:
    """Of all resources of the team, by name."""
    items = json.loads(tenant.kubectl("get", "databases", "-o", "json").stdout)["items"]
    return {item["metadata"]["name"]: item.get("status", {}) for item in items}


def ready(tenant: Tenant, names: set[str]) -> set[str]:
    """Which of them are Ready."""
    return {name for name, status in statuses(tenant).items() if name in names and status.get("phase") == "Ready"}


def wait_until(accept: Callable[[], bool], what: str, seconds: float = 30) -> float:
    """How long it took."""
    begin = time.monotonic()
    while not accept():
        assert time.monotonic() - begin < seconds, f"not {what} after {seconds:.0f} s"
        time.sleep(0.05)
    return time.monotonic() - begin


def wait_ready(tenant: Tenant, names: set[str], seconds: float = 30) -> float:
    """How long it took until all of them were."""
    return wait_until(lambda: ready(tenant, names) == names, f"all Ready of {len(names)}", seconds)


@pytest.fixture
def held() -> Iterator[contextlib.ExitStack]:
    """What is closed when the test ends."""
    with contextlib.ExitStack() as stack:
        yield stack


# --- Sick servers ---


def test_a_hundred_servers_of_which_many_are_sick(tenant: Tenant, stack: Stack, held: contextlib.ExitStack) -> None:
    """The healthy ones are about as fast as without the sick ones, as a ratio, since machines differ."""
    mariadb = start_server(stack, "mariadb")
    healthy = []
    for number in range(2 * _HEALTHY):
        is_mariadb = number % 4 == 0
        port = held.enter_context(Proxy(mariadb.port if is_mariadb else tenant.postgres.port)).port
        url = mariadb.admin_url(port=port) if is_mariadb else tenant.postgres.admin_url(port=port)
        healthy.append(Place(tenant, url, "mariadb" if is_mariadb else "postgres"))
    kinds: tuple[type[Address], ...] = (Hanging, Dead, Refusing)
    addresses = [held.enter_context(kind()) for kind in kinds for _ in range(_SICK)]
    slow = [held.enter_context(SlowProxy(tenant.postgres.port, 0.25)) for _ in range(_SICK)]
    sick = [postgres_place(tenant, server.port) for server in [*addresses, *slow]]
    assert len(healthy) + len(sick) == 100
    tenant.apply(*(place.admin() for place in [*healthy, *sick]))

    def seconds_to_make(places: list[Place]) -> float:
        begin = time.monotonic()
        tenant.apply(*(place.database() for place in places))
        wait_ready(tenant, {place.names[0] for place in places}, 120)
        return time.monotonic() - begin

    alone = seconds_to_make(healthy[:_HEALTHY])
    tenant.apply(*(place.database() for place in [*sick, *sick]))
    among_sick = seconds_to_make(healthy[_HEALTHY:])

    print(f"{_HEALTHY} healthy servers: {alone:.1f} s alone, {among_sick:.1f} s among {len(sick)} sick ones")
    # What is known of nobody is asked for 1.5 s, by six workers: a few seconds go to the sick ones, which came first.
    # Without places, suspects and circuits they would hold all workers for most of the time.
    assert among_sick < 2 * alone + 6
    assert max(address.most_at_once for address in addresses if isinstance(address, Hanging)) <= 2
    for place in sick[: len(addresses)]:
        tenant.wait_error(place.names[0], "ServerUnreachable", 60)
    for proxy in slow:
        proxy.seconds = 0
    wait_ready(tenant, {name for place in sick[len(addresses) :] for name in place.names})


def test_what_waits_for_a_dead_server_says_so_and_is_woken_when_it_answers(
    tenant: Tenant, held: contextlib.ExitStack
) -> None:
    proxy = held.enter_context(Proxy(tenant.postgres.port))
    proxy.shut()
    place = postgres_place(tenant, proxy.port)
    names = place.make(16)

    wait_until(lambda: all(s.get("phase") == "Error" for n, s in statuses(tenant).items() if n in names), "told")
    told = {condition(status, "Ready")["message"] for name, status in statuses(tenant).items() if name in names}
    seen = proxy.accepted
    begin = time.monotonic()
    time.sleep(3)

    waiting = [text for text in told if f"the server 127.0.0.1:{proxy.port} has been unreachable since 20" in text]
    assert len(waiting) == 1
    assert "it closed the connection" in waiting[0], "the last real failure is named"
    assert seen <= 2 + 3, "most of them never tried"
    assert proxy.accepted - seen <= 1 + (time.monotonic() - begin), "one at a time, less and less often"
    reasons = {condition(status, "Ready")["reason"] for name, status in statuses(tenant).items() if name in names}
    assert reasons == {"ServerUnreachable"}

    proxy.open()
    wait_ready(tenant, names)


def test_who_acts_is_let_through_at_once(tenant: Tenant, held: contextlib.ExitStack) -> None:
    proxy = held.enter_context(Proxy(tenant.postgres.port))
    proxy.shut()
    place = postgres_place(tenant, proxy.port)
    for name in place.make(1):
        tenant.wait_error(name, "ServerUnreachable")
    # then the next attempt by itself is more than six seconds away
    wait_until(lambda: proxy.accepted >= 5, "tried five times")
    (name,) = place.names

    def changes() -> Iterator[Callable[[], Any]]:
        yield lambda: tenant.kubectl("annotate", "database", name, f"{NOW}=1")
        yield lambda: tenant.patch(name, {"spec": {"awsSecretsManager": {"tags": {"changed": "yes"}}}})
        yield lambda: tenant.apply(place.admin(tenant.postgres.admin_url(port=proxy.port).replace("dbadmin:", "dbadmin:x")))

    for change in changes():
        seen = proxy.accepted
        change()
        wait_until(lambda seen=seen: proxy.accepted > seen, "tried at once", 4)
    proxy.open()
    tenant.apply(place.admin())
    wait_ready(tenant, {name}, 3)


def test_wrong_passwords_of_one_are_nothing_to_the_others(tenant: Tenant, operator: Operator) -> None:
    wrong = Place(tenant, tenant.postgres.admin_url().replace("dbadmin:", "dbadmin:wrong"))
    right = Place(tenant, tenant.postgres.admin_url())
    for name in wrong.make(6):
        tenant.wait_error(name, "AdminLoginFailed")
    refused = operator.metric("controller_runtime_reconcile_errors_total")

    wait_ready(tenant, right.make(3), 10)

    assert refused >= 6
    assert {condition(statuses(tenant)[name], "Ready")["reason"] for name in wrong.names} == {"AdminLoginFailed"}


# --- Sessions ---


@pytest.mark.parametrize("server", ["postgres", "mysql"])
def test_a_burst_logs_in_once_survives_a_restart_and_leaves_when_it_is_over(
    tenant: Tenant, stack: Stack, held: contextlib.ExitStack, server: str
) -> None:
    target = tenant.postgres if server == "postgres" else start_server(stack, server)
    proxy = held.enter_context(Proxy(target.port))
    place = Place(tenant, target.admin_url(port=proxy.port), server)

    wait_ready(tenant, place.make(_BURST))
    assert proxy.accepted <= _BURST + 4, "each resource proves its login, and the admin logs in a few times"
    assert 1 <= proxy.connections <= 2

    proxy.cut()
    wait_ready(tenant, place.make(1))
    warnings = tenant.kubectl("get", "events", "--field-selector", "type=Warning", "-o", "name").stdout
    assert warnings == "", "a session that was ended meanwhile is nobody's trouble"

    assert proxy.connections == 1
    wait_until(lambda: proxy.connections == 0, "left", 8)


# --- What comes first ---


def test_deletions_and_changes_come_before_a_backlog(
    tenant: Tenant, operator: Operator, held: contextlib.ExitStack
) -> None:
    """Of passes after a restart, and of new resources, on a server that takes a while for each."""
    backlog = 16
    proxy = held.enter_context(SlowProxy(tenant.postgres.port))
    place = postgres_place(tenant, proxy.port)
    wait_ready(tenant, place.make(backlog), 60)
    first, second, third = place.names[-3:]
    proxy.seconds = 0.15
    operator.restart()

    def passes() -> float:
        return operator.metric("controller_runtime_reconcile_total", result="requeue_after")

    tenant.delete(first, wait=False)
    tenant.patch(second, {"spec": {"awsSecretsManager": {"tags": {"changed": "yes"}}}})
    wait_until(lambda: not tenant.exists("database", first), "deleted")
    tenant.wait_ready(second)
    assert passes() < backlog / 2, "most resources have not been looked at yet"

    new = place.make(backlog)
    tenant.delete(third, wait=False)
    wait_until(lambda: not tenant.exists("database", third), "deleted")
    assert len(ready(tenant, new)) < backlog / 2, "most new resources have not been made yet"
    proxy.seconds = 0
    wait_ready(tenant, new)
