"""Each statement with each list of privileges on each server: what is named works, and nothing else does.

The clients log in with the stored password.  Every statement on PostgreSQL is tried on objects that
were there before the list, on later ones, in schemas of both times, and on those of another owner.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from devstack.database import ADMIN
from support.matrix import Matrix, meets
from support.mysql_tenant import FAMILIES, MySqlTenant, Server, mysql_database, parse_url
from support.resources import database, unique
from support.tenant import Tenant, run_sql

EVERY = "EVERYONE"  # needs no word
NOBODY = "nobody"  # no word gives it, nor does ALL
OWNER = "the owner"  # only ALL gives it


def needs(text: str) -> tuple[str, ...]:
    """What a statement needs, as the tables below say it."""
    return () if text == EVERY else tuple(text.split(" + "))


def allowed_by(words: list[str], text: str) -> bool:
    """Whether this list allows what needs that."""
    if words == ["ALL"]:
        return text != NOBODY
    return meets(set(words), needs(text))


# --- PostgreSQL ---

# The word for what any table word, and CREATE, bring along.
SCHEMA = "SELECT|INSERT|UPDATE|DELETE|TRUNCATE|REFERENCES|TRIGGER|CREATE"
LISTS = [
    ["CONNECT"], ["SELECT"], ["INSERT"], ["UPDATE"], ["DELETE"], ["TRUNCATE"], ["REFERENCES"], ["TRIGGER"], ["CREATE"],
    ["TEMPORARY"], ["SELECT", "INSERT"], ["SELECT", "INSERT", "UPDATE", "DELETE"], ["CREATE", "REFERENCES"], ["ALL"],
]  # fmt: skip
# In each place, where S stands for the schema and _N for what tells early from late objects.
ON_OBJECTS = {
    "SELECT * FROM S.t_N": "SELECT",
    "SELECT * FROM S.t_N FOR UPDATE": "SELECT + UPDATE",
    "INSERT INTO S.t_N (word) VALUES ('x')": "INSERT",
    "INSERT INTO S.identity_N (word) VALUES ('x')": "INSERT",
    "INSERT INTO S.t_N (word) VALUES ('x') RETURNING id": "INSERT + SELECT",
    "UPDATE S.t_N SET word = 'y'": "UPDATE",
    "UPDATE S.t_N SET word = 'y' WHERE id = 1": "UPDATE + SELECT",
    "DELETE FROM S.t_N": "DELETE",
    "DELETE FROM S.t_N WHERE id = 1": "DELETE + SELECT",
    "TRUNCATE S.t_N": "TRUNCATE",
    "CREATE TRIGGER x BEFORE INSERT ON S.t_N FOR EACH ROW EXECUTE FUNCTION S.stamp_N()": "TRIGGER",
    "SELECT * FROM S.view_N": "SELECT",
    "INSERT INTO S.view_N (word) VALUES ('x')": "INSERT",
    "SELECT * FROM S.materialized_N": "SELECT",
    "SELECT * FROM S.parted_N": "SELECT",
    "SELECT * FROM S.part_N": "SELECT",
    "INSERT INTO S.parted_N VALUES (1)": "INSERT",
    "DELETE FROM S.part_N": "DELETE",
    "SELECT last_value FROM S.seq_N": "SELECT",
    "SELECT nextval('S.seq_N')": "INSERT|UPDATE",
    "SELECT setval('S.seq_N', 7)": "UPDATE",
    "REFRESH MATERIALIZED VIEW S.materialized_N": OWNER,
    "ALTER TABLE S.t_N ADD COLUMN more int": OWNER,
    "DROP TABLE S.t_N CASCADE": OWNER,
    "CREATE INDEX ON S.t_N (word)": OWNER,
    "ALTER TABLE S.t_N DISABLE TRIGGER ALL": OWNER,
    "COMMENT ON TABLE S.t_N IS 'x'": OWNER,
    "GRANT SELECT ON S.t_N TO PUBLIC": OWNER,
    "CREATE OR REPLACE FUNCTION S.answer_N() RETURNS int LANGUAGE sql AS 'SELECT 9'": OWNER,
    "DROP FUNCTION S.answer_N()": OWNER,
    "ALTER SEQUENCE S.seq_N RESTART": OWNER,
}
ON_SCHEMAS = {
    "SELECT S.answer_N()": SCHEMA,
    "CREATE TABLE S.own (x int)": "CREATE",
    "CREATE VIEW S.own_view AS SELECT 1": "CREATE",
    "CREATE FUNCTION S.own() RETURNS int LANGUAGE sql AS 'SELECT 1'": "CREATE",
    "CREATE TABLE S.child (id int REFERENCES S.t_N)": "CREATE + REFERENCES",
}
ON_DATABASE = {
    "SELECT 1": EVERY,
    "CREATE SCHEMA own": "CREATE",
    "CREATE TEMPORARY TABLE temporary (x int)": "TEMPORARY",
    "ALTER DATABASE D SET work_mem = '8MB'": OWNER,
    "COMMENT ON DATABASE D IS 'x'": OWNER,
    "GRANT CREATE ON DATABASE D TO PUBLIC": OWNER,
    "ALTER DATABASE D RENAME TO renamed": NOBODY,
    "SELECT * FROM closed.t": NOBODY,
    "CREATE ROLE mate": NOBODY,
    "SELECT * FROM pg_authid": NOBODY,
    "CREATE EVENT TRIGGER x ON ddl_command_end EXECUTE FUNCTION public.stamp_early()": NOBODY,
    f"SET ROLE {ADMIN}": NOBODY,
}


@dataclass(frozen=True)
class Place:
    """Where objects are, and when and by whom they were made."""

    schema: str
    time: str
    of_other: bool = False

    def fill(self, statement: str) -> str:
        """A statement of the tables on the objects of this place."""
        return re.sub(r"_N\b", f"_{self.time}", re.sub(r"\bS\.", f"{self.schema}.", statement))


PLACES = [
    Place("public", "early"), Place("old", "early"), Place("old", "late"), Place("new", "late"),
    Place("work", "early", of_other=True), Place("work", "late", of_other=True),
]  # fmt: skip
OBJECTS = (
    "CREATE TABLE S.t_N (id serial PRIMARY KEY, word text); INSERT INTO S.t_N (word) VALUES ('old'); "
    "CREATE TABLE S.identity_N (id int GENERATED BY DEFAULT AS IDENTITY, word text); "
    "CREATE VIEW S.view_N AS SELECT * FROM S.t_N; CREATE MATERIALIZED VIEW S.materialized_N AS SELECT * FROM S.t_N; "
    "CREATE TABLE S.parted_N (id int) PARTITION BY RANGE (id); "
    "CREATE TABLE S.part_N PARTITION OF S.parted_N FOR VALUES FROM (0) TO (9); CREATE SEQUENCE S.seq_N; "
    "CREATE FUNCTION S.answer_N() RETURNS int LANGUAGE sql AS 'SELECT 7'; "
    "CREATE FUNCTION S.stamp_N() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; "
)


class Client:
    """The application, in one session; every statement is undone."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url)
        self._warnings: list[str] = []
        self._connection.add_notice_handler(lambda notice: self._warnings.append(notice.sqlstate or ""))

    def may(self, statement: str) -> bool:
        """Whether it is allowed; failing for another reason fails the test.  01007 is a GRANT that granted nothing."""
        self._warnings.clear()
        try:
            self._connection.execute(statement.encode())
        except psycopg.errors.InsufficientPrivilege:
            return False
        finally:
            self._connection.rollback()
        return "01007" not in self._warnings

    def close(self) -> None:
        """Ends the session."""
        self._connection.close()


