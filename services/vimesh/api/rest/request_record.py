"""Records which HTTP requests are in progress."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from vimesh.watchdog.calls import Calls


def record_requests(app: ASGIApp, calls: Calls) -> ASGIApp:
    """Return an application that records its requests, without their queries, in `calls` and serves them."""

    async def serve_recorded(scope: Scope, receive: Receive, send: Send) -> None:
        with calls.track(f"{scope['method']} {scope['path']}"):
            await app(scope, receive, send)

    return serve_recorded
