"""The admin connection: every form that the usage guide names, and TLS."""

from __future__ import annotations

import urllib.parse
from pathlib import Path

import pytest
from devstack.authority import Authority
from devstack.postgres import ADMIN
from support.cluster import condition
from support.resources import database, secret, unique
from support.tenant import Tenant, assert_works, run_sql

# Every character that has a meaning in URLs, SQL or shells, and two beyond ASCII.
ODD_PASSWORD = "p@ss/w:rd%?#[]&='\"\\ +$`é漢"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
def test_both_schemes_of_the_connection_string_work(tenant: Tenant, scheme: str) -> None:
    name = unique("scheme")
    tenant.set_admin(tenant.postgres.admin_url().replace("postgresql://", f"{scheme}://"))
    tenant.apply(database(name))

    tenant.wait_ready(name)

    assert_works(tenant.stored(f"rds/postgres/{name}"))


def test_the_engine_word_postgresql_is_kept_in_path_and_status(tenant: Tenant) -> None:
    name = unique("word")
    tenant.apply(database(name, engine="postgresql"))

    status = tenant.wait_ready(name)

    assert status["actualSecretName"] == f"rds/postgresql/{name}"
    assert status["connectionInfo"]["engine"] == "postgresql"
    assert_works(tenant.stored(f"rds/postgresql/{name}"))


def test_another_key_of_the_secret_is_used(tenant: Tenant) -> None:
    name = unique("key")
    tenant.apply(secret("other-admin", url=tenant.postgres.admin_url(), connectionString="not this one"))
    tenant.apply(database(name, connectionStringSecretRef={"name": "other-admin", "key": "url"}))

    tenant.wait_ready(name)


def test_a_final_newline_and_a_missing_sslmode_do_no_harm(tenant: Tenant) -> None:
    name = unique("newline")
    tenant.set_admin(tenant.postgres.admin_url(parameters="connect_timeout=10") + "\n")
    tenant.apply(database(name))

    tenant.wait_ready(name)


def test_a_password_with_special_characters_is_written_percent_encoded(tenant: Tenant) -> None:
    name, admin = unique("odd"), unique("odd_admin")
    quoted = ODD_PASSWORD.replace("'", "''")
    tenant.postgres.sql(f"CREATE ROLE {admin} LOGIN CREATEDB CREATEROLE PASSWORD '{quoted}'")
    password = urllib.parse.quote(ODD_PASSWORD, safe="")
    tenant.set_admin(f"postgresql://{admin}:{password}@127.0.0.1:{tenant.postgres.port}/postgres")
    tenant.apply(database(name))

    tenant.wait_ready(name)

    assert_works(tenant.stored(f"rds/postgres/{name}"))


def test_a_superuser_as_admin_works(tenant: Tenant) -> None:
    name, admin = unique("super"), unique("super_admin")
    tenant.postgres.sql(f"CREATE ROLE {admin} LOGIN SUPERUSER PASSWORD 'x'")
    tenant.set_admin(f"postgresql://{admin}:x@localhost:{tenant.postgres.port}/postgres")
    tenant.apply(database(name))

    status = tenant.wait_ready(name)

    assert status["connectionInfo"]["host"] == "localhost"
    assert tenant.owner(name) == name
    assert_works(tenant.stored(f"rds/postgres/{name}"))


@pytest.mark.parametrize("mode", ["disable", "prefer", "require", "verify-ca", "verify-full"])
def test_each_sslmode_works(tenant: Tenant, mode: str) -> None:
    name = unique("tls")
    verifying = {"ca.crt": tenant.postgres.ca_file.read_text()} if mode.startswith("verify") else {}
    tenant.set_admin(tenant.postgres.admin_url(parameters=f"sslmode={mode}"), **verifying)
    tenant.apply(database(name))

    status = tenant.wait_ready(name)

    assert condition(status, "CredentialsVerified")["status"] == "True"
    assert_works(tenant.stored(f"rds/postgres/{name}"))


