"""spec.secretTemplate: the secret has the shape that its template gives it, and its password is never lost."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from devstack.operator import Operator
from devstack.process import wait_until
from secretsmanager.control_client import ControlClient
from support.cluster import condition
from support.resources import database, unique
from support.tenant import Tenant, assert_works, run_sql
from support.watching import CallWatch, SqlWatch

FLAT = '{"user": "{{.DBUsername}}", "secret": "{{.DBPassword}}", "port": {{.DBPort}}}'
NESTED = """{
  "database": {
    "server": {"host": "{{.DBHost}}", "port": {{.DBPort}}},
    "login": {"user": "{{.DBUsername}}", "password": {{json .DBPassword}}}
  }
}
"""
JDBC = (
    '{"spring.datasource.url": "jdbc:postgresql://{{.DBHost}}:{{.DBPort}}/{{.DBName}}'
    '?user={{.DBUsername | urlquery}}&password={{.DBPassword | urlquery}}"}'
)
URL = '{"url": "{{.DatabaseURL}}"}'
PASSWORD = 'Known "to" the/team+and 32 chars'


def path_of(name: str) -> str:
    """The default path."""
    return f"rds/postgres/{name}"


def make_ready(tenant: Tenant, template: str | None, **spec: Any) -> str:
    """A Database that is Ready; its name."""
    name = unique("shaped")
    tenant.apply(database(name, secretTemplate=template, **spec))
    tenant.wait_ready(name)
    return name


def set_template(tenant: Tenant, name: str, template: str | None) -> dict[str, Any]:
    """Changes the template and waits until that is done; the status."""
    tenant.patch(name, {"spec": {"secretTemplate": template}})
    return tenant.wait_ready(name)


def password_of(tenant: Tenant, name: str, path: str | None = None) -> str:
    """The password, from the version that always has it."""
    value = tenant.secretsmanager.client().get_secret_value(SecretId=path or path_of(name), VersionStage="dbuo-canonical")
    documented: dict[str, str] = json.loads(value["SecretString"])
    return documented["DB_PASSWORD"]


def assert_logs_in(tenant: Tenant, name: str, password: str) -> None:
    """The password is the user's, and works in the database."""
    url = f"postgresql://{name}:{quote(password, safe='')}@127.0.0.1:{tenant.postgres.port}/{name}"
    assert run_sql(url, "SELECT current_user").stdout.strip() == name


def store(tenant: Tenant, path: str, value: Any) -> None:
    """A new version, written by a person."""
    text = value if isinstance(value, str) else json.dumps(value)
    tenant.secretsmanager.client().put_secret_value(SecretId=path, SecretString=text)


def ask_again(tenant: Tenant, name: str, value: str) -> dict[str, Any]:
    """Asks for a pass; the status that it left."""
    tenant.kubectl("annotate", "database", name, f"database.opzkit.io/reconcile-now={value}", "--overwrite")
    return tenant.wait_for(name, lambda status: status.get("lastHandledReconcileAt") == value, f"asked {value}")


def raw(tenant: Tenant, path: str) -> str:
    """The value, byte for byte."""
    value: str = tenant.secretsmanager.client().get_secret_value(SecretId=path)["SecretString"]
    return value


# --- made with a template ---


def test_a_secret_is_made_in_the_shape_of_its_template(tenant: Tenant) -> None:
    name = make_ready(tenant, NESTED)
    stored = tenant.stored(path_of(name))
    login, server = stored["database"]["login"], stored["database"]["server"]

    assert server == {"host": "127.0.0.1", "port": tenant.postgres.port}
    assert login["user"] == name
    assert_logs_in(tenant, name, login["password"])
    assert password_of(tenant, name) == login["password"]
    rendered = NESTED.replace("{{.DBHost}}", "127.0.0.1").replace("{{.DBPort}}", str(tenant.postgres.port))
    rendered = rendered.replace("{{.DBUsername}}", name).replace("{{json .DBPassword}}", json.dumps(login["password"]))
    assert raw(tenant, path_of(name)) == rendered
    status = tenant.status(name)
    assert status["secretFormatVersion"] == "template"
    assert tenant.description(path_of(name))["VersionIdsToStages"][status["secretVersion"]] == ["AWSCURRENT", "dbuo-pending"]


