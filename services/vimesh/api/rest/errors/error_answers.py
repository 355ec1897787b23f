"""Builds the error answers of the REST API in Tacker's form."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from math import ceil

from starlette.responses import JSONResponse

BAD_REQUEST = "HTTPBadRequest"


class RequestRefused(Exception):
    """Ends a request with an error. The message may be shown to the caller."""

    def __init__(self, status: int, type_: str, message: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.type = type_
        """Tacker's name for the error; Tacker's client raises the exception of that name, if it has one."""
        self.headers = headers or {}


def bad_request(message: str) -> RequestRefused:
    return RequestRefused(400, BAD_REQUEST, message)


def bad_attribute(name: str, reason: str) -> RequestRefused:
    """Return the error for an invalid attribute, in Tacker's wording."""
    return bad_request(f"Invalid input for {name}. Reason: {reason}.")


def no_such_vim(vim_id: str) -> RequestRefused:
    return RequestRefused(404, "VimNotFoundException", f"no VIM has the id {vim_id}")


def no_such_event(event_id: str) -> RequestRefused:
    return RequestRefused(404, "EventNotFoundException", f"no event has the id {event_id}")


def unavailable(message: str) -> RequestRefused:
    return RequestRefused(503, "ServiceUnavailable", message, headers={"Retry-After": "1"})


def too_many_requests(message: str, retry_after_s: float) -> RequestRefused:
    headers = {"Retry-After": str(max(1, ceil(retry_after_s)))}
    return RequestRefused(429, "HTTPTooManyRequests", message, headers=headers)


def too_late() -> RequestRefused:
    message = "the conductors did not answer in time; a change may have been made anyway"
    return RequestRefused(504, "GatewayTimeout", message)


def defect(error_id: str) -> RequestRefused:
    """Return the error for a defect: it identifies a log entry, and reveals nothing of its content."""
    return RequestRefused(500, "HTTPInternalServerError", f"internal error; look for {error_id} in the logs")


def new_error_id() -> str:
    return uuid.uuid4().hex[:12]


def error_response(refused: RequestRefused) -> JSONResponse:
    # Tacker's client fails on an error that lacks one of these three keys.
    body = {"TackerError": {"type": refused.type, "message": str(refused), "detail": ""}}
    return JSONResponse(body, refused.status, dict(refused.headers))
