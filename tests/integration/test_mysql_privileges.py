"""Who may do what: lists, ALL, names that look like patterns, and admins that lack something."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from devstack.mysql import ADMIN_RIGHTS, GUIDE_RIGHTS
from devstack.process import StackError
from support.cluster import condition
from support.mysql_log import GeneralLog
from support.mysql_tenant import (
    EVERYTHING,
    FAMILIES,
    MARIADB_SERVERS,
    WORDS,
    MySqlTenant,
    Server,
    assert_works,
    is_mariadb,
    mysql_database,
    run_sql,
)
from support.resources import unique
from support.watching import CallWatch

GUIDE_LIST = ["SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "ALTER", "INDEX", "REFERENCES"]
DOCUMENTED = set(GUIDE_LIST)
SYSTEM_DATABASES = {"information_schema", "performance_schema"}


# --- lists ---


LISTS = {
    "one": (["SELECT"], {"SELECT"}),
    "two": (["SELECT", "INSERT"], {"SELECT", "INSERT"}),
    "guide": (GUIDE_LIST, DOCUMENTED),
    "case": (["select", "Insert", "SELECT", "insert"], {"SELECT", "INSERT"}),
    "long": (["create  temporary tables", "Lock Tables", "TRIGGER"], {"CREATE TEMPORARY TABLES", "LOCK TABLES", "TRIGGER"}),
    "all": (["SELECT", "ALL"], set(EVERYTHING)),
    "full": (["all privileges"], set(EVERYTHING)),
}
NO_PRIVILEGES = [
    "SUPER", "FILE", "PROCESS", "RELOAD", "SHUTDOWN", "CREATE USER", "GRANT OPTION", "REPLICATION SLAVE", "PROXY",
    "TRUNCATE", "CONNECT", "TEMPORARY", "TEMP",
]  # fmt: skip


def test_lists_of_privileges_are_granted_exactly(mysql_tenant: MySqlTenant) -> None:
    names = {kind: unique(f"listed_{kind}") for kind in LISTS}
    resources = {kind: name.replace("_", "-") for kind, name in names.items()}
    mysql_tenant.apply(
        *[mysql_database(resources[kind], databaseName=names[kind], privileges=LISTS[kind][0]) for kind in LISTS]
    )

    for kind, (_, meant) in LISTS.items():
        status = mysql_tenant.wait_ready(resources[kind])
        place = "`" + names[kind].replace("_", "\\_") + "`.*"
        assert set(mysql_tenant.grants(names[kind])) == {"*.*", place}
        assert mysql_tenant.granted(names[kind], place) == meant, kind
        assert condition(status, "PrivilegesReady")["reason"] == "Granted"


@pytest.mark.parametrize("word", WORDS)
def test_a_read_only_user_reads_and_does_not_write(mysql_tenant: MySqlTenant, word: str) -> None:
    name = unique("reader")
    mysql_tenant.apply(mysql_database(name, engine=word, privileges=["SELECT"]))
    mysql_tenant.wait_ready(name)
    mysql_tenant.server.sql("CREATE TABLE t (x int); INSERT INTO t VALUES (7)", name)
    stored = mysql_tenant.stored(f"rds/{word}/{name}")

    assert run_sql(mysql_tenant.server, stored, "SELECT x FROM t") == ["7"]
    for statement in ("INSERT INTO t VALUES (8)", "CREATE TABLE other (x int)", "DROP TABLE t"):
        with pytest.raises(StackError, match="1142"):
            run_sql(mysql_tenant.server, stored, statement)


@pytest.mark.parametrize("mysql_server", ["mysql"], indirect=True)
def test_words_that_are_no_privileges_on_a_database_are_refused_before_any_sql(mysql_tenant: MySqlTenant) -> None:
    names = {word: unique("wordy") for word in NO_PRIVILEGES}
    log, calls = GeneralLog(mysql_tenant.server), CallWatch(mysql_tenant.secretsmanager)
    mysql_tenant.apply(*[mysql_database(name, privileges=["SELECT", word]) for word, name in names.items()])

    for word, name in names.items():
        message = mysql_tenant.wait_error(name, "InvalidSpec")["message"]
        assert f"'{word}' in spec.privileges is not a privilege that MySQL or MariaDB has on a database" in message
        assert "SELECT, INSERT, UPDATE" in message
    assert log.entries() == [] and calls.operations() == []


@pytest.mark.parametrize("mysql_server", MARIADB_SERVERS, indirect=True)
def test_all_is_as_much_as_a_mighty_admin_may_give(mysql_tenant: MySqlTenant) -> None:
    name, admin, server = unique("mighty"), unique("mighty_admin"), mysql_tenant.server
    columns = server.sql("SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = 'mysql' AND TABLE_NAME = 'db'")
    further = {"Delete_history_priv": "DELETE HISTORY", "Show_create_routine_priv": "SHOW CREATE ROUTINE"}
    more = {word for column, word in further.items() if column in columns}
    assert more
    password = server.make_admin(admin, [*ADMIN_RIGHTS, *sorted(more)])
    mysql_tenant.set_admin(server.admin_url(user=admin, password=password))
    mysql_tenant.apply(mysql_database(name))

    mysql_tenant.wait_ready(name)

    [row] = server.sql(f"SHOW GRANTS FOR '{name}'@'%'")[1:]
    assert row == f"GRANT ALL PRIVILEGES ON `{name}`.* TO `{name}`@`%`"


# --- names that look like patterns ---


def names_of_a_decoy() -> tuple[str, str]:
    """Two names of which the first, read as a pattern, means the second as well."""
    base = unique("dec")
    return f"{base}_a", f"{base}xa"


def visible(server: Server, stored: dict[str, object]) -> set[str]:
    """The databases that a user sees, without those of the server."""
    return set(run_sql(server, stored, "SHOW DATABASES")) - SYSTEM_DATABASES


def assert_apart(tenant: MySqlTenant, names: tuple[str, str]) -> None:
    """Each of two users reaches its own database and nothing of the other's."""
    for own, other in (names, names[::-1]):
        stored = tenant.stored(f"rds/mysql/{own}")
        assert_works(tenant.server, stored)
        assert visible(tenant.server, stored) == {own}
        for statement in (f"USE {other}", f"SELECT * FROM {other}.t", f"CREATE TABLE {other}.mine (x int)"):
            with pytest.raises(StackError, match="1044|1142"):
                run_sql(tenant.server, stored, statement)
        tables = f"SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = '{other}'"
        assert run_sql(tenant.server, stored, tables) == ["0"]


