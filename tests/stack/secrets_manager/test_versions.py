"""Versions, tokens and staging labels. The flows are those that were recorded against the real service."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_server import LocalServer
from raw_client import RawClient, Signer

NAME = "versioned"


class Versions:
    """A secret whose versions have short names: v("1") is the token of the first."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self._tokens: dict[str, str] = {}
        client.create_secret(Name=NAME, SecretString="S1", ClientRequestToken=self("1"))

    def __call__(self, short: str) -> str:
        return self._tokens.setdefault(short, str(uuid.uuid4()))

    def put(self, short: str, *labels: str, value: str | None = None) -> dict[str, Any]:
        more = {"VersionStages": list(labels)} if labels else {}
        return self.client.put_secret_value(
            SecretId=NAME, SecretString=value or f"S{short}", ClientRequestToken=self(short), **more
        )

    def move(self, label: str, source: str | None = None, target: str | None = None) -> None:
        ends = {"RemoveFromVersionId": source, "MoveToVersionId": target}
        given = {key: self(short) for key, short in ends.items() if short}
        self.client.update_secret_version_stage(SecretId=NAME, VersionStage=label, **given)

    def labels(self) -> dict[str, list[str]]:
        shown = self.client.describe_secret(SecretId=NAME)["VersionIdsToStages"]
        return {short: shown[token] for short, token in self._tokens.items() if token in shown}

    def value(self, **which: str) -> str:
        return self.client.get_secret_value(SecretId=NAME, **which)["SecretString"]


@pytest.fixture
def v(client: Any) -> Versions:
    """A secret with one version."""
    return Versions(client)


def test_put_moves_current_and_leaves_previous_behind(v: Versions) -> None:
    assert v.put("2")["VersionStages"] == ["AWSCURRENT"]
    assert v.labels() == {"1": ["AWSPREVIOUS"], "2": ["AWSCURRENT"]}
    v.put("3")
    assert v.labels() == {"2": ["AWSPREVIOUS"], "3": ["AWSCURRENT"]}
    assert (v.value(), v.value(VersionStage="AWSPREVIOUS")) == ("S3", "S2")


def test_a_version_without_label_can_still_be_read_by_its_id(v: Versions) -> None:
    v.put("2")
    v.put("3")
    answer = v.client.get_secret_value(SecretId=NAME, VersionId=v("1"))
    assert answer["SecretString"] == "S1"
    assert "VersionStages" not in answer


def test_the_first_value_of_a_secret_is_current_whatever_its_labels(client: Any) -> None:
    client.create_secret(Name="late")
    answer = client.put_secret_value(SecretId="late", SecretString="v", VersionStages=["mine"])
    assert answer["VersionStages"] == ["AWSCURRENT", "mine"]


def test_put_with_a_private_label_leaves_current_alone(v: Versions) -> None:
    assert v.put("2", "mine")["VersionStages"] == ["mine"]
    assert v.labels() == {"1": ["AWSCURRENT"], "2": ["mine"]}
    assert (v.value(), v.value(VersionStage="mine")) == ("S1", "S2")


def test_put_takes_a_label_from_the_version_that_had_it(v: Versions) -> None:
    v.put("2", "one", "two", "three")
    v.put("3", "one", "two", "four")
    assert v.labels() == {"1": ["AWSCURRENT"], "2": ["three"], "3": ["four", "one", "two"]}


def test_a_private_label_stays_on_its_version_when_current_moves_on(v: Versions) -> None:
    v.put("2", "AWSCURRENT", "canonical")
    v.put("3")
    assert v.labels() == {"2": ["AWSPREVIOUS", "canonical"], "3": ["AWSCURRENT"]}
    v.put("4")
    assert v.labels() == {"2": ["canonical"], "3": ["AWSPREVIOUS"], "4": ["AWSCURRENT"]}
    assert v.value(VersionStage="canonical") == "S2"


def test_put_with_a_known_token_and_the_same_value_does_nothing(v: Versions) -> None:
    v.put("2")
    before = v.client.describe_secret(SecretId=NAME)
    assert v.put("2")["VersionStages"] == ["AWSCURRENT"]
    after = v.client.describe_secret(SecretId=NAME)
    assert after["VersionIdsToStages"] == before["VersionIdsToStages"]
    assert after["LastChangedDate"] == before["LastChangedDate"]


