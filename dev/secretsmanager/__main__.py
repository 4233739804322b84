"""Starts the server: python -m secretsmanager --port-file FILE --state-dir DIR --log FILE --credentials FILE."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from pathlib import Path

from secretsmanager.calls import Calls
from secretsmanager.clock import Clock
from secretsmanager.control import Control
from secretsmanager.credentials import CredentialsError, CredentialsFile
from secretsmanager.disk import Disk, StateError
from secretsmanager.faults import Faults
from secretsmanager.server import Parts, Server
from secretsmanager.service import Service
from secretsmanager.store import Store


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m secretsmanager", description="A local AWS Secrets Manager on 127.0.0.1."
    )
    parser.add_argument("--port-file", type=Path, required=True, help="written with the port number when ready")
    parser.add_argument("--port", type=int, default=0, help="default: a free one")
    parser.add_argument("--state-dir", type=Path, required=True, help="where the secrets are kept over restarts")
    parser.add_argument("--log", type=Path, required=True, help="JSON lines, one a call, without secret values")
    parser.add_argument("--credentials", type=Path, required=True, help="JSON: who may call; read again when changed")
    return parser.parse_args(arguments)


def build(options: argparse.Namespace) -> Server:
    """Puts the parts together."""
    clock, faults, calls = Clock(), Faults(), Calls(options.log)
    credentials = CredentialsFile(options.credentials)
    store = Store(Disk(options.state_dir), clock)
    service = Service(store, credentials, clock, calls.report)
    control = Control(faults, calls, clock, store)
    return Server(options.port, Parts(service, calls, faults, clock, control))


def write_port(path: Path, port: int) -> None:
    """In one step: a reader sees either no file or the whole number."""
    unfinished = path.with_name(path.name + ".unfinished")
    unfinished.write_text(f"{port}\n", encoding="ascii")
    os.replace(unfinished, path)


def main() -> int:
    """Runs until SIGTERM or SIGINT."""
    options = parse_options()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        options.port_file.unlink(missing_ok=True)  # a former run's number must not be taken for ours
        server = build(options)
    except (CredentialsError, StateError) as err:
        print(f"secretsmanager: {err}", file=sys.stderr)
        return 1
    except OSError as err:
        where = f" at {err.filename}" if err.filename else f" at 127.0.0.1:{options.port}"
        print(f"secretsmanager: cannot start{where}: {err.strerror}", file=sys.stderr)
        return 1
    with server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, name="accept")
        thread.start()
        write_port(options.port_file, server.port)
        stop.wait()
        server.shutdown()
        thread.join()
    options.port_file.unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
