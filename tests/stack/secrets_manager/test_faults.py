"""Faults on demand do what they say, to the calls they are for, as often as they say."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from typing import Any

import pytest

from local_server import LocalServer
from raw_client import RawClient
from secretsmanager.control_client import ControlClient, ControlFailure

CREATE = {"Name": "faulty", "SecretString": "v"}


def exists(client: Any) -> bool:
    """True if the secret of CREATE was made."""
    return any(secret["Name"] == "faulty" for secret in client.list_secrets()["SecretList"])


def timed(call: Any, *args: Any) -> tuple[Any, float]:
    """The result of a call and the seconds it took."""
    started = time.monotonic()
    return call(*args), time.monotonic() - started


def test_an_error_is_answered_in_place_of_the_service(raw: RawClient, control: ControlClient, client: Any) -> None:
    with control.fault(operation="CreateSecret", code="EncryptionFailure", message="KMS is away."):
        answer = raw.write("CreateSecret", CREATE)
    assert (answer.status, answer.json) == (400, {"__type": "EncryptionFailure", "Message": "KMS is away."})
    assert not exists(client)
    assert raw.write("CreateSecret", CREATE).status == 200


@pytest.mark.parametrize(
    ("code", "status"), [("InternalServiceError", 500), ("ServiceUnavailable", 503), ("AccessDeniedException", 400)]
)
def test_an_error_has_the_status_of_its_code_or_the_given_one(
    raw: RawClient, control: ControlClient, code: str, status: int
) -> None:
    with control.fault(code=code):
        assert raw.call("ListSecrets", {}).status == status
    with control.fault(code=code, status=418):
        assert raw.call("ListSecrets", {}).status == 418


def test_an_error_after_executing_hides_a_success(raw: RawClient, control: ControlClient, client: Any) -> None:
    with control.fault(operation="CreateSecret", when="after", code="InternalServiceError"):
        assert raw.write("CreateSecret", CREATE).status == 500
    assert exists(client)


def test_throttling_looks_as_the_real_one(raw: RawClient, control: ControlClient) -> None:
    with control.fault(action="throttle"):
        answer = raw.call("ListSecrets", {})
    assert (answer.status, answer.json) == (400, {"__type": "ThrottlingException", "message": "Rate exceeded"})


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_delay_holds_the_answer(raw: RawClient, control: ControlClient, when: str) -> None:
    with control.fault(action="delay", when=when, seconds=0.4):
        answer, seconds = timed(raw.write, "CreateSecret", CREATE)
    assert answer.status == 200
    assert 0.4 <= seconds < 3


def test_a_delay_before_executing_comes_before_and_one_after_comes_after(
    raw: RawClient, control: ControlClient, client: Any
) -> None:
    for when, expected in (("before", False), ("after", True)):
        number = control.add_fault(operation="CreateSecret", action="delay", when=when, seconds=30)
        call = threading.Thread(target=raw.write, args=("CreateSecret", CREATE))
        call.start()
        wait_for_hit(control, number)
        time.sleep(0.2)
        assert exists(client) is expected
        control.clear_fault(number)
        call.join()
        client.delete_secret(SecretId="faulty", ForceDeleteWithoutRecovery=True)


def wait_for_hit(control: ControlClient, number: int) -> None:
    """Returns when the fault holds a call."""
    end = time.monotonic() + 5
    while not any(fault["hits"] for fault in control.faults() if fault["id"] == number):
        assert time.monotonic() < end, "the call did not arrive"
        time.sleep(0.02)


def test_any_fault_may_keep_the_client_waiting_first(raw: RawClient, control: ControlClient) -> None:
    with control.fault(action="throttle", seconds=0.3):
        answer, seconds = timed(raw.call, "ListSecrets", {})
    assert answer.code == "ThrottlingException"
    assert seconds >= 0.3


@pytest.mark.parametrize(("when", "executed"), [("before", False), ("after", True)])
@pytest.mark.parametrize(
    ("action", "error"), [("reset", ConnectionResetError), ("close", http.client.RemoteDisconnected)]
)
def test_the_connection_can_be_cut_before_or_after_executing(
    raw: RawClient, control: ControlClient, client: Any, action: str, error: type[Exception], when: str, executed: bool
) -> None:
    with control.fault(operation="CreateSecret", action=action, when=when):
        # RemoteDisconnected is a ConnectionResetError too, so the exact type tells FIN from RST.
        with pytest.raises(ConnectionError) as failure:
            raw.write("CreateSecret", CREATE)
    assert failure.type is error
    assert exists(client) is executed


@pytest.mark.parametrize(("when", "executed"), [("before", False), ("after", True)])
def test_a_hanging_call_is_silent_until_the_fault_is_cleared(
    server: LocalServer, control: ControlClient, client: Any, when: str, executed: bool
) -> None:
    number = control.add_fault(operation="CreateSecret", action="hang", when=when)
    raw = RawClient(server.port)
    raw.connection.timeout = 0.5
    with pytest.raises(TimeoutError):
        raw.write("CreateSecret", CREATE)
    assert exists(client) is executed
    control.clear_fault(number)
    raw.connection.sock.settimeout(5)
    assert raw.connection.sock.recv(1) == b""
    raw.close()


def test_a_hanging_call_ends_after_its_seconds(raw: RawClient, control: ControlClient) -> None:
    with control.fault(action="hang", seconds=0.3), pytest.raises(http.client.RemoteDisconnected):
        raw.call("ListSecrets", {})


def test_a_hanging_call_ends_when_its_client_gives_up(server: LocalServer, control: ControlClient) -> None:
    control.add_fault(action="hang")
    raw = RawClient(server.port)
    raw.connection.timeout = 0.3
    with pytest.raises(TimeoutError):
        raw.call("ListSecrets", {})
    raw.close()
    end = time.monotonic() + 5
    while control.calls()[-1]["answer"] is None:
        assert time.monotonic() < end, "the call is still held"
        time.sleep(0.05)
    assert control.calls()[-1]["answer"] == "none"


def test_other_calls_go_on_while_one_hangs(server: LocalServer, control: ControlClient, client: Any) -> None:
    client.create_secret(Name="free")
    number = control.add_fault(secret="held", action="hang")
    raw = RawClient(server.port)
    call = threading.Thread(
        target=lambda: pytest.raises(ConnectionError, raw.call, "DescribeSecret", {"SecretId": "held"})
    )
    call.start()
    wait_for_hit(control, number)
    _, seconds = timed(lambda: client.describe_secret(SecretId="free"))
    assert seconds < 2
    control.clear_fault(number)
    call.join()
    raw.close()


def test_a_truncated_answer_promises_more_than_it_sends(raw: RawClient, control: ControlClient, client: Any) -> None:
    with control.fault(operation="CreateSecret", action="truncate", when="after"):
        with pytest.raises(http.client.IncompleteRead) as failure:
            raw.write("CreateSecret", CREATE)
    assert failure.value.partial
    assert failure.value.expected
    with pytest.raises(json.JSONDecodeError):
        json.loads(failure.value.partial)
    assert exists(client)


def test_an_html_page_comes_as_from_a_load_balancer(raw: RawClient, control: ControlClient) -> None:
    for status in (503, 200):
        with control.fault(action="html", status=status):
            answer = raw.call("ListSecrets", {})
        assert (answer.status, answer.headers["Content-Type"]) == (status, "text/html")
        assert answer.body.startswith(b"<html>")


def test_any_answer_can_be_given(raw: RawClient, control: ControlClient) -> None:
    large = "x" * 1_000_000
    fault = {"status": 307, "body": large, "content_type": "text/x", "headers": {"Location": "http://127.0.0.1:9/"}}
    with control.fault(action="respond", **fault):
        answer = raw.call("ListSecrets", {})
    assert (answer.status, answer.body, answer.headers["Content-Type"]) == (307, large.encode(), "text/x")
    assert answer.headers["Location"] == "http://127.0.0.1:9/"


def test_a_connection_survives_a_fault_that_answers(raw: RawClient, control: ControlClient) -> None:
    with control.fault(action="throttle", times=1):
        raw.call("ListSecrets", {})
        assert raw.call("ListSecrets", {}).status == 200
    assert len({call["connection"] for call in control.calls()}) == 1


def test_a_fault_hits_the_next_so_many_calls(raw: RawClient, control: ControlClient) -> None:
    control.add_fault(action="throttle", times=2)
    statuses = [raw.call("ListSecrets", {}).status for _ in range(4)]
    assert statuses == [400, 400, 200, 200]


def test_a_fault_may_let_calls_pass_first(raw: RawClient, control: ControlClient) -> None:
    control.add_fault(action="throttle", skip=2, times=1)
    statuses = [raw.call("ListSecrets", {}).status for _ in range(4)]
    assert statuses == [200, 200, 400, 200]


def test_a_fault_lasts_until_it_is_cleared(raw: RawClient, control: ControlClient) -> None:
    number = control.add_fault(action="throttle")
    assert {raw.call("ListSecrets", {}).status for _ in range(5)} == {400}
    control.clear_fault(number)
    assert raw.call("ListSecrets", {}).status == 200


def test_a_fault_is_for_an_operation_a_secret_or_both(raw: RawClient, control: ControlClient, client: Any) -> None:
    for name in ("app/one", "app/two", "other"):
        client.create_secret(Name=name, SecretString="v")
    control.add_fault(operation="GetSecretValue", secret="app/*", action="throttle")

    def hit(operation: str, name: str) -> bool:
        return raw.call(operation, {"SecretId": name}).json.get("__type") == "ThrottlingException"

    assert [hit("GetSecretValue", name) for name in ("app/one", "app/two", "other")] == [True, True, False]
    assert not hit("DescribeSecret", "app/one")


def test_of_several_faults_the_oldest_that_is_not_spent_hits(raw: RawClient, control: ControlClient) -> None:
    control.add_fault(code="First", times=1)
    control.add_fault(code="Second")
    assert [raw.call("ListSecrets", {}).code for _ in range(3)] == ["First", "Second", "Second"]


def test_faults_show_how_often_they_were_seen_and_hit(raw: RawClient, control: ControlClient) -> None:
    number = control.add_fault(action="throttle", skip=1, times=1)
    for _ in range(2):
        raw.call("ListSecrets", {})
    [shown] = control.faults()
    assert (shown["id"], shown["seen"], shown["hits"], shown["spent"]) == (number, 2, 1, True)


def test_faults_come_before_the_signature_is_looked_at(raw: RawClient, control: ControlClient) -> None:
    raw.signer.secret = "wrong"
    with control.fault(action="throttle"):
        assert raw.call("ListSecrets", {}).code == "ThrottlingException"


@pytest.mark.parametrize(
    "fault",
    [
        {"action": "explode"},
        {"when": "sometimes"},
        {"action": "truncate", "when": "before"},
        {"action": "delay"},
        {"times": 0},
        {"skip": -1},
        {"colour": "red"},
        {"operation": 7},
        {"seconds": True},
    ],
    ids=str,
)
def test_a_fault_that_makes_no_sense_is_refused(control: ControlClient, fault: dict[str, Any]) -> None:
    with pytest.raises(ControlFailure):
        control.add_fault(**fault)
    assert control.faults() == []


def test_clearing_an_unknown_fault_is_refused(control: ControlClient) -> None:
    with pytest.raises(ControlFailure, match="there is no fault 7777"):
        control.clear_fault(7777)


def test_unknown_control_paths_and_bodies_are_refused(control: ControlClient, raw: RawClient) -> None:
    assert raw.send([("Host", "localhost")], b"", method="GET", path="/_control/nothing").status == 404
    assert raw.send([("Host", "localhost")], b"{", path="/_control/faults").status == 400
    assert (
        raw.send([("Host", "localhost")], b'{"offset_seconds": "1"}', method="PUT", path="/_control/clock").status
        == 400
    )


def test_only_loopback_is_listened_on(server: LocalServer) -> None:
    own = socket.gethostbyname(socket.gethostname())
    if own.startswith("127."):
        own = "127.0.0.2"  # loopback too, but not the one address that is bound
    with socket.socket() as probe, pytest.raises(OSError):
        probe.settimeout(2)
        probe.connect((own, server.port))
