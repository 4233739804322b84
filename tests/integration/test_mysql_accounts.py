"""What exists already on MySQL and MariaDB: databases, accounts, secrets, policies; and whose password it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from devstack.kube import ControlPlane
from devstack.mysql import ADMIN_RIGHTS
from devstack.operator import Operator
from devstack.process import StackError, wait_until
from devstack.secretsmanager import SecretsManagerServer
from devstack.stack import Stack
from support.cluster import condition
from support.mysql_log import GeneralLog
from support.mysql_tenant import (
    EVERYTHING,
    FAMILIES,
    MARIADB_SERVERS,
    MySqlTenant,
    Server,
    assert_works,
    is_mariadb,
    mysql_database,
    run_sql,
    start_server,
)
from support.resources import unique
from support.watching import CallWatch

PASSWORD = "Known-to-the-team-and-32-chars_1"


@pytest.fixture(scope="module", params=FAMILIES)
def mysql_server(request: pytest.FixtureRequest, stack: Stack) -> Server:
    """One server of each family: what is tested here does not depend on versions."""
    return start_server(stack, request.param)


def documented(tenant: MySqlTenant, name: str, **changed: Any) -> dict[str, Any]:
    """The documented JSON for a database, as a person writes it."""
    port = tenant.server.port
    value = {
        "DB_HOST": "127.0.0.1", "DB_PORT": port, "DB_NAME": name, "DB_USERNAME": name, "DB_PASSWORD": PASSWORD,
        "MYSQL_URL": f"mysql://{name}:{PASSWORD}@127.0.0.1:{port}/{name}", **changed,
    }  # fmt: skip
    return {key: item for key, item in value.items() if item is not None}


def store(tenant: MySqlTenant, name: str, **changed: Any) -> dict[str, Any]:
    """Stores the documented JSON by hand."""
    value = documented(tenant, name, **changed)
    tenant.secretsmanager.client().create_secret(Name=f"rds/mysql/{name}", SecretString=json.dumps(value))
    return value


def make(tenant: MySqlTenant, name: str, what: str, password: str = PASSWORD) -> None:
    """Makes a database, a user or both by hand."""
    if what != "user":
        tenant.server.sql(f"CREATE DATABASE {name}")
    if what != "database":
        tenant.server.sql(f"SET SESSION sql_log_off = 1; CREATE USER '{name}'@'%' IDENTIFIED BY '{password}'")


def look_again(tenant: MySqlTenant, name: str) -> None:
    """A change of the spec that changes nothing on the server."""
    tenant.patch(name, {"spec": {"awsSecretsManager": {"description": unique("look again ")}}})


# --- the state table ---


def test_what_exists_without_its_secret_is_refused_and_left_alone(mysql_tenant: MySqlTenant) -> None:
    names = {what: unique("existing") for what in ("both", "database", "user")}
    for what, name in names.items():
        make(mysql_tenant, name, what)
    log, calls = GeneralLog(mysql_tenant.server), CallWatch(mysql_tenant.secretsmanager)
    mysql_tenant.apply(*[mysql_database(name) for name in names.values()])

    for name in names.values():
        status = mysql_tenant.wait_error(name, "CannotRecoverPassword")
        text = "database and/or user exist but secret is missing - cannot recover password"
        assert status["message"].startswith(text)
        assert not status["databaseCreated"] and not status["userCreated"]
    assert log.changes() == [] and calls.writes() == []


def test_a_secret_that_was_stored_by_hand_gives_the_password(mysql_tenant: MySqlTenant) -> None:
    name = unique("prepared")
    value = store(mysql_tenant, name)
    mysql_tenant.apply(mysql_database(name))

    status = mysql_tenant.wait_ready(name)

    assert mysql_tenant.versions(f"rds/mysql/{name}") == [status["secretVersion"]]
    assert mysql_tenant.stored(f"rds/mysql/{name}") == value
    assert_works(mysql_tenant.server, value)


def test_what_exists_with_its_secret_gets_its_grants_and_keeps_its_password(mysql_tenant: MySqlTenant) -> None:
    name = unique("complete")
    make(mysql_tenant, name, "both")
    value, kept = store(mysql_tenant, name), mysql_tenant.kept_hash(name)
    mysql_tenant.apply(mysql_database(name))

    mysql_tenant.wait_ready(name)

    assert mysql_tenant.kept_hash(name) == kept
    assert mysql_tenant.stored(f"rds/mysql/{name}") == value
    assert mysql_tenant.granted(name, f"`{name}`.*") == EVERYTHING
    assert_works(mysql_tenant.server, value)


def test_nothing_is_granted_to_a_user_whose_password_is_not_the_stored_one(mysql_tenant: MySqlTenant) -> None:
    name = unique("stranger")
    make(mysql_tenant, name, "both", "Somebody-elses-Password-1")
    store(mysql_tenant, name)
    log, calls = GeneralLog(mysql_tenant.server), CallWatch(mysql_tenant.secretsmanager)
    mysql_tenant.apply(mysql_database(name))

    status = mysql_tenant.wait_error(name, "PasswordMismatch")

    assert not status["databaseCreated"] and not status["userCreated"]
    assert log.changes() == [] and calls.writes() == [] and log.logins(name) == 0


def test_half_of_something_foreign_is_a_conflict(mysql_tenant: MySqlTenant) -> None:
    names = {existing: unique("foreign") for existing in ("database", "user")}
    for existing, name in names.items():
        make(mysql_tenant, name, existing)
        store(mysql_tenant, name)
    log, calls = GeneralLog(mysql_tenant.server), CallWatch(mysql_tenant.secretsmanager)
    mysql_tenant.apply(*[mysql_database(name) for name in names.values()])

    for existing, name in names.items():
        status = mysql_tenant.wait_error(name, "Conflict")
        assert f"{existing} '{name}' exists and was not made by this resource" in status["message"]
    assert log.changes() == [] and calls.writes() == []


def test_two_resources_that_name_the_same_database_do_not_share_it(
    mysql_tenant: MySqlTenant, kube: ControlPlane, secretsmanager: SecretsManagerServer
) -> None:
    rival = MySqlTenant(kube, unique("my-rival-"), mysql_tenant.server, secretsmanager)
    rival.set_admin()
    sides, name = {side.name: side for side in (mysql_tenant, rival)}, unique("shared")
    # secrets of their own, so that only the server keeps them apart
    kube.apply(*[
        {**mysql_database(name, secretName=f"/{side}/{name}"), "metadata": {"name": name, "namespace": side}}
        for side in sides
    ])  # fmt: skip

    phases = {side: tenant.wait_for(name, is_settled, "settled")["phase"] for side, tenant in sides.items()}

    assert sorted(phases.values()) == ["Error", "Ready"]
    winner, loser = sorted(sides, key=lambda side: phases[side], reverse=True)
    assert_works(mysql_tenant.server, sides[winner].stored(f"/{winner}/{name}"))
    status = sides[loser].status(name)
    assert not status["databaseCreated"] and not status["userCreated"]
    rival.clear()


def is_settled(status: dict[str, Any]) -> bool:
    """Ready, or refused for good."""
    return status.get("phase") == "Ready" or condition(status, "Stalled").get("status") == "True"


def test_a_database_that_was_dropped_is_not_replaced_by_an_empty_one_behind_the_users_back(
    mysql_tenant: MySqlTenant, operator: Operator
) -> None:
    name = unique("dropped")
    mysql_tenant.apply(mysql_database(name))
    mysql_tenant.wait_ready(name)
    mysql_tenant.server.sql(f"DROP DATABASE {name}")

    operator.restart()

    status = mysql_tenant.wait_error(name, "DatabaseMissing")
    assert status["databaseCreated"] is False and not mysql_tenant.has_database(name)
    look_again(mysql_tenant, name)
    mysql_tenant.wait_ready(name)
    assert_works(mysql_tenant.server, mysql_tenant.stored(f"rds/mysql/{name}"))


def test_a_user_that_was_dropped_is_made_again_with_the_stored_password(mysql_tenant: MySqlTenant) -> None:
    name = unique("unmade")
    mysql_tenant.apply(mysql_database(name))
    mysql_tenant.wait_ready(name)
    stored = mysql_tenant.stored(f"rds/mysql/{name}")
    mysql_tenant.server.sql(f"DROP USER '{name}'@'%'")

    look_again(mysql_tenant, name)

    if is_mariadb(mysql_tenant.server):
        mysql_tenant.wait_ready(name)
        assert_works(mysql_tenant.server, stored)
    else:  # the mark of the database went with the user
        assert "was not made by this resource" in mysql_tenant.wait_error(name, "Conflict")["message"]
    assert mysql_tenant.stored(f"rds/mysql/{name}") == stored


# --- names ---


@pytest.mark.parametrize("mysql_server", ["mysql"], indirect=True)
def test_a_user_name_of_33_characters_is_refused_for_mysql_with_the_way_out(mysql_tenant: MySqlTenant) -> None:
    log, calls = GeneralLog(mysql_tenant.server), CallWatch(mysql_tenant.secretsmanager)
    names = {field: unique("long") for field in ("databaseName", "username")}  # the user's is the database's by default
    mysql_tenant.apply(
        *[mysql_database(name, **{field: name + "x" * (33 - len(name))}) for field, name in names.items()]
    )

    for name in names.values():
        message = mysql_tenant.wait_error(name, "NameTooLong")["message"]
        assert "user names of MySQL end at 32 characters" in message and "has 33" in message
        assert "spec.username" in message
    assert log.entries() == [] and calls.operations() == []


def test_a_long_database_name_with_a_user_name_of_32_characters_works(mysql_tenant: MySqlTenant) -> None:
    name = unique("long")
    full, user = name + "x" * (63 - len(name)), name + "y" * (32 - len(name))
    mysql_tenant.apply(mysql_database(name, databaseName=full, username=user))

    mysql_tenant.wait_ready(name)

    assert_works(mysql_tenant.server, mysql_tenant.stored(f"rds/mysql/{full}"))


@pytest.mark.parametrize("mysql_server", MARIADB_SERVERS, indirect=True)
def test_user_names_of_63_characters_work_for_mariadb(mysql_tenant: MySqlTenant) -> None:
    name = unique("long")
    full = name + "x" * (63 - len(name))
    mysql_tenant.apply(mysql_database(name, engine="mariadb", databaseName=full))

    mysql_tenant.wait_ready(name)

    assert_works(mysql_tenant.server, mysql_tenant.stored(f"rds/mariadb/{full}"))


@pytest.mark.parametrize("mysql_server", ["mysql"], indirect=True)
def test_a_name_that_only_mariadb_takes_is_an_error_on_a_mysql_server(mysql_tenant: MySqlTenant) -> None:
    name = unique("long")
    mysql_tenant.apply(mysql_database(name, engine="mariadb", username=name + "x" * (33 - len(name))))

    status = mysql_tenant.wait_error(name, "ServerRefused")

    assert "creating the user" in status["message"] and "name is too long for this server" in status["message"]


@pytest.mark.parametrize("mysql_server", ["mysql"], indirect=True)
def test_reserved_names_are_refused_and_nothing_is_made(mysql_tenant: MySqlTenant) -> None:
    log, calls = GeneralLog(mysql_tenant.server), CallWatch(mysql_tenant.secretsmanager)
    names = {"databaseName": ["mysql", "sys", "performance_schema"], "username": ["root", "ROOT", "dbadmin", "mysql.sys"]}
    resources = {unique("reserved"): {field: name} for field, some in names.items() for name in some}
    mysql_tenant.apply(*[mysql_database(name, **{"username": "somebody", **spec}) for name, spec in resources.items()])

    for name, spec in resources.items():
        [reserved] = spec.values()
        assert f"'{reserved}'" in mysql_tenant.wait_error(name, "ReservedName")["message"]
    assert log.changes() == [] and calls.writes() == []


def test_a_user_with_a_right_on_everything_is_never_touched(mysql_tenant: MySqlTenant) -> None:
    name = unique("mighty")
    make(mysql_tenant, name, "user")
    mysql_tenant.server.sql(f"GRANT PROCESS ON *.* TO '{name}'@'%'")
    store(mysql_tenant, name)
    log, calls = GeneralLog(mysql_tenant.server), CallWatch(mysql_tenant.secretsmanager)
    mysql_tenant.apply(mysql_database(name))

    assert "Process" in mysql_tenant.wait_error(name, "ReservedName")["message"]
    assert log.changes() == [] and calls.writes() == []


# --- accounts at other hosts ---


def test_an_account_of_the_same_name_at_another_host_is_named_and_never_taken_for_ours(mysql_tenant: MySqlTenant) -> None:
    name, server = unique("elsewhere"), mysql_tenant.server
    server.sql(f"CREATE USER '{name}'@'10.1.2.3' IDENTIFIED BY 'Somebody-elses-1'")
    before = server.sql(f"SHOW GRANTS FOR '{name}'@'10.1.2.3'")
    mysql_tenant.set_verified_admin()
    mysql_tenant.apply(mysql_database(name))

    status = mysql_tenant.wait_ready(name)

    assert f"'{name}'@'10.1.2.3'" in condition(status, "CredentialsVerified")["message"]
    assert mysql_tenant.hosts_of(name) == ["%", "10.1.2.3"]
    assert server.sql(f"SHOW GRANTS FOR '{name}'@'10.1.2.3'") == before
    assert_works(server, mysql_tenant.stored(f"rds/mysql/{name}"))


def test_an_account_that_wins_over_ours_is_named_and_dropping_it_is_enough(mysql_tenant: MySqlTenant) -> None:
    name, server = unique("shadowed"), mysql_tenant.server
    server.sql(f"CREATE USER '{name}'@'localhost' IDENTIFIED BY 'Somebody-elses-1'")
    mysql_tenant.set_verified_admin()
    mysql_tenant.apply(mysql_database(name))

    status = mysql_tenant.wait_error(name, "LoginNotVerified")
    assert f"another account wins, of '{name}'@'localhost'" in status["message"]
    assert condition(status, "CredentialsVerified")["status"] == "Unknown"
    with pytest.raises(StackError, match="1045"):
        run_sql(server, mysql_tenant.stored(f"rds/mysql/{name}"), "SELECT 1")

    server.sql(f"DROP USER '{name}'@'localhost'")
    look_again(mysql_tenant, name)
    mysql_tenant.wait_ready(name)
    assert_works(server, mysql_tenant.stored(f"rds/mysql/{name}"))


@pytest.mark.parametrize("mysql_server", ["mysql"], indirect=True)
def test_an_account_that_may_win_over_ours_is_named_where_no_login_is_tried(mysql_tenant: MySqlTenant) -> None:
    name = unique("shadowed")
    mysql_tenant.server.sql(f"CREATE USER '{name}'@'localhost' IDENTIFIED BY 'Somebody-elses-1'")
    mysql_tenant.apply(mysql_database(name))

    message = condition(mysql_tenant.wait_ready(name), "CredentialsVerified")["message"]

    assert "keeps the hash" in message and f"'{name}'@'localhost'" in message


def test_an_anonymous_account_that_wins_over_ours_is_named(mysql_tenant: MySqlTenant) -> None:
    name, admin, server = unique("anonymous"), unique("local_admin"), mysql_tenant.server
    account = f"'{admin}'@'localhost'"  # else the admin is shadowed as well
    server.sql(f"SET SESSION sql_log_off = 1; CREATE USER {account} IDENTIFIED BY '{PASSWORD}';"
               f"GRANT {', '.join(ADMIN_RIGHTS)} ON *.* TO {account} WITH GRANT OPTION")  # fmt: skip
    url = server.admin_url(user=admin, password=PASSWORD, parameters="tls=true")
    mysql_tenant.set_admin(url, **{"ca.crt": server.ca_file.read_text()})
    server.sql("CREATE USER ''@'localhost'")
    try:
        mysql_tenant.apply(mysql_database(name))
        status = mysql_tenant.wait_error(name, "LoginNotVerified")
    finally:
        server.sql("DROP USER ''@'localhost'")

    assert "another account wins, of ''@'localhost'" in status["message"]
    look_again(mysql_tenant, name)
    mysql_tenant.wait_ready(name)


# --- whose password it is ---


def test_a_password_that_is_not_the_stored_one_is_found_without_a_failed_login_and_never_reset(
    mysql_tenant: MySqlTenant, operator: Operator
) -> None:
    name = unique("mismatch")
    mysql_tenant.apply(mysql_database(name))
    mysql_tenant.wait_ready(name)
    stored = mysql_tenant.stored(f"rds/mysql/{name}")
    mysql_tenant.set_password(name, "Somebody-elses-Password-1")
    kept = mysql_tenant.kept_hash(name)
    log, calls = GeneralLog(mysql_tenant.server), CallWatch(mysql_tenant.secretsmanager)

    operator.restart()

    status = mysql_tenant.wait_error(name, "PasswordMismatch")
    assert condition(status, "CredentialsVerified")["status"] == "False"
    assert log.changes() == [] and calls.writes() == []
    assert log.logins(name) == 0 and mysql_tenant.kept_hash(name) == kept
    mysql_tenant.set_password(name, stored["DB_PASSWORD"])
    look_again(mysql_tenant, name)
    mysql_tenant.wait_ready(name)
    assert mysql_tenant.stored(f"rds/mysql/{name}") == stored


@pytest.mark.parametrize(
    ("state", "reason", "remedy"),
    [("ACCOUNT LOCK", "UserLocked", "ACCOUNT UNLOCK"), ("PASSWORD EXPIRE", "UserExpired", "PASSWORD EXPIRE NEVER")],
)
def test_a_locked_account_and_an_expired_password_have_reasons_of_their_own(
    mysql_tenant: MySqlTenant, state: str, reason: str, remedy: str
) -> None:
    name = unique("barred")
    mysql_tenant.apply(mysql_database(name))
    mysql_tenant.wait_ready(name)
    stored = mysql_tenant.stored(f"rds/mysql/{name}")
    mysql_tenant.server.sql(f"ALTER USER '{name}'@'%' {state}")
    log, calls = GeneralLog(mysql_tenant.server), CallWatch(mysql_tenant.secretsmanager)

    look_again(mysql_tenant, name)

    status = mysql_tenant.wait_error(name, reason)
    assert f"'{name}'" in status["message"]
    assert condition(status, "UserReady")["status"] == "False"
    assert log.changes() == [] and log.logins(name) == 0 and "PutSecretValue" not in calls.writes()
    mysql_tenant.server.sql(f"ALTER USER '{name}'@'%' {remedy}")
    if reason == "UserExpired":
        mysql_tenant.set_password(name, stored["DB_PASSWORD"])
    look_again(mysql_tenant, name)
    mysql_tenant.wait_ready(name)
    assert_works(mysql_tenant.server, stored)


@pytest.mark.parametrize("mysql_server", MARIADB_SERVERS, indirect=True)
def test_where_the_hash_cannot_be_compared_the_password_is_tried_once(
    mysql_tenant: MySqlTenant, operator: Operator
) -> None:
    name, server = unique("modern"), mysql_tenant.server
    if server.sql("SELECT 1 FROM information_schema.PLUGINS WHERE PLUGIN_NAME = 'ed25519'") == []:
        server.sql("INSTALL SONAME 'auth_ed25519'")
    mysql_tenant.apply(mysql_database(name))
    mysql_tenant.wait_ready(name)
    stored = mysql_tenant.stored(f"rds/mysql/{name}")
    alter = f"SET SESSION sql_log_off = 1; ALTER USER '{name}'@'%' IDENTIFIED VIA ed25519 USING PASSWORD"

    server.sql(f"{alter}('Somebody-elses-Password-1')")
    log = GeneralLog(server)
    operator.restart()
    mysql_tenant.wait_error(name, "PasswordMismatch")
    operator.restart()
    wait_until(lambda: operator.metric("controller_runtime_reconcile_total") > 0, "a pass", 10)
    assert log.refused_logins(name) == 1 and log.changes() == []

    server.sql(f"{alter}('{stored['DB_PASSWORD']}')")
    look_again(mysql_tenant, name)
    status = mysql_tenant.wait_ready(name)
    assert condition(status, "CredentialsVerified")["message"] == "the stored password logs in"


# --- password policies ---


@pytest.fixture
def strict_mysql(second_mysql_tenant: MySqlTenant) -> Iterator[MySqlTenant]:
    """A team on a MySQL whose policy for passwords is the strongest that it has."""
    server = second_mysql_tenant.server
    server.sql("INSTALL COMPONENT 'file://component_validate_password'")
    server.sql("SET GLOBAL validate_password.policy = STRONG; SET GLOBAL validate_password.length = 32")
    yield second_mysql_tenant
    server.sql("UNINSTALL COMPONENT 'file://component_validate_password'")


@pytest.mark.parametrize("second_mysql", ["mysql"], indirect=True)
def test_the_strongest_policy_of_mysql_is_satisfied(strict_mysql: MySqlTenant) -> None:
    name = unique("strict")
    strict_mysql.apply(mysql_database(name))

    strict_mysql.wait_ready(name)

    stored = strict_mysql.stored(f"rds/mysql/{name}")
    assert_works(strict_mysql.server, stored)
    # and would be, were it not for the hash
    strict_mysql.set_password(name, stored["DB_PASSWORD"])
    with pytest.raises(StackError, match="1819"):
        strict_mysql.set_password(name, stored["DB_PASSWORD"].lower())


@pytest.fixture
def strict_mariadb(second_mysql_tenant: MySqlTenant) -> Iterator[MySqlTenant]:
    """A team on a MariaDB with both of its policies for passwords, which takes connections without TLS."""
    server = second_mysql_tenant.server
    before = dict(server.settings)
    server.settings = {**before, "plugin_load_add": "simple_password_check;cracklib_password_check"}
    server.settings["require_secure_transport"] = "OFF"
    server.restart()
    yield second_mysql_tenant
    server.settings = before
    server.restart()


@pytest.mark.parametrize("second_mysql", MARIADB_SERVERS, indirect=True)
def test_a_mariadb_that_checks_passwords_itself_gets_them_over_tls_only(strict_mariadb: MySqlTenant) -> None:
    over_tls, in_clear, server = unique("strict"), unique("strict"), strict_mariadb.server
    strict_mariadb.apply(mysql_database(over_tls))
    strict_mariadb.wait_ready(over_tls)
    assert_works(server, strict_mariadb.stored(f"rds/mysql/{over_tls}"))
    with pytest.raises(StackError, match="1396|1819"):
        strict_mariadb.set_password(over_tls, "password")

    strict_mariadb.set_admin(server.admin_url(parameters="tls=false"))
    strict_mariadb.apply(mysql_database(in_clear))
    status = strict_mariadb.wait_error(in_clear, "InsufficientRights")
    assert "strict_password_validation" in status["message"] and "use tls=true or tls=skip-verify" in status["message"]
    assert strict_mariadb.hosts_of(in_clear) == []
    assert strict_mariadb.stored(f"rds/mysql/{in_clear}")["DB_PASSWORD"] not in server.server_log()

    strict_mariadb.set_admin()
    strict_mariadb.wait_ready(in_clear)


@pytest.mark.parametrize("second_mysql", MARIADB_SERVERS, indirect=True)
def test_a_mariadb_that_takes_hashes_under_its_policy_gets_one(strict_mariadb: MySqlTenant) -> None:
    name, server = unique("lenient"), strict_mariadb.server
    server.sql("SET GLOBAL strict_password_validation = OFF")
    strict_mariadb.apply(mysql_database(name))

    strict_mariadb.wait_ready(name)

    assert strict_mariadb.stored(f"rds/mysql/{name}")["DB_PASSWORD"] not in server.server_log()
