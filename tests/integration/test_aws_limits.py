"""Secret names, tags and values at the limits of AWS."""

from __future__ import annotations

import json
import string

from devstack.secretsmanager import REGION
from support.resources import database, unique
from support.tenant import Tenant, assert_works

NAME_CHARACTERS = string.ascii_letters + string.digits + "/_+=.@-"
TAG_CHARACTERS = string.ascii_letters + string.digits + " +-=._:/@" + "äßñéçøžдж漢字かな한글ٱलह٣"
NAME_LIMIT, KEY_LIMIT, TAG_LIMIT, VALUE_LIMIT = 512, 128, 256, 65536


def test_a_name_may_have_every_character_and_the_full_length(tenant: Tenant) -> None:
    name = unique("full")
    path = f"{name}/{NAME_CHARACTERS}/"
    path += "n" * (NAME_LIMIT - len(path))
    tenant.apply(database(name, secretName=path))

    status = tenant.wait_ready(name)

    assert status["actualSecretName"] == path
    assert status["secretARN"].startswith(f"arn:aws:secretsmanager:{REGION}:")
    assert_works(tenant.stored(path))


def test_tags_may_have_every_character_the_full_length_and_be_as_many_as_the_schema_allows(tenant: Tenant) -> None:
    name = unique("tagged")
    tags = {f"key{number}": "" for number in range(37)}
    tags["k" + TAG_CHARACTERS] = "v" + TAG_CHARACTERS
    tags["é" * KEY_LIMIT] = "漢" * TAG_LIMIT
    tags["Case"] = "a"
    tenant.apply(database(name, awsSecretsManager={"tags": tags}))
    tenant.wait_ready(name)
    assert tags.items() <= tenant.description(f"rds/postgres/{name}")["Tags"].items()

    del tags["é" * KEY_LIMIT]
    tags["case"] = "b"
    tenant.patch(name, {"spec": {"awsSecretsManager": {"tags": {"é" * KEY_LIMIT: None, "case": "b"}}}})

    tenant.wait_ready(name)
    stored = tenant.description(f"rds/postgres/{name}")["Tags"]
    assert tags.items() <= stored.items()
    assert "é" * KEY_LIMIT not in stored


def make_template(password: str, size: int) -> str:
    """A template whose output has exactly so many bytes, with characters of several bytes at its end."""
    frame = '{"DB_PASSWORD": "{{.DBPassword}}", "more": "MORE"}'
    fixed = len(frame) - len("{{.DBPassword}}") - len("MORE") + len(password)
    repeats, rest = divmod(size - fixed, len(password))
    filler = "漢" * (rest // 3) + "." * (rest % 3)
    return frame.replace("MORE", "{{.DBPassword}}" * repeats + filler)


def test_a_value_of_64_kib_is_stored_and_one_byte_more_is_refused(tenant: Tenant) -> None:
    name = unique("large")
    path = f"rds/postgres/{name}"
    tenant.apply(database(name))
    tenant.wait_ready(name)
    password = tenant.stored(path)["DB_PASSWORD"]

    tenant.patch(name, {"spec": {"secretTemplate": make_template(password, VALUE_LIMIT)}})
    tenant.wait_ready(name)
    value = tenant.secretsmanager.client().get_secret_value(SecretId=path)["SecretString"]
    assert len(value.encode()) == VALUE_LIMIT
    assert json.loads(value)["DB_PASSWORD"] == password

    tenant.patch(name, {"spec": {"secretTemplate": make_template(password, VALUE_LIMIT + 1)}})
    status = tenant.wait_error(name, "InvalidSpec")
    assert "65536" in status["message"]
    assert tenant.secretsmanager.client().get_secret_value(SecretId=path)["SecretString"] == value


def test_a_document_that_people_filled_up_to_64_kib_is_kept(tenant: Tenant) -> None:
    name = unique("filled")
    path = f"rds/postgres/{name}"
    tenant.apply(database(name))
    tenant.wait_ready(name)
    document = tenant.stored(path)
    document["notes"] = ""
    document["notes"] = "x" * (VALUE_LIMIT - len(json.dumps(document, separators=(",", ":"))))
    value = json.dumps({key: document[key] for key in document if key != "DB_HOST"}, separators=(",", ":"))
    tenant.secretsmanager.client().put_secret_value(SecretId=path, SecretString=value)

    tenant.kubectl("annotate", "database", name, "database.opzkit.io/reconcile-now=1")

    tenant.wait_for(name, lambda status: status.get("lastHandledReconcileAt") == "1", "handled")
    stored = tenant.secretsmanager.client().get_secret_value(SecretId=path)["SecretString"]
    assert json.loads(stored) == document
    assert len(stored) == VALUE_LIMIT
