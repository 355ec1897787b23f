"""Records which HTTP requests are in progress, counts those that are over, and notes the id of each."""

from __future__ import annotations

import time

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vimesh.api.rest.request_statistics import RequestStatistics
from vimesh.tracing.current_request import REQUEST_ID, enter_request, plain_id
from vimesh.watchdog.calls import Calls


def record_requests(app: ASGIApp, calls: Calls, statistics: RequestStatistics) -> ASGIApp:
    """Return an application that records its requests, without their queries, in `calls` and serves them."""

    async def serve_recorded(scope: Scope, receive: Receive, send: Send) -> None:
        status, begun = 0, time.monotonic()

        async def send_noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        enter_request(plain_id(Headers(scope=scope).get(REQUEST_ID)))
        try:
            with calls.track(f"{scope['method']} {scope['path']}"):
                await app(scope, receive, send_noting)
        finally:
            statistics.count(scope, status, time.monotonic() - begun)

    return serve_recorded
