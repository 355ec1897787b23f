"""Serves status pages under `/status/`: to everybody, or to people who may read the VIMs of the page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vimesh.console.static_answer import StaticAnswer
from vimesh.console.status.status_board import StatusBoard
from vimesh.rpc.caller_metadata import ALL_PROJECTS, PROJECTS, ROLES
from vimesh.rpc.caller_roles import PEOPLE

ROOT: Final = "/status"

_Show = Callable[[StatusBoard, Request], Awaitable[StaticAnswer | None]]


def status_routes(boards: Mapping[str, StatusBoard], *, asks_callers: bool) -> list[Route]:
    """Return the routes. `asks_callers`: whether the front says who calls; without, everybody may read everything."""

    def route(path: str, show: _Show) -> Route:
        async def serve(request: Request) -> Response:
            board = boards.get(request.path_params["page"])
            # Whoever may not read a page does not learn that it exists.
            if board is None or not (board.page.public or not asks_callers or _may_read(request, board.page.project)):
                raise HTTPException(404)
            answer = await show(board, request)
            if answer is None:
                raise HTTPException(404)
            return answer.respond(request)

        return Route(f"{ROOT}/{{page}}{path}", serve)

    return [
        route("", lambda board, _: board.html()),
        route("/feed.atom", lambda board, _: board.feed()),
        route("/badge.svg", lambda board, _: board.badge()),
        route("/{line}/badge.svg", lambda board, request: board.badge(request.path_params["line"])),
    ]


def _may_read(request: Request, project: str) -> bool:
    """Return whether the caller may read the VIMs of a project, or of all if it is empty, as the front has proved."""
    roles, projects = (_words(request, name) for name in (ROLES, PROJECTS))
    return not roles.isdisjoint(PEOPLE) and (ALL_PROJECTS in projects or (bool(project) and project in projects))


def _words(request: Request, name: str) -> frozenset[str]:
    """Return the values of a header of the front, which it writes once."""
    values = request.headers.getlist(name)
    return frozenset(values[0].split(",")) if len(values) == 1 else frozenset()