@pytest.mark.parametrize("privileges", [["ALL"], GUIDE_LIST], ids=["ALL", "a list"])
def test_an_underscore_is_no_wildcard_and_tenants_see_nothing_of_each_other(
    mysql_tenant: MySqlTenant, privileges: list[str]
) -> None:
    names = names_of_a_decoy()
    mysql_tenant.apply(*[mysql_database(n.replace("_", "-"), databaseName=n, privileges=privileges) for n in names])
    for name in names:
        mysql_tenant.wait_ready(name.replace("_", "-"))
    mysql_tenant.server.sql(f"CREATE TABLE {names[0]}.t (x int); CREATE TABLE {names[1]}.t (x int)")

    escaped = names[0].replace("_", "\\_")
    assert set(mysql_tenant.grants(names[0])) == {"*.*", f"`{escaped}`.*"}
    assert_apart(mysql_tenant, names)


@pytest.fixture
def literal_names(second_mysql_tenant: MySqlTenant) -> Iterator[MySqlTenant]:
    """A team on a MySQL with partial_revokes=ON, where names in grants are no patterns."""
    second_mysql_tenant.server.sql("SET GLOBAL partial_revokes = ON")
    yield second_mysql_tenant
    second_mysql_tenant.server.sql("SET GLOBAL partial_revokes = OFF")


@pytest.mark.parametrize("second_mysql", ["mysql"], indirect=True)
def test_with_partial_revokes_names_are_literal_and_tenants_see_nothing_of_each_other(literal_names: MySqlTenant) -> None:
    names = names_of_a_decoy()
    literal_names.apply(*[mysql_database(n.replace("_", "-"), databaseName=n) for n in names])
    for name in names:
        literal_names.wait_ready(name.replace("_", "-"))
    literal_names.server.sql(f"CREATE TABLE {names[0]}.t (x int); CREATE TABLE {names[1]}.t (x int)")

    assert set(literal_names.grants(names[0])) == {"*.*", f"`{names[0]}`.*"}
    assert_apart(literal_names, names)


@pytest.mark.parametrize("second_mysql", ["mysql"], indirect=True)
def test_partial_revokes_that_are_switched_on_later_are_followed_by_the_next_pass(second_mysql_tenant: MySqlTenant) -> None:
    tenant, names = second_mysql_tenant, names_of_a_decoy()
    resource = names[0].replace("_", "-")
    tenant.apply(mysql_database(resource, databaseName=names[0]))
    tenant.wait_ready(resource)
    tenant.server.sql("SET GLOBAL partial_revokes = ON")
    try:
        tenant.patch(resource, {"spec": {"awsSecretsManager": {"description": "another pass"}}})
        tenant.wait_ready(resource)

        assert tenant.granted(names[0], f"`{names[0]}`.*") == EVERYTHING
        assert_works(tenant.server, tenant.stored(f"rds/mysql/{names[0]}"))
    finally:
        tenant.server.sql("SET GLOBAL partial_revokes = OFF")


