"""AWS JSON 1.1 as the real service speaks it."""

from __future__ import annotations

import json
import uuid

import pytest

from raw_client import CONTENT_TYPE, RawClient


def test_answers_carry_type_length_and_request_id(raw: RawClient) -> None:
    for answer in (raw.call("ListSecrets", {}), raw.call("DescribeSecret", {"SecretId": "absent"})):
        assert answer.headers["Content-Type"] == CONTENT_TYPE
        assert uuid.UUID(answer.headers["x-amzn-RequestId"])
        assert int(answer.headers["Content-Length"]) == len(answer.body)


def test_an_error_of_the_service_is_400_with_type_and_message(raw: RawClient) -> None:
    answer = raw.call("DescribeSecret", {"SecretId": "absent"})
    assert answer.status == 400
    assert answer.json == {
        "__type": "ResourceNotFoundException",
        "Message": "Secrets Manager can't find the specified secret.",
    }


def test_absent_members_are_left_out(raw: RawClient) -> None:
    raw.write("CreateSecret", {"Name": "bare"})
    answer = raw.call("DescribeSecret", {"SecretId": "bare"})
    assert set(answer.json) == {"ARN", "Name", "CreatedDate", "LastChangedDate"}


def test_times_are_epoch_seconds(raw: RawClient) -> None:
    raw.write("CreateSecret", {"Name": "timed"})
    assert isinstance(raw.call("DescribeSecret", {"SecretId": "timed"}).json["CreatedDate"], float)


@pytest.mark.parametrize("target", ["secretsmanager.MakeCoffee", "AWSSimpleSystems.GetParameter", ""])
def test_an_unknown_operation_is_400_json_without_text(raw: RawClient, target: str) -> None:
    answer = raw.send(*raw.build("", b"{}", target=target))
    assert (answer.status, answer.json) == (400, {"__type": "UnknownOperationException"})


def test_another_content_type_is_refused(raw: RawClient) -> None:
    answer = raw.send(*raw.build("ListSecrets", b"{}", content_type="application/json"))
    assert (answer.status, answer.code) == (400, "UnknownOperationException")


def test_another_path_or_method_is_refused(raw: RawClient) -> None:
    assert raw.send(*raw.build("ListSecrets", b"{}"), path="/secrets").code == "UnknownOperationException"
    assert raw.send(*raw.build("ListSecrets", b"{}"), method="PUT").code == "UnknownOperationException"


@pytest.mark.parametrize("body", [b'{"SecretId":', b"\xff\xfe", b"[" * 100_000])
def test_malformed_json_is_400_without_text(raw: RawClient, body: bytes) -> None:
    answer = raw.send(*raw.build("DescribeSecret", body))
    assert (answer.status, answer.json) == (400, {"__type": "SerializationException"})


def test_a_body_that_is_no_object_is_refused(raw: RawClient) -> None:
    assert raw.send(*raw.build("DescribeSecret", b'"text"')).code == "SerializationException"


@pytest.mark.parametrize("params", [{"SecretId": 7}, {"SecretId": ["a"]}, {"SecretId": {"a": 1}}])
def test_a_member_of_the_wrong_type_is_refused(raw: RawClient, params: dict) -> None:
    assert raw.call("DescribeSecret", params).code == "SerializationException"


def test_a_number_is_not_a_boolean_and_a_boolean_not_a_number(raw: RawClient) -> None:
    assert raw.call("DeleteSecret", {"SecretId": "a", "ForceDeleteWithoutRecovery": 1}).code == "SerializationException"
    assert raw.call("DeleteSecret", {"SecretId": "a", "RecoveryWindowInDays": True}).code == "SerializationException"


def test_binary_values_have_to_be_base64(raw: RawClient) -> None:
    assert raw.write("CreateSecret", {"Name": "b", "SecretBinary": "not base64!"}).code == "SerializationException"


def test_half_a_surrogate_pair_is_refused(raw: RawClient) -> None:
    answer = raw.send(*raw.build("CreateSecret", b'{"Name": "a", "SecretString": "\\ud800"}'))
    assert answer.code == "SerializationException"


def test_null_counts_as_absent_and_unknown_members_are_ignored(raw: RawClient) -> None:
    answer = raw.write("CreateSecret", {"Name": "n", "Description": None, "Flavour": "vanilla"})
    assert answer.status == 200
    assert "Description" not in raw.call("DescribeSecret", {"SecretId": "n"}).json


def test_a_missing_required_member_is_a_validation_error(raw: RawClient) -> None:
    answer = raw.call("DescribeSecret", {"SecretId": None})
    assert answer.json == {
        "__type": "ValidationException",
        "message": "1 validation error detected: Value null at 'secretId' failed to satisfy constraint: "
        "Member must not be null",
    }


def test_all_violations_are_reported_at_once(raw: RawClient) -> None:
    answer = raw.write("CreateSecret", {"Name": "", "Description": "x" * 2049})
    assert answer.text.startswith("2 validation errors detected: Value '' at 'name'")


def test_values_are_never_quoted_in_an_error(raw: RawClient) -> None:
    value = "hunter2" * 10_000
    answer = raw.write("CreateSecret", {"Name": "v", "SecretString": value})
    assert answer.code == "ValidationException"
    assert "hunter2" not in answer.text


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("RotateSecret", {"SecretId": "a"}),
        ("GetRandomPassword", {}),
        ("ReplicateSecretToRegions", {"SecretId": "a", "AddReplicaRegions": [{"Region": "eu-west-1"}]}),
    ],
)
def test_what_is_not_offered_says_so(raw: RawClient, operation: str, params: dict) -> None:
    answer = raw.call(operation, params)
    assert (answer.status, answer.code) == (501, "NotImplemented")
    assert operation in answer.text


def test_a_parameter_that_is_not_offered_is_not_ignored(raw: RawClient) -> None:
    answer = raw.write("CreateSecret", {"Name": "r", "AddReplicaRegions": [{"Region": "eu-west-1"}]})
    assert answer.code == "InvalidParameterException"
    assert "AddReplicaRegions" in answer.text
    assert raw.call("DescribeSecret", {"SecretId": "r"}).code == "ResourceNotFoundException"


def test_text_travels_unchanged(raw: RawClient) -> None:
    value = json.dumps({"DB_PASSWORD": 'ü€😀"\\\n\u0000'})
    assert raw.write("CreateSecret", {"Name": "text", "SecretString": value}).status == 200
    assert raw.call("GetSecretValue", {"SecretId": "text"}).json["SecretString"] == value


def test_a_connection_is_kept_over_successes_and_errors(raw: RawClient, control) -> None:
    for secret_id in ("a", "b", "c"):
        raw.call("DescribeSecret", {"SecretId": secret_id})
    raw.call("ListSecrets", {})
    assert len({call["connection"] for call in control.calls()}) == 1


def refused_by_its_head(raw: RawClient, name: str, value: str) -> int:
    """The status of a request whose body is never sent, because its head already rules it out."""
    headers, _ = raw.build("ListSecrets", b"{}")
    raw.connection.putrequest("POST", "/", skip_host=True, skip_accept_encoding=True)
    for key, text in headers + [(name, value)]:
        raw.connection.putheader(key, text)
    raw.connection.endheaders()
    return raw.connection.getresponse().status


def test_a_body_of_unknown_length_is_refused(raw: RawClient) -> None:
    assert refused_by_its_head(raw, "Transfer-Encoding", "chunked") == 411


def test_a_body_above_every_limit_is_refused(raw: RawClient) -> None:
    assert refused_by_its_head(raw, "Content-Length", str(1 << 30)) == 413
