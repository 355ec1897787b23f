"""Runs the api process: serves HTTP, and optionally runs other work next to it, until it is stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import grpc
import structlog

from vimesh.api.driver_statistics import DriverStatistics
from vimesh.api.keystone.keystone_callers import keystone_callers
from vimesh.api.rest.callers.proved_callers import ProvedCallers
from vimesh.api.rest.callers.rest_caller import RestCallers
from vimesh.api.rest.rest_app import RestSettings, rest_app
from vimesh.domain.errors import BadSetting
from vimesh.domain.fleet.process_announcements import ProcessKind
from vimesh.http.http_listener import bound_to, listening
from vimesh.http.request_record import record_requests
from vimesh.http.request_statistics import RequestStatistics
from vimesh.http.serve_fronts import serve
from vimesh.http.server_tls import tls_for_fronts
from vimesh.rpc.channels import channel
from vimesh.rpc.process_reports import FrontLink
from vimesh.tracing.spans import Tracer
from vimesh.v1.vim_service_pb2_grpc import VimServiceStub
from vimesh.watchdog.calls import Calls
from vimesh.watchdog.process_announcer import announced

if TYPE_CHECKING:
    from vimesh.metrics.exposition import Exposition  # needs packages that are only used with --metrics

_log = structlog.get_logger()

Stopped = Callable[[], Awaitable[object]]


class Beside(Protocol):
    """Other work that the process runs next to the HTTP server."""

    @property
    def statistics(self) -> DriverStatistics:
        """What it counts."""

    async def run(self, front: grpc.aio.Channel, stopped: Stopped, grace_s: float, tracer: Tracer | None) -> None:
        """Work until `stopped` returns, then take at most `grace_s` to finish. `tracer`: None: nothing is traced."""


@dataclass(frozen=True, slots=True)
class ApiSettings:
    address: str
    """`host:port` of the front of the mesh."""
    listen: str = "127.0.0.1:0"
    """`host:port` to serve HTTP on, where port 0 picks a free port, or `unix:` and a path."""
    credentials: Path | None = None
    """Folder with what this process shows to the front, and serves it by TLS with; None: the front asks for nothing."""
    rest: RestSettings = field(default_factory=RestSettings)
    keystone_file: Path | None = None
    """Configuration file of an OpenStack service, to check tokens of Keystone with; None: they prove nothing."""
    beside: Beside | None = None
    drain_s: float = 1.5
    """How long a stopping process fails its health checks before it closes its listener, so that fronts notice."""
    grace_s: float = 15.0
    """How long requests may then take to finish, and other work from the start: longer than a call to a conductor."""

    def __post_init__(self) -> None:
        if self.keystone_file is not None and self.credentials is None:
            raise BadSetting(
                "--keystone-file", "needs --credentials: only at a secured front can the process call for its callers"
            )


async def run_api(
    settings: ApiSettings,
    stopped: Stopped,
    calls: Calls | None = None,
    exposition: Exposition | None = None,
    tracer: Tracer | None = None,
) -> None:
    """Serve until `stopped` returns, then drain. Waits for a front that is unavailable.

    Raises BadSetting if it cannot listen, or for a file that it cannot use. `stopped` is called once the process
    serves; `calls` tracks running requests; `exposition` gets the collectors of the process, None: metrics are not
    served.
    """
    tls = tls_for_fronts(settings.credentials, settings.listen)
    with _callers(settings) as callers, listening(settings.listen) as listener:
        async with (
            channel(settings.address, settings.credentials) as front,
            announced(ProcessKind.API, FrontLink(front), lambda: _facts(settings)),
            asyncio.TaskGroup() as parts,
        ):
            rest = rest_app(VimServiceStub(front), settings.rest, callers)
            requests = RequestStatistics()
            app = record_requests(rest, calls or Calls(), requests, tracer)
            if exposition is not None:
                from vimesh.api.metrics.api_collector import ApiCollector  # noqa: PLC0415 - see above

                driver = None if settings.beside is None else settings.beside.statistics
                exposition.register(ApiCollector(requests, driver, front))
            parts.create_task(
                serve(app, listener, stopped, drain_s=settings.drain_s, grace_s=settings.grace_s, tls=tls)
            )
            if settings.beside is not None:
                parts.create_task(settings.beside.run(front, stopped, settings.grace_s, tracer))
            _log.info("api is serving", **bound_to(listener), address=settings.address)


def _facts(settings: ApiSettings) -> dict[str, str]:
    return {"listen": settings.listen, "driver": "no" if settings.beside is None else "yes"}


def _callers(settings: ApiSettings) -> AbstractContextManager[RestCallers | None]:
    """Open what finds out who calls: a front that wants credentials of this process asks its callers, too."""
    if settings.credentials is None:
        return nullcontext()
    if settings.keystone_file is None:
        return nullcontext(ProvedCallers(settings.rest.project))
    return keystone_callers(settings.keystone_file, settings.rest.project)
