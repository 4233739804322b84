"""Of two operators one works, whatever happens to it, and the other goes on when it is gone.

Each play takes the length of a Lease, so all are under way at the same time; the tests look at what came of each.
"""

from __future__ import annotations

import functools
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from devstack.kube import ControlPlane
from devstack.operator import NAMESPACE, Operator
from devstack.postgres import PostgresServer
from devstack.process import wait_until
from devstack.secretsmanager import SecretsManagerServer
from devstack.stack import Stack
from support.replicas import LEASE, Pair, Replica
from support.resources import database, unique
from support.tenant import Tenant

DURATION, DEADLINE, PERIOD = 15, 10, 2
POLL = 2.2 * PERIOD  # who stands by looks at least so often
SLOW = 3.0  # so many processes on this machine
PATIENCE = 60
LOST = "this process leads no more and ends at once"
REAL_LEASE = "database-user-operator.opzkit.io"


def ended(replica: Replica) -> int | None:
    """Waits for its end and returns its status."""
    wait_until(lambda: replica.exit_status is not None, f"end of {replica.name}", PATIENCE)
    return replica.exit_status


class Play:
    """One pair and what was measured."""

    ARGUMENTS: tuple[str, ...] = ()
    pair: Pair

    def __init__(self) -> None:
        self.status: int | None = None
        self.seconds = 0.0
        self.names: list[str] = []

    def run(self, make_pair: Callable[..., Pair]) -> Play:
        """Begins with a leader, and a replica that stands by."""
        with make_pair(*self.ARGUMENTS) as self.pair:
            self.play()
        return self

    def play(self) -> None:
        """What happens."""
        raise NotImplementedError

    def begin_work(self) -> None:
        """`a` is amid it."""
        self.names = self.pair.give_work(6)
        self.pair.await_first_ready(self.names)

    def hand_over(self, begun: float) -> None:
        """`b` takes over, does the rest and what comes then."""
        self.pair.await_leader(self.pair.b, PATIENCE)
        wait_until(lambda: bool(self.pair.takings(self.pair.b)), "the record of it", PATIENCE)
        self.seconds = self.pair.takings(self.pair.b)[0] - begun
        self.names += self.pair.give_work(1)
        self.pair.await_all_ready(self.names, PATIENCE)


class Killed(Play):
    """The node dies."""

    standing_by: dict[str, Any]

    def play(self) -> None:
        self.begin_work()
        b = self.pair.b.operator
        self.standing_by = {
            "ready": b.get("/readyz?verbose"),
            "live": b.get("/healthz")[0],
            "leads": (self.pair.a.leads(), self.pair.b.leads()),
            "passes": b.metric("controller_runtime_reconcile_total"),
        }
        self.pair.a.operator.kill()
        self.hand_over(time.time())


class Restarted(Play):
    """The container dies, and kubelet starts it again in the same pod."""

    def play(self) -> None:
        self.begin_work()
        self.pair.a.operator.kill()
        takings = len(self.pair.takings(self.pair.a))
        self.pair.a.start()
        wait_until(lambda: len(self.pair.takings(self.pair.a)) > takings, "its taking", PATIENCE)
        self.seconds = self.pair.takings(self.pair.a)[takings] - self.pair.a.started
        self.pair.await_all_ready(self.names, PATIENCE)


class Asked(Play):
    """A rolling update ends the pod."""

    def play(self) -> None:
        self.begin_work()
        begun = time.time()
        self.pair.a.operator.process.send(signal.SIGTERM)
        self.hand_over(begun)
        self.status = ended(self.pair.a)


class Paused(Play):
    """The process is stopped for longer than its Lease, and goes on."""

    def play(self) -> None:
        self.begin_work()
        self.pair.a.operator.process.pause()
        self.hand_over(time.time())
        self.pair.a.operator.process.resume()
        self.status = ended(self.pair.a)


class Silent(Play):
    """The API server is silent for the leader alone; what it had asked for arrives when all is over."""

    seconds_to_end = 0.0

    def play(self) -> None:
        self.begin_work()
        self.pair.a.proxy.silence()
        begun = time.time()
        self.status = ended(self.pair.a)
        self.seconds_to_end = time.time() - begun
        self.hand_over(begun)
        self.pair.a.proxy.speak()
        time.sleep(1)


class Gone(Play):
    """The API server cannot be reached by the leader alone, whose servers all answer otherwise."""

    def play(self) -> None:
        self.begin_work()
        begun = time.time()
        self.pair.a.proxy.refuse()
        self.status = ended(self.pair.a)
        self.hand_over(begun)


