"""The quickstart: the stack, the operator, the minimal example, and what came of it.

Everything may be there already: a second run finds it and only shows it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from devstack.locations import TREE, default_state_dir
from devstack.operator import PROGRAM
from devstack.process import StackError, start_time
from devstack.stack import SERVERS, Stack

SAMPLE = "config/samples/minimal.yaml"
NAME = "myapp-db"
SECRET = "rds/postgres/myapp_db"
TABLE = """\
CREATE TABLE IF NOT EXISTS greetings (id integer GENERATED ALWAYS AS IDENTITY, text text);
INSERT INTO greetings (text) VALUES ('hello from ' || current_user);
TABLE greetings;"""


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


def apply_sample(stack: Stack) -> None:
    """The admin connection of this stack's server, and the usage guide's minimal example."""
    show("kubectl create secret generic postgres-admin --from-literal=connectionString=postgresql://...")
    stack.kube.apply(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "postgres-admin", "namespace": "default"},
            "stringData": {"connectionString": stack.postgres.admin_url()},
        }
    )
    show(f"kubectl apply -f {SAMPLE}")
    print((TREE / SAMPLE).read_text().strip(), flush=True)
    stack.kube.kubectl("apply", "-n", "default", "-f", str(TREE / SAMPLE))


def wait_ready(stack: Stack) -> None:
    """Waits for the condition; what went wrong is shown as kubectl describe shows it."""
    show(f"kubectl wait --for=condition=Ready database/{NAME} --timeout=60s")
    result = stack.kube.kubectl(
        "-n", "default", "wait", "--for=condition=Ready", f"database/{NAME}", "--timeout=60s", check=False
    )
    print(result.stdout.strip(), flush=True)
    if result.returncode != 0:
        print(stack.kube.kubectl("-n", "default", "describe", "database", NAME).stdout)
        raise StackError(f"{NAME} is not Ready; the operator's log is {stack.operator.process.log}")
    show("kubectl get databases")
    print(stack.kube.kubectl("-n", "default", "get", "databases").stdout.strip(), flush=True)


def stored_secret(stack: Stack) -> dict[str, object]:
    """The value as an application reads it."""
    client = stack.secretsmanager.client("person")
    value: dict[str, object] = json.loads(client.get_secret_value(SecretId=SECRET)["SecretString"])
    return value


def log_in(stack: Stack, url: str) -> None:
    """psql as the application, with nothing but the stored URL."""
    show('psql "$POSTGRES_URL"')
    print(TABLE, flush=True)
    result = subprocess.run(
        [str(stack.postgres.bindir / "psql"), "-X", "-v", "ON_ERROR_STOP=1", url],
        input=TABLE, text=True, timeout=60, check=False,
    )  # fmt: skip
    if result.returncode != 0:
        raise StackError("the login with the stored URL failed")


def tell_what_next(stack: Stack) -> None:
    """How to go on, and how to end it."""
    heading("What to try next")
    print(
        f"""\
  dev/stack kubectl describe database {NAME}
  dev/stack kubectl explain database.spec
  dev/stack secret {SECRET}
  dev/stack kubectl delete database {NAME}        # database, user and secret stay (retainOnDelete)
  tail -f {stack.operator.process.log}
  dev/stack describe                              # endpoints, credentials, metrics

Everything runs on loopback only.  To end it and remove its data:
  dev/stack down""",
        flush=True,
    )


def run() -> None:
    """All steps."""
    stack = Stack(default_state_dir(), detached=True)
    heading("A Kubernetes API server, PostgreSQL, MariaDB and a Secrets Manager on this machine")
    stack.up(SERVERS)
    start_operator(stack)
    print(f"{', '.join(SERVERS)} and the operator are running", flush=True)
    heading("The minimal example of the usage guide")
    apply_sample(stack)
    wait_ready(stack)
    heading("What the application reads")
    show(f"aws secretsmanager get-secret-value --secret-id {SECRET} --query SecretString --output text | jq")
    value = stored_secret(stack)
    print(json.dumps(value, indent=2), flush=True)
    heading("The application logs in")
    log_in(stack, str(value["POSTGRES_URL"]))
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
