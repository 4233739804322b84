"""Starts the servers: python -m awsidentity --folder DIR --credentials FILE --jwks FILE --sts-port N ..."""

from __future__ import annotations

import argparse
import signal
import threading
from pathlib import Path

from secretsmanager.credentials import CredentialsFile

from awsidentity.agents import Metadata, PodIdentity
from awsidentity.issuer import Issuer
from awsidentity.server import CallLog, Server
from awsidentity.settings import Settings
from awsidentity.sts import Sts
from awsidentity.tokens import Verifier


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m awsidentity", description=(__doc__ or "").split(":")[0])
    parser.add_argument("--folder", type=Path, required=True, help="settings.json, calls.log, ready")
    parser.add_argument("--credentials", type=Path, required=True, help="the credentials file of dev/secretsmanager")
    parser.add_argument("--jwks", type=Path, required=True, help="the keys that the API server publishes")
    for name in ("sts", "pod-identity", "metadata"):
        parser.add_argument(f"--{name}-port", type=int, required=True)
    return parser.parse_args()


def main() -> int:
    """Runs until SIGTERM or SIGINT."""
    options = parse_options()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    settings, issuer, verifier = Settings(options.folder), Issuer(options.credentials), Verifier(options.jwks)
    log = CallLog(options.folder / "calls.log")
    servers = [
        Server(options.sts_port, Sts(settings, issuer, verifier, CredentialsFile(options.credentials)), settings, log),
        Server(options.pod_identity_port, PodIdentity(settings, issuer, verifier), settings, log),
        Server(options.metadata_port, Metadata(settings, issuer), settings, log),
    ]
    for server in servers:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
    (options.folder / "ready").touch()
    stop.wait()
    for server in servers:
        server.shutdown()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
