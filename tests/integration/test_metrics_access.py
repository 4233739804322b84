"""/metrics over TLS, for those alone who may get it, with certificates that are renewed under it."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from devstack.authority import Authority
from devstack.kube import ControlPlane
from devstack.operator import PROGRAM, Operator
from devstack.process import wait_until
from devstack.secretsmanager import SecretsManagerServer
from support.cluster import Namespace
from support.resources import unique

StartOperator = Callable[..., Operator]
READER = "database-user-operator-metrics-reader"


class Certificates:
    """A folder as a mounted Secret of type kubernetes.io/tls is, and who believes in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "mounted"
        self.folder.mkdir()
        self._made = folder / "made"
        self._made.mkdir()
        self._authority = Authority(self._made, "CA of the scrapes")
        self.context = ssl.create_default_context(cafile=str(self._authority.certificate_file))
        self.renew("first")

    def renew(self, name: str, *, mismatched: bool = False) -> None:
        """Puts another certificate there; `mismatched`, with the key of another one."""
        certificate, key = self._authority.issue(self._made / name, name, server=True)
        if mismatched:
            _, key = self._authority.issue(self._made / f"{name}-other", name, server=True)
        for source, target in ((key, "tls.key"), (certificate, "tls.crt")):
            shutil.copy(source, self.folder / f"{target}.new")
            (self.folder / f"{target}.new").rename(self.folder / target)


def served_name(operator: Operator, context: ssl.SSLContext) -> str:
    """The common name of the certificate that a new connection gets."""
    address = urllib.parse.urlsplit(operator.pages["metrics"])
    with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=5) as plain:
        with context.wrap_socket(plain, server_hostname="127.0.0.1") as encrypted:
            certificate = encrypted.getpeercert()
    assert certificate
    [[(_, name)]] = certificate["subject"]
    return str(name)


def scrape(operator: Operator, context: ssl.SSLContext, token: str | None = None) -> tuple[int, str, str]:
    """Status, body and WWW-Authenticate of a scrape."""
    request = urllib.request.Request(operator.pages["metrics"].replace("http:", "https:"))
    if token is not None:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=10, context=context) as answer:
            return answer.status, answer.read().decode(), ""
    except urllib.error.HTTPError as failure:
        return failure.code, failure.read().decode(), failure.headers.get("WWW-Authenticate", "")


def open_files(operator: Operator, certificates: Certificates) -> float:
    """How many descriptors the operator has open."""
    page = scrape(operator, certificates.context)[1]
    return next(float(line.split()[1]) for line in page.splitlines() if line.startswith("process_open_fds "))


def make_account(kube: ControlPlane, namespace: Namespace, *, reader: bool) -> str:
    """A service account, with or without the right; a token of it."""
    name = unique("scraper-")
    namespace.kubectl("create", "serviceaccount", name)
    if reader:
        account = f"{namespace.name}:{name}"
        kube.kubectl("create", "clusterrolebinding", name, f"--clusterrole={READER}", f"--serviceaccount={account}")
    return namespace.kubectl("create", "token", name).stdout.strip()


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    """Certificates of the test's own."""
    return Certificates(tmp_path)


def test_only_those_who_may_get_the_page_see_it(
    kube: ControlPlane,
    namespace: Namespace,
    secretsmanager: SecretsManagerServer,
    start_operator: StartOperator,
    certificates: Certificates,
) -> None:
    operator = start_operator(
        secretsmanager.environment(), "--metrics-secure", f"--metrics-cert-path={certificates.folder}", "--log-level=debug"
    )
    reader, stranger = (make_account(kube, namespace, reader=reader) for reader in (True, False))
    forged = reader[:-8] + "AAAAAAAA"

    assert scrape(operator, certificates.context) == (401, "unauthorized: send a valid bearer token\n", "Bearer")
    assert scrape(operator, certificates.context, "")[0] == 401
    assert scrape(operator, certificates.context, forged)[0] == 401
    assert scrape(operator, certificates.context, stranger)[0] == 403
    status, page, _ = scrape(operator, certificates.context, reader)
    assert status == 200
    assert "controller_runtime_reconcile_total" in page
    for token in (reader, stranger, forged):
        assert token not in operator.log_text
        assert token.split(".")[-1][:20] not in operator.log_text


def test_many_scrapes_ask_the_api_server_once(
    kube: ControlPlane,
    namespace: Namespace,
    secretsmanager: SecretsManagerServer,
    start_operator: StartOperator,
    certificates: Certificates,
) -> None:
    operator = start_operator(
        secretsmanager.environment(), "--metrics-secure", f"--metrics-cert-path={certificates.folder}"
    )
    token = make_account(kube, namespace, reader=True)

    def reviews() -> float:
        page = scrape(operator, certificates.context, token)[1]
        return sum(
            float(line.rpartition(" ")[2])
            for line in page.splitlines()
            if line.startswith("rest_client_requests_total{") and 'method="POST"' in line and 'code="201"' in line
        )

    first = reviews()
    assert first >= 2
    assert {reviews() for _ in range(20)} == {first}


def test_certificates_are_renewed_without_a_restart(
    secretsmanager: SecretsManagerServer, start_operator: StartOperator, certificates: Certificates
) -> None:
    operator = start_operator(secretsmanager.environment(), f"--metrics-cert-path={certificates.folder}")
    assert served_name(operator, certificates.context) == "first"
    assert scrape(operator, certificates.context)[0] == 200
    assert operator.get("/metrics")[0] == 0, "the page was served in clear"
    before = open_files(operator, certificates)

    certificates.renew("broken", mismatched=True)
    wait_until(lambda: operator.log_lines(level="warning") != [], "a complaint about the pair", 15)
    assert "cannot be used with the key" in operator.log_lines(level="warning")[0]["msg"]
    assert served_name(operator, certificates.context) == "first"

    certificates.renew("second")
    wait_until(lambda: served_name(operator, certificates.context) == "second", "the renewed certificate", 15)
    assert scrape(operator, certificates.context)[0] == 200
    assert len(operator.log_lines(level="warning")) == 1
    wait_until(lambda: open_files(operator, certificates) <= before, "the end of what served the former one", 15)


def test_what_is_no_certificate_is_named_at_the_start(
    kube: ControlPlane, certificates: Certificates, tmp_path: Path
) -> None:
    config = kube.service_account_kubeconfig("default", "default", tmp_path / "account")

    def run(folder: Path) -> subprocess.CompletedProcess[str]:
        arguments = [f"--kubeconfig={config}", "--metrics-bind-address=127.0.0.1:0", "--health-probe-bind-address=0"]
        environment = {"AWS_REGION": "eu-west-1", "AWS_EC2_METADATA_DISABLED": "true"}
        return subprocess.run(
            [PROGRAM, *arguments, f"--metrics-cert-path={folder}", "--log-format=text"],
            capture_output=True, text=True, timeout=20, check=False, env=environment,
        )  # fmt: skip

    missing = run(tmp_path / "nowhere")
    certificates.renew("broken", mismatched=True)
    mismatched = run(certificates.folder)

    for result in (missing, mismatched):
        assert result.returncode == 1
        assert 'msg="cannot start" error="serving metrics: ' in result.stderr
    assert f"{tmp_path}/nowhere/tls.crt" in missing.stderr
    assert f"the certificate in '{certificates.folder}/tls.crt' cannot be used with the key" in mismatched.stderr