def test_a_jdbc_url_is_made_and_holds_the_password(tenant: Tenant) -> None:
    name = make_ready(tenant, JDBC)

    password = password_of(tenant, name)
    assert tenant.stored(path_of(name)) == {
        "spring.datasource.url": f"jdbc:postgresql://127.0.0.1:{tenant.postgres.port}/{name}?user={name}&password={password}"
    }
    assert_logs_in(tenant, name, password)


def test_a_pass_with_nothing_to_do_writes_nothing(tenant: Tenant, operator: Operator) -> None:
    name = make_ready(tenant, FLAT)
    before, calls = tenant.status(name), CallWatch(tenant.secretsmanager)

    operator.restart()
    wait_until(lambda: "GetSecretValue" in calls.operations(path_of(name)), "a pass", 20)
    ask_again(tenant, name, "1")

    assert calls.writes(path_of(name)) == []
    assert tenant.status(name)["secretVersion"] == before["secretVersion"]


# --- the template changes ---


def test_a_changed_template_keeps_the_password(tenant: Tenant) -> None:
    name = make_ready(tenant, FLAT)
    password = tenant.stored(path_of(name))["secret"]

    # The new one would find something else where the former one had the user.
    status = set_template(tenant, name, '{"user": "{{.DBPassword}}", "secret": "{{.DBUsername}}"}')

    assert tenant.stored(path_of(name)) == {"user": password, "secret": name}
    assert status["secretVersion"] != ""
    set_template(tenant, name, URL)
    assert tenant.stored(path_of(name))["url"] == f"postgresql://{name}:{password}@127.0.0.1:{tenant.postgres.port}/{name}"
    assert_logs_in(tenant, name, password)


def test_a_template_is_added_and_removed_with_the_same_password(tenant: Tenant) -> None:
    name = make_ready(tenant, None)
    store(tenant, path_of(name), {**tenant.stored(path_of(name)), "note": "of a person"})
    documented = tenant.stored(path_of(name))

    assert set_template(tenant, name, NESTED)["secretFormatVersion"] == "template"
    assert tenant.stored(path_of(name))["database"]["login"]["password"] == documented["DB_PASSWORD"]
    assert "note" not in tenant.stored(path_of(name))

    assert set_template(tenant, name, None)["secretFormatVersion"] == "v2"
    assert tenant.stored(path_of(name)) == documented
    assert_works(documented)


def test_an_old_secret_gets_a_template_with_its_password(tenant: Tenant) -> None:
    name = make_ready(tenant, None)
    documented = tenant.stored(path_of(name))
    old = {
        "host": documented["DB_HOST"], "port": documented["DB_PORT"], "dbname": name, "username": name,
        "password": documented["DB_PASSWORD"],
    }  # fmt: skip
    store(tenant, path_of(name), old)

    set_template(tenant, name, JDBC)

    assert documented["DB_PASSWORD"] in tenant.stored(path_of(name))["spring.datasource.url"]
    assert password_of(tenant, name) == documented["DB_PASSWORD"]


def test_the_address_follows_in_a_templated_secret(tenant: Tenant) -> None:
    name = make_ready(tenant, URL)
    before = tenant.stored(path_of(name))["url"]

    tenant.set_admin(tenant.postgres.admin_url(host="localhost"))
    tenant.wait_for(name, lambda status: status["connectionInfo"]["host"] == "localhost", "at localhost")

    assert tenant.stored(path_of(name))["url"] == before.replace("127.0.0.1", "localhost")


# --- a person writes ---


