"""The process: start, stop, crash, and the state that outlives it."""

from __future__ import annotations

import os
import stat
import subprocess
import threading
from typing import Any

import pytest

from local_server import DEV, LocalServer
from raw_client import RawClient
from secretsmanager.control_client import ControlClient


def everything(client: Any) -> list[dict[str, Any]]:
    """All that can be read of all secrets, for a comparison."""
    shown = []
    for entry in client.list_secrets(IncludePlannedDeletion=True)["SecretList"]:
        description = client.describe_secret(SecretId=entry["Name"])
        description.pop("ResponseMetadata")
        versions = client.list_secret_version_ids(SecretId=entry["Name"], IncludeDeprecated=True)["Versions"]
        shown.append(description | {"Versions": versions})
    return shown


def fill(client: Any) -> None:
    """Secrets in every state."""
    client.create_secret(Name="/with/slashes", SecretString="S1", Description="d", Tags=[{"Key": "a", "Value": "ü"}])
    client.put_secret_value(SecretId="/with/slashes", SecretString="S2", VersionStages=["mine"])
    client.put_secret_value(SecretId="/with/slashes", SecretString="S3")
    client.create_secret(Name="n" * 512, SecretBinary=bytes(range(256)))
    client.create_secret(Name="hollow", KmsKeyId="alias/k")
    client.create_secret(Name="doomed", SecretString="v")
    client.delete_secret(SecretId="doomed", RecoveryWindowInDays=7)
    client.create_secret(Name="gone")
    client.delete_secret(SecretId="gone", ForceDeleteWithoutRecovery=True)


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_what_was_answered_is_there_after_a_restart(own_server: LocalServer, end: str) -> None:
    own_server.start()
    fill(own_server.boto())
    own_server.boto("eu-west-1").create_secret(Name="hollow", SecretString="west")
    before = everything(own_server.boto()), everything(own_server.boto("eu-west-1"))

    getattr(own_server, end)()
    own_server.start()

    assert (everything(own_server.boto()), everything(own_server.boto("eu-west-1"))) == before
    client = own_server.boto()
    assert client.get_secret_value(SecretId="n" * 512)["SecretBinary"] == bytes(range(256))
    assert client.get_secret_value(SecretId="/with/slashes", VersionStage="mine")["SecretString"] == "S2"
    assert client.restore_secret(SecretId="doomed")["Name"] == "doomed"


def test_a_token_is_still_known_after_a_restart(own_server: LocalServer) -> None:
    own_server.start()
    token = "0" * 32
    own_server.boto().create_secret(Name="once", SecretString="v", ClientRequestToken=token)
    own_server.kill()
    own_server.start()
    own_server.boto().create_secret(Name="once", SecretString="v", ClientRequestToken=token)
    assert len(own_server.boto().list_secret_version_ids(SecretId="once")["Versions"]) == 1


def test_a_reset_empties_the_state_directory_too(own_server: LocalServer) -> None:
    own_server.start()
    fill(own_server.boto())
    ControlClient(own_server.url).reset()
    assert own_server.boto().list_secrets(IncludePlannedDeletion=True)["SecretList"] == []
    assert list(own_server.state.rglob("*.json")) == []


def test_a_write_that_a_kill_cut_short_is_thrown_away(own_server: LocalServer) -> None:
    own_server.start()
    own_server.boto().create_secret(Name="whole")
    own_server.kill()
    [stored] = own_server.state.rglob("*.json")
    cut = stored.with_name("cut.unfinished")
    cut.write_text("{", encoding="utf-8")
    own_server.start()
    assert [s["Name"] for s in own_server.boto().list_secrets()["SecretList"]] == ["whole"]
    assert not cut.exists()


def test_the_stored_secrets_are_for_their_owner_only(own_server: LocalServer) -> None:
    own_server.start()
    own_server.boto().create_secret(Name="private", SecretString="v")
    [stored] = own_server.state.rglob("*.json")
    assert stat.S_IMODE(stored.stat().st_mode) == 0o600
    assert stat.S_IMODE(own_server.state.stat().st_mode) == 0o700