def test_rights_that_a_name_without_escapes_gave_are_kept_until_the_list_changes(mysql_tenant: MySqlTenant) -> None:
    tenant, server = mysql_tenant, mysql_tenant.server
    name, other = names_of_a_decoy()
    user, password, resource = unique("hand_user"), "Known-to-the-team-and-32-chars_1", name.replace("_", "-")
    server.sql(f"CREATE DATABASE {name}; CREATE DATABASE {other}; CREATE TABLE {name}.t (x int); CREATE TABLE {name}.spare (x int)")
    server.sql(f"CREATE USER {user} IDENTIFIED BY '{password}'; GRANT SELECT, INSERT, DROP ON `{name}`.* TO {user}")
    value = {"DB_PASSWORD": password, "DB_USERNAME": user, "DB_NAME": name}
    tenant.secretsmanager.client().create_secret(Name=f"rds/mysql/{name}", SecretString=json.dumps(value))

    def refused(*statements: str) -> list[str]:
        told = server.try_lines(user, password, [f"{statement};" for statement in statements], name)
        assert all(line.startswith("ERROR 1142 ") for line in told), told
        return [statements[int(line.split("at line ")[1].split(":")[0]) - 1] for line in told]

    statements = ("SELECT * FROM t", "INSERT INTO t VALUES (1)", "DELETE FROM t", "DROP TABLE spare")
    tenant.apply(mysql_database(resource, databaseName=name, username=user, privileges=["SELECT", "DELETE"]))
    ready = condition(tenant.wait_ready(resource), "PrivilegesReady")
    assert (ready["status"], ready["reason"]) == ("False", "PrivilegesDiffer")
    assert "INSERT, DROP" in ready["message"]
    assert refused(*statements) == []

    server.sql(f"CREATE TABLE {name}.spare (x int)")
    tenant.patch(resource, {"spec": {"privileges": ["SELECT"]}})
    ready = condition(tenant.wait_ready(resource), "PrivilegesReady")
    assert (ready["status"], ready["reason"]) == ("True", "Granted")
    assert refused(*statements) == list(statements[1:])


# --- admins that lack something ---


def test_an_admin_with_the_guides_three_words_is_told_what_is_missing_until_nothing_is(mysql_tenant: MySqlTenant) -> None:
    name, admin, server = unique("poor"), unique("poor_admin"), mysql_tenant.server
    password = server.make_admin(admin, GUIDE_RIGHTS)
    mysql_tenant.set_admin(server.admin_url(user=admin, password=password))
    mysql_tenant.apply(mysql_database(name))

    status = mysql_tenant.wait_error(name, "InsufficientRights")
    assert f"GRANT SELECT ON mysql.* TO '{admin}'" in status["message"]
    assert not mysql_tenant.has_database(name) and mysql_tenant.hosts_of(name) == []
    assert mysql_tenant.description(f"rds/mysql/{name}") == {}

    server.sql(f"GRANT SELECT ON mysql.* TO '{admin}'@'%'")
    mysql_tenant.set_admin(server.admin_url(user=admin, password=password), step="2")
    status = mysql_tenant.wait_for(name, lambda status: "WITH GRANT OPTION" in status.get("message", ""), "told more")
    assert condition(status, "Ready")["reason"] == "InsufficientRights"
    missing = ", ".join(word for word in ("SELECT", "INSERT", "UPDATE", "DELETE", "DROP", "REFERENCES", "INDEX", "ALTER"))
    assert f"the admin user '{admin}' cannot grant {missing}: give it these" in status["message"]

    server.sql(f"GRANT {', '.join(ADMIN_RIGHTS)} ON *.* TO '{admin}'@'%' WITH GRANT OPTION")
    mysql_tenant.set_admin(server.admin_url(user=admin, password=password), step="3")
    ready = mysql_tenant.wait_ready(name)
    assert mysql_tenant.versions(f"rds/mysql/{name}") == [ready["secretVersion"]]
    assert_works(server, mysql_tenant.stored(f"rds/mysql/{name}"))


@pytest.mark.parametrize("mysql_server", FAMILIES, indirect=True)
def test_the_words_of_a_list_that_the_admin_cannot_grant_are_named(mysql_tenant: MySqlTenant) -> None:
    name, admin, server = unique("partly"), unique("partly_admin"), mysql_tenant.server
    rights = [right for right in ADMIN_RIGHTS if right not in ("INDEX", "TRIGGER")]
    password = server.make_admin(admin, rights)
    mysql_tenant.set_admin(server.admin_url(user=admin, password=password))
    mysql_tenant.apply(mysql_database(name, privileges=["TRIGGER", "SELECT", "INDEX"]))

    status = mysql_tenant.wait_error(name, "InsufficientRights")

    assert f"the admin user '{admin}' cannot grant INDEX, TRIGGER: give it these" in status["message"]
    assert mysql_tenant.grants(name) == {"*.*": {"USAGE"}}
    assert condition(status, "PrivilegesReady")["status"] == "False"

    mysql_tenant.apply(mysql_database(name, privileges=["SELECT"]))
    mysql_tenant.wait_ready(name)
    assert mysql_tenant.granted(name, f"`{name}`.*") == {"SELECT"}


