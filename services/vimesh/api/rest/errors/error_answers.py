"""What the REST door says when it does not do what was asked: Tacker's form of an error."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from starlette.responses import JSONResponse

BAD_REQUEST = "HTTPBadRequest"


class RequestRefused(Exception):
    """Ends a request. The message is fit for the caller's eyes."""

    def __init__(self, status: int, type_: str, message: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.type = type_
        """Tacker's name of the error: its client makes an exception of it, if it knows one of that name."""
        self.headers = headers or {}


def bad_request(message: str) -> RequestRefused:
    return RequestRefused(400, BAD_REQUEST, message)


def bad_attribute(name: str, reason: str) -> RequestRefused:
    """Say which attribute cannot be used, in the words that Tacker's users know."""
    return bad_request(f"Invalid input for {name}. Reason: {reason}.")


def no_such_vim(vim_id: str) -> RequestRefused:
    return RequestRefused(404, "VimNotFoundException", f"no VIM has the id {vim_id}")


def no_such_event(event_id: str) -> RequestRefused:
    return RequestRefused(404, "EventNotFoundException", f"no event has the id {event_id}")


def unavailable(message: str) -> RequestRefused:
    return RequestRefused(503, "ServiceUnavailable", message, headers={"Retry-After": "1"})


def too_late() -> RequestRefused:
    message = "the conductors did not answer in time; a change may have been made all the same"
    return RequestRefused(504, "GatewayTimeout", message)


def defect(error_id: str) -> RequestRefused:
    """Name a line of the log, and nothing of what is in it."""
    return RequestRefused(500, "HTTPInternalServerError", f"internal error; look for {error_id} in the logs")


def new_error_id() -> str:
    return uuid.uuid4().hex[:12]


def answer(refused: RequestRefused) -> JSONResponse:
    # The client breaks on an error that lacks one of the three.
    body = {"TackerError": {"type": refused.type, "message": str(refused), "detail": ""}}
    return JSONResponse(body, refused.status, dict(refused.headers))