class Robbed(Play):
    """Somebody writes another holder into the Lease."""

    def play(self) -> None:
        self.begin_work()
        begun = time.time()
        taken = '{"spec":{"holderIdentity":"nobody"}}'
        self.pair.team.kubectl("patch", "lease", LEASE, "--type=merge", "-p", taken)
        self.status = ended(self.pair.a)
        self.hand_over(begun)


class Held(Play):
    """The process is stopped between a statement and its COMMIT, which arrives when the other has done the same."""

    def play(self) -> None:
        self.pair.wiretap.hold("a", b"CREATE ROLE", b"COMMIT")
        self.names = self.pair.give_work(1)
        assert self.pair.wiretap.held.wait(PATIENCE)
        self.pair.a.operator.process.pause()
        self.hand_over(time.time())
        self.pair.wiretap.release()
        time.sleep(1)
        self.pair.a.operator.process.resume()
        self.status = ended(self.pair.a)


class Impatient(Play):
    """A pass hangs; the second signal does not wait for it."""

    def play(self) -> None:
        self.pair.wiretap.hold("a", b"BEGIN")
        self.names = self.pair.give_work(1)
        assert self.pair.wiretap.held.wait(PATIENCE)
        process = self.pair.a.operator.process
        process.send(signal.SIGTERM)
        wait_until(lambda: self.pair.a.operator.get("/readyz")[0] == 500, "draining", PATIENCE)
        assert process.pid is not None
        begun = time.time()
        process.send(signal.SIGTERM)
        self.status = ended(self.pair.a)
        self.seconds = time.time() - begun


class Bounded(Play):
    """A pass hangs; it is cut short, and the Lease given back all the same."""

    ARGUMENTS = ("--graceful-shutdown-timeout=2s",)
    seconds_to_end = 0.0

    def play(self) -> None:
        self.pair.wiretap.hold("a", b"BEGIN")
        self.names = self.pair.give_work(1)
        assert self.pair.wiretap.held.wait(PATIENCE)
        begun = time.time()
        self.pair.a.operator.process.send(signal.SIGTERM)
        self.status = ended(self.pair.a)
        self.seconds_to_end = time.time() - begun
        self.hand_over(begun)


PLAYS = {play.__name__: play for play in (
    Killed, Restarted, Asked, Paused, Silent, Gone, Robbed, Held, Impatient, Bounded,
)}  # fmt: skip


@pytest.fixture(scope="module")
def plays(
    stack: Stack, kube: ControlPlane, postgres: PostgresServer, secretsmanager: SecretsManagerServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, Future[Play]]]:  # fmt: skip
    """All of them, under way."""
    stack.operator.stop()
    folder = tmp_path_factory.mktemp("replicas")
    make_pair = functools.partial(Pair, folder, kube, postgres, secretsmanager)
    with ThreadPoolExecutor(len(PLAYS)) as threads:
        yield {name: threads.submit(play().run, make_pair) for name, play in PLAYS.items()}


@pytest.fixture
def watch(plays: dict[str, Future[Play]]) -> Callable[[str], Any]:
    """Waits for the end of a play."""

    def wait(name: str) -> Any:
        play = plays[name].result(120)
        print(f"\n{name}: the other led after {play.seconds:.1f} s")  # noqa: T201
        return play

    return wait


def test_a_restarted_container_leads_again_at_once(watch: Callable[[str], Any]) -> None:
    play = watch("Restarted")

    assert play.seconds < SLOW
    assert play.pair.writes(play.pair.b) == []
    assert play.pair.takings(play.pair.b) == []


def test_who_is_asked_to_end_finishes_and_gives_the_lease_back_last(watch: Callable[[str], Any]) -> None:
    play = watch("Asked")

    assert play.status == 0
    assert play.seconds < POLL + SLOW
    play.pair.assert_never_both()
    last = play.pair.a.operator.log_lines()[-2:]
    assert [line["msg"] for line in last] == [f"gave back Lease {play.pair.team.name}/{LEASE}", "stopped"]


def test_a_pass_that_hangs_is_cut_short_and_the_lease_given_back(watch: Callable[[str], Any]) -> None:
    play = watch("Bounded")

    assert play.status == 0
    assert 2 <= play.seconds_to_end < 2 + SLOW
    assert play.seconds < 2 + POLL + SLOW
    assert play.pair.a.operator.log_lines(msg="running reconciles were cut short")


def test_a_second_signal_ends_it_at_once(watch: Callable[[str], Any]) -> None:
    play = watch("Impatient")

    assert play.status == 1
    assert play.seconds < SLOW


def test_who_stands_by_is_ready_and_does_nothing(watch: Callable[[str], Any]) -> None:
    seen = watch("Killed").standing_by

    assert seen["ready"][0] == 200, seen
    assert seen["live"] == 200
    assert seen["leads"] == (True, False)
    assert seen["passes"] == 0