class Fixture:
    """A database with objects of every place."""

    def __init__(self, tenant: Tenant, maker: str, words: list[str]) -> None:
        self.tenant, self.maker, self.words, self.name = tenant, maker, words, unique("matrix")

    @property
    def url(self) -> str:
        """How the application connects."""
        url: str = self.tenant.stored(f"rds/postgres/{self.name}")["POSTGRES_URL"]
        return url

    def make(self, time: str) -> None:
        """The objects of a time.  With ALL it is the application that goes on making its own."""
        admin = self.tenant.postgres.admin_url().replace("/postgres?", f"/{self.name}?")
        places = [place for place in PLACES if place.time == time]
        schema = "old" if time == "early" else "new"
        script = "".join(place.fill(OBJECTS) for place in places if not place.of_other)
        run_sql(self.url if (self.words, time) == (["ALL"], "late") else admin, f"CREATE SCHEMA {schema}; {script}")
        script = "".join(place.fill(OBJECTS) for place in places if place.of_other)
        self.tenant.postgres.sql(f"SET ROLE {self.maker}; {script}", self.name)

    def make_early(self) -> None:
        """Everything that was there before the list."""
        self.tenant.postgres.sql(
            f"CREATE SCHEMA work AUTHORIZATION {self.maker}; CREATE SCHEMA closed; CREATE TABLE closed.t (x int)", self.name
        )
        self.make("early")


