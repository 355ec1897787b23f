"""Lets an HTTP server say that it will end, while it still serves: fronts send the next requests elsewhere."""

from __future__ import annotations

from typing import Final

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEALTH_PATH: Final = "/healthz"
_CLOSE: Final = (b"connection", b"close")


class ServerDrain:
    """Wraps an application. Answers health checks itself: they need no place among the requests."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._draining = False

    def begin(self) -> None:
        """Fail health checks from now on, and let each answer close its connection. Requests are served as before."""
        self._draining = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_closing(message: Message) -> None:
            # Decided when the answer begins: the request may be older than the drain.
            if self._draining and message["type"] == "http.response.start":
                others = [header for header in message["headers"] if header[0].lower() != _CLOSE[0]]
                message = {**message, "headers": [*others, _CLOSE]}
            await send(message)

        app = self._health() if scope["path"] == HEALTH_PATH else self._app
        await app(scope, receive, send_closing)

    def _health(self) -> ASGIApp:
        return PlainTextResponse("draining\n", 503) if self._draining else PlainTextResponse("ok\n")
