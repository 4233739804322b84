"""Creating, describing, changing and listing secrets; names, values and regions."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_server import LocalServer
from raw_client import RawClient

NAMES = ["a", "rds/postgres/myapp_db", "/mariadb/production/analytics", "Valid/_+=.@-Name", "n" * 512]


def code_of(failure: pytest.ExceptionInfo[ClientError]) -> str:
    """The error code of a refused boto3 call."""
    return failure.value.response["Error"]["Code"]


@pytest.mark.parametrize("name", NAMES, ids=lambda name: name[:30])
def test_every_allowed_name_can_be_created_and_read(client: Any, name: str) -> None:
    created = client.create_secret(Name=name, SecretString="value", Description="what it is for")
    described = client.describe_secret(SecretId=name)
    assert re.fullmatch(
        rf"arn:aws:secretsmanager:us-east-1:123456789012:secret:{re.escape(name)}-[A-Za-z0-9]{{6}}", created["ARN"]
    )
    assert described["Description"] == "what it is for"
    assert described["VersionIdsToStages"] == {created["VersionId"]: ["AWSCURRENT"]}
    assert client.get_secret_value(SecretId=name)["SecretString"] == "value"


@pytest.mark.parametrize("name", [" Inv Name", "Inv*Name?", "a:b", "ä", "a\n"])
@pytest.mark.parametrize(
    "operation", ["CreateSecret", "DescribeSecret", "PutSecretValue", "DeleteSecret", "TagResource"]
)
def test_other_characters_in_names_are_refused_everywhere(raw: RawClient, operation: str, name: str) -> None:
    params = {"CreateSecret": {"Name": name}, "TagResource": {"SecretId": name, "Tags": []}}
    value = {"SecretString": "v"} if operation == "PutSecretValue" else {}
    answer = raw.write(operation, params.get(operation, {"SecretId": name}) | value)
    assert answer.code == "ValidationException"
    assert answer.text == (
        "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!"
    )


def test_a_name_ends_at_512_characters(raw: RawClient) -> None:
    assert raw.write("CreateSecret", {"Name": "n" * 513}).code == "ValidationException"


def test_a_secret_may_be_found_by_name_full_arn_and_partial_arn(client: Any) -> None:
    arn = client.create_secret(Name="team/one")["ARN"]
    for secret_id in ("team/one", arn, arn[:-7]):
        assert client.describe_secret(SecretId=secret_id)["ARN"] == arn


def test_an_arn_with_another_suffix_finds_nothing(client: Any) -> None:
    arn = client.create_secret(Name="suffixed")["ARN"]
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client.describe_secret(SecretId=arn[:-6] + "AAAAAA")


def test_a_partial_arn_that_looks_complete_finds_nothing(client: Any) -> None:
    arn = client.create_secret(Name="app-abc123")["ARN"]
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client.describe_secret(SecretId=arn[:-7])
    assert client.describe_secret(SecretId="app-abc123")["ARN"] == arn


def test_a_name_with_its_suffix_is_not_a_name(client: Any) -> None:
    arn = client.create_secret(Name="plain")["ARN"]
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client.describe_secret(SecretId=arn.rpartition(":")[2])


def test_a_recreated_secret_has_another_arn(client: Any) -> None:
    first = client.create_secret(Name="again")["ARN"]
    client.delete_secret(SecretId="again", ForceDeleteWithoutRecovery=True)
    assert client.create_secret(Name="again")["ARN"] != first


def test_a_value_may_have_65536_bytes_and_no_more(raw: RawClient) -> None:
    for size, status in ((65536, 200), (65537, 400)):
        assert raw.write("CreateSecret", {"Name": f"size{size}", "SecretString": "x" * size}).status == status


def test_the_size_of_a_value_counts_bytes_not_characters(raw: RawClient) -> None:
    answer = raw.write("CreateSecret", {"Name": "umlauts", "SecretString": "ü" * 32769})
    assert answer.code == "ValidationException"
    assert answer.text.endswith("Member must have length less than or equal to 65536")


def test_a_binary_value_may_have_65536_bytes_and_no_more(client: Any) -> None:
    value = bytes(range(256)) * 256
    client.create_secret(Name="binary", SecretBinary=value)
    answer = client.get_secret_value(SecretId="binary")
    assert answer["SecretBinary"] == value
    assert "SecretString" not in answer
    with pytest.raises(ClientError, match="ValidationException"):
        client.create_secret(Name="larger", SecretBinary=value + b"x")


def test_an_empty_value_is_refused(raw: RawClient) -> None:
    assert raw.write("CreateSecret", {"Name": "empty", "SecretString": ""}).code == "ValidationException"


@pytest.mark.parametrize("operation", ["CreateSecret", "PutSecretValue", "UpdateSecret"])
def test_text_and_binary_together_are_refused(raw: RawClient, client: Any, operation: str) -> None:
    client.create_secret(Name="both")
    name = {"Name": "other"} if operation == "CreateSecret" else {"SecretId": "both"}
    answer = raw.write(operation, name | {"SecretString": "a", "SecretBinary": "YQ=="})
    assert answer.json == {
        "__type": "InvalidParameterException",
        "Message": "You can't specify both a binary secret value and a string secret value in the same secret.",
    }


def test_a_description_may_have_2048_characters_and_no_more(raw: RawClient) -> None:
    for size, status in ((2048, 200), (2049, 400)):
        assert raw.write("CreateSecret", {"Name": f"described{size}", "Description": "x" * size}).status == status


@pytest.mark.parametrize("operation", ["CreateSecret", "PutSecretValue", "UpdateSecret"])
def test_every_write_needs_a_token(raw: RawClient, client: Any, operation: str) -> None:
    client.create_secret(Name="tokens")
    name = {"Name": "other"} if operation == "CreateSecret" else {"SecretId": "tokens"}
    answer = raw.call(operation, name | {"SecretString": "v"})
    assert answer.json == {
        "__type": "InvalidRequestException",
        "Message": "You must provide a ClientRequestToken value. We recommend a UUID-type value.",
    }


@pytest.mark.parametrize("length", [31, 65])
def test_a_token_has_32_to_64_characters(raw: RawClient, length: int) -> None:
    answer = raw.call("CreateSecret", {"Name": "t", "ClientRequestToken": "t" * length})
    assert answer.code == "InvalidParameterException"


def test_creating_again_with_the_same_token_and_value_answers_as_before(client: Any) -> None:
    token = str(uuid.uuid4())
    first = client.create_secret(Name="once", SecretString="v", ClientRequestToken=token)
    second = client.create_secret(Name="once", SecretString="v", ClientRequestToken=token)
    assert {key: first[key] for key in ("ARN", "Name", "VersionId")} == {
        key: second[key] for key in ("ARN", "Name", "VersionId")
    }
    assert len(client.list_secret_version_ids(SecretId="once")["Versions"]) == 1


def test_creating_again_with_the_same_token_and_another_value_is_refused(client: Any) -> None:
    token = str(uuid.uuid4())
    client.create_secret(Name="once", SecretString="v", ClientRequestToken=token)
    with pytest.raises(ClientError) as failure:
        client.create_secret(Name="once", SecretString="other", ClientRequestToken=token)
    assert code_of(failure) == "ResourceExistsException"
    assert client.get_secret_value(SecretId="once")["SecretString"] == "v"


def test_creating_again_with_another_token_is_refused(client: Any) -> None:
    client.create_secret(Name="taken", SecretString="v")
    with pytest.raises(ClientError) as failure:
        client.create_secret(Name="taken", SecretString="v")
    assert code_of(failure) == "ResourceExistsException"
    assert failure.value.response["Message"] == "The operation failed because the secret taken already exists."


def test_a_secret_without_value_has_no_version(client: Any) -> None:
    assert "VersionId" not in client.create_secret(Name="hollow")
    assert "VersionIdsToStages" not in client.describe_secret(SecretId="hollow")
    with pytest.raises(ClientError) as failure:
        client.get_secret_value(SecretId="hollow")
    assert code_of(failure) == "ResourceNotFoundException"
    assert failure.value.response["Message"].endswith("value for staging label: AWSCURRENT")


def test_updating_changes_only_what_is_given(client: Any) -> None:
    first = client.create_secret(Name="u", SecretString="v", Description="old", KmsKeyId="alias/k")["VersionId"]
    assert "VersionId" not in client.update_secret(SecretId="u", Description="new")
    described = client.describe_secret(SecretId="u")
    assert (described["Description"], described["KmsKeyId"]) == ("new", "alias/k")
    assert described["VersionIdsToStages"] == {first: ["AWSCURRENT"]}


def test_an_empty_description_or_key_removes_it(client: Any) -> None:
    client.create_secret(Name="u", Description="old", KmsKeyId="alias/k")
    client.update_secret(SecretId="u", Description="", KmsKeyId="")
    assert not {"Description", "KmsKeyId"} & set(client.describe_secret(SecretId="u"))


def test_every_change_moves_the_date_of_the_last_change(client: Any) -> None:
    client.create_secret(Name="dated")
    before = client.describe_secret(SecretId="dated")
    client.update_secret(SecretId="dated", Description="x")
    after = client.describe_secret(SecretId="dated")
    assert after["LastChangedDate"] > before["LastChangedDate"]
    assert after["CreatedDate"] == before["CreatedDate"]


def test_only_reading_a_value_counts_as_access(client: Any) -> None:
    client.create_secret(Name="accessed", SecretString="v")
    assert "LastAccessedDate" not in client.describe_secret(SecretId="accessed")
    client.get_secret_value(SecretId="accessed")
    accessed = client.describe_secret(SecretId="accessed")["LastAccessedDate"]
    assert accessed.timestamp() % 86400 == 0


def test_regions_are_separate(server: LocalServer) -> None:
    east, west = server.boto("us-east-1"), server.boto("eu-west-1")
    arn = east.create_secret(Name="regional", SecretString="east")["ARN"]
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        west.describe_secret(SecretId="regional")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        west.describe_secret(SecretId=arn)
    west.create_secret(Name="regional", SecretString="west")
    assert east.get_secret_value(SecretId="regional")["SecretString"] == "east"


@pytest.mark.parametrize(
    ("region", "partition"), [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("eusc-de-east-1", "aws-eusc")]
)
def test_arns_start_with_the_partition_of_the_region(server: LocalServer, region: str, partition: str) -> None:
    assert server.boto(region).create_secret(Name="p")["ARN"].startswith(f"arn:{partition}:secretsmanager:{region}:")


def test_the_list_is_in_order_of_creation_and_comes_in_pages(client: Any) -> None:
    names = [f"page/{number}" for number in (3, 1, 2)]
    for name in names:
        client.create_secret(Name=name)
    pages = list(client.get_paginator("list_secrets").paginate(PaginationConfig={"PageSize": 2}))
    assert [[secret["Name"] for secret in page["SecretList"]] for page in pages] == [names[:2], names[2:]]


def test_an_invented_page_token_is_refused(client: Any) -> None:
    with pytest.raises(ClientError, match="InvalidNextTokenException"):
        client.list_secrets(NextToken="%%%")


@pytest.mark.parametrize(
    ("key", "value", "found"),
    [
        ("name", "app/", ["app/one"]),
        ("name", "!app/", ["other"]),
        ("tag-key", "team", ["app/one"]),
        ("tag-value", "blue", ["app/one"]),
        ("description", "sec", ["other"]),
    ],
)
def test_the_list_can_be_filtered(client: Any, key: str, value: str, found: list[str]) -> None:
    client.create_secret(Name="app/one", Tags=[{"Key": "team", "Value": "blue"}])
    client.create_secret(Name="other", Description="second")
    listed = client.list_secrets(Filters=[{"Key": key, "Values": [value]}])["SecretList"]
    assert [secret["Name"] for secret in listed] == found


def test_a_filter_that_is_not_offered_is_refused(client: Any) -> None:
    with pytest.raises(ClientError, match="InvalidParameterException"):
        client.list_secrets(Filters=[{"Key": "owning-service", "Values": ["rds"]}])
