"""The admin connection to MySQL and MariaDB: both forms, every TLS word, and what is refused."""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest
from devstack.authority import Authority
from devstack.mysql import ADMIN, ADMIN_RIGHTS
from devstack.operator import Operator
from support.cluster import condition
from support.mysql_log import GeneralLog
from support.mysql_tenant import (
    FAMILIES,
    IPV6,
    UNCERTIFIED,
    MySqlTenant,
    assert_works,
    is_mariadb,
    mysql_database,
    parse_url,
)
from support.resources import secret, unique
from support.watching import CallWatch

CANARY = "canary-in-the-coal-mine"
# Every character that has a meaning in URLs, in Go's form, in SQL or shells, and two beyond ASCII.
ODD_PASSWORD = "p@ss/w:rd%40?#[]()&='\"\\ +$`é漢"
ODD_SQL = ODD_PASSWORD.replace("\\", "\\\\").replace("'", "''")


def try_each(tenant: MySqlTenant, urls: dict[str, str], *, ca: str | None = None) -> dict[str, str]:
    """Applies one Secret and one Database for each connection string; their common names."""
    names = {key: unique("conn") for key in urls}
    more = {"ca.crt": ca} if ca is not None else {}
    tenant.apply(*[secret(name, connectionString=urls[key], **more) for key, name in names.items()])
    tenant.apply(*[mysql_database(name, connectionStringSecretRef={"name": name}) for name in names.values()])
    return names


def wait_each_ready(tenant: MySqlTenant, names: dict[str, str]) -> None:
    """Waits until all are Ready and logs in with what is stored for them."""
    for name in names.values():
        tenant.wait_ready(name)
        assert_works(tenant.server, tenant.stored(f"rds/mysql/{name}"))


# --- forms ---


def test_each_form_of_the_connection_string_works(mysql_tenant: MySqlTenant) -> None:
    server = mysql_tenant.server
    url, dsn = server.admin_url(), server.admin_url("dsn")
    urls = {
        "url": url,
        "dsn": dsn,
        "scheme of MariaDB": url.replace("mysql://", "mariadb://"),
        "with a database": url.replace("/?", "/mysql?"),
        "dsn with a database": dsn.replace("/?", "/mysql?"),
        "a name as host": server.admin_url(host="localhost"),
        "final newline": url + "\n",
        "words of other clients": server.admin_url("dsn", parameters="parseTime=true&charset=utf8mb4&timeout=5s"),
    }
    names = try_each(mysql_tenant, urls)

    wait_each_ready(mysql_tenant, names)

    assert mysql_tenant.stored(f"rds/mysql/{names['a name as host']}")["DB_HOST"] == "localhost"


def test_a_password_with_special_characters_is_percent_encoded_in_a_url_and_plain_in_go_s_form(
    mysql_tenant: MySqlTenant,
) -> None:
    server, admin = mysql_tenant.server, unique("odd_admin")
    server.make_admin(admin, ADMIN_RIGHTS)
    mysql_tenant.set_password(admin, ODD_SQL)
    urls = {
        "url": server.admin_url(user=admin, password=ODD_PASSWORD),
        "dsn": server.admin_url("dsn", user=admin, password=ODD_PASSWORD),
    }

    wait_each_ready(mysql_tenant, try_each(mysql_tenant, urls))


def test_the_host_of_the_connection_string_is_that_of_the_stored_url(second_mysql_tenant: MySqlTenant) -> None:
    tenant = second_mysql_tenant
    places = [(form, host) for form in ("url", "dsn") for host in [*IPV6, "localhost", "127.0.0.1"]]
    names = try_each(tenant, {f"{form} {host}": tenant.server.admin_url(form, host=host) for form, host in places})

    wait_each_ready(tenant, names)

    for form, host in places:
        stored = tenant.stored(f"rds/mysql/{names[f'{form} {host}']}")
        assert (stored["DB_HOST"], parse_url(stored["MYSQL_URL"]).host) == (host, host)


# --- TLS ---


def test_each_word_for_tls_works(mysql_tenant: MySqlTenant) -> None:
    server = mysql_tenant.server
    forms = {
        "dsn": ["tls=true", "tls=skip-verify", "tls=preferred", "tls=false", ""],
        "url": ["ssl-mode=DISABLED", "ssl-mode=PREFERRED", "ssl-mode=REQUIRED", "ssl-mode=VERIFY_CA",
                "ssl-mode=VERIFY_IDENTITY", "ssl-mode=verify_identity", "tls=true", ""],
    }  # fmt: skip
    urls = {f"{form} {word}": server.admin_url(form, parameters=word) for form, words in forms.items() for word in words}

    wait_each_ready(mysql_tenant, try_each(mysql_tenant, urls, ca=server.ca_file.read_text()))


