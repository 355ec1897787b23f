"""Turns exceptions from handlers into answers; the one edge of the REST API where that happens."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import grpc
import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from vimesh.api.rest.callers.rest_caller import RestCallers, enter
from vimesh.api.rest.errors.call_failures import explain_failure
from vimesh.api.rest.errors.error_answers import (
    RequestRefused,
    bad_request,
    defect,
    error_response,
    new_error_id,
    too_late,
    unavailable,
)

_log = structlog.get_logger()

Handler = Callable[[Request], Awaitable[Response]]

_WORDS = {
    404: ("HTTPNotFound", "no such path"),
    405: ("HTTPMethodNotAllowed", "the path does not support this method"),
}


def guarded(handlers: Mapping[str, Handler], callers: RestCallers | None) -> Handler:
    """Return the handler of a path, given a handler for each method. Without `callers`, it serves strangers, too."""

    async def handle(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        try:
            if callers is not None:
                enter(await callers.identify(request))
            return await handlers[method](request)
        except asyncio.CancelledError:
            # The process is ending and no longer waits for requests, but can still send this answer.
            return error_response(unavailable("this api process is stopping; try again"))
        except Exception as error:  # noqa: BLE001 - the edge is where faults stop
            return error_response(_refusal(request, error))

    return handle


def _refusal(request: Request, error: Exception) -> RequestRefused:
    match error:
        case RequestRefused():
            return error
        case grpc.aio.AioRpcError():
            return explain_failure(error)
        case TimeoutError():
            return too_late()
        case ClientDisconnect():
            return bad_request("the request was cut off")  # the client is gone and does not receive it
    error_id = new_error_id()
    _log.error("defect", method=request.method, path=request.url.path, error_id=error_id, exc_info=error)
    return defect(error_id)


def unrouted(_request: Request, error: Exception) -> Response:
    """Return the router's own errors in Tacker's form."""
    assert isinstance(error, HTTPException)  # noqa: S101 - the only type it is registered for
    type_, message = _WORDS.get(error.status_code, (f"HTTP{error.status_code}", error.detail))
    headers = dict(error.headers or {})
    if "Allow" in headers:
        headers["Allow"] = ", ".join(sorted(headers["Allow"].split(", ")))
    return error_response(RequestRefused(error.status_code, type_, message, headers=headers))
