"""Example 6 of the usage guide on each server and under each engine word, wherever its outcome can be seen."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from devstack.kube import ControlPlane
from devstack.operator import Operator
from devstack.secretsmanager import ACCOUNT, REGION, SecretsManagerServer
from support.cluster import condition
from support.mysql_log import GeneralLog
from support.mysql_tenant import EVERYTHING, WORDS, MySqlTenant, Server, assert_works, is_mariadb, parse_url, run_sql
from support.resources import unique
from support.samples import sample

NAME, DATABASE, USER = "shop-db", "shop", "shop_user"
CONDITIONS = ["SecretReady", "DatabaseReady", "UserReady", "PrivilegesReady", "CredentialsVerified"]


@dataclass
class Example:
    """The example after it became Ready."""

    tenant: MySqlTenant
    word: str
    log: GeneralLog
    status: dict[str, Any]
    stored: dict[str, Any]

    @property
    def secret(self) -> str:
        """The default path of its secret."""
        return f"rds/{self.word}/{DATABASE}"


@pytest.fixture(scope="module", params=WORDS)
def example(
    request: pytest.FixtureRequest, kube: ControlPlane, mysql_server: Server, secretsmanager: SecretsManagerServer,
    one_operator: Operator,
) -> Iterator[Example]:  # fmt: skip
    one_operator.start()
    log = GeneralLog(mysql_server)
    tenant = MySqlTenant(kube, unique("example-"), mysql_server, secretsmanager)
    tenant.set_admin()
    resource = sample("mysql")
    resource["spec"]["engine"] = request.param
    tenant.apply(resource)
    tenant.kubectl("wait", "--for=condition=Ready", f"database/{NAME}", "--timeout=30s")
    secret = f"rds/{request.param}/{DATABASE}"
    yield Example(tenant, request.param, log, tenant.status(NAME), tenant.stored(secret))
    tenant.delete(NAME)
    secretsmanager.client().delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)
    mysql_server.sql(f"DROP DATABASE {DATABASE}; DROP USER '{USER}'@'%'")


def test_kubectl_get_db_shows_the_word_of_the_spec(example: Example) -> None:
    _, row = example.tenant.kubectl("get", "db").stdout.splitlines()

    assert row.split()[:-1] == [NAME, example.word, DATABASE, USER, example.secret, "Ready"]


def test_the_status_has_every_documented_field(example: Example) -> None:
    status = dict(example.status)
    port = example.tenant.server.port
    arn = rf"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{example.secret}-[A-Za-z0-9]{{6}}"

    assert re.fullmatch(arn, status.pop("secretARN"))
    assert status.pop("secretVersion") in example.tenant.versions(example.secret)
    assert [c["type"] for c in status.pop("conditions") if c["status"] == "True"] == ["Ready", *CONDITIONS]
    status.pop("serverIdentity", None)
    assert status == {
        "phase": "Ready",
        "message": "Database, user, and secret are ready",
        "observedGeneration": 1,
        "databaseCreated": True,
        "userCreated": True,
        "secretCreated": True,
        "actualUsername": USER,
        "actualSecretName": example.secret,
        "secretRegion": REGION,
        "secretFormatVersion": "v2",
        "managedTags": ["Team"],
        "appliedPrivileges": ["ALL"],
        "connectionInfo": {
            "host": "127.0.0.1", "port": port, "database": DATABASE, "username": USER, "engine": example.word,
        },
    }  # fmt: skip


def test_the_identity_of_the_server_is_remembered_where_it_has_one(example: Example) -> None:
    server = example.tenant.server
    known = server.sql("SHOW GLOBAL VARIABLES WHERE Variable_name IN ('server_uuid', 'server_uid')")

    assert example.status.get("serverIdentity", "") == (known[0].split("|")[1] if known else "")


def test_the_secret_is_exactly_the_documented_json(example: Example) -> None:
    password, port = example.stored["DB_PASSWORD"], example.tenant.server.port
    url = f"mysql://{USER}:{password}@127.0.0.1:{port}/{DATABASE}"

    assert example.stored == {
        "DB_HOST": "127.0.0.1",
        "DB_PORT": port,
        "DB_NAME": DATABASE,
        "DB_USERNAME": USER,
        "DB_PASSWORD": password,
        "MYSQL_URL": url,
        **({"MARIADB_URL": url} if example.word == "mariadb" else {}),
    }
    assert type(example.stored["DB_PORT"]) is int


def test_the_stored_url_says_what_the_other_keys_say(example: Example) -> None:
    address, stored = parse_url(example.stored["MYSQL_URL"]), example.stored

    assert address.scheme == "mysql"
    assert (address.host, address.port, address.database) == (stored["DB_HOST"], stored["DB_PORT"], stored["DB_NAME"])
    assert (address.user, address.password) == (stored["DB_USERNAME"], stored["DB_PASSWORD"])


def test_the_stored_url_logs_in_and_creates_a_table(example: Example) -> None:
    assert_works(example.tenant.server, example.stored)


def test_the_stored_url_logs_in_without_tls_where_the_server_allows_it(example: Example) -> None:
    assert run_sql(example.tenant.server, example.stored, "SELECT CURRENT_USER()", tls=False) == [f"{USER}@%"]


def test_the_password_satisfies_the_password_policies_of_servers(example: Example) -> None:
    password = example.stored["DB_PASSWORD"]

    assert re.fullmatch(r"[A-Za-z0-9_-]{32}", password)
    for needed in ("[A-Z]", "[a-z]", "[0-9]", "[-_]"):
        assert re.search(needed, password), f"no {needed}"


def test_the_tag_of_the_example_is_on_the_secret(example: Example) -> None:
    tags = example.tenant.description(example.secret)["Tags"]

    assert tags["Team"] == "shop"
    assert tags["ManagedBy"] == "database-user-operator"
    assert tags["database.opzkit.io/owner-namespace"] == example.tenant.name


def test_the_database_has_the_documented_character_set_and_collation(example: Example) -> None:
    [definition] = example.tenant.server.sql(f"SHOW CREATE DATABASE {DATABASE}")

    assert f"`{DATABASE}`" in definition
    assert "DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci" in definition


def test_the_user_may_come_from_every_host_and_from_nowhere_else_by_another_account(example: Example) -> None:
    assert example.tenant.hosts_of(USER) == ["%"]


def test_the_user_logs_in_with_what_the_server_prefers(example: Example) -> None:
    server = example.tenant.server
    [plugin] = server.sql(f"SELECT plugin FROM mysql.user WHERE User = '{USER}'")

    assert plugin == ("mysql_native_password" if is_mariadb(server) else "caching_sha2_password")


def test_the_user_has_everything_on_its_database_and_nothing_elsewhere(example: Example) -> None:
    tenant = example.tenant

    assert set(tenant.grants(USER)) == {"*.*", f"`{DATABASE}`.*"}
    assert tenant.grants(USER)["*.*"] == {"USAGE"}
    assert tenant.granted(USER, f"`{DATABASE}`.*") == EVERYTHING


def test_the_user_cannot_hand_on_what_it_has(example: Example) -> None:
    [option] = example.tenant.server.sql(f"SELECT Grant_priv FROM mysql.db WHERE User = '{USER}'")

    assert option == "N"


def test_the_mark_of_the_owner_is_where_the_server_has_a_place_for_it(example: Example) -> None:
    tenant = example.tenant
    expected = {
        "managed-by": "database-user-operator",
        "cluster": tenant.kube.kubectl_json("get", "namespace", "kube-system")["metadata"]["uid"],
        "namespace": tenant.name,
        "name": NAME,
        "uid": tenant.get("database", NAME)["metadata"]["uid"],
    }

    if is_mariadb(tenant.server):
        [comment] = tenant.server.sql(
            f"SELECT SCHEMA_COMMENT FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = '{DATABASE}'"
        )
        assert json.loads(comment) == expected
    else:
        [attribute] = tenant.server.sql(
            f"SELECT ATTRIBUTE FROM information_schema.USER_ATTRIBUTES WHERE USER = '{USER}' AND HOST = '%'"
        )
        assert json.loads(attribute) == {**expected, "database": DATABASE}


def test_the_grants_take_effect_without_a_flush(example: Example) -> None:
    assert [text for text in example.log.statements() if "FLUSH" in text.upper()] == []


def test_the_way_of_the_proof_is_told(example: Example) -> None:
    message = condition(example.status, "CredentialsVerified")["message"]

    if is_mariadb(example.tenant.server):
        assert message == "the stored password logs in"
        assert example.log.logins(USER) >= 1
    else:  # the admin connection of the stack does not verify the certificate
        assert "keeps the hash of the stored password" in message and "tls=true" in message


def test_the_general_log_holds_a_hash_and_no_password(example: Example) -> None:
    text = example.log.text
    [creation] = [line for line in text.splitlines() if "CREATE USER" in line and f"'{USER}'@'%'" in line]

    assert "mysql_native_password USING '*" in creation or "caching_sha2_password AS 0x" in creation, creation
    assert example.stored["DB_PASSWORD"] not in example.tenant.server.server_log()
    assert example.tenant.server.admin_password not in example.tenant.server.server_log()


def test_no_password_is_seen_where_it_does_not_belong(example: Example, operator: Operator) -> None:
    tenant = example.tenant
    places = {
        "log": operator.log_text,
        "resource": json.dumps(tenant.get("database", NAME)),
        "events": tenant.kubectl("get", "events", "-o", "yaml").stdout,
        "metrics": operator.get("/metrics")[1],
        "call log": (tenant.secretsmanager.folder / "calls.log").read_text(),
    }

    assert NAME in places["log"]
    for place, text in places.items():
        assert example.stored["DB_PASSWORD"] not in text, place
        assert tenant.kept_hash(USER) not in text.upper(), place
        assert tenant.server.admin_password not in text, place


def test_the_spec_is_untouched(example: Example) -> None:
    spec = sample("mysql")["spec"]

    assert example.tenant.get("database", NAME)["spec"] == {**spec, "engine": example.word}
