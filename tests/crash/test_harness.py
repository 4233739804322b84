"""The crash matrix itself: what it has to notice is done on purpose, and it notices."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from harness.bench import Bench
from harness.calls import Fault, When
from harness.creation import Creation
from harness.deletion import NOTE, ChangeOfMind
from harness.matrix import Matrix
from harness.subject import Subject


class Spoiled(Creation):
    """A creation during which somebody does harm while the operator is dead."""

    def __init__(self, bench: Bench, harm: Callable[[Bench, Subject], None]) -> None:
        super().__init__(bench)
        self._bench = bench
        self._harm = harm

    def check_interrupted(self, subject: Subject) -> None:
        self._harm(self._bench, subject)
        super().check_interrupted(subject)


def change_password(bench: Bench, subject: Subject) -> None:
    bench.engine.server.sql(f"ALTER ROLE {subject.name} PASSWORD 'another'")


def lose_secret(bench: Bench, subject: Subject) -> None:
    bench.secrets.remove(subject.secret)


def forget_finalizer(bench: Bench, subject: Subject) -> None:
    bench.cluster.forget_finalizers(subject)


def touch_foreign_user(bench: Bench, subject: Subject) -> None:
    bench.engine.server.sql("COMMENT ON ROLE decoy_of_somebody IS 'kept by another'")


def log_password(bench: Bench, subject: Subject) -> None:
    stored = bench.secrets.stored(subject.secret)
    assert stored is not None
    bench.engine.server.sql(f"SELECT '{stored['DB_PASSWORD']}'")


def leave_unfinished_database(bench: Bench, subject: Subject) -> None:
    bench.engine.server.sql("CREATE DATABASE dbuo_left")


def store_again(bench: Bench, subject: Subject) -> None:
    bench.secrets.store_again(subject.secret)


@pytest.fixture(scope="module")
def bench(bench_of: Callable[[str], Bench]) -> Bench:
    """One engine is enough: the checks are the same."""
    return bench_of("postgres")


@pytest.fixture(scope="module")
def calls(bench: Bench) -> list[str]:
    """The calls of an undisturbed creation."""
    return Matrix(bench, Creation(bench), "undisturbed").record()


@pytest.mark.parametrize(
    ("harm", "complaint"),
    [
        (change_password, "the stored password does not log in"),
        (lose_secret, "its password is stored nowhere"),
        (forget_finalizer, "the finalizer does not"),
        (touch_foreign_user, "roles: lost"),
        (log_password, "the stored password is in the logs"),
        (leave_unfinished_database, "databases: lost"),
        (store_again, "the secret was written more than once"),
    ],
)
def test_harm_is_noticed(
    bench: Bench, calls: list[str], harm: Callable[[Bench, Subject], None], complaint: str
) -> None:
    matrix = Matrix(bench, Spoiled(bench, harm), "harm")
    matrix.result.calls = calls
    made = max(number for number, label in enumerate(calls, 1) if label == "aws GetSecretValue")

    result = matrix.run([Fault(made, When.AFTER)])

    assert len(result.failures) == 1
    assert complaint in result.failures[0]


class SpoiledDeletion(ChangeOfMind):
    """A deletion that is given up, during which somebody does harm while the operator is dead."""

    def __init__(self, bench: Bench, harm: Callable[[Bench, Subject], None]) -> None:
        super().__init__(bench)
        self._harm = harm

    def check_interrupted(self, subject: Subject) -> None:
        self._harm(self._bench, subject)
        super().check_interrupted(subject)


def schedule_secret(bench: Bench, subject: Subject) -> None:
    bench.secrets.schedule(subject.secret)


def lock_out(bench: Bench, subject: Subject) -> None:
    bench.secrets.remove_tag(subject.secret, NOTE)
    bench.engine.server.sql(f"ALTER ROLE {subject.name} NOLOGIN")


@pytest.fixture(scope="module")
def calls_of_deletion(bench: Bench) -> list[str]:
    """The calls of an undisturbed deletion."""
    return Matrix(bench, ChangeOfMind(bench), "undisturbed").record()


@pytest.mark.parametrize(
    ("harm", "complaint"),
    [
        (schedule_secret, "the user exists and its secret does not"),
        (forget_finalizer, "the resource is gone and the user is not"),
        (lock_out, "the user is still locked out"),
    ],
)
def test_harm_to_a_deletion_is_noticed(
    bench: Bench, calls_of_deletion: list[str], harm: Callable[[Bench, Subject], None], complaint: str
) -> None:
    matrix = Matrix(bench, SpoiledDeletion(bench, harm), "harm")
    matrix.result.calls = calls_of_deletion
    noted = calls_of_deletion.index("aws TagResource") + 1

    result = matrix.run([Fault(noted, When.AFTER)])

    assert len(result.failures) == 1
    assert complaint in result.failures[0]


def test_a_call_that_is_never_made_is_a_failure(bench: Bench, calls: list[str]) -> None:
    matrix = Matrix(bench, Creation(bench), "too far")
    matrix.result.calls = [*calls, "one too many"]

    result = matrix.run([Fault(len(calls) + 1, When.BEFORE)])

    assert result.trials == 0
    assert len(result.failures) == 1
