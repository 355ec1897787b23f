"""Answers the requests of Prometheus: an ASGI application for GET alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, cast
from urllib.parse import parse_qs

from prometheus_client import CollectorRegistry, make_asgi_app

from vimesh.certificates.spiffe_ids import SpiffeId
from vimesh.domain.errors import VimeshError
from vimesh.http.admitted_connections import IDENTITY

Scope = Any
Receive = Any
Send = Any
Application = Callable[[Scope, Receive, Send], Any]

ANSWER_WITHIN_S: Final = 60.0
"""Above any sensible time-out of a scrape."""
_MAX_QUERY_BYTES: Final = 4096
_METRICS: Final = "/metrics"
_TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"


class BadQuery(Exception):
    """A query that a page does not understand. The message says why."""


class PageUnavailable(Exception):
    """A page cannot be written at present. The message says why."""


Write = Callable[[Mapping[str, str]], AsyncIterator[bytes]]
"""Returns the parts of a text for the parameters of a query.

Raises BadQuery, PageUnavailable or VimeshError before the first.
"""


@dataclass(frozen=True, slots=True)
class Page:
    write: Write
    admits: Callable[[SpiffeId], bool]
    """Whether a caller may read it who has shown this certificate. Without TLS, everybody on this machine may."""


def scrape_app(pages: Mapping[str, Page], registry: CollectorRegistry | None = None) -> Application:
    """Return the application. Each page has its own path; `/metrics` is what the registry collects, if there is one."""
    metrics = None if registry is None else cast("Application", make_asgi_app(registry))

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if scope["method"] != "GET":
            await _refuse(send, HTTPStatus.METHOD_NOT_ALLOWED, "only GET is served")
        elif len(scope["query_string"]) > _MAX_QUERY_BYTES:
            await _refuse(send, HTTPStatus.REQUEST_URI_TOO_LONG, f"a query has at most {_MAX_QUERY_BYTES} bytes")
        elif (page := pages.get(path)) is not None:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                await _answer(page, scope, send)
        elif metrics is not None and path == _METRICS:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                await metrics(scope, receive, send)
        else:
            await _refuse(send, HTTPStatus.NOT_FOUND, f"served here: {', '.join(sorted({_METRICS, *pages}))}")

    return app


async def _answer(page: Page, scope: Scope, send: Send) -> None:
    identity = scope.get("state", {}).get(IDENTITY)
    if identity is not None and not page.admits(identity):
        await _refuse(send, HTTPStatus.FORBIDDEN, f"not for {identity}")
        return
    query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    parts = page.write({name: values[-1] for name, values in query.items()})
    try:
        first = await anext(parts, b"")
    except BadQuery as error:
        await _refuse(send, HTTPStatus.BAD_REQUEST, str(error))
        return
    except (PageUnavailable, VimeshError) as error:
        await _refuse(send, HTTPStatus.SERVICE_UNAVAILABLE, str(error))
        return
    await _start(send, HTTPStatus.OK, _TEXT)
    await send({"type": "http.response.body", "body": first, "more_body": True})
    async for part in parts:
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _refuse(send: Send, status: HTTPStatus, text: str) -> None:
    await _start(send, status, "text/plain; charset=utf-8")
    await send({"type": "http.response.body", "body": f"{text}\n".encode()})


async def _start(send: Send, status: HTTPStatus, content_type: str) -> None:
    await send(
        {"type": "http.response.start", "status": int(status), "headers": [(b"content-type", content_type.encode())]}
    )
