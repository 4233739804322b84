"""The error answers of the service and of the framework in front of it."""

from __future__ import annotations


class ServiceError(Exception):
    """An error answer: `__type`, an optional text, and the HTTP status.

    The real service spells the text `Message` for errors of its API model and for access control, and
    `message` for what its front end refuses (signature, validation): `text_member` keeps the difference,
    because a client has to understand both.
    """

    def __init__(self, code: str, message: str | None, *, status: int = 400, text_member: str = "Message") -> None:
        super().__init__(code)
        self.code = code
        self.message = message
        self.status = status
        self.text_member = text_member

    def body(self) -> dict[str, str]:
        """The JSON object of the answer; an error without text has no text member at all."""
        if self.message is None:
            return {"__type": self.code}
        return {"__type": self.code, self.text_member: self.message}


def front_end_error(code: str, message: str | None) -> ServiceError:
    """An error of the framework in front of the service."""
    return ServiceError(code, message, text_member="message")


def invalid_request(message: str) -> ServiceError:
    """The request does not fit the state of the secret, or lacks its token."""
    return ServiceError("InvalidRequestException", message)


def invalid_parameter(message: str) -> ServiceError:
    """A parameter breaks a rule that the API model does not express."""
    return ServiceError("InvalidParameterException", message)


def resource_exists(message: str) -> ServiceError:
    """The name or the version id is taken."""
    return ServiceError("ResourceExistsException", message)


def not_found(message: str = "Secrets Manager can't find the specified secret.") -> ServiceError:
    """There is no such secret, version or value. The real status is 400, not 404."""
    return ServiceError("ResourceNotFoundException", message)


def validation_error(message: str) -> ServiceError:
    """A parameter breaks a constraint of the API model."""
    return front_end_error("ValidationException", message)


def marked_for_deletion() -> ServiceError:
    """What most operations answer about a secret in its recovery window."""
    return invalid_request("You can't perform this operation on the secret because it was marked for deletion.")