def test_a_verified_server_needs_no_channel_binding(tenant: Tenant) -> None:
    name = unique("tls")
    url = tenant.postgres.admin_url(parameters="sslmode=verify-full&channel_binding=disable")
    tenant.set_admin(url, **{"ca.crt": tenant.postgres.ca_file.read_text()})
    tenant.apply(database(name))

    tenant.wait_ready(name)


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
def test_a_wrong_ca_is_an_error_that_says_where_to_put_the_right_one(tenant: Tenant, mode: str, tmp_path: Path) -> None:
    name = unique("tls")
    wrong = Authority(tmp_path, "somebody else's CA").certificate_file.read_text()
    url = tenant.postgres.admin_url(parameters=f"sslmode={mode}")
    tenant.set_admin(url, **{"ca.crt": wrong})
    tenant.apply(database(name))

    status = tenant.wait_error(name, "AdminConnectionInvalid")

    assert "certificate is not signed by a trusted CA" in status["message"]
    assert "ca.crt" in status["message"]
    assert not tenant.has_database(name)
    assert tenant.description(f"rds/postgres/{name}") == {}

    tenant.set_admin(url, **{"ca.crt": tenant.postgres.ca_file.read_text()})
    tenant.wait_ready(name, 15)


def test_verification_without_a_ca_uses_the_systems_and_says_so(tenant: Tenant) -> None:
    name = unique("tls")
    tenant.set_admin(tenant.postgres.admin_url(parameters="sslmode=verify-full"))
    tenant.apply(database(name))

    status = tenant.wait_error(name, "AdminConnectionInvalid")

    assert "ca.crt" in status["message"]


def test_a_ca_that_is_no_certificate_is_named(tenant: Tenant) -> None:
    name = unique("tls")
    tenant.set_admin(tenant.postgres.admin_url(parameters="sslmode=verify-full"), **{"ca.crt": "no certificate"})
    tenant.apply(database(name))

    status = tenant.wait_error(name, "AdminConnectionInvalid")

    assert "ca.crt" in status["message"]


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ("options=-csearch_path%3Dx", "'options' is not allowed"),
        ("passfile=/etc/passwd", "'passfile' is not allowed"),
        ("sslrootcert=/etc/passwd", "'sslrootcert' may only be system"),
        ("sslmode=allow", "'sslmode' must be disable, prefer, require, verify-ca or verify-full"),
    ],
)
def test_a_parameter_that_is_not_allowed_is_named(tenant: Tenant, parameters: str, named: str) -> None:
    name = unique("parameter")
    tenant.set_admin(tenant.postgres.admin_url(parameters=parameters))
    tenant.apply(database(name))

    status = tenant.wait_error(name, "AdminSecretInvalid")

    assert named in status["message"]
    assert f"key 'connectionString' of Secret '{tenant.name}/postgres-admin'" in status["message"]
    assert tenant.postgres.admin_password not in status["message"]


def test_a_server_that_is_not_postgresql_is_an_error(tenant: Tenant) -> None:
    name = unique("stranger")
    tenant.set_admin(f"postgresql://{ADMIN}:x@127.0.0.1:{tenant.secretsmanager.port}/postgres?connect_timeout=2")
    tenant.apply(database(name))

    status = tenant.wait_for(name, lambda status: status.get("phase") == "Error", "in error")

    assert f"127.0.0.1:{tenant.secretsmanager.port}" in status["message"]


def test_functions_of_a_tenant_in_the_admins_database_are_not_run_by_the_admin(tenant: Tenant) -> None:
    trap, name = unique("trap"), unique("careful")
    tenant.apply(database(trap))
    tenant.wait_ready(trap)
    url = tenant.stored(f"rds/postgres/{trap}")["POSTGRES_URL"]
    run_sql(
        url,
        "CREATE TABLE seen (who text); GRANT ALL ON seen TO PUBLIC; "
        "CREATE FUNCTION shobj_description(oid, text) RETURNS text LANGUAGE plpgsql AS "
        "'BEGIN INSERT INTO public.seen VALUES (current_user); RETURN NULL; END'",
    )
    tenant.postgres.sql(f"GRANT CONNECT ON DATABASE {trap} TO {ADMIN}")
    admin_url = tenant.postgres.admin_url().replace("/postgres?", f"/{trap}?")
    run_sql(admin_url, "SELECT shobj_description(1, 'pg_authid')")
    assert run_sql(url, "DELETE FROM seen RETURNING who").stdout.strip() == ADMIN, "the trap works"

    tenant.set_admin(admin_url)
    tenant.apply(database(name))

    tenant.wait_ready(name)
    assert run_sql(url, "SELECT who FROM seen").stdout == ""