@pytest.mark.parametrize("template", [FLAT, JDBC, URL], ids=["flat", "jdbc", "url"])
def test_a_version_of_a_person_is_read_by_the_template(tenant: Tenant, template: str) -> None:
    name = make_ready(tenant, template)
    former, encoded = password_of(tenant, name), quote(PASSWORD, safe="")
    changed = {
        key: value.replace(former, PASSWORD if key == "secret" else encoded) if isinstance(value, str) else value
        for key, value in tenant.stored(path_of(name)).items()
    }
    store(tenant, path_of(name), {**changed, "note": "of a person"})

    assert condition(ask_again(tenant, name, "wrong"), "CredentialsVerified")["reason"] == "PasswordMismatch"
    assert tenant.stored(path_of(name)) == {**changed, "note": "of a person"}
    assert password_of(tenant, name) == former

    tenant.postgres.sql(f"ALTER ROLE {name} PASSWORD '{PASSWORD}'")
    status = ask_again(tenant, name, "right")

    assert status["phase"] == "Ready", status["message"]
    assert "note" not in tenant.stored(path_of(name))
    assert password_of(tenant, name) == PASSWORD
    assert_logs_in(tenant, name, PASSWORD)


def test_a_person_may_store_the_documented_format(tenant: Tenant) -> None:
    name = make_ready(tenant, NESTED)
    tenant.postgres.sql(f"ALTER ROLE {name} PASSWORD '{PASSWORD}'")
    store(tenant, path_of(name), {"DB_PASSWORD": PASSWORD})

    assert ask_again(tenant, name, "1")["phase"] == "Ready"

    assert tenant.stored(path_of(name))["database"]["login"]["password"] == PASSWORD


@pytest.mark.parametrize("value", ["not JSON", '{"other": "x"}'])
def test_a_version_that_holds_no_password_is_named_with_the_way_out(tenant: Tenant, value: str) -> None:
    name = make_ready(tenant, FLAT)
    right = tenant.status(name)["secretVersion"]
    store(tenant, path_of(name), value)
    wrong = next(v for v, labels in tenant.description(path_of(name))["VersionIdsToStages"].items() if "AWSCURRENT" in labels)

    status = ask_again(tenant, name, "1")

    assert condition(status, "Ready")["reason"] == "SecretInvalid"
    assert "put the former value back" in status["message"]
    assert raw(tenant, path_of(name)) == value

    tenant.secretsmanager.client().update_secret_version_stage(
        SecretId=path_of(name), VersionStage="AWSCURRENT", RemoveFromVersionId=wrong, MoveToVersionId=right
    )
    status = ask_again(tenant, name, "2")
    assert (status["phase"], status["secretVersion"]) == ("Ready", right)


def test_a_lost_canonical_version_is_made_again(tenant: Tenant) -> None:
    name = make_ready(tenant, JDBC)
    password, value = password_of(tenant, name), raw(tenant, path_of(name))
    stages = tenant.description(path_of(name))["VersionIdsToStages"]
    labelled = next(version for version, labels in stages.items() if "dbuo-canonical" in labels)
    tenant.secretsmanager.client().update_secret_version_stage(
        SecretId=path_of(name), VersionStage="dbuo-canonical", RemoveFromVersionId=labelled
    )

    assert ask_again(tenant, name, "1")["phase"] == "Ready"

    assert password_of(tenant, name) == password
    assert raw(tenant, path_of(name)) == value


def test_a_secret_of_somebody_else_is_not_read_by_a_template(tenant: Tenant) -> None:
    name, path = unique("thief"), f"/others/{unique('key')}"
    tenant.secretsmanager.client().create_secret(Name=path, SecretString='{"secret": "of another service"}')
    tenant.apply(database(name, secretName=path, secretTemplate=FLAT))

    tenant.wait_error(name, "SecretInvalid")

    assert raw(tenant, path) == '{"secret": "of another service"}'
    assert tenant.description(path)["Tags"] == {}
    assert not tenant.has_role(name) and not tenant.has_database(name)


