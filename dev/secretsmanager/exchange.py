"""One API call between its arrival and its end: the place where faults happen."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import Protocol

from secretsmanager.calls import Call, Calls
from secretsmanager.errors import ServiceError
from secretsmanager.faults import Armed, Fault
from secretsmanager.protocol import Answer, Request, failure
from secretsmanager.service import Execution, Service

LONGEST_HANG_SECONDS = 600.0
POLL_SECONDS = 0.2

# Actions that end the connection, and how the log of calls shows them.
CUTS = {"hang": "none", "close": "closed", "reset": "reset", "truncate": "truncated"}

HTML_PAGE = "<html><head><title>{0}</title></head><body><center><h1>{0}</h1></center></body></html>\n"


class Connection(Protocol):
    """What a call needs of the connection it came in on."""

    close_connection: bool

    def send_answer(self, answer: Answer, request_id: str, length: int | None = None) -> None:
        """Sends an answer; `length` is how much of its body, for a truncated one."""

    def reset_connection(self) -> None:
        """Ends the connection with RST."""

    def client_has_left(self) -> bool:
        """True once the client has closed its side."""


class Exchange:
    """One call. It is written down before anything is sent, so that a client finds its own call in the log."""

    def __init__(
        self, connection: Connection, service: Service, calls: Calls, request: Request, call: Call, armed: Armed | None
    ) -> None:
        self._connection = connection
        self._service = service
        self._calls = calls
        self._request = request
        self._call = call
        self._armed = armed
        self._started = time.monotonic()

    def run(self) -> None:
        """A fault that comes before, the execution, a fault that comes after, the answer."""
        if self._fails("before", None):
            return
        execution = self._service.execute(self._request)
        if self._fails("after", execution):
            return
        self._finish("sent", execution, execution.answer)
        self._connection.send_answer(execution.answer, self._call.request_id)

    def _fails(self, when: str, execution: Execution | None) -> bool:
        """Does what the fault says at this moment. True if that was the end of the call."""
        if self._armed is None or self._armed.fault.when != when:
            return False
        fault = self._armed.fault
        self._hold(self._armed, fault.seconds or (LONGEST_HANG_SECONDS if fault.action == "hang" else 0.0))
        if fault.action == "delay":
            return False
        if fault.action in CUTS:
            self._cut(fault.action, execution)
        else:
            answer = fault_answer(fault)
            self._finish("sent", execution, answer)
            self._connection.send_answer(answer, self._call.request_id)
        return True

    def _cut(self, action: str, execution: Execution | None) -> None:
        """The connection ends with this call; the client never sees how the service answered."""
        answer = None if execution is None else execution.answer
        self._finish(CUTS[action], execution, answer)
        self._connection.close_connection = True
        if action == "reset":
            self._connection.reset_connection()
        if action == "truncate" and answer is not None:
            self._connection.send_answer(answer, self._call.request_id, len(answer.body) // 2)

    def _hold(self, armed: Armed, seconds: float) -> None:
        """Waits; ends early when the fault is cleared or the client gives up."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and not self._connection.client_has_left():
            if armed.released.wait(min(left, POLL_SECONDS)):
                return

    def _finish(self, shown: str, execution: Execution | None, answer: Answer | None) -> None:
        """Writes down how the call ended; `answer` is None if there never was one."""
        identity = None if execution is None else execution.identity
        self._calls.finish(
            self._call,
            region=None if identity is None else identity.region,
            principal=None if identity is None else identity.credential.principal_arn,
            executed=execution is not None,
            outcome=None if answer is None else (answer.code or "ok"),
            status=None if answer is None else answer.status,
            answer=shown,
            fault=None if self._armed is None else self._armed.number,
            seconds=round(time.monotonic() - self._started, 4),
        )


def fault_answer(fault: Fault) -> Answer:
    """The answer that a fault gives in place of the service's."""
    if fault.action == "throttle":
        return failure(ServiceError("ThrottlingException", "Rate exceeded", text_member="message"))
    if fault.action == "error":
        return failure(ServiceError(fault.code, fault.message, status=fault.error_status()))
    if fault.action == "html":
        status = HTTPStatus(fault.status or HTTPStatus.SERVICE_UNAVAILABLE)
        page = HTML_PAGE.format(f"{status.value} {status.phrase}")
        return Answer(status.value, page.encode("utf-8"), "text/html", code="html")
    headers = tuple(fault.headers.items())
    return Answer(fault.status or 200, fault.body.encode("utf-8"), fault.content_type, code="respond", headers=headers)