@pytest.mark.parametrize("mysql_server", FAMILIES, indirect=True)
def test_a_right_that_the_admin_may_not_pass_on_is_named(mysql_tenant: MySqlTenant) -> None:
    name, admin, server = unique("holding"), unique("holding_admin"), mysql_tenant.server
    password = server.make_admin(admin, ["CREATE USER"])
    server.sql(f"REVOKE GRANT OPTION ON *.* FROM '{admin}'@'%'; GRANT {', '.join(ADMIN_RIGHTS)} ON *.* TO '{admin}'@'%'")
    mysql_tenant.set_admin(server.admin_url(user=admin, password=password))
    mysql_tenant.apply(mysql_database(name, privileges=["SELECT"]))

    status = mysql_tenant.wait_error(name, "InsufficientRights")

    assert f"the admin user '{admin}' cannot grant SELECT: give it these privileges WITH GRANT OPTION" in status["message"]


@pytest.mark.parametrize("mysql_server", FAMILIES, indirect=True)
@pytest.mark.parametrize(
    ("lacking", "step"), [("CREATE USER", "creating the user"), ("CREATE", "creating the database")]
)
def test_an_admin_that_may_not_create_is_told_at_what_it_failed(mysql_tenant: MySqlTenant, lacking: str, step: str) -> None:
    name, admin, server = unique("barred"), unique("barred_admin"), mysql_tenant.server
    password = server.make_admin(admin, {"SELECT", "CREATE USER", "CREATE"} - {lacking})
    mysql_tenant.set_admin(server.admin_url(user=admin, password=password))
    mysql_tenant.apply(mysql_database(name, privileges=["SELECT"]))

    status = mysql_tenant.wait_error(name, "InsufficientRights")

    assert step in status["message"] and "lacks the right" in status["message"]
    server.sql(f"GRANT {lacking} ON *.* TO '{admin}'@'%' WITH GRANT OPTION")
    mysql_tenant.set_admin(server.admin_url(user=admin, password=password), step="2")
    mysql_tenant.wait_ready(name)


@pytest.mark.parametrize("mysql_server", FAMILIES, indirect=True)
def test_all_is_what_the_admin_may_give_where_that_is_less_than_the_server_has(mysql_tenant: MySqlTenant) -> None:
    name, admin, server = unique("lesser"), unique("lesser_admin"), mysql_tenant.server
    password = server.make_admin(admin, [right for right in ADMIN_RIGHTS if right not in ("EVENT", "TRIGGER")])
    mysql_tenant.set_admin(server.admin_url(user=admin, password=password))
    mysql_tenant.apply(mysql_database(name))

    mysql_tenant.wait_ready(name)

    assert mysql_tenant.granted(name, f"`{name}`.*") == EVERYTHING - {"EVENT", "TRIGGER"}
    assert_works(server, mysql_tenant.stored(f"rds/mysql/{name}"))


@pytest.mark.parametrize("mysql_server", FAMILIES, indirect=True)
def test_an_admin_that_has_its_rights_through_a_role_works(mysql_tenant: MySqlTenant) -> None:
    name, admin, server = unique("by_role"), unique("role_admin"), mysql_tenant.server
    role = f"{admin}s" if is_mariadb(server) else f"'{admin}s'@'%'"
    password = server.make_admin(admin, ["USAGE"])
    server.sql(f"REVOKE GRANT OPTION ON *.* FROM '{admin}'@'%'; CREATE ROLE {role};"
               f"GRANT {', '.join(ADMIN_RIGHTS)} ON *.* TO {role} WITH GRANT OPTION; GRANT {role} TO '{admin}'@'%';"
               f"SET DEFAULT ROLE {role} {'FOR' if is_mariadb(server) else 'TO'} '{admin}'@'%'")  # fmt: skip
    mysql_tenant.set_admin(server.admin_url(user=admin, password=password))
    mysql_tenant.apply(mysql_database(name.replace("_", "-"), databaseName=name))

    mysql_tenant.wait_ready(name.replace("_", "-"))

    escaped = name.replace("_", "\\_")
    assert mysql_tenant.granted(name, f"`{escaped}`.*") == EVERYTHING