@pytest.mark.parametrize("mysql_server", FAMILIES, indirect=True)
def test_with_a_verified_certificate_the_password_is_proven_by_a_login(mysql_tenant: MySqlTenant) -> None:
    name, log = unique("verified"), GeneralLog(mysql_tenant.server)
    mysql_tenant.set_verified_admin()
    mysql_tenant.apply(mysql_database(name))

    status = mysql_tenant.wait_ready(name)

    assert condition(status, "CredentialsVerified")["message"] == "the stored password logs in"
    assert (log.logins(name), log.refused_logins(name)) == (1, 0)


@pytest.mark.parametrize("mysql_server", FAMILIES, indirect=True)
def test_a_password_is_never_shown_to_a_server_that_did_not_prove_who_it_is(mysql_tenant: MySqlTenant) -> None:
    server, log = mysql_tenant.server, GeneralLog(mysql_tenant.server)
    names = try_each(mysql_tenant, {word: server.admin_url(parameters=word) for word in ("tls=skip-verify", "tls=false")})

    for name in names.values():
        status = mysql_tenant.wait_ready(name)
        if is_mariadb(server):  # mysql_native_password is a challenge
            assert log.logins(name) == 1
        else:
            assert log.logins(name) == 0
            assert "keeps the hash of the stored password" in condition(status, "CredentialsVerified")["message"]


def test_a_wrong_ca_is_an_error_that_says_where_to_put_the_right_one(mysql_tenant: MySqlTenant, tmp_path: Path) -> None:
    server = mysql_tenant.server
    wrong = Authority(tmp_path, "somebody else's CA").certificate_file.read_text()
    words = ["tls=true", "ssl-mode=VERIFY_CA", "ssl-mode=VERIFY_IDENTITY"]
    urls = {word: server.admin_url(parameters=word) for word in words}
    names = try_each(mysql_tenant, urls, ca=wrong)

    for name in names.values():
        status = mysql_tenant.wait_error(name, "AdminConnectionInvalid")
        assert "certificate is not signed by a trusted CA" in status["message"] and "ca.crt" in status["message"]
        assert f"127.0.0.1:{server.port}" in status["message"]
        assert not mysql_tenant.has_database(name)
        assert mysql_tenant.description(f"rds/mysql/{name}") == {}

    name = names["tls=true"]
    mysql_tenant.apply(secret(name, **{"connectionString": urls["tls=true"], "ca.crt": server.ca_file.read_text()}))
    mysql_tenant.wait_ready(name, 15)


@pytest.mark.parametrize("mysql_server", FAMILIES, indirect=True)
def test_verification_without_a_usable_ca_says_where_to_put_one(mysql_tenant: MySqlTenant) -> None:
    url = mysql_tenant.server.admin_url(parameters="tls=true")
    for ca in (None, "no certificate", ""):
        [name] = try_each(mysql_tenant, {"": url}, ca=ca).values()

        status = mysql_tenant.wait_error(name, "AdminConnectionInvalid")

        assert "ca.crt" in status["message"]


def test_a_certificate_for_another_host_is_an_error_that_speaks_of_the_host(second_mysql_tenant: MySqlTenant) -> None:
    tenant, server = second_mysql_tenant, second_mysql_tenant.server
    verifying = ["tls=true", "ssl-mode=VERIFY_CA", "ssl-mode=VERIFY_IDENTITY"]
    urls = {word: server.admin_url(host=UNCERTIFIED, parameters=word) for word in [*verifying, "tls=skip-verify"]}
    names = try_each(tenant, urls, ca=server.ca_file.read_text())

    for word in verifying:
        status = tenant.wait_error(names[word], "AdminConnectionInvalid")
        assert f"{UNCERTIFIED}:{server.port}" in status["message"]
        assert "host name" in status["message"]
        assert tenant.description(f"rds/mysql/{names[word]}") == {}
    tenant.wait_ready(names["tls=skip-verify"])


def test_a_server_that_requires_tls_is_served_and_says_so_to_those_who_do_not_use_it(
    second_mysql_tenant: MySqlTenant,
) -> None:
    tenant, server = second_mysql_tenant, second_mysql_tenant.server
    taken = ["tls=true", "tls=skip-verify", "tls=preferred", "ssl-mode=REQUIRED", ""]
    names = try_each(
        tenant, {word: server.admin_url(parameters=word) for word in taken}, ca=server.ca_file.read_text()
    )
    refused = try_each(tenant, {word: server.admin_url(parameters=word) for word in ("tls=false", "ssl-mode=DISABLED")})

    wait_each_ready(tenant, names)

    for name in refused.values():
        status = tenant.wait_error(name, "AdminLoginFailed")
        assert "takes only TLS connections" in status["message"]
        assert "use tls=true or tls=skip-verify" in status["message"]
        assert tenant.description(f"rds/mysql/{name}") == {}


@pytest.fixture
def without_tls(second_mysql_tenant: MySqlTenant) -> Iterator[MySqlTenant]:
    """A team on a server without TLS."""
    server = second_mysql_tenant.server
    before = dict(server.settings)
    off = {"ssl": "0"} if is_mariadb(server) else {"tls_version": ""}
    server.settings = {**before, **off, "require_secure_transport": "OFF"}
    server.restart()
    yield second_mysql_tenant
    server.settings = before
    server.restart()