# --- templates that cannot work ---


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        ('{"p": "{{.Password}}"}', 'spec.secretTemplate: 1:10: unknown field ".Password"'),
        ('{\n  "p": "{{.DBPassword}}"\n  "u": 1}', "not valid JSON at line 3"),
        ('{"u": "{{.DBUsername}}"}', "holds the password"),
        ('{"p": {{.DBPassword}}}', "text outside a JSON string"),
        ('{"p": "{{if .DBPassword}}x{{end}}"}', 'the keyword "if" is not supported'),
        ('{"p": "{{.DBPassword}}", "{{.DBName}}": 1, "{{.DBUsername}}": 2}', "repeats a key"),
    ],
    ids=["unknown field", "not JSON", "no password", "not quoted", "keyword", "keys that become equal"],
)
def test_a_template_that_cannot_work_is_refused_and_nothing_is_made(tenant: Tenant, template: str, sentence: str) -> None:
    sql, calls, name = SqlWatch(tenant.postgres), CallWatch(tenant.secretsmanager), unique("refused")
    tenant.apply(database(name, secretTemplate=template))

    status = tenant.wait_error(name, "InvalidSpec")

    assert sentence in status["message"]
    assert condition(status, "Stalled")["status"] == "True"
    assert sql.changes() == []
    assert calls.writes() == []

    set_template(tenant, name, FLAT)
    assert_logs_in(tenant, name, tenant.stored(path_of(name))["secret"])


def test_a_resource_goes_whatever_became_of_its_template(tenant: Tenant) -> None:
    name = make_ready(tenant, FLAT, retainOnDelete=False)
    tenant.patch(name, {"spec": {"secretTemplate": "{{"}})
    tenant.wait_error(name, "InvalidSpec")

    tenant.delete(name)

    assert not tenant.has_database(name) and not tenant.has_role(name)
    assert "DeletedDate" in tenant.description(path_of(name))


# --- the place ---


@pytest.mark.parametrize("retained", [True, False], ids=["retained", "not retained"])
def test_a_templated_secret_moves_with_its_password(tenant: Tenant, retained: bool) -> None:
    name = make_ready(tenant, JDBC, retainOnDelete=retained)
    target, before = f"/moved/{name}", tenant.stored(path_of(name))

    tenant.patch(name, {"spec": {"secretName": target}})
    status = tenant.wait_ready(name)

    assert status["secretARN"] == tenant.description(target)["ARN"]
    assert tenant.stored(target) == before
    assert_logs_in(tenant, name, password_of(tenant, name, target))
    assert ("DeletedDate" in tenant.description(path_of(name))) != retained
    tenant.patch(name, {"spec": {"retainOnDelete": True}})


def test_a_secret_moves_and_changes_its_template_at_once(tenant: Tenant) -> None:
    name = make_ready(tenant, FLAT)
    target, password = f"/moved/{name}", password_of(tenant, name)

    tenant.patch(name, {"spec": {"secretName": target, "secretTemplate": URL}})
    tenant.wait_ready(name)

    assert f":{password}@" in tenant.stored(target)["url"]


# --- killed in the middle ---


def kill_at(tenant: Tenant, operator: Operator, act: Callable[[], Any], seconds: float) -> None:
    """Kills the operator an instant after it begins with what `act` asks for, and starts it again."""
    seen = CallWatch(tenant.secretsmanager)
    act()
    wait_until(lambda: bool(seen.operations()), "the begin of the pass", 10)
    time.sleep(seconds)  # the very thing that is varied, not a wait for something
    operator.kill()
    operator.start()


def test_killing_the_operator_while_it_makes_a_templated_secret_loses_nothing(tenant: Tenant, operator: Operator) -> None:
    instants = random.Random(815)
    for _ in range(6):
        name = unique("killed")
        kill_at(
            tenant, operator, lambda: tenant.apply(database(name, secretTemplate=FLAT)),  # noqa: B023
            instants.uniform(0, 0.3),
        )  # fmt: skip

        tenant.wait_ready(name)

        assert_logs_in(tenant, name, tenant.stored(path_of(name))["secret"])
        assert password_of(tenant, name) == tenant.stored(path_of(name))["secret"]