def test_the_port_file_is_gone_after_the_end(own_server: LocalServer) -> None:
    own_server.start()
    assert own_server.stop() == 0
    assert not own_server.port_file.exists()


def test_a_start_that_fails_leaves_no_port_file_of_a_former_run(own_server: LocalServer) -> None:
    own_server.port_file.write_text("1\n", encoding="ascii")
    own_server.credentials.unlink()
    assert run_to_its_end(own_server)[0] == 1
    assert not own_server.port_file.exists()


def test_a_given_port_is_used_and_can_be_used_again_at_once(own_server: LocalServer) -> None:
    own_server.start()
    port = own_server.port
    own_server.boto().list_secrets()
    own_server.kill()
    own_server.start("--port", str(port))
    assert own_server.port == port
    own_server.boto().list_secrets()


def test_stopping_does_not_wait_for_a_hanging_call(own_server: LocalServer) -> None:
    own_server.start()
    ControlClient(own_server.url).add_fault(action="hang")
    raw = RawClient(own_server.port)
    call = threading.Thread(target=lambda: pytest.raises(ConnectionError, raw.call, "ListSecrets", {}))
    call.start()
    while not ControlClient(own_server.url).calls():
        pass
    assert own_server.stop() == 0
    call.join(timeout=5)
    assert not call.is_alive()
    raw.close()


def run_to_its_end(server: LocalServer, *extra: str) -> tuple[int, str]:
    """Exit status and standard error of a start that fails."""
    environment = os.environ | {"PYTHONPATH": str(DEV)}
    done = subprocess.run(
        server.command(*extra), env=environment, capture_output=True, text=True, timeout=20, check=False
    )
    return done.returncode, done.stderr


def test_a_missing_credentials_file_is_one_sentence(own_server: LocalServer) -> None:
    own_server.credentials.unlink()
    status, text = run_to_its_end(own_server)
    assert status == 1
    assert text == (
        f'secretsmanager: cannot read the credentials file "{own_server.credentials}": No such file or directory\n'
    )


def test_a_port_in_use_is_one_sentence(own_server: LocalServer, running: LocalServer) -> None:
    status, text = run_to_its_end(own_server, "--port", str(running.port))
    assert status == 1
    assert text == f"secretsmanager: cannot start at 127.0.0.1:{running.port}: Address already in use\n"


def test_a_state_directory_has_one_server(own_server: LocalServer) -> None:
    own_server.start()
    own_server.port_file = own_server.directory / "second-port"
    status, text = run_to_its_end(own_server)
    assert status == 1
    assert "is in use by another server" in text


def test_an_unreadable_stored_secret_is_named(own_server: LocalServer) -> None:
    own_server.start()
    own_server.boto().create_secret(Name="damaged")
    own_server.stop()
    [stored] = own_server.state.rglob("*.json")
    stored.write_text("{}", encoding="utf-8")
    status, text = run_to_its_end(own_server)
    assert status == 1
    assert str(stored) in text
    assert "remove the file" in text


def test_many_clients_at_once_lose_nothing(own_server: LocalServer) -> None:
    own_server.start()
    failures: list[BaseException] = []

    def work(number: int) -> None:
        raw = RawClient(own_server.port)
        try:
            for turn in range(25):
                assert raw.write("CreateSecret", {"Name": f"{number}/{turn}", "SecretString": "v"}).status == 200
                tag = [{"Key": f"{number}-{turn}", "Value": "v"}]
                if turn < 5:
                    assert raw.call("TagResource", {"SecretId": "shared", "Tags": tag}).status == 200
        except BaseException as err:
            failures.append(err)
        finally:
            raw.close()

    own_server.boto().create_secret(Name="shared")
    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert len(own_server.boto().describe_secret(SecretId="shared")["Tags"]) == 40
    own_server.kill()
    own_server.start()
    pages = own_server.boto().get_paginator("list_secrets").paginate()
    assert sum(len(page["SecretList"]) for page in pages) == 8 * 25 + 1