def test_a_server_without_tls_is_an_error_where_tls_is_wanted(without_tls: MySqlTenant) -> None:
    tenant, server = without_tls, without_tls.server
    wanting = ["tls=true", "tls=skip-verify", "ssl-mode=REQUIRED", "ssl-mode=VERIFY_CA"]
    ca = server.ca_file.read_text()
    names = try_each(tenant, {word: server.admin_url(parameters=word) for word in wanting}, ca=ca)
    content = try_each(tenant, {word: server.admin_url(parameters=word) for word in ("tls=preferred", "tls=false", "")})

    for word, name in names.items():
        status = tenant.wait_error(name, "AdminConnectionInvalid")
        assert "it has no TLS" in status["message"], word
    for name in content.values():
        tenant.wait_ready(name)


# --- what is refused ---


@pytest.mark.parametrize("mysql_server", ["mariadb"], indirect=True)
def test_a_connection_string_that_is_not_usable_is_refused_with_its_cause_and_never_quoted(
    mysql_tenant: MySqlTenant, operator: Operator
) -> None:
    server = mysql_tenant.server
    log, calls = GeneralLog(server), CallWatch(mysql_tenant.secretsmanager)
    refused = {
        server.admin_url(parameters="tls=custom"): "'tls' must be true, skip-verify, preferred or false",
        server.admin_url(parameters="ssl-mode=maybe"): "'ssl-mode' must be DISABLED, PREFERRED, REQUIRED",
        server.admin_url(parameters="tls=true&ssl-mode=REQUIRED"): "tls and ssl-mode say the same thing twice",
        server.admin_url(parameters="ssl-ca=/etc/passwd"): "put the CA into the key ca.crt of the Secret",
        server.admin_url(parameters="allowAllFiles=true"): "'allowAllFiles' is not allowed",
        server.admin_url(parameters="allowCleartextPasswords=true"): "'allowCleartextPasswords' is not allowed",
        server.admin_url("dsn", parameters="sql_mode=ANSI"): "'sql_mode' is not allowed",
        f"{ADMIN}:{CANARY}@unix(/run/mysqld.sock)/": "use tcp(host:port)",
        f"{ADMIN}:{CANARY}@tcp(127.0.0.1:3306": "'/' is missing",
        f"{ADMIN}:{CANARY}@127.0.0.1:3306/mysql": "tcp(host:port)",
        f"postgresql://{ADMIN}:{CANARY}@127.0.0.1/d": "",
        f"mysql://{ADMIN}:{CANARY}@127.0.0.1:99999/": "port",
        f"mysql://{ADMIN}:{CANARY}%zz@127.0.0.1/": "",
        f"mysql://:{CANARY}@127.0.0.1/": "user",
        f"mysql://{ADMIN}:{CANARY}@/": "host",
        CANARY: "",
        " ": "",
    }
    names = try_each(mysql_tenant, {text: text for text in refused})

    for text, cause in refused.items():
        status = mysql_tenant.wait_error(names[text], "AdminSecretInvalid")
        assert cause in status["message"], text
        assert f"key 'connectionString' of Secret '{mysql_tenant.name}/{names[text]}'" in status["message"]
        assert CANARY not in json.dumps(status) and server.admin_password not in json.dumps(status)
    assert log.entries() == [] and calls.operations() == []
    events = mysql_tenant.kubectl("get", "events", "-o", "yaml").stdout
    for place in (events, operator.log_text):
        assert CANARY not in place and urllib.parse.quote(server.admin_password) not in place


@pytest.mark.parametrize("mysql_server", FAMILIES, indirect=True)
def test_a_wrong_admin_password_is_an_error_until_the_secret_is_corrected(
    mysql_tenant: MySqlTenant, operator: Operator
) -> None:
    name, server = unique("denied"), mysql_tenant.server
    mysql_tenant.set_admin(server.admin_url(password=CANARY))
    mysql_tenant.apply(mysql_database(name))

    status = mysql_tenant.wait_error(name, "AdminLoginFailed")

    assert f"127.0.0.1:{server.port}" in status["message"] and "user name or password" in status["message"]
    assert mysql_tenant.description(f"rds/mysql/{name}") == {}
    assert CANARY not in operator.log_text
    mysql_tenant.set_admin()
    mysql_tenant.wait_ready(name, 10)


@pytest.mark.parametrize("mysql_server", FAMILIES, indirect=True)
def test_a_server_of_another_kind_is_an_error(mysql_tenant: MySqlTenant) -> None:
    port = mysql_tenant.secretsmanager.port
    [name] = try_each(mysql_tenant, {"": mysql_tenant.server.admin_url(port=port, parameters="timeout=2s")}).values()

    status = mysql_tenant.wait_for(name, lambda status: status.get("phase") == "Error", "in error")

    assert f"127.0.0.1:{port}" in status["message"]
