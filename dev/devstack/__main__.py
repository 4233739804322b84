"""The command dev/stack."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from devstack.locations import default_state_dir
from devstack.process import StackError
from devstack.stack import ON_REQUEST, PARTS, SERVERS, Stack, print_description


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dev/stack", description="The local stack: real servers on loopback.")
    parser.add_argument("--state", type=Path, default=default_state_dir(), help="state folder (default: %(default)s)")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start the servers; what runs already stays")
    also = f"parts, separated by commas (default: %(default)s; also: {', '.join(ON_REQUEST)})"
    up.add_argument("--with", dest="parts", default=",".join(SERVERS), help=also)
    commands.add_parser("down", help="end the servers and remove their data")
    commands.add_parser("status", help="what is running")
    commands.add_parser("describe", help="endpoints, credentials and paths as JSON")
    secret = commands.add_parser("secret", help="the value of a secret in the Secrets Manager")
    secret.add_argument("name")
    kubectl = commands.add_parser("kubectl", help="kubectl against the stack", add_help=False)
    kubectl.add_argument("arguments", nargs=argparse.REMAINDER)
    return parser


def _parts(text: str) -> list[str]:
    parts = [part for part in text.split(",") if part]
    unknown = [part for part in parts if part not in PARTS]
    if unknown:
        raise StackError(f"unknown part {', '.join(unknown)}: choose from {', '.join(PARTS)}")
    return parts


def _run(options: argparse.Namespace) -> int:
    stack = Stack(options.state, detached=True)
    match options.command:
        case "up":
            stack.up(_parts(options.parts))
        case "down":
            stack.down()
        case "status":
            for part in PARTS:
                print(f"{part:16} {'running' if part in stack.describe() else 'not running'}")
        case "describe":
            print_description(stack)
        case "secret":
            client = stack.secretsmanager.client("person")
            print(client.get_secret_value(SecretId=options.name)["SecretString"])
        case "kubectl":
            kubectl = str(stack.kube.programs / "kubectl")
            os.execv(kubectl, [kubectl, f"--kubeconfig={stack.kube.admin_kubeconfig}", *options.arguments])
    return 0


def main() -> int:
    """Runs one command; a failure is one sentence on standard error."""
    try:
        return _run(_parser().parse_args())
    except StackError as failure:
        print(f"dev/stack: {failure}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