def postgres_cells(name: str) -> list[tuple[str, str, str, bool]]:
    """Row, statement, what it needs, and whether ALL gives it."""
    cells = [(row, row.replace("DATABASE D ", f"DATABASE {name} "), need, True) for row, need in ON_DATABASE.items()]
    for place in PLACES:
        cells += [(row, place.fill(row), need, not place.of_other) for row, need in ON_OBJECTS.items()]
        for row, need in ON_SCHEMAS.items():
            # everybody may use the schema public, and the owner of the database may refer to its own tables only
            everyone = place.schema == "public" and need == SCHEMA
            all_gives = not place.of_other or need != "CREATE + REFERENCES"
            cells.append((row, place.fill(row), EVERY if everyone else need, all_gives))
    return cells


@pytest.fixture
def make_matrix(record_property: Callable[[str, object], None]) -> Iterator[Callable[[str, list[str]], Matrix]]:
    """Makes matrices that are shown at the end of the session."""
    made: list[Matrix] = []

    def make(server: str, lists: list[str]) -> Matrix:
        made.append(Matrix(server, lists))
        return made[-1]

    yield make
    for matrix in made:
        record_property(f"privileges on {matrix.server}", matrix.table())


def test_postgresql_allows_what_the_list_names_and_nothing_else(
    any_tenant: Tenant, make_matrix: Callable[[str, list[str]], Matrix]
) -> None:
    tenant = any_tenant
    maker = unique("maker")
    fixtures = {"+".join(words): Fixture(tenant, maker, words) for words in LISTS}
    tenant.postgres.sql(f"CREATE ROLE {maker}; GRANT {maker} TO {ADMIN}")
    tenant.apply(*[database(fixture.name, privileges=["CONNECT"]) for fixture in fixtures.values()])
    for fixture in fixtures.values():
        tenant.wait_ready(fixture.name)
        fixture.make_early()
    tenant.apply(*[database(fixture.name, privileges=fixture.words) for fixture in fixtures.values()])
    matrix = make_matrix(f"PostgreSQL {tenant.postgres.sql('SHOW server_version')[0]}", list(fixtures))
    wrong = []

    for title, fixture in fixtures.items():
        tenant.wait_ready(fixture.name)
        fixture.make("late")
        client = Client(fixture.url)
        for row, statement, need, all_gives in postgres_cells(fixture.name):
            expected = allowed_by(fixture.words, need) and (fixture.words != ["ALL"] or all_gives)
            allowed = client.may(statement)
            matrix.note(row, title, allowed)
            if allowed != expected:
                wrong.append(f"{title}: {statement} is {'allowed' if allowed else 'refused'}")
        client.close()

    assert not wrong, "\n".join(wrong)


# --- MariaDB and MySQL ---

MYSQL_LISTS = [
    ["SELECT"], ["INSERT"], ["UPDATE"], ["DELETE"], ["CREATE"], ["DROP"], ["REFERENCES"], ["INDEX"], ["ALTER"],
    ["CREATE TEMPORARY TABLES"], ["LOCK TABLES"], ["EXECUTE"], ["CREATE VIEW"], ["SHOW VIEW"], ["CREATE ROUTINE"],
    ["ALTER ROUTINE"], ["EVENT"], ["TRIGGER"], ["SELECT", "INSERT"], ["SELECT", "INSERT", "UPDATE", "DELETE"],
    ["SELECT", "INSERT", "CREATE", "DROP", "REFERENCES", "ALTER", "LOCK TABLES", "SHOW VIEW"], ["ALL"],
]  # fmt: skip
# In this order; what is dropped is not used any more.  A statement with two parts ends with what undoes it.
MYSQL_STATEMENTS = {
    "SELECT 1": EVERY,
    "SELECT * FROM t": "SELECT",
    "SELECT * FROM late": "SELECT",
    "SELECT * FROM v": "SELECT",
    "INSERT INTO t (word) VALUES ('x')": "INSERT",
    "INSERT INTO late (word) VALUES ('x')": "INSERT",
    "INSERT INTO v (word) VALUES ('x')": "INSERT",
    "UPDATE t SET word = 'y'": "UPDATE",
    "UPDATE t SET word = 'y' WHERE id = 1": "UPDATE + SELECT",
    "DELETE FROM t": "DELETE",
    "DELETE FROM t WHERE id = 1": "DELETE + SELECT",
    "TRUNCATE trunc": "DROP",
    "CREATE TABLE own (x int)": "CREATE",
    "CREATE TABLE child (x int, FOREIGN KEY (x) REFERENCES t (id))": "CREATE + REFERENCES",
    "CREATE INDEX i ON indexed (x)": "INDEX",
    "ALTER TABLE altered ADD COLUMN y int": "ALTER",
    "RENAME TABLE altered TO renamed": "ALTER + DROP + CREATE + INSERT",
    "DROP TABLE gone": "DROP",
    "CREATE TEMPORARY TABLE temporary_one (x int)": "CREATE TEMPORARY TABLES",
    "LOCK TABLES t READ; UNLOCK TABLES": "LOCK TABLES + SELECT",
    "SELECT f()": "EXECUTE",
    "CALL p()": "EXECUTE",
    "CREATE VIEW own_view AS SELECT 1 AS one": "CREATE VIEW",
    "SHOW CREATE VIEW v": "SHOW VIEW + SELECT",
    "DROP VIEW gone_view": "DROP",
    "CREATE PROCEDURE own() SELECT 1": "CREATE ROUTINE",
    "ALTER PROCEDURE p COMMENT 'x'": "ALTER ROUTINE",
    "DROP PROCEDURE gone": "ALTER ROUTINE",
    "CREATE EVENT own ON SCHEDULE AT '2037-01-01 00:00:00' DO SELECT 1": "EVENT",
    "CREATE TRIGGER own BEFORE INSERT ON triggered FOR EACH ROW SET @x = 1": "TRIGGER",
    "GRANT SELECT ON D.* TO U": NOBODY,
    "CREATE DATABASE other": NOBODY,
    "SELECT * FROM Y.t": NOBODY,
    "SELECT * FROM mysql.user": NOBODY,
    "SET GLOBAL max_connections = 7": NOBODY,
    "CREATE USER mate": NOBODY,
}
MYSQL_EARLY = (
    "CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY, word text); INSERT INTO t (word) VALUES ('old');"
    "CREATE TABLE trunc (x int); CREATE TABLE indexed (x int); CREATE TABLE altered (x int); CREATE TABLE gone (x int);"
    "CREATE TABLE triggered (x int); CREATE VIEW v AS SELECT * FROM t; CREATE VIEW gone_view AS SELECT 1 AS one;"
    "CREATE FUNCTION f() RETURNS int DETERMINISTIC RETURN 7; CREATE PROCEDURE p() SELECT 7; CREATE PROCEDURE gone() SELECT 7"
)
_DENIED = re.compile(r"^ERROR (1044|1142|1143|1227|1370|1410|1698|1045) ")


