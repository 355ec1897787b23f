"""Builds what the console process serves as an ASGI application: its paths, and who answers them."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from vimesh.console.content_policy import of_application
from vimesh.console.static_answer import COMMON_HEADERS, StaticAnswer, prepare_answer
from vimesh.console.static_bundle import StaticBundle
from vimesh.domain.access.issuer_origins import origin_of
from vimesh.http.request_admission import RequestAdmission, RequestAdmissionLimits

BUNDLE: Final = Path(__file__).parent / "bundle"
ADMISSION: Final = RequestAdmissionLimits(requests=1024, reads=1024)
"""Answers are in memory. What is in progress has not been read by its caller, or waits for a fleet that hangs."""

_TEXT: Final = "text/plain; charset=utf-8"
_NOT_STORED: Final = {"cache-control": "no-store"}
_TOO_MANY: Final = b"too many requests are under way; try again later\n"

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class SignIn:
    """How the application signs people in, by OpenID Connect."""

    issuer: str
    """URL of the issuer, without a query."""
    client_id: str
    scopes: Sequence[str] = ("openid",)
    origins: Sequence[str] = ()
    """Origins that the application asks beside that of the issuer, such as that of its token endpoint."""


def console_app(sign_in: SignIn | None, status_routes: Sequence[Route] = (), bundle: Path = BUNDLE) -> ASGIApp:
    """Return the application. `sign_in`: None: people bring a token, or a certificate."""
    files = StaticBundle(bundle, of_application(_origins(sign_in)))
    config = prepare_answer(_config(sign_in), "application/json", _NOT_STORED)

    async def index(request: Request) -> Response:
        return (await files.index()).respond(request)

    async def asset(request: Request) -> Response:
        return _respond(await files.file(f"assets/{request.path_params['name']}"), request)

    async def settings(request: Request) -> Response:
        return config.respond(request)

    app = Starlette(
        routes=[
            # Relative, because a proxy before the front may have a prefix of its own.
            Route("/", _moved("console/")),
            Route("/console", _moved("console/")),
            Route("/console/", index),
            Route("/console/config.json", settings),
            Route("/console/assets/{name}", asset),
            *status_routes,
        ],
        exception_handlers={HTTPException: _refused},
    )
    app.router.redirect_slashes = False
    return RequestAdmission(app, ADMISSION, Response(_TOO_MANY, 503, {**COMMON_HEADERS, "retry-after": "1"}, _TEXT))


def _origins(sign_in: SignIn | None) -> list[str]:
    return [] if sign_in is None else list(dict.fromkeys((origin_of(sign_in.issuer), *sign_in.origins)))


def _config(sign_in: SignIn | None) -> bytes:
    """Return what the application has to know. Nothing of it is secret: everybody may read it."""
    oidc = sign_in and {"issuer": sign_in.issuer, "client_id": sign_in.client_id, "scopes": list(sign_in.scopes)}
    return json.dumps({"version": version("vimesh"), "oidc": oidc}).encode()


def _moved(location: str) -> Handler:
    async def move(_request: Request) -> Response:
        return Response(status_code=302, headers={**COMMON_HEADERS, **_NOT_STORED, "location": location})

    return move


def _respond(answer: StaticAnswer | None, request: Request) -> Response:
    if answer is None:
        raise HTTPException(404)
    return answer.respond(request)


async def _refused(_request: Request, refusal: Exception) -> Response:
    status = refusal.status_code if isinstance(refusal, HTTPException) else 500
    return Response("no such page\n" if status == 404 else "", status, {**COMMON_HEADERS, **_NOT_STORED}, _TEXT)
