"""What the log says about a resource, in both formats, and what a hostile user cannot make it say."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from devstack.operator import Operator
from devstack.secretsmanager import SecretsManagerServer
from support.resources import database, unique
from support.tenant import Tenant

StartOperator = Callable[..., Operator]
_PAIR = re.compile(r'([A-Za-z]+)=("(?:[^"\\]|\\.)*"|[^" =]*)(?: |$)')


def parse_json(line: str) -> dict[str, str]:
    """The members of a line of JSON."""
    members: dict[str, str] = json.loads(line)
    return members


def parse_text(line: str) -> dict[str, str]:
    """The pairs of a line of text, which must consist of nothing else."""
    members, end = {}, 0
    for match in _PAIR.finditer(line):
        assert match.start() == end, line
        assert match[1] not in members, line
        members[match[1]] = json.loads(match[2]) if match[2].startswith('"') else match[2]
        end = match.end()
    assert end == len(line), line
    return members


PARSERS = {"json": parse_json, "text": parse_text}


def lines_about(operator: Operator, log_format: str, name: str) -> list[dict[str, str]]:
    """What `grep NAME` finds."""
    return [PARSERS[log_format](line) for line in operator.log_text.split("\n") if name in line]


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_everything_about_a_resource_is_found_by_its_name(
    team: Tenant, secretsmanager: SecretsManagerServer, start_operator: StartOperator, log_format: str
) -> None:
    operator = start_operator(secretsmanager.environment(), f"--log-format={log_format}", "--log-level=debug")
    ready, failing, other = unique("myapp"), unique("failing"), unique("bystander")
    team.apply(database(ready), database(failing, connectionStringSecretRef={"name": "missing"}), database(other))
    team.wait_ready(ready)
    team.wait_ready(other)
    team.wait_error(failing, "AdminSecretNotFound")

    found = lines_about(operator, log_format, ready)
    everything = [PARSERS[log_format](line) for line in operator.log_text.splitlines()]
    passes = {line["reconcileID"] for line in found}

    assert {line["level"] for line in found} == {"info", "debug"}
    assert all((line["controller"], line["namespace"], line["name"]) == ("database", team.name, ready) for line in found)
    assert all(line["ts"] and line["msg"] for line in everything)
    assert found == [line for line in everything if line.get("reconcileID") in passes]
    assert any(line["msg"] == "ready" for line in found)
    [failure] = [line for line in lines_about(operator, log_format, failing) if line["level"] == "warning"]
    assert (failure["msg"], failure["errorKind"]) == ("AdminSecretNotFound", "not found")
    assert f"Secret '{team.name}/missing'" in failure["error"]


def test_only_what_is_asked_for_is_logged(
    team: Tenant, secretsmanager: SecretsManagerServer, start_operator: StartOperator
) -> None:
    operator = start_operator(secretsmanager.environment(), "--log-level=warning")
    ready, failing = unique("quiet"), unique("loud")
    team.apply(database(ready), database(failing, connectionStringSecretRef={"name": "missing"}))
    team.wait_ready(ready)
    team.wait_error(failing, "AdminSecretNotFound")

    assert {line["level"] for line in operator.log_lines()} == {"warning"}
    assert lines_about(operator, "json", ready) == []
    assert len(lines_about(operator, "json", failing)) == 1


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_a_hostile_field_cannot_forge_a_line_or_a_key(
    team: Tenant, secretsmanager: SecretsManagerServer, start_operator: StartOperator, log_format: str
) -> None:
    operator = start_operator(secretsmanager.environment(), f"--log-format={log_format}", "--log-level=debug")
    name = unique("attacker")
    forged = 'x"}\n{"level":"error","name":"victim"}\nlevel=error name=victim" name="victim\x1b[2J\u2028level=error'
    secretsmanager.client().create_secret(Name=f"admin/{name}", SecretString=json.dumps({"url": "none"}))
    reference = {"secretName": f"admin/{name}", "key": forged}
    team.apply(database(name, connectionStringSecretRef=None, connectionStringAWSSecretRef=reference))
    status = team.wait_error(name, "AdminSecretInvalid")
    assert forged in status["message"]

    found = lines_about(operator, log_format, name)
    assert any(line["level"] == "warning" and forged in line["error"] for line in found)
    assert all(line["level"] != "error" and line["name"] == name for line in found)
    assert not any(line.get("name") == "victim" for line in map(PARSERS[log_format], operator.log_text.splitlines()))
    assert "\x1b" not in operator.log_text
