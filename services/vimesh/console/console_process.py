"""Runs the console process: serves HTTP until it is stopped."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import structlog

from vimesh.console.console_app import BUNDLE, SignIn, console_app
from vimesh.console.status.fleet_answers import FleetAnswers
from vimesh.console.status.pages_file import StatusPage
from vimesh.console.status.render_page import PageWriter
from vimesh.console.status.status_board import StatusBoard
from vimesh.console.status.status_routes import status_routes
from vimesh.domain.fleet.process_announcements import ProcessKind
from vimesh.http.http_listener import bound_to, listening
from vimesh.http.request_record import record_requests
from vimesh.http.request_statistics import RequestStatistics
from vimesh.http.serve_fronts import serve
from vimesh.http.server_tls import tls_for_fronts
from vimesh.rpc.channels import channel
from vimesh.rpc.process_reports import FrontLink
from vimesh.runtime.task_crew import TaskCrew, crew
from vimesh.tracing.spans import Tracer
from vimesh.watchdog.calls import Calls
from vimesh.watchdog.process_announcer import announced

if TYPE_CHECKING:
    from vimesh.metrics.exposition import Exposition  # needs packages that are only used with --metrics

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ConsoleSettings:
    address: str
    """`host:port` of the front of the mesh."""
    listen: str = "127.0.0.1:0"
    """`host:port` to serve HTTP on, where port 0 picks a free port, or `unix:` and a path."""
    credentials: Path | None = None
    """Folder with what this process shows to the front, and serves it by TLS with; None: the front asks for nothing."""
    sign_in: SignIn | None = None
    """How the application signs people in; None: they bring a token, or a certificate."""
    pages: Mapping[str, StatusPage] = field(default_factory=dict)
    """The status pages, by name."""
    bundle: Path = BUNDLE
    """Folder with the built application; it may be missing."""
    drain_s: float = 1.5
    """How long a stopping process fails its health checks before it closes its listener, so that fronts notice."""
    grace_s: float = 5.0
    """How long requests may then take to finish."""


async def run_console(
    settings: ConsoleSettings,
    stopped: Callable[[], Awaitable[object]],
    calls: Calls | None = None,
    exposition: Exposition | None = None,
    tracer: Tracer | None = None,
) -> None:
    """Serve until `stopped` returns, then drain. It serves whether or not a front can be reached.

    Raises BadSetting if it cannot listen, or for a file that it cannot use. `stopped` is called once the process
    serves; `calls` tracks running requests; `exposition` gets the collectors of the process, None: metrics are not
    served.
    """
    tls = tls_for_fronts(settings.credentials, settings.listen)
    with listening(settings.listen) as listener:
        async with (
            channel(settings.address, settings.credentials) as front,
            announced(ProcessKind.CONSOLE, FrontLink(front), lambda: _facts(settings)),
            crew() as task_crew,
        ):
            boards = _boards(settings.pages, front, task_crew)
            routes = status_routes(boards, asks_callers=settings.credentials is not None)
            requests = RequestStatistics()
            app = record_requests(
                console_app(settings.sign_in, routes, settings.bundle), calls or Calls(), requests, tracer
            )
            if exposition is not None:
                from vimesh.console.metrics.console_collector import ConsoleCollector  # noqa: PLC0415 - see above

                exposition.register(ConsoleCollector(requests, front))
            _log.info("console is serving", **bound_to(listener), address=settings.address)
            await serve(app, listener, stopped, drain_s=settings.drain_s, grace_s=settings.grace_s, tls=tls)


def _facts(settings: ConsoleSettings) -> dict[str, str]:
    return {"listen": settings.listen, "status_pages": str(len(settings.pages))}


def _boards(pages: Mapping[str, StatusPage], front: grpc.aio.Channel, task_crew: TaskCrew) -> dict[str, StatusBoard]:
    answers, writer = FleetAnswers(front, _now), PageWriter()
    return {name: StatusBoard(page, answers, writer, task_crew, now=_now) for name, page in pages.items()}


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
