"""A second opinion: what the operator sends is what botocore would have signed, byte by byte."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from unittest.mock import patch

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from devstack.awsidentity import ROLE, AwsIdentityServer
from devstack.operator import Operator
from devstack.secretsmanager import REGION, SecretsManagerServer
from support.recorder import Recorded, Recorder
from support.resources import database, unique
from support.tenant import Tenant

SIGNED = re.compile(r"Credential=(?P<key>[A-Z0-9]+)/\d{8}/(?P<region>[a-z0-9-]+)/(?P<service>[a-z]+)/aws4_request")


def authorization_by_botocore(request: Recorded, secret: str, token: str | None, url: str) -> str:
    """What botocore writes for the same method, address, content type, target and body at the same second."""
    scope = SIGNED.search(request.headers["authorization"])
    assert scope
    given = {name: request.headers[name] for name in ("content-type", "x-amz-target") if name in request.headers}
    same = AWSRequest(request.method, url + request.target, headers=given, data=request.body)
    moment = datetime.strptime(request.headers["x-amz-date"], "%Y%m%dT%H%M%SZ")
    with patch.object(botocore.auth, "get_current_datetime", return_value=moment):
        credentials = Credentials(scope["key"], secret, token)
        botocore.auth.SigV4Auth(credentials, scope["service"], scope["region"]).add_auth(same)
    written: str = same.headers["Authorization"]
    return written


def check_all(recorder: Recorder, secretsmanager: SecretsManagerServer) -> set[str]:
    """Compares every signed request; the operations that were among them."""
    table = json.loads((secretsmanager.folder / "credentials.json").read_text())
    for request in recorder.requests:
        scope = SIGNED.search(request.headers["authorization"])
        assert scope
        token = request.headers.get("x-amz-security-token")
        secret = table[scope["key"]]["secret"]
        expected = authorization_by_botocore(request, secret, token, recorder.url)
        assert request.headers["authorization"] == expected
    return {request.headers.get("x-amz-target", "STS") for request in recorder.requests}


@pytest.mark.parametrize("session", [False, True], ids=["long-term keys", "session"])
def test_every_operation_is_signed_as_botocore_signs_it(
    identity: AwsIdentityServer,
    secretsmanager: SecretsManagerServer,
    start_operator: Callable[..., Operator],
    team: Tenant,
    tmp_path: Path,
    session: bool,
) -> None:
    name = unique("signed")
    environment = secretsmanager.environment("operator")
    with Recorder(secretsmanager.port) as recorder, Recorder(int(identity.url("sts").rpartition(":")[2])) as sts:
        environment |= {"AWS_ENDPOINT_URL_SECRETS_MANAGER": recorder.url, "AWS_ENDPOINT_URL_STS": sts.url}
        if session:
            config = tmp_path / "config"
            config.write_text(
                f"[profile app]\nrole_arn = {ROLE}\nsource_profile = keys\nregion = {REGION}\n"
                f"[profile keys]\naws_access_key_id = {environment.pop('AWS_ACCESS_KEY_ID')}\n"
                f"aws_secret_access_key = {environment.pop('AWS_SECRET_ACCESS_KEY')}\n"
            )
            environment |= {"AWS_CONFIG_FILE": str(config), "AWS_PROFILE": "app"}
        start_operator(environment)
        team.apply(database(name, retainOnDelete=False, awsSecretsManager={"tags": {"Größe": "ä/+=@:. x"}}))
        team.wait_ready(name)
        changes = {
            "awsSecretsManager": {"tags": {"Größe": None, "Team": "x"}, "description": 'Größe "ÿ" \\ <é漢😀>'},
            "secretTemplate": '{"p": "{{.DBPassword}}", "é": "漢😀"}',
        }
        team.patch(name, {"spec": changes})
        team.wait_ready(name)
        team.delete(name)

        operations = check_all(recorder, secretsmanager)
        signed_at_sts = check_all(sts, secretsmanager)

    assert {operation.removeprefix("secretsmanager.") for operation in operations} == set(
        "DescribeSecret CreateSecret GetSecretValue PutSecretValue UpdateSecretVersionStage UpdateSecret TagResource "
        "UntagResource DeleteSecret".split()
    )
    assert signed_at_sts == ({"STS"} if session else set())
