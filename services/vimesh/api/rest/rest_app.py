"""Builds Tacker's REST API as an ASGI application: its paths and their handlers."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import SystemRandom
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from vimesh.api.rest.callers.rest_caller import OpenCallers, RestCallers
from vimesh.api.rest.documents.answer_links import path_address
from vimesh.api.rest.errors.error_answers import error_response, unavailable
from vimesh.api.rest.event_resource import Events
from vimesh.api.rest.rest_edge import Handler, guarded, unrouted
from vimesh.api.rest.vim_resource import Vims
from vimesh.http.request_admission import RequestAdmission, RequestAdmissionLimits

if TYPE_CHECKING:  # exists for type checkers only
    from vimesh.v1.vim_service_pb2_grpc import VimServiceAsyncStub

ROOT = "/v1.0"


@dataclass(frozen=True, slots=True)
class RestSettings:
    project: str = "default"
    """Project of new VIMs, unless the request names another one."""
    call_timeout_s: float = 10.0
    """How long one call to a conductor may take: less than Envoy's timeout for a request."""
    body_within_s: float = 30.0
    """How long the body of a request may take to arrive."""
    admission: RequestAdmissionLimits = field(default_factory=RequestAdmissionLimits)


def rest_app(stub: VimServiceAsyncStub, settings: RestSettings, callers: RestCallers | None = None) -> ASGIApp:
    """Return the application. Without `callers`, it serves everybody, in its own name."""
    vims = Vims(stub, settings.call_timeout_s, settings.body_within_s, SystemRandom())
    events = Events(stub, settings.call_timeout_s)
    asked = callers or OpenCallers(settings.project)
    app = Starlette(
        routes=[
            _route(f"{ROOT}/", {"GET": _resources}, None),
            # Tacker's client ends every path with `.json`; other clients do not. Handlers strip it from IDs.
            *(
                _route(ROOT + path, {"GET": vims.list, "POST": vims.register}, asked)
                for path in ("/vims", "/vims.json")
            ),
            _route(f"{ROOT}/vims/{{vim_id}}", {"GET": vims.show, "PUT": vims.change, "DELETE": vims.remove}, asked),
            *(_route(ROOT + path, {"GET": events.list}, asked) for path in ("/events", "/events.json")),
            _route(f"{ROOT}/events/{{event_id}}", {"GET": events.show}, asked),
        ],
        exception_handlers={HTTPException: unrouted},
    )
    app.router.redirect_slashes = False
    too_many = error_response(unavailable("too many requests are under way; try again later"))
    return RequestAdmission(app, settings.admission, too_many)


def _route(path: str, handlers: dict[str, Handler], callers: RestCallers | None) -> Route:
    return Route(path, guarded(handlers, callers), methods=list(handlers))


async def _resources(request: Request) -> Response:
    def resource(name: str) -> dict[str, object]:
        href = path_address(request, f"{ROOT}/{name}s")
        return {"name": name, "collection": f"{name}s", "links": [{"rel": "self", "href": href}]}

    return JSONResponse({"resources": [resource("vim"), resource("event")]})