def test_killing_the_operator_while_it_changes_a_template_loses_nothing(tenant: Tenant, operator: Operator) -> None:
    name = make_ready(tenant, FLAT)
    password, instants = password_of(tenant, name), random.Random(4711)
    for template in [URL, JDBC, None, NESTED, None, FLAT, URL, FLAT]:
        kill_at(
            tenant, operator, lambda: tenant.patch(name, {"spec": {"secretTemplate": template}}),  # noqa: B023
            instants.uniform(0, 0.12),
        )  # fmt: skip

        tenant.wait_ready(name)

        assert password in raw(tenant, path_of(name))
        if template is not None:
            assert password_of(tenant, name) == password
    assert_logs_in(tenant, name, password)


WRITES = [("PutSecretValue", 0), ("PutSecretValue", 1), ("UpdateSecretVersionStage", 0)]


def kill_in(operator: Operator, faults: ControlClient, act: Callable[[], Any], **fault: Any) -> None:
    """Kills the operator while it waits for the answer to one call, and starts it again."""
    faults.add_fault(action="hang", times=1, **fault)
    act()
    wait_until(lambda: any(f["hits"] for f in faults.faults()), "the call", 20)
    operator.kill()
    faults.clear_faults()
    operator.start()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("operation", "skip"), [("CreateSecret", 0), *WRITES])
def test_a_kill_at_any_write_of_a_creation_keeps_the_password(
    tenant: Tenant, operator: Operator, faults: ControlClient, operation: str, skip: int, when: str
) -> None:
    name = unique("cut")
    kill_in(
        operator, faults, lambda: tenant.apply(database(name, secretTemplate=FLAT)),
        operation=operation, skip=skip, when=when, secret=f"*{name}*",
    )  # fmt: skip

    tenant.wait_ready(name)

    assert_logs_in(tenant, name, tenant.stored(path_of(name))["secret"])
    assert password_of(tenant, name) == tenant.stored(path_of(name))["secret"]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("operation", "skip"), WRITES)
@pytest.mark.parametrize("template", [URL, None], ids=["the same template", "none by now"])
def test_a_kill_at_any_write_of_a_change_keeps_the_password(
    tenant: Tenant, operator: Operator, faults: ControlClient, operation: str, skip: int, when: str, template: str | None
) -> None:
    name = make_ready(tenant, FLAT)
    password = password_of(tenant, name)

    def cut() -> None:
        tenant.patch(name, {"spec": {"secretTemplate": URL}})

    kill_in(operator, faults, cut, operation=operation, skip=skip, when=when, secret=f"*{name}*")
    set_template(tenant, name, template)

    stored = tenant.stored(path_of(name))
    assert stored["url" if template else "POSTGRES_URL"].startswith(f"postgresql://{name}:{password}@")
    assert_logs_in(tenant, name, password)


@pytest.mark.parametrize("operation", ["PutSecretValue", "UpdateSecretVersionStage"])
def test_a_write_that_fails_is_made_up_for(tenant: Tenant, faults: ControlClient, operation: str) -> None:
    name = make_ready(tenant, FLAT)
    password = password_of(tenant, name)
    faults.add_fault(operation=operation, secret=f"*{name}*", code="AccessDeniedException", status=400)

    tenant.patch(name, {"spec": {"secretTemplate": URL}})
    tenant.wait_error(name, "SecretsManagerAccessDenied")
    assert tenant.stored(path_of(name))["secret"] == password
    # Another change of mind, with what the failed one left.
    tenant.patch(name, {"spec": {"secretTemplate": None}})
    tenant.wait_error(name, "SecretsManagerAccessDenied")
    faults.clear_faults()

    assert set_template(tenant, name, JDBC)["phase"] == "Ready"
    assert password in tenant.stored(path_of(name))["spring.datasource.url"]
    assert_logs_in(tenant, name, password)
