"""A team whose databases are on MySQL or MariaDB, and what its servers say of them."""

from __future__ import annotations

import re
import socket
import urllib.parse
from dataclasses import dataclass
from typing import Any

from devstack.kube import ControlPlane
from devstack.mysql import MARIADB_11_8, MariaDbServer, MySqlServer
from devstack.secretsmanager import SecretsManagerServer
from devstack.stack import Stack

from support.resources import database, secret
from support.tenant import Team

Server = MariaDbServer | MySqlServer
SERVERS = ("mariadb", "mariadb118", "mysql")
MARIADB_SERVERS = ("mariadb", "mariadb118")
FAMILIES = ("mariadb", "mysql")
WORDS = ("mysql", "mariadb")
ADMIN_SECRET = "mysql-admin"


def _can_bind(family: int, address: str) -> bool:
    with socket.socket(family) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


# Where the servers that tests may break listen as well: one that their certificates name, where this machine has
# it, and one that they do not.
IPV6 = ["::1"] if socket.has_ipv6 and _can_bind(socket.AF_INET6, "::1") else []
UNCERTIFIED = "127.0.0.2"
OTHER_ADDRESSES = [UNCERTIFIED, *IPV6]
# What ALL means where the admin is the one of the stack: everything that a database of MySQL has.
EVERYTHING = frozenset(
    "SELECT,INSERT,UPDATE,DELETE,CREATE,DROP,REFERENCES,INDEX,ALTER,CREATE TEMPORARY TABLES,LOCK TABLES,EXECUTE,"
    "CREATE VIEW,SHOW VIEW,CREATE ROUTINE,ALTER ROUTINE,EVENT,TRIGGER".split(",")
)


def make_server(kind: str, folder: Any, settings: dict[str, str] | None = None) -> Server:
    """A server of one of SERVERS, not started."""
    if kind == "mysql":
        return MySqlServer(folder, settings=settings)
    if kind == "mariadb118":
        return MariaDbServer(folder, "mariadb118", MARIADB_11_8, settings=settings)
    return MariaDbServer(folder, settings=settings)


def start_server(stack: Stack, kind: str) -> Server:
    """The part of the stack of this name, running."""
    stack.up([kind])
    server: Server = getattr(stack, kind)
    return server


def is_mariadb(server: Server) -> bool:
    """Whether it is a MariaDB, which has no attributes of users but comments on databases."""
    return isinstance(server, MariaDbServer)


def mysql_database(name: str, **spec: Any) -> dict[str, Any]:
    """A Database of the engine `mysql`, with an admin Secret of the usual name."""
    return database(name, **{"engine": "mysql", "connectionStringSecretRef": {"name": ADMIN_SECRET}, **spec})


class MySqlTenant(Team):
    """A team whose databases are on one server of either family."""

    def __init__(
        self, kube: ControlPlane, name: str, server: Server, secretsmanager: SecretsManagerServer
    ) -> None:
        super().__init__(kube, name, secretsmanager)
        self.server = server

    def set_admin(self, url: str | None = None, *, name: str = ADMIN_SECRET, **more: str) -> None:
        """Applies the Secret with the admin connection, by default one that works."""
        self.apply(secret(name, connectionString=url or self.server.admin_url(), **more))

    def set_verified_admin(self, **more: Any) -> None:
        """The same with the server's certificate verified."""
        url = self.server.admin_url(parameters="tls=true")
        self.set_admin(url, **{"ca.crt": self.server.ca_file.read_text(), **more})

    # --- what came of it ---

    def has_database(self, name: str) -> bool:
        """Whether the server has a database of this name."""
        return self.server.sql(f"SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = '{name}'") != []

    def hosts_of(self, user: str) -> list[str]:
        """The hosts of the accounts of this name."""
        return self.server.sql(f"SELECT Host FROM mysql.user WHERE User = '{user}' ORDER BY Host")

    def grants(self, user: str) -> dict[str, set[str]]:
        """What SHOW GRANTS says of 'user'@'%': for each place, as the server spells it, the words."""
        found = {}
        for line in self.server.sql(f"SHOW GRANTS FOR '{user}'@'%'"):
            match = re.match(r"GRANT (.*?) ON (.*?) TO (\S+)(.*)", line)
            assert match, line
            assert match[3] == f"`{user}`@`%`"
            assert "GRANT OPTION" not in match[4], line
            found[match[2]] = set(match[1].split(", "))
        return found

    def granted(self, user: str, place: str) -> set[str]:
        """The words on one place, where ALL PRIVILEGES stands for everything that MySQL has."""
        words = self.grants(user).get(place, set())
        return set(EVERYTHING) if words == {"ALL PRIVILEGES"} else words

    def kept_hash(self, user: str) -> str:
        """What the server keeps of the password of 'user'@'%'."""
        return self.server.sql(
            f"SELECT HEX(authentication_string) FROM mysql.user WHERE User = '{user}' AND Host = '%'"
        )[0]

    def set_password(self, user: str, password: str) -> None:
        """Gives 'user'@'%' another password, without leaving it in the general log."""
        self.server.sql(f"SET SESSION sql_log_off = 1; ALTER USER '{user}'@'%' IDENTIFIED BY '{password}'")


@dataclass
class Address:
    """What an application takes from a URL."""

    scheme: str
    user: str
    password: str
    host: str
    port: int
    database: str


def parse_url(url: str) -> Address:
    """Takes a URL apart as any client does."""
    parts = urllib.parse.urlsplit(url)
    assert parts.hostname and parts.port and parts.username and parts.password, "a part of the URL is missing"
    assert not parts.query and not parts.fragment
    user, password = urllib.parse.unquote(parts.username), urllib.parse.unquote(parts.password)
    return Address(parts.scheme, user, password, parts.hostname, parts.port, parts.path.removeprefix("/"))


def run_sql(server: Server, credentials: dict[str, Any], statement: str, *, tls: bool = True) -> list[str]:
    """Logs in with the stored URL as an application does and runs SQL; StackError when refused."""
    address = parse_url(credentials["MYSQL_URL"])
    return server.login(
        address.user, address.password, statement, address.database, host=address.host, port=address.port, tls=tls
    )


def assert_works(server: Server, credentials: dict[str, Any]) -> None:
    """The stored URL logs in and may create a table in its database."""
    answer = run_sql(
        server, credentials,
        "CREATE TABLE IF NOT EXISTS made_by_the_application (x int); INSERT INTO made_by_the_application VALUES (1);"
        " SELECT CURRENT_USER(), DATABASE()",
    )  # fmt: skip

    assert answer == [f"{credentials['DB_USERNAME']}@%|{credentials['DB_NAME']}"]
