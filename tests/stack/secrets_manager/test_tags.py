"""Tags and their limits."""

from __future__ import annotations

from typing import Any

import pytest

from raw_client import RawClient

NAME = "tagged"


def pairs(**tags: str) -> list[dict[str, str]]:
    """Tags as the API spells them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def tags_of(client: Any) -> dict[str, str] | None:
    """The tags as Describe shows them; None if it shows none at all."""
    shown = client.describe_secret(SecretId=NAME).get("Tags")
    return None if shown is None else {tag["Key"]: tag["Value"] for tag in shown}


@pytest.fixture
def tagged(client: Any) -> Any:
    """A secret with two tags."""
    client.create_secret(Name=NAME, Tags=pairs(team="blue", stage="test"))
    return client


def test_tags_are_set_when_the_secret_is_created(tagged: Any) -> None:
    assert tags_of(tagged) == {"team": "blue", "stage": "test"}


def test_tagging_adds_and_replaces(tagged: Any) -> None:
    tagged.tag_resource(SecretId=NAME, Tags=pairs(stage="production", cost="42"))
    assert tags_of(tagged) == {"team": "blue", "stage": "production", "cost": "42"}


def test_tag_keys_are_case_sensitive(tagged: Any) -> None:
    tagged.tag_resource(SecretId=NAME, Tags=pairs(Team="red"))
    assert tags_of(tagged) == {"team": "blue", "stage": "test", "Team": "red"}


def test_untagging_removes_what_is_there_and_ignores_the_rest(tagged: Any) -> None:
    tagged.untag_resource(SecretId=NAME, TagKeys=["team", "absent"])
    assert tags_of(tagged) == {"stage": "test"}


def test_a_secret_that_lost_its_last_tag_shows_an_empty_list(tagged: Any) -> None:
    tagged.untag_resource(SecretId=NAME, TagKeys=["team", "stage"])
    assert tags_of(tagged) == {}


def test_a_secret_that_never_had_a_tag_shows_no_list(client: Any) -> None:
    client.create_secret(Name=NAME)
    client.untag_resource(SecretId=NAME, TagKeys=["absent"])
    assert tags_of(client) is None


@pytest.mark.parametrize("operation", ["CreateSecret", "TagResource"])
def test_a_secret_has_at_most_fifty_tags(raw: RawClient, client: Any, operation: str) -> None:
    fifty = pairs(**{f"k{number}": "v" for number in range(50)})
    client.create_secret(Name=NAME, Tags=fifty)
    name = {"Name": "other"} if operation == "CreateSecret" else {"SecretId": NAME}
    more = fifty + pairs(one_more="v") if operation == "CreateSecret" else pairs(one_more="v")
    assert raw.write(operation, name | {"Tags": more}).code == "InvalidParameterException"
    assert len(tags_of(client)) == 50


@pytest.mark.parametrize(
    "tag",
    [
        {"Key": "", "Value": "v"},
        {"Key": "k" * 129, "Value": "v"},
        {"Key": "k", "Value": "v" * 257},
    ],
    ids=["empty key", "long key", "long value"],
)
def test_keys_have_1_to_128_and_values_up_to_256_characters(raw: RawClient, tag: dict[str, str]) -> None:
    answer = raw.write("CreateSecret", {"Name": NAME, "Tags": [tag]})
    assert answer.code == "ValidationException"
    assert "'tags.1.member." in answer.text


def test_the_longest_key_and_value_and_an_empty_value_are_accepted(client: Any) -> None:
    tags = {"k" * 128: "v" * 256, "empty": ""}
    client.create_secret(Name=NAME, Tags=pairs(**tags))
    assert tags_of(client) == tags


@pytest.mark.parametrize("text", ["semi;colon", "brace{", "a,b", "tab\tbed", "star*"])
def test_other_characters_are_refused_in_keys_and_values(raw: RawClient, text: str) -> None:
    for tag in ({"Key": text, "Value": "v"}, {"Key": "k", "Value": text}):
        assert raw.write("CreateSecret", {"Name": NAME, "Tags": [tag]}).code == "InvalidParameterException"


def test_letters_of_any_script_digits_spaces_and_the_allowed_signs_are_accepted(client: Any) -> None:
    tags = {"database.opzkit.io/owner-name": "a b+c-d=e.f_g:h/i@j", "schlüssel": "значение 7"}
    client.create_secret(Name=NAME, Tags=pairs(**tags))
    assert tags_of(client) == tags


@pytest.mark.parametrize("key", ["aws:owner", "AWS:owner"])
def test_keys_of_aws_are_reserved(raw: RawClient, client: Any, key: str) -> None:
    client.create_secret(Name=NAME)
    assert raw.call("TagResource", {"SecretId": NAME, "Tags": pairs(**{key: "v"})}).code == "InvalidParameterException"
    assert raw.call("UntagResource", {"SecretId": NAME, "TagKeys": [key]}).code == "InvalidParameterException"


def test_the_same_key_twice_is_refused(raw: RawClient) -> None:
    answer = raw.write("CreateSecret", {"Name": NAME, "Tags": pairs(a="1") + pairs(a="2")})
    assert answer.code == "InvalidParameterException"


def test_a_tag_without_key_is_refused(raw: RawClient) -> None:
    assert raw.write("CreateSecret", {"Name": NAME, "Tags": [{"Value": "v"}]}).code == "InvalidParameterException"


def test_tags_of_an_absent_secret_cannot_be_changed(raw: RawClient) -> None:
    assert raw.call("TagResource", {"SecretId": "absent", "Tags": pairs(a="b")}).code == "ResourceNotFoundException"
    assert raw.call("UntagResource", {"SecretId": "absent", "TagKeys": ["a"]}).code == "ResourceNotFoundException"
