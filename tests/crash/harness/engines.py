"""The database servers as the trials see them: from outside, as superuser and as the application."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import psycopg
from devstack.database import ADMIN
from devstack.mysql import MariaDbServer, MySqlServer
from devstack.postgres import SUPERUSER, PostgresServer
from devstack.process import StackError

from harness.calls import Calls
from harness.mysql_proxy import MySqlProxy
from harness.postgres_proxy import PostgresProxy
from harness.relay import Relay, Tls

Snapshot = dict[str, list[str]]
_FOREIGN = "decoy_of_somebody"
_TEMPORARY = "dbuo_decoy"  # looks like an unfinished database of the operator's


class Engine(ABC):
    """One server behind its proxy."""

    server: PostgresServer | MariaDbServer | MySqlServer
    proxy: Relay
    word: str  # spec.engine
    url_key: str  # the key of the URL in the stored secret

    @property
    def tls(self) -> Tls:
        """The server's own certificate."""
        pki = self.server.folder / "pki"
        return Tls(pki / "server.crt", pki / "server.key", self.server.ca_file)

    def connection(self) -> dict[str, str]:
        """The values of the admin Secret."""
        return {"connectionString": self.admin_url(), "ca.crt": self.server.ca_file.read_text()}

    @abstractmethod
    def admin_url(self) -> str:
        """The admin's connection string through the proxy."""

    @abstractmethod
    def make_decoys(self) -> None:
        """A database, a user and rights of somebody else, and what only looks like the operator's."""

    @abstractmethod
    def make_existing(self, name: str) -> None:
        """A database that was there before the operator."""

    def forget_logins(self) -> None:
        """Makes every login as long as the first."""

    @abstractmethod
    def snapshot(self, name: str) -> Snapshot:
        """The catalogs, without the database and user of this name."""

    @abstractmethod
    def outcome(self, name: str) -> Snapshot:
        """Database, user and rights of this name, without numbers that differ from one to the next."""

    @abstractmethod
    def has_user(self, name: str) -> bool:
        """Whether the user exists."""

    @abstractmethod
    def has_database(self, name: str) -> bool:
        """Whether the database exists."""

    @abstractmethod
    def leftovers(self) -> list[str]:
        """Databases under names that only an unfinished creation has."""

    @abstractmethod
    def refusal(self, user: str, password: str) -> str | None:
        """Why the password does not log in; None when it does."""

    @abstractmethod
    def use(self, credentials: dict[str, Any]) -> str:
        """What an application does with the secret; answers "user database" as the server sees them."""

    @abstractmethod
    def clean(self, name: str) -> None:
        """Removes database and user, whatever there is of them."""

    @abstractmethod
    def logs(self) -> list[Path]:
        """The server's log files, statements included."""


