"""Runs the api process: serves HTTP, and optionally runs other work next to it, until it is stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import grpc
import structlog

from vimesh.api.rest.http_server import bound_to, listening, serve
from vimesh.api.rest.request_record import record_requests
from vimesh.api.rest.rest_app import RestSettings, rest_app
from vimesh.rpc.channels import channel
from vimesh.v1.vim_service_pb2_grpc import VimServiceStub
from vimesh.watchdog.calls import Calls

_log = structlog.get_logger()

Stopped = Callable[[], Awaitable[object]]


class Beside(Protocol):
    """Other work that the process runs next to the HTTP server."""

    async def run(self, front: grpc.aio.Channel, stopped: Stopped, grace_s: float) -> None:
        """Work until `stopped` returns, then take at most `grace_s` to finish."""


@dataclass(frozen=True, slots=True)
class ApiSettings:
    address: str
    """`host:port` of the front of the mesh."""
    listen: str = "127.0.0.1:0"
    """`host:port` to serve HTTP on, where port 0 picks a free port, or `unix:` and a path."""
    credentials: Path | None = None
    """Folder with what this process shows to the front; None: the front asks for nothing."""
    rest: RestSettings = field(default_factory=RestSettings)
    beside: Beside | None = None
    grace_s: float = 1.5
    """How long requests and other work may take to finish when the process stops."""


async def run_api(settings: ApiSettings, stopped: Stopped, calls: Calls | None = None) -> None:
    """Serve until `stopped` returns. Waits for a front that is unavailable. Raises BadSetting if it cannot listen.

    `stopped` is called once the process serves; `calls` tracks running requests.
    """
    with listening(settings.listen) as listener:
        async with channel(settings.address, settings.credentials) as front, asyncio.TaskGroup() as parts:
            app = record_requests(rest_app(VimServiceStub(front), settings.rest), calls or Calls())
            parts.create_task(serve(app, listener, stopped, grace_s=settings.grace_s))
            if settings.beside is not None:
                parts.create_task(settings.beside.run(front, stopped, settings.grace_s))
            _log.info("api is serving", **bound_to(listener), address=settings.address)