def test_put_with_an_old_token_does_not_bring_the_old_value_back(v: Versions) -> None:
    v.put("2")
    assert v.put("1", value="S1")["VersionStages"] == ["AWSPREVIOUS"]
    assert v.value() == "S2"
    v.put("3")
    assert "VersionStages" not in v.put("1", value="S1")


def test_put_with_a_known_token_and_another_value_is_refused(v: Versions) -> None:
    with pytest.raises(ClientError) as failure:
        v.put("1", value="other")
    assert failure.value.response["Error"]["Code"] == "ResourceExistsException"
    assert v("1") in failure.value.response["Message"]
    assert v.value() == "S1"


def test_put_without_value_is_refused(raw: RawClient, v: Versions) -> None:
    answer = raw.write("PutSecretValue", {"SecretId": NAME})
    assert answer.json == {
        "__type": "InvalidRequestException",
        "Message": "You must provide either SecretString or SecretBinary.",
    }


def test_update_with_a_value_makes_it_current(v: Versions) -> None:
    token = v("2")
    answer = v.client.update_secret(SecretId=NAME, SecretString="S2", ClientRequestToken=token)
    assert answer["VersionId"] == token
    assert v.labels() == {"1": ["AWSPREVIOUS"], "2": ["AWSCURRENT"]}


def test_update_with_a_known_token_is_refused_even_for_the_same_value(v: Versions) -> None:
    with pytest.raises(ClientError, match="ResourceExistsException"):
        v.client.update_secret(SecretId=NAME, SecretString="S1", ClientRequestToken=v("1"))


def test_moving_current_moves_previous_too(v: Versions) -> None:
    v.put("2", "AWSPENDING", "mine")
    v.move("AWSCURRENT", "1", "2")
    assert v.labels() == {"1": ["AWSPREVIOUS"], "2": ["AWSCURRENT", "AWSPENDING", "mine"]}
    assert v.value() == "S2"


def test_current_can_move_back_to_previous(v: Versions) -> None:
    v.put("2")
    v.move("AWSCURRENT", "2", "1")
    assert v.labels() == {"1": ["AWSCURRENT"], "2": ["AWSPREVIOUS"]}
    assert v.value() == "S1"
    v.put("3")
    assert v.labels() == {"1": ["AWSPREVIOUS"], "3": ["AWSCURRENT"]}


def test_the_version_that_loses_current_has_to_be_named(v: Versions) -> None:
    v.put("2", "mine")
    with pytest.raises(ClientError) as failure:
        v.move("AWSCURRENT", target="2")
    assert failure.value.response["Error"]["Code"] == "InvalidParameterException"
    assert failure.value.response["Message"] == (
        "The parameter RemoveFromVersionId can't be empty. Staging label AWSCURRENT is currently attached to version "
        f"{v('1')}, so you must explicitly reference that version in RemoveFromVersionId."
    )


def test_a_stale_remove_from_version_id_is_refused(v: Versions) -> None:
    v.put("2", "mine")
    v.put("3")
    before = v.labels()
    with pytest.raises(ClientError) as failure:
        v.move("AWSCURRENT", "1", "2")
    assert failure.value.response["Error"]["Code"] == "InvalidParameterException"
    assert v.labels() == before


def test_a_private_label_moves_only_away_from_its_holder(v: Versions) -> None:
    v.put("2", "mine")
    with pytest.raises(ClientError, match="InvalidParameterException"):
        v.move("mine", target="1")
    v.move("mine", "2", "1")
    assert v.labels() == {"1": ["AWSCURRENT", "mine"]}


def test_a_new_label_needs_no_former_holder(v: Versions) -> None:
    v.move("mine", target="1")
    assert v.labels() == {"1": ["AWSCURRENT", "mine"]}


def test_a_label_can_be_removed_without_touching_the_others(v: Versions) -> None:
    v.put("2", "AWSPENDING")
    v.move("AWSCURRENT", "1", "2")
    v.move("AWSPENDING", source="2")
    assert v.labels() == {"1": ["AWSPREVIOUS"], "2": ["AWSCURRENT"]}


