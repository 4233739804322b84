"""The service behind HTTP: authenticate, validate, execute."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from secretsmanager import lifecycle, metadata, values
from secretsmanager.clock import Clock
from secretsmanager.context import Context
from secretsmanager.credentials import CredentialsError, CredentialsFile
from secretsmanager.errors import ServiceError, invalid_parameter
from secretsmanager.protocol import Answer, Request, failure, operation_name, parse_body, success
from secretsmanager.signature import Identity, authenticate
from secretsmanager.store import Store
from secretsmanager.validation import Validator, load_model

Function = Callable[[Context, dict[str, Any]], dict[str, Any]]

# Operation -> its function and the parameters that it honours.
OPERATIONS: dict[str, tuple[Function, str]] = {
    "CreateSecret": (
        lifecycle.create_secret,
        "Name ClientRequestToken Description KmsKeyId SecretBinary SecretString Tags",
    ),
    "DeleteSecret": (lifecycle.delete_secret, "SecretId RecoveryWindowInDays ForceDeleteWithoutRecovery"),
    "DescribeSecret": (metadata.describe_secret, "SecretId"),
    "GetSecretValue": (values.get_secret_value, "SecretId VersionId VersionStage"),
    "ListSecretVersionIds": (values.list_secret_version_ids, "SecretId IncludeDeprecated"),
    "ListSecrets": (metadata.list_secrets, "IncludePlannedDeletion MaxResults NextToken Filters"),
    "PutSecretValue": (values.put_secret_value, "SecretId ClientRequestToken SecretBinary SecretString VersionStages"),
    "RestoreSecret": (lifecycle.restore_secret, "SecretId"),
    "TagResource": (metadata.tag_resource, "SecretId Tags"),
    "UntagResource": (metadata.untag_resource, "SecretId TagKeys"),
    "UpdateSecret": (
        values.update_secret,
        "SecretId ClientRequestToken Description KmsKeyId SecretBinary SecretString",
    ),
    "UpdateSecretVersionStage": (
        values.update_secret_version_stage,
        "SecretId VersionStage RemoveFromVersionId MoveToVersionId",
    ),
}


def internal_failure(message: str) -> ServiceError:
    """What the front end answers when something behind it breaks."""
    return ServiceError("InternalFailure", message, status=500, text_member="message")


@dataclass(frozen=True)
class Execution:
    """How the service dealt with a request. `identity` is None if the signature was refused."""

    answer: Answer
    identity: Identity | None


class Service:
    """All rules of the service; it knows neither sockets nor faults."""

    def __init__(self, store: Store, credentials: CredentialsFile, clock: Clock, report: Callable[[str], None]) -> None:
        self._store = store
        self._credentials = credentials
        self._clock = clock
        self._report = report
        self._model = load_model()
        # botocore builds its shapes lazily and does not say that this is safe from several threads.
        self._model_lock = threading.Lock()

    def execute(self, request: Request) -> Execution:
        """Answers the request; never raises."""
        identity: Identity | None = None
        try:
            name = operation_name(request)
            if name not in self._model.operation_names:
                raise ServiceError("UnknownOperationException", None)
            identity = authenticate(request, self._credentials, self._clock)
            answer = success(self._perform(name, identity, request.body))
        except ServiceError as err:
            answer = failure(err)
        except CredentialsError as err:
            self._report(str(err))
            answer = failure(internal_failure(str(err)))
        except Exception as err:  # a defect of this server must look like one, and must not end the thread
            # Only the place: the text of an exception may quote a value.
            place = traceback.extract_tb(err.__traceback__)[-1]
            self._report(f"{type(err).__name__} in {place.name}, {place.filename}:{place.lineno}")
            answer = failure(internal_failure("The local Secrets Manager failed: see its log."))
        return Execution(answer, identity)

    def _perform(self, name: str, identity: Identity, body: bytes) -> dict[str, Any]:
        """Validates and executes, one operation at a time."""
        if name not in OPERATIONS:
            raise ServiceError("NotImplemented", f"The local Secrets Manager does not offer {name}.", status=501)
        params = self._validate(name, parse_body(body))
        function, _ = OPERATIONS[name]
        with self._store.lock:
            return function(Context(self._store, identity.credential, identity.region, self._clock.now()), params)

    def _validate(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        with self._model_lock:
            params = Validator().check(self._model.operation_model(name), body)
        _, supported = OPERATIONS[name]
        for parameter in params:
            if parameter not in supported.split():
                # Ignoring what the caller asked for would be worse than refusing it.
                raise invalid_parameter(
                    f"The local Secrets Manager does not offer the parameter {parameter} of {name}."
                )
        return params
