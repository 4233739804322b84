"""Every request has to be signed, rightly, now, and by somebody known."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

import pytest
from botocore.exceptions import ClientError

from local_server import ADMIN_SECRET, LocalServer
from raw_client import RawAnswer, RawClient, Signer, without

EMPTY = b"{}"
SESSION = {
    "secret": "session-secret",
    "session_token": "IQoJb3JpZ2luX2VjE+/=session",
    "principal_arn": "arn:aws:sts::123456789012:assumed-role/operator/pod",
    "policy": None,
}


def listed(server: LocalServer, signer: Signer, **bent: object) -> RawAnswer:
    """ListSecrets, which succeeds for everybody whose signature does."""
    client = RawClient(server.port, signer)
    answer = client.send(*client.build("ListSecrets", EMPTY, **bent))
    client.close()
    return answer


def refused(answer: RawAnswer, code: str) -> str:
    """The text of a refusal; nothing but the error may be in it."""
    assert answer.status == 400
    assert answer.code == code
    assert set(answer.json) == {"__type", "message"}
    return answer.json["message"]


def test_a_request_signed_by_hand_is_accepted(server: LocalServer) -> None:
    assert listed(server, Signer()).status == 200


def test_a_request_signed_by_boto3_is_accepted(client) -> None:
    assert client.list_secrets()["SecretList"] == []


def test_an_unsigned_request_is_refused(server: LocalServer, raw: RawClient) -> None:
    headers, body = raw.build("ListSecrets", EMPTY)
    answer = raw.send(without(headers, "Authorization"), body)
    refused(answer, "MissingAuthenticationTokenException")


def test_another_authentication_scheme_is_refused(raw: RawClient) -> None:
    headers, body = raw.build("ListSecrets", EMPTY)
    answer = raw.send(without(headers, "Authorization") + [("Authorization", "Basic YTpi")], body)
    refused(answer, "IncompleteSignatureException")


@pytest.mark.parametrize("parameter", ["Credential", "SignedHeaders", "Signature"])
def test_an_authorization_without_one_of_its_parameters_is_refused(raw: RawClient, parameter: str) -> None:
    headers, body = raw.build("ListSecrets", EMPTY)
    cut = re.sub(rf"{parameter}=[^,]*,? ?", "", dict(headers)["Authorization"]).rstrip(", ")
    answer = raw.send(without(headers, "Authorization") + [("Authorization", cut)], body)
    assert f"'{parameter}'" in refused(answer, "IncompleteSignatureException")


def test_a_credential_of_four_parts_is_refused(raw: RawClient) -> None:
    headers, body = raw.build("ListSecrets", EMPTY)
    cut = dict(headers)["Authorization"].replace("/aws4_request", "")
    answer = raw.send(without(headers, "Authorization") + [("Authorization", cut)], body)
    refused(answer, "IncompleteSignatureException")


def test_an_unknown_access_key_is_refused(server: LocalServer) -> None:
    text = refused(listed(server, Signer(key="AKIANOBODY")), "UnrecognizedClientException")
    assert text == "The security token included in the request is invalid."


def test_a_wrong_secret_key_is_refused(server: LocalServer) -> None:
    text = refused(listed(server, Signer(secret="wrong")), "InvalidSignatureException")
    assert text.startswith("The request signature we calculated does not match the signature you provided.")
    assert "The Canonical String for this request should have been\n'POST\n/\n\ncontent-type:" in text
    assert ADMIN_SECRET not in text


def test_a_body_changed_after_signing_is_refused(raw: RawClient) -> None:
    headers, _ = raw.build("ListSecrets", EMPTY)
    refused(raw.send(headers, b'{"MaxResults": 1}'), "InvalidSignatureException")


def test_a_signed_header_changed_after_signing_is_refused(raw: RawClient) -> None:
    headers, body = raw.build("ListSecrets", EMPTY)
    changed = without(headers, "X-Amz-Target") + [("X-Amz-Target", "secretsmanager.GetSecretValue")]
    refused(raw.send(changed, body), "InvalidSignatureException")


def test_a_signed_header_that_was_not_sent_is_refused(raw: RawClient) -> None:
    headers, body = raw.build("ListSecrets", EMPTY, extra=(("Accept", "application/json"),))
    text = refused(raw.send(without(headers, "Accept"), body), "IncompleteSignatureException")
    assert text == "'accept' is named as a SignedHeader, but it does not exist in the HTTP request"


@pytest.mark.parametrize("name", ["host", "content-type", "x-amz-target", "x-amz-date", "x-amz-meta-anything"])
def test_host_content_type_and_every_amz_header_must_be_signed(server: LocalServer, name: str) -> None:
    signer = Signer(leave_out=(name,))
    answer = listed(server, signer, extra=(("X-Amz-Meta-Anything", "1"),))
    assert "must be a 'SignedHeader'" in refused(answer, "InvalidSignatureException")


def test_other_headers_may_be_signed_or_not(server: LocalServer) -> None:
    extra = (("Accept", "application/json"), ("User-Agent", "test"))
    assert listed(server, Signer(), extra=extra).status == 200
    assert listed(server, Signer(leave_out=("accept", "user-agent")), extra=extra).status == 200


def test_signed_headers_out_of_order_are_refused(raw: RawClient) -> None:
    headers, body = raw.build("ListSecrets", EMPTY)
    shuffled = dict(headers)["Authorization"].replace("content-type;host", "host;content-type")
    refused(
        raw.send(without(headers, "Authorization") + [("Authorization", shuffled)], body), "InvalidSignatureException"
    )


def test_two_dates_are_refused(raw: RawClient) -> None:
    headers, body = raw.build("ListSecrets", EMPTY)
    refused(raw.send(headers + [("X-Amz-Date", dict(headers)["X-Amz-Date"])], body), "IncompleteSignatureException")


def test_no_date_is_refused(raw: RawClient) -> None:
    headers, body = raw.build("ListSecrets", EMPTY)
    refused(raw.send(without(headers, "X-Amz-Date"), body), "IncompleteSignatureException")


@pytest.mark.parametrize(
    "bent",
    [
        {"service": "sts"},
        {"region": "not a region"},
        {"terminator": "aws5_request"},
        {"scope_date": "20200101"},
    ],
    ids=lambda bent: next(iter(bent)),
)
def test_every_part_of_the_scope_is_checked(server: LocalServer, bent: dict[str, str]) -> None:
    assert "Credential" in refused(listed(server, Signer(**bent)), "InvalidSignatureException")


def test_the_region_of_an_aws_host_name_must_be_that_of_the_scope(server: LocalServer) -> None:
    host = "secretsmanager.eu-west-1.amazonaws.com"
    text = refused(listed(server, Signer(region="us-east-1"), host=host), "InvalidSignatureException")
    assert text == "Credential should be scoped to a valid region, not 'us-east-1'."
    assert listed(server, Signer(region="eu-west-1"), host=host).status == 200


@pytest.mark.parametrize("minutes", [-4, 4])
def test_four_minutes_of_clock_skew_are_accepted(server: LocalServer, minutes: int) -> None:
    assert listed(server, Signer(skew=timedelta(minutes=minutes))).status == 200


def test_a_signature_older_than_five_minutes_has_expired(server: LocalServer) -> None:
    text = refused(listed(server, Signer(skew=timedelta(minutes=-6))), "InvalidSignatureException")
    assert re.fullmatch(r"Signature expired: \w+ is now earlier than \w+ \(\w+ - 5 min\.\)", text)


def test_a_signature_from_the_future_is_not_yet_current(server: LocalServer) -> None:
    text = refused(listed(server, Signer(skew=timedelta(minutes=6))), "InvalidSignatureException")
    assert re.fullmatch(r"Signature not yet current: \w+ is still later than \w+ \(\w+ \+ 5 min\.\)", text)


def test_the_shifted_clock_rules_signatures_and_the_date_header(server: LocalServer, control) -> None:
    control.shift_clock(3600)
    answer = listed(server, Signer())
    refused(answer, "InvalidSignatureException")
    shown = datetime.strptime(answer.headers["Date"], "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=timezone.utc)
    assert timedelta(minutes=59) < shown - datetime.now(timezone.utc) < timedelta(minutes=61)
    assert listed(server, Signer(skew=timedelta(hours=1))).status == 200


def test_session_credentials_need_their_token(server: LocalServer) -> None:
    server.write_credentials({"ASIASESSION": SESSION})
    signer = Signer(key="ASIASESSION", secret=SESSION["secret"])
    token = (("X-Amz-Security-Token", SESSION["session_token"]),)
    assert listed(server, signer, extra=token).status == 200
    refused(listed(server, signer), "UnrecognizedClientException")
    refused(listed(server, signer, extra=(("X-Amz-Security-Token", "other"),)), "UnrecognizedClientException")


def test_permanent_credentials_have_no_token(server: LocalServer) -> None:
    refused(listed(server, Signer(), extra=(("X-Amz-Security-Token", "any"),)), "UnrecognizedClientException")


def test_an_expired_session_is_refused_as_expired(server: LocalServer) -> None:
    past = (datetime.now(timezone.utc) - timedelta(seconds=1)).isoformat()
    future = (datetime.now(timezone.utc) + timedelta(hours=1)).isoformat()
    signer = Signer(key="ASIASESSION", secret=SESSION["secret"])
    token = (("X-Amz-Security-Token", SESSION["session_token"]),)
    server.write_credentials({"ASIASESSION": SESSION | {"expires_at": future}})
    assert listed(server, signer, extra=token).status == 200
    server.write_credentials({"ASIASESSION": SESSION | {"expires_at": past}})
    text = refused(listed(server, signer, extra=token), "ExpiredTokenException")
    assert text == "The security token included in the request is expired"


def test_a_changed_credentials_file_is_read_again(server: LocalServer) -> None:
    server.write_credentials({"AKIAROTATED": SESSION | {"session_token": None}})
    rotated = server.boto(key="AKIAROTATED", secret=SESSION["secret"])
    assert rotated.list_secrets()["SecretList"] == []
    server.write_credentials({})
    with pytest.raises(ClientError, match="UnrecognizedClientException"):
        rotated.list_secrets()


@pytest.mark.parametrize(
    "text",
    [
        '{"half',
        "[]",
        '{"AKIA": {"secret": "xyzzy"}}',
        '{"AKIA": {"secret": "xyzzy", "principal_arn": "a", "polcy": {}}}',
        '{"AKIA": {"secret": "xyzzy", "principal_arn": "a", "expires_at": "2026-01-01T00:00:00"}}',
        '{"AKIA": {"secret": "xyzzy", "principal_arn": "a", "session_token": ""}}',
    ],
    ids=["not JSON", "no object", "no principal", "misspelt member", "no time zone", "empty token"],
)
def test_while_the_credentials_file_is_unusable_nobody_gets_in(server: LocalServer, text: str) -> None:
    server.credentials.write_text(text, encoding="utf-8")
    answer = listed(server, Signer())
    assert (answer.status, answer.code) == (500, "InternalFailure")
    assert answer.text.startswith(f'cannot use the credentials file "{server.credentials}": ')
    assert "xyzzy" not in answer.text
    server.write_credentials({})
    assert listed(server, Signer()).status == 200


def test_a_declared_body_hash_must_be_right(server: LocalServer) -> None:
    wrong = (("X-Amz-Content-SHA256", "0" * 64),)
    refused(listed(server, Signer(), extra=wrong), "InvalidSignatureException")
    unsigned = (("X-Amz-Content-SHA256", "UNSIGNED-PAYLOAD"),)
    refused(listed(server, Signer(), extra=unsigned), "InvalidSignatureException")
