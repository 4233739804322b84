"""The quickstart: the stack, the operator, one resource of each family, and what came of it.

Everything may be there already: a second run finds it and only shows it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devstack.locations import TREE, default_state_dir
from devstack.operator import PROGRAM
from devstack.process import StackError, start_time
from devstack.stack import SERVERS, Stack


@dataclass(frozen=True)
class Tour:
    """One resource: its sample, and how an application uses what comes of it."""

    title: str
    sample: str
    name: str
    admin_secret: str
    server: str  # a part of the stack
    secret: str
    client: str
    statements: str


POSTGRES = Tour(
    title="The minimal example of the usage guide, on PostgreSQL",
    sample="config/samples/minimal.yaml",
    name="myapp-db",
    admin_secret="postgres-admin",
    server="postgres",
    secret="rds/postgres/myapp_db",
    client='psql "$POSTGRES_URL"',
    statements="""\
CREATE TABLE IF NOT EXISTS greetings (id integer GENERATED ALWAYS AS IDENTITY, text text);
INSERT INTO greetings (text) VALUES ('hello from ' || current_user);
TABLE greetings;""",
)
MARIADB = Tour(
    title="A list of privileges, on MariaDB",
    sample="config/samples/mariadb.yaml",
    name="shop-db",
    admin_secret="mariadb-admin",
    server="mariadb",
    secret="rds/mariadb/shop",
    client='mariadb --host "$DB_HOST" --port "$DB_PORT" --user "$DB_USERNAME" --password "$DB_NAME"',
    statements="""\
CREATE TABLE IF NOT EXISTS greetings (id integer PRIMARY KEY AUTO_INCREMENT, text text);
INSERT INTO greetings (text) VALUES (CONCAT('hello from ', current_user()));
SELECT * FROM greetings; SHOW GRANTS;""",
)


def heading(text: str) -> None:
    """One step of the tour."""
    print(f"\n== {text}", flush=True)


def show(command: str) -> None:
    """What a person would type."""
    print(f"$ {command}", flush=True)


def start_operator(stack: Stack) -> None:
    """Starts it, or starts it anew when the program was built after it."""
    process = stack.operator.process
    if process.pid is not None and _is_older_than_program(process.pid):
        print("The operator was built anew: restarting it ...", flush=True)
        stack.operator.stop()
    stack.up(["operator"])


def _is_older_than_program(pid: int) -> bool:
    uptime_seconds = float(Path("/proc/uptime").read_text().split()[0])
    age_seconds = uptime_seconds - (start_time(pid) or 0) / os.sysconf("SC_CLK_TCK")
    return time.time() - age_seconds < PROGRAM.stat().st_mtime


def apply_sample(stack: Stack, tour: Tour) -> None:
    """The admin connection of this stack's server, and the sample as it is."""
    url = getattr(stack, tour.server).admin_url()
    scheme = url.partition("://")[0]
    show(f"kubectl create secret generic {tour.admin_secret} --from-literal=connectionString={scheme}://...")
    stack.kube.apply(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": tour.admin_secret, "namespace": "default"},
            "stringData": {"connectionString": url},
        }
    )
    show(f"kubectl apply -f {tour.sample}")
    print((TREE / tour.sample).read_text().strip(), flush=True)
    stack.kube.kubectl("apply", "-n", "default", "-f", str(TREE / tour.sample))


def wait_ready(stack: Stack, tour: Tour) -> None:
    """Waits for the condition; what went wrong is shown as kubectl describe shows it."""
    arguments = ("wait", "--for=condition=Ready", f"database/{tour.name}", "--timeout=60s")
    show(f"kubectl {' '.join(arguments)}")
    result = stack.kube.kubectl("-n", "default", *arguments, check=False)
    print(result.stdout.strip(), flush=True)
    if result.returncode != 0:
        print(stack.kube.kubectl("-n", "default", "describe", "database", tour.name).stdout)
        raise StackError(f"{tour.name} is not Ready; the operator's log is {stack.operator.process.log}")


def show_secret(stack: Stack, tour: Tour) -> dict[str, Any]:
    """The value as an application reads it."""
    show(f"aws secretsmanager get-secret-value --secret-id {tour.secret} --query SecretString --output text | jq")
    client = stack.secretsmanager.client("person")
    value: dict[str, Any] = json.loads(client.get_secret_value(SecretId=tour.secret)["SecretString"])
    print(json.dumps(value, indent=2), flush=True)
    return value


def log_in(stack: Stack, tour: Tour, value: dict[str, Any]) -> None:
    """A real client as the application, with what is stored and nothing else."""
    show(tour.client)
    print(tour.statements, flush=True)
    if tour is POSTGRES:
        result = subprocess.run(
            [str(stack.postgres.bindir / "psql"), "-X", "-v", "ON_ERROR_STOP=1", value["POSTGRES_URL"]],
            input=tour.statements, text=True, timeout=60, check=False,
        )  # fmt: skip
        if result.returncode != 0:
            raise StackError("the login with the stored URL failed")
        return
    rows = stack.mariadb.login(value["DB_USERNAME"], value["DB_PASSWORD"], tour.statements, value["DB_NAME"])
    print("\n".join(rows), flush=True)


def walk(stack: Stack, tour: Tour) -> None:
    """From the sample to the login."""
    heading(tour.title)
    apply_sample(stack, tour)
    wait_ready(stack, tour)
    log_in(stack, tour, show_secret(stack, tour))


def tell_what_next(stack: Stack) -> None:
    """How to go on, and how to end it."""
    heading("What to try next")
    print(
        f"""\
  dev/stack kubectl describe database {POSTGRES.name}
  dev/stack kubectl explain database.spec
  dev/stack secret {POSTGRES.secret}
  dev/stack kubectl delete database {POSTGRES.name}        # database, user and secret stay (retainOnDelete)
  tail -f {stack.operator.process.log}
  dev/stack describe                              # endpoints, credentials, metrics

Everything runs on loopback only.  To end it and remove its data:
  dev/stack down""",
        flush=True,
    )


def run() -> None:
    """All steps."""
    stack = Stack(default_state_dir(), detached=True)
    heading("A Kubernetes API server, database servers and a Secrets Manager on this machine")
    stack.up(SERVERS)
    start_operator(stack)
    print(f"{', '.join(SERVERS)} and the operator are running", flush=True)
    for tour in (POSTGRES, MARIADB):
        walk(stack, tour)
    heading("All of them")
    show("kubectl get databases")
    print(stack.kube.kubectl("-n", "default", "get", "databases").stdout.strip(), flush=True)
    tell_what_next(stack)


def main() -> int:
    """A failure is one sentence on standard error."""
    try:
        run()
    except StackError as failure:
        print(f"quickstart: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
