"""Records which HTTP requests are in progress, with the id of each, and its span if it is traced; counts those done."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vimesh.http.request_statistics import RequestStatistics
from vimesh.tracing.current_request import REQUEST_ID, current_request_id, enter_request, plain_id
from vimesh.tracing.spans import Tracer, entered, sampled_traceparent
from vimesh.watchdog.calls import Calls


def record_requests(app: ASGIApp, calls: Calls, statistics: RequestStatistics, tracer: Tracer | None = None) -> ASGIApp:
    """Return an application that records its requests, without their queries, in `calls` and serves them."""

    async def serve_recorded(scope: Scope, receive: Receive, send: Send) -> None:
        status, begun = 0, time.monotonic()

        async def send_noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        headers = Headers(scope=scope)
        enter_request(plain_id(headers.get(REQUEST_ID)))
        try:
            with calls.track(f"{scope['method']} {scope['path']}"), _span(tracer, scope["method"], headers):
                await app(scope, receive, send_noting)
        finally:
            statistics.count(scope, status, time.monotonic() - begun)

    return serve_recorded


def _span(tracer: Tracer | None, method: str, headers: Headers) -> AbstractContextManager[None]:
    traceparent = "" if tracer is None else sampled_traceparent(headers.items())
    # Named by the method alone: the paths hold ids.
    return entered(tracer.join(traceparent, method, current_request_id())) if tracer and traceparent else nullcontext()