def test_current_cannot_be_removed_altogether(v: Versions) -> None:
    with pytest.raises(ClientError, match="InvalidParameterException"):
        v.move("AWSCURRENT", source="1")
    assert v.labels() == {"1": ["AWSCURRENT"]}


def test_a_move_from_nowhere_to_nowhere_is_refused(v: Versions) -> None:
    with pytest.raises(ClientError, match="InvalidParameterException"):
        v.move("mine")


def test_an_unknown_version_cannot_gain_or_lose_a_label(v: Versions) -> None:
    for ends in ({"target": "unknown"}, {"source": "unknown", "target": "1"}):
        with pytest.raises(ClientError, match="ResourceNotFoundException"):
            v.move("mine", **ends)


def test_a_version_has_at_most_twenty_labels(v: Versions) -> None:
    v.put("2", *(f"label{number}" for number in range(20)))
    before = v.labels()
    with pytest.raises(ClientError, match="LimitExceededException"):
        v.move("one-more", target="2")
    assert v.labels() == before


def test_becoming_current_by_put_ends_a_rotation_of_the_former(v: Versions) -> None:
    v.put("2", "AWSPENDING")
    v.move("AWSCURRENT", "1", "2")
    v.put("3")
    assert v.labels() == {"2": ["AWSPREVIOUS"], "3": ["AWSCURRENT"]}


@pytest.mark.parametrize(
    ("which", "text"),
    [
        ({"VersionStage": "AWSPENDING"}, "value for staging label: AWSPENDING"),
        ({"VersionId": "0" * 32}, f"value for VersionId: {'0' * 32}"),
    ],
)
def test_a_missing_version_is_not_found(v: Versions, which: dict[str, str], text: str) -> None:
    with pytest.raises(ClientError) as failure:
        v.value(**which)
    assert failure.value.response["Error"]["Code"] == "ResourceNotFoundException"
    assert failure.value.response["Message"].endswith(text)


def test_id_and_label_have_to_agree(v: Versions) -> None:
    v.put("2")
    assert v.value(VersionId=v("2"), VersionStage="AWSCURRENT") == "S2"
    with pytest.raises(ClientError) as failure:
        v.value(VersionId=v("1"), VersionStage="AWSCURRENT")
    assert failure.value.response["Error"]["Code"] == "InvalidRequestException"
    assert failure.value.response["Message"] == (
        "You provided a VersionStage that is not associated to the provided VersionId."
    )


def test_deprecated_versions_are_listed_only_on_request(v: Versions) -> None:
    v.put("2")
    v.put("3")
    listed = v.client.list_secret_version_ids(SecretId=NAME)["Versions"]
    assert [version["VersionId"] for version in listed] == [v("2"), v("3")]
    listed = v.client.list_secret_version_ids(SecretId=NAME, IncludeDeprecated=True)["Versions"]
    assert [version["VersionId"] for version in listed] == [v("1"), v("2"), v("3")]
    assert "VersionStages" not in listed[0]
    assert listed[0]["KmsKeyIds"] == ["DefaultEncryptionKey"]


def test_of_more_than_a_hundred_versions_old_deprecated_ones_go(v: Versions, server: LocalServer, control: Any) -> None:
    for number in range(2, 106):
        v.put(str(number))
    listed = v.client.list_secret_version_ids(SecretId=NAME, IncludeDeprecated=True)["Versions"]
    assert len(listed) == 105  # none is a day old

    control.shift_clock(25 * 3600)
    tomorrow = RawClient(server.port, Signer(skew=timedelta(hours=25)))
    assert tomorrow.write("PutSecretValue", {"SecretId": NAME, "SecretString": "S106"}).status == 200
    answer = tomorrow.call("ListSecretVersionIds", {"SecretId": NAME, "IncludeDeprecated": True})
    tomorrow.close()

    assert len(answer.json["Versions"]) == 100
    assert [version.get("VersionStages") for version in answer.json["Versions"][-3:]] == [
        None,
        ["AWSPREVIOUS"],
        ["AWSCURRENT"],
    ]