def refused_lines(server: Server, stored: dict[str, Any], statements: list[str]) -> set[int]:
    """Runs one statement a line in one session; the numbers of those that were not allowed."""
    address = parse_url(stored["MYSQL_URL"])
    told = server.try_lines(address.user, address.password, [f"{statement};" for statement in statements], address.database)
    assert all(_DENIED.match(line) for line in told), told
    return {int(line.split("at line ")[1].split(":")[0]) - 1 for line in told}


@pytest.mark.parametrize("mysql_server", FAMILIES, indirect=True)
def test_mysql_allows_what_the_list_names_and_nothing_else(
    mysql_tenant: MySqlTenant, make_matrix: Callable[[str, list[str]], Matrix]
) -> None:
    tenant, server = mysql_tenant, mysql_tenant.server
    server.sql("SET GLOBAL log_bin_trust_function_creators = 1")  # who may write triggers while there is a binary log
    stranger, user = unique("strange"), unique("mate_of")
    server.sql(f"CREATE DATABASE {stranger}; CREATE TABLE {stranger}.t (x int)")
    names = {"+".join(words): unique("m_matrix") for words in MYSQL_LISTS}
    resources = {
        name: mysql_database(name.replace("_", "-"), databaseName=name, privileges=words)
        for words, name in zip(MYSQL_LISTS, names.values(), strict=True)
    }
    tenant.apply(*[{**r, "spec": {**r["spec"], "privileges": ["SHOW VIEW"]}} for r in resources.values()])
    for name in names.values():
        tenant.wait_ready(name.replace("_", "-"))
        server.login(ADMIN, server.admin_password, MYSQL_EARLY, name)  # what a superuser made is out of reach on MySQL
    tenant.apply(*resources.values())
    matrix = make_matrix(server.sql("SELECT VERSION()")[0], list(names))
    wrong = []

    for words, (title, name) in zip(MYSQL_LISTS, names.items(), strict=True):
        tenant.wait_ready(name.replace("_", "-"))
        server.sql("CREATE TABLE late (id int AUTO_INCREMENT PRIMARY KEY, word text)", name)
        fill = {"D": name, "U": user, "Y": stranger}
        statements = [re.sub(r"\b[DUY]\b", lambda match: fill[match[0]], row) for row in MYSQL_STATEMENTS]
        refused = refused_lines(server, tenant.stored(f"rds/mysql/{name}"), statements)
        for number, (row, need) in enumerate(MYSQL_STATEMENTS.items()):
            allowed = number not in refused
            matrix.note(row, title, allowed)
            if allowed != allowed_by(words, need):
                wrong.append(f"{title}: {row} is {'allowed' if allowed else 'refused'}")

    assert not wrong, "\n".join(wrong)