class Postgres(Engine):
    """PostgreSQL."""

    word, url_key = "postgres", "POSTGRES_URL"
    _CATALOGS = {
        "databases": "SELECT d::text, shobj_description(oid, 'pg_database') FROM pg_database d WHERE datname <> %(name)s",
        "roles": "SELECT a::text, shobj_description(oid, 'pg_authid') FROM pg_authid a WHERE rolname <> %(name)s",
        "members": "SELECT m::text FROM pg_auth_members m WHERE NOT EXISTS"
                   " (SELECT FROM pg_roles r WHERE rolname = %(name)s AND r.oid IN (m.roleid, m.member))",
        "settings": "SELECT s::text FROM pg_db_role_setting s",
    }  # fmt: skip
    _INSIDE = {
        "namespaces": "SELECT n::text FROM pg_namespace n WHERE nspname !~ '^pg_(toast_)?temp'",
        "defaults": "SELECT a::text FROM pg_default_acl a",
        "relations": "SELECT relname, relowner, relacl::text FROM pg_class WHERE relnamespace = 'public'::regnamespace",
        "rows": "SELECT t::text FROM kept t",
    }

    _OUTCOME = {
        "database": "SELECT datname, pg_get_userbyid(datdba), datacl::text, datconnlimit, datallowconn,"
                    " replace(shobj_description(oid, 'pg_database'), oid::text, 'OID') FROM pg_database"
                    " WHERE datname = %(name)s",
        "role": "SELECT to_jsonb(r) - 'oid' - 'rolpassword',"
                " replace(shobj_description(oid, 'pg_authid'), coalesce((SELECT oid::text FROM pg_database"
                " WHERE datname = %(name)s), '-'), 'OID') FROM pg_roles r WHERE rolname = %(name)s",
        "memberships": "SELECT roleid::regrole, member::regrole, admin_option FROM pg_auth_members"
                       " WHERE %(name)s IN (pg_get_userbyid(roleid), pg_get_userbyid(member))",
    }  # fmt: skip

    def __init__(self, server: PostgresServer, calls: Calls, *, plain: bool = False) -> None:
        self.server: PostgresServer = server
        self._plain = plain
        self.proxy = PostgresProxy(calls, server.port, self.tls)
        self._super = self._as_superuser("postgres")

    def admin_url(self) -> str:
        return self.server.admin_url(
            port=self.proxy.port, parameters="sslmode=disable" if self._plain else "sslmode=verify-full"
        )

    def make_decoys(self) -> None:
        if self._rows("SELECT FROM pg_database WHERE datname = %(name)s", _FOREIGN):
            return
        for statement in (
            f"CREATE ROLE {_FOREIGN} LOGIN PASSWORD 'of somebody'",
            f"COMMENT ON ROLE {_FOREIGN} IS 'kept'",
            f"CREATE DATABASE {_FOREIGN} OWNER {_FOREIGN}",
            f"COMMENT ON DATABASE {_FOREIGN} IS 'kept'",
            f"GRANT TEMPORARY ON DATABASE {_FOREIGN} TO pg_monitor",
            f"CREATE DATABASE {_TEMPORARY}",
        ):
            self._super.execute(statement)
        with self._as_superuser(_FOREIGN) as inside:
            inside.execute("CREATE TABLE kept (x int)")
            inside.execute("INSERT INTO kept VALUES (1)")
            inside.execute(f"ALTER DEFAULT PRIVILEGES FOR ROLE {_FOREIGN} GRANT SELECT ON TABLES TO pg_monitor")

    def make_existing(self, name: str) -> None:
        self._super.execute(f"CREATE DATABASE {name} OWNER {ADMIN}".encode())

    def snapshot(self, name: str) -> Snapshot:
        found = {catalog: self._rows(query, name) for catalog, query in self._CATALOGS.items()}
        with self._as_superuser(_FOREIGN) as inside:
            for catalog, query in self._INSIDE.items():
                found[f"{catalog} of {_FOREIGN}"] = sorted(map(str, inside.execute(query).fetchall()))
        return found

    def outcome(self, name: str) -> Snapshot:
        return {place: self._rows(query, name) for place, query in self._OUTCOME.items()}

    def has_user(self, name: str) -> bool:
        return self._rows("SELECT FROM pg_roles WHERE rolname = %(name)s", name) != []

    def has_database(self, name: str) -> bool:
        return self._rows("SELECT FROM pg_database WHERE datname = %(name)s", name) != []

    def leftovers(self) -> list[str]:
        query = rb"SELECT datname FROM pg_database WHERE datname LIKE 'dbuo\_%%' AND datname <> %(name)s"
        return [row[0] for row in self._super.execute(query, {"name": _TEMPORARY}).fetchall()]

    def refusal(self, user: str, password: str) -> str | None:
        try:
            psycopg.connect(
                host="127.0.0.1", port=self.server.port, user=user, password=password, dbname="postgres", sslmode="require"
            ).close()
        except psycopg.OperationalError as failure:
            return str(failure)
        return None

    def use(self, credentials: dict[str, Any]) -> str:
        with psycopg.connect(credentials[self.url_key], autocommit=True) as application:
            application.execute("CREATE TABLE made_by_the_application (x int)")
            row = application.execute("SELECT current_user || ' ' || current_database()").fetchone()
        assert row is not None
        return str(row[0])

    def clean(self, name: str) -> None:
        unfinished = self.leftovers()
        for database in (name, *unfinished):
            self._super.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)'.encode())
        self._super.execute(f"DROP ROLE IF EXISTS {name}".encode())

    def logs(self) -> list[Path]:
        return [self.server.process.log]

    def _as_superuser(self, database: str) -> psycopg.Connection[Any]:
        return psycopg.connect(
            host=str(self.server.home), port=self.server.port, user=SUPERUSER, dbname=database, autocommit=True
        )

    def _rows(self, query: str, name: str) -> list[str]:
        return sorted(map(str, self._super.execute(query.encode(), {"name": name}).fetchall()))