def test_a_dead_leader_is_followed_after_its_lease(watch: Callable[[str], Any]) -> None:
    play = watch("Killed")

    assert play.seconds > DURATION - PERIOD - 1
    play.pair.assert_never_both(pause=DURATION - DEADLINE - 1)


def test_a_process_that_was_stopped_writes_nothing_when_it_goes_on(watch: Callable[[str], Any]) -> None:
    play = watch("Paused")

    assert play.status == 1
    assert play.pair.a.operator.log_lines(level="error", msg=LOST)
    play.pair.assert_never_both(pause=DURATION - DEADLINE - 1)


@pytest.mark.parametrize("name", ["Silent", "Gone"])
def test_who_cannot_renew_ends_before_another_begins(watch: Callable[[str], Any], name: str) -> None:
    play = watch(name)

    assert play.status == 1
    assert play.pair.a.operator.log_lines(level="error", msg=LOST)
    play.pair.assert_never_both(pause=DURATION - DEADLINE - 1)


def test_who_cannot_renew_ends_at_its_deadline(watch: Callable[[str], Any]) -> None:
    play = watch("Silent")

    assert DEADLINE - PERIOD - 1 < play.seconds_to_end < DEADLINE + 1


def test_who_is_robbed_of_the_lease_ends_with_its_next_renewal(watch: Callable[[str], Any]) -> None:
    play = watch("Robbed")

    assert play.status == 1
    assert "was taken by 'nobody'" in play.pair.a.operator.log_lines(level="error", msg=LOST)[0]["error"]
    play.pair.assert_never_both()


def test_a_commit_that_comes_after_the_lease_commits_nothing(
    watch: Callable[[str], Any], postgres: PostgresServer
) -> None:
    play = watch("Held")

    assert play.status == 1
    assert "terminating connection due to idle-in-transaction timeout" in postgres.server_log()
    created = [line for line in postgres.server_log().splitlines() if f'CREATE ROLE "{play.names[0]}"' in line]
    assert len(created) == 2, created  # by each, and each time it was new
    assert play.pair.team.has_role(play.names[0])


# --- one operator ---


def test_the_lease_of_a_dead_predecessor_is_taken_after_its_duration(
    stack: Stack, kube: ControlPlane, secretsmanager: SecretsManagerServer, team: Tenant, tmp_path: Path
) -> None:
    stack.operator.stop()
    left = {
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": REAL_LEASE, "namespace": NAMESPACE},
        "spec": {
            "holderIdentity": "old-host_0b9b7f0e-5a0d-4a3e-9a53-5d8f3b0f3f10", "leaseDurationSeconds": 4,
            "acquireTime": "2031-01-01T00:00:00.000000Z", "renewTime": "2031-01-01T00:00:00.000000Z",
            "leaseTransitions": 7,
        },
    }  # fmt: skip
    kube.apply(left)
    name = unique("inherited")
    team.apply(database(name))
    operator = Operator(
        tmp_path, kube, secretsmanager.environment(), arguments=["--leader-elect", f"--namespace={team.name}"]
    )
    try:
        begun = time.time()
        operator.start()
        team.wait_ready(name, PATIENCE)
        assert time.time() - begun > 4
        spec = kube.kubectl_json("-n", NAMESPACE, "get", "lease", REAL_LEASE)["spec"]
        assert (spec["leaseTransitions"], spec["leaseDurationSeconds"]) == (8, 15)
    finally:
        operator.stop()
        kube.kubectl("-n", NAMESPACE, "delete", "lease", REAL_LEASE)


def test_who_may_not_use_the_lease_is_not_ready_and_says_so(
    stack: Stack, kube: ControlPlane, secretsmanager: SecretsManagerServer, team: Tenant, tmp_path: Path
) -> None:
    stack.operator.stop()
    name = unique("waiting")
    team.apply(database(name))
    arguments = ["--leader-elect", f"--namespace={team.name}", f"--leader-election-namespace={team.name}"]
    operator = Operator(tmp_path, kube, secretsmanager.environment(), arguments=arguments)
    try:
        operator.start(wait=False)
        wait_until(lambda: operator.get("/readyz/informers")[0] == 200, "the first lists", 20)
        wait_until(lambda: bool(operator.log_lines(level="warning")), "a warning", 20)
        assert operator.get("/readyz")[0] == 500
        assert operator.get("/readyz/leader-election")[0] == 500
        assert operator.get("/healthz")[0] == 200
        line = operator.log_lines(level="warning")[0]
        assert line["msg"] == "leader election does not work; trying again"
        assert f"Lease {team.name}/{REAL_LEASE}" in line["error"]
        assert team.status(name) == {}
    finally:
        operator.kill()
