"""Scheduled deletion, what it forbids, restoring, and deletion without recovery."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_server import LocalServer
from raw_client import RawClient, Signer

NAME = "doomed"
MARKED = "You can't perform this operation on the secret because it was marked for deletion."


@pytest.fixture
def scheduled(client: Any) -> str:
    """A secret in its recovery window; the token of its version."""
    token = str(uuid.uuid4())
    client.create_secret(Name=NAME, SecretString="v", ClientRequestToken=token, Tags=[{"Key": "team", "Value": "blue"}])
    client.delete_secret(SecretId=NAME, RecoveryWindowInDays=7)
    return token


@pytest.mark.parametrize(
    ("window", "days"), [({}, 30), ({"RecoveryWindowInDays": 7}, 7), ({"RecoveryWindowInDays": 30}, 30)]
)
def test_deleting_schedules_the_end_of_the_recovery_window(client: Any, window: dict[str, int], days: int) -> None:
    client.create_secret(Name=NAME)
    deletion = client.delete_secret(SecretId=NAME, **window)["DeletionDate"]
    expected = datetime.now(timezone.utc) + timedelta(days=days)
    assert abs(deletion - expected) < timedelta(minutes=1)
    assert client.describe_secret(SecretId=NAME)["DeletedDate"] == deletion


@pytest.mark.parametrize("days", [-1, 0, 6, 31])
def test_a_recovery_window_has_7_to_30_days(raw: RawClient, client: Any, days: int) -> None:
    client.create_secret(Name=NAME)
    answer = raw.call("DeleteSecret", {"SecretId": NAME, "RecoveryWindowInDays": days})
    assert answer.json == {
        "__type": "InvalidParameterException",
        "Message": "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).",
    }
    assert "DeletedDate" not in client.describe_secret(SecretId=NAME)


def test_a_recovery_window_excludes_force(raw: RawClient) -> None:
    params = {"SecretId": NAME, "RecoveryWindowInDays": 7, "ForceDeleteWithoutRecovery": True}
    answer = raw.call("DeleteSecret", params)
    assert answer.code == "InvalidParameterException"


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("GetSecretValue", {}),
        ("PutSecretValue", {"SecretString": "w"}),
        ("UpdateSecret", {"Description": "d"}),
        ("TagResource", {"Tags": [{"Key": "a", "Value": "b"}]}),
        ("UntagResource", {"TagKeys": ["team"]}),
        ("UpdateSecretVersionStage", {"VersionStage": "mine"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_scheduled_secret_refuses_to_be_read_or_changed(
    raw: RawClient, scheduled: str, operation: str, params: dict[str, Any]
) -> None:
    before = raw.call("DescribeSecret", {"SecretId": NAME}).json
    answer = raw.write(operation, {"SecretId": NAME} | params)
    assert answer.json == {"__type": "InvalidRequestException", "Message": MARKED}
    assert raw.call("DescribeSecret", {"SecretId": NAME}).json == before


def test_a_scheduled_name_cannot_be_created_again(client: Any, scheduled: str) -> None:
    for token in (scheduled, str(uuid.uuid4())):
        with pytest.raises(ClientError) as failure:
            client.create_secret(Name=NAME, SecretString="v", ClientRequestToken=token)
        assert failure.value.response["Error"]["Code"] == "InvalidRequestException"
        assert failure.value.response["Message"] == (
            "You can't create this secret because a secret with this name is already scheduled for deletion."
        )


def test_a_scheduled_secret_cannot_be_scheduled_again(client: Any, scheduled: str) -> None:
    before = client.describe_secret(SecretId=NAME)["DeletedDate"]
    with pytest.raises(ClientError, match="InvalidRequestException"):
        client.delete_secret(SecretId=NAME, RecoveryWindowInDays=30)
    assert client.describe_secret(SecretId=NAME)["DeletedDate"] == before


def test_a_scheduled_secret_can_still_be_described_and_its_versions_listed(client: Any, scheduled: str) -> None:
    described = client.describe_secret(SecretId=NAME)
    assert described["VersionIdsToStages"] == {scheduled: ["AWSCURRENT"]}
    assert described["Tags"] == [{"Key": "team", "Value": "blue"}]
    assert [v["VersionId"] for v in client.list_secret_version_ids(SecretId=NAME)["Versions"]] == [scheduled]


def test_scheduled_secrets_are_listed_only_on_request(client: Any, scheduled: str) -> None:
    assert client.list_secrets()["SecretList"] == []
    listed = client.list_secrets(IncludePlannedDeletion=True)["SecretList"]
    assert [secret["Name"] for secret in listed] == [NAME]
    assert "DeletedDate" in listed[0]


def test_restoring_brings_everything_back(client: Any, scheduled: str) -> None:
    arn = client.describe_secret(SecretId=NAME)["ARN"]
    answer = client.restore_secret(SecretId=NAME)
    assert (answer["ARN"], answer["Name"]) == (arn, NAME)
    described = client.describe_secret(SecretId=NAME)
    assert "DeletedDate" not in described
    assert described["Tags"] == [{"Key": "team", "Value": "blue"}]
    assert client.get_secret_value(SecretId=NAME)["SecretString"] == "v"


def test_restoring_an_active_secret_changes_nothing(client: Any) -> None:
    client.create_secret(Name=NAME, SecretString="v")
    before = client.describe_secret(SecretId=NAME)
    client.restore_secret(SecretId=NAME)
    after = client.describe_secret(SecretId=NAME)
    assert before["LastChangedDate"] == after["LastChangedDate"]


@pytest.mark.parametrize("operation", ["DeleteSecret", "RestoreSecret"])
def test_an_absent_secret_cannot_be_deleted_or_restored(raw: RawClient, operation: str) -> None:
    assert raw.call(operation, {"SecretId": "absent"}).code == "ResourceNotFoundException"


def test_force_deletes_at_once_whether_active_or_scheduled(client: Any, scheduled: str) -> None:
    client.create_secret(Name="active")
    for name in ("active", NAME):
        assert client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)["Name"] == name
        with pytest.raises(ClientError, match="ResourceNotFoundException"):
            client.describe_secret(SecretId=name)


def test_force_deleting_an_absent_secret_succeeds(client: Any) -> None:
    assert client.delete_secret(SecretId="absent", ForceDeleteWithoutRecovery=True)["Name"] == "absent"


def test_at_the_end_of_the_recovery_window_the_secret_is_gone(
    server: LocalServer, control: Any, scheduled: str
) -> None:
    almost, after = timedelta(days=7, minutes=-5), timedelta(days=7, minutes=1)
    for skew, code in ((almost, None), (after, "ResourceNotFoundException")):
        control.shift_clock(skew.total_seconds())
        later = RawClient(server.port, Signer(skew=skew))
        assert later.call("DescribeSecret", {"SecretId": NAME}).json.get("__type") == code
        later.close()
    assert later.write("CreateSecret", {"Name": NAME}).status == 200
    later.close()