class MySql(Engine):
    """MySQL and MariaDB."""

    url_key = "MYSQL_URL"
    _CATALOGS = (
        "SELECT 'user', u.* FROM mysql.user u WHERE User <> '{name}'",
        "SELECT 'rights', d.* FROM mysql.db d WHERE User <> '{name}'",
        "SELECT 'rights on tables', t.* FROM mysql.tables_priv t",
        "SELECT 'schema', s.* FROM information_schema.schemata s WHERE schema_name <> '{name}'",
        "SELECT 'table', table_schema, table_name FROM information_schema.tables WHERE table_schema <> '{name}'"
        " AND table_schema NOT IN ('performance_schema', 'information_schema', 'sys')",
        f"SELECT 'row', k.* FROM {_FOREIGN}.kept k",
    )
    _MORE = {
        "mariadb": ("SELECT 'role', r.* FROM mysql.roles_mapping r", "SELECT 'p', Host, User, Priv FROM mysql.global_priv"
                    " WHERE User <> '{name}'"),
        "mysql": ("SELECT 'role', r.* FROM mysql.role_edges r", "SELECT 'g', g.* FROM mysql.global_grants g"
                  " WHERE USER <> '{name}'"),
    }  # fmt: skip

    _OUTCOME = {
        "mariadb": "SELECT User, Host, JSON_REMOVE(Priv, '$.authentication_string', '$.password_last_changed')"
                   " FROM mysql.global_priv WHERE User = '{name}'",
        "mysql": "SELECT User, Host, plugin, account_locked, password_expired, password_lifetime, User_attributes"
                 " FROM mysql.user WHERE User = '{name}'",
    }  # fmt: skip

    def __init__(self, server: MariaDbServer | MySqlServer, word: str, calls: Calls) -> None:
        self.server: MariaDbServer | MySqlServer = server
        self.word = word
        self.proxy = MySqlProxy(calls, server.port, self.tls)

    def admin_url(self) -> str:
        return self.server.admin_url(port=self.proxy.port, parameters="tls=true")

    def make_decoys(self) -> None:
        self.server.sql(
            f"CREATE DATABASE IF NOT EXISTS {_FOREIGN}; CREATE USER IF NOT EXISTS {_FOREIGN} IDENTIFIED BY 'of somebody';"
            f"GRANT ALL ON {_FOREIGN}.* TO {_FOREIGN}; CREATE DATABASE IF NOT EXISTS {_TEMPORARY};"
            f"CREATE TABLE IF NOT EXISTS {_FOREIGN}.kept (x int); INSERT INTO {_FOREIGN}.kept VALUES (1)"
        )

    def make_existing(self, name: str) -> None:
        self.server.sql(f"CREATE DATABASE {name}")

    def forget_logins(self) -> None:
        self.server.sql("FLUSH PRIVILEGES")  # caching_sha2_password remembers who has logged in

    def snapshot(self, name: str) -> Snapshot:
        queries = [query.format(name=name) for query in (*self._CATALOGS, *self._MORE[self.word])]
        return {"catalogs": sorted(self.server.sql("; ".join(queries)))}

    def outcome(self, name: str) -> Snapshot:
        queries = {
            "user": self._OUTCOME[self.word],
            "database": "SELECT s.* FROM information_schema.schemata s WHERE schema_name = '{name}'",
            "rights": "SELECT d.* FROM mysql.db d WHERE User = '{name}'",
            "rights on tables": "SELECT * FROM mysql.tables_priv WHERE User = '{name}'",
        }
        return {place: sorted(self.server.sql(query.format(name=name))) for place, query in queries.items()}

    def has_user(self, name: str) -> bool:
        return self.server.sql(f"SELECT 1 FROM mysql.user WHERE User = '{name}'") != []

    def has_database(self, name: str) -> bool:
        return self.server.sql(f"SELECT 1 FROM information_schema.schemata WHERE schema_name = '{name}'") != []

    def leftovers(self) -> list[str]:
        names = self.server.sql(r"SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE 'dbuo\_%'")
        return [name for name in names if name != _TEMPORARY]

    def refusal(self, user: str, password: str) -> str | None:
        try:
            self.server.login(user, password)
        except StackError as failure:
            return str(failure)
        return None

    def use(self, credentials: dict[str, Any]) -> str:
        name = credentials["DB_NAME"]
        statement = "CREATE TABLE made_by_the_application (x int); SELECT SUBSTRING_INDEX(USER(), '@', 1), DATABASE()"
        answer = self.server.login(credentials["DB_USERNAME"], credentials["DB_PASSWORD"], statement, name)
        return answer[-1].replace("|", " ")

    def clean(self, name: str) -> None:
        statements = [f"DROP USER IF EXISTS {name}", *(f"DROP DATABASE IF EXISTS `{d}`" for d in (name, *self.leftovers()))]
        self.server.sql("; ".join(statements))

    def logs(self) -> list[Path]:
        return [self.server.process.log, self.server.home / "general.log"]
