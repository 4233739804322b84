"""The log of calls: who called what and how it ended, and never a value."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_server import ADMIN, LocalServer
from raw_client import RawClient
from secretsmanager.control_client import ControlClient

VALUE = "xyzzy-the-value-that-must-not-be-seen"


def test_a_call_is_recorded_with_caller_region_and_outcome(server: LocalServer, control: ControlClient) -> None:
    answer = server.boto("eu-west-1").create_secret(Name="seen", SecretString=VALUE)
    [call] = control.calls()
    assert call["operation"] == "CreateSecret"
    assert call["secret"] == "seen"
    assert call["region"] == "eu-west-1"
    assert call["principal"] == ADMIN["principal_arn"]
    assert (call["executed"], call["outcome"], call["status"], call["answer"]) == (True, "ok", 200, "sent")
    assert call["request_id"] == answer["ResponseMetadata"]["RequestId"]


def test_a_refused_call_is_recorded_with_its_code(client: Any, control: ControlClient) -> None:
    with pytest.raises(ClientError):
        client.describe_secret(SecretId="absent")
    [call] = control.calls()
    assert (call["outcome"], call["status"]) == ("ResourceNotFoundException", 400)


def test_nobody_is_named_for_a_signature_that_proves_nothing(raw: RawClient, control: ControlClient) -> None:
    raw.signer.secret = "wrong"
    raw.call("ListSecrets", {})
    [call] = control.calls()
    assert (call["outcome"], call["principal"]) == ("InvalidSignatureException", None)


def test_a_call_that_was_cut_shows_what_really_happened(raw: RawClient, control: ControlClient) -> None:
    for when, executed, outcome in (("before", False, None), ("after", True, "ok")):
        with control.fault(operation="ListSecrets", action="reset", when=when) as number:
            with pytest.raises(ConnectionResetError):
                raw.call("ListSecrets", {})
        call = control.calls()[-1]
        assert (call["executed"], call["outcome"], call["answer"]) == (executed, outcome, "reset")
        assert call["fault"] == number
        raw.close()


def test_calls_can_be_asked_for_by_number_operation_and_secret(client: Any, control: ControlClient) -> None:
    client.create_secret(Name="a")
    client.create_secret(Name="b")
    client.describe_secret(SecretId="a")
    first = control.calls()[0]["number"]
    assert len(control.calls(since=first)) == 2
    assert len(control.calls(operation="CreateSecret")) == 2
    assert [call["operation"] for call in control.calls(secret="a")] == ["CreateSecret", "DescribeSecret"]
    assert control.counts() == {"CreateSecret": 2, "DescribeSecret": 1}


def test_calls_can_be_forgotten(client: Any, control: ControlClient) -> None:
    client.list_secrets()
    control.reset_calls()
    assert (control.calls(), control.counts()) == ([], {})


def test_control_requests_are_not_calls(control: ControlClient) -> None:
    control.faults()
    assert control.calls() == []


def test_no_value_key_or_token_reaches_the_log_or_the_calls(server: LocalServer, control: ControlClient) -> None:
    entry = {
        "secret": "key-" + VALUE,
        "session_token": "token-" + VALUE,
        "principal_arn": "arn:aws:iam::123456789012:user/u",
    }
    server.write_credentials({"ASIASECRETIVE": entry})
    client = server.boto(key="ASIASECRETIVE", secret=entry["secret"], token=entry["session_token"])
    client.create_secret(Name="quiet", SecretString=VALUE)
    client.put_secret_value(SecretId="quiet", SecretString=VALUE + "2")
    client.get_secret_value(SecretId="quiet")
    with pytest.raises(ClientError):
        client.create_secret(Name="quiet", SecretString=VALUE * 10_000)
    with pytest.raises(ClientError):
        server.boto(key="ASIASECRETIVE", secret="wrong", token=entry["session_token"]).list_secrets()
    log = server.log.read_text(encoding="utf-8")
    assert "quiet" in log
    assert "xyzzy" not in log
    assert "xyzzy" not in json.dumps(control.calls())


def test_every_line_of_the_log_is_a_json_object(server: LocalServer, client: Any) -> None:
    client.list_secrets()
    lines = server.log.read_text(encoding="utf-8").splitlines()
    assert all(isinstance(json.loads(line), dict) for line in lines)
    assert json.loads(lines[-1])["operation"] == "ListSecrets"
