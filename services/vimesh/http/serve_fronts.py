"""Serves HTTP to fronts, as api processes and consoles do, until the process stops."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.types import ASGIApp

from vimesh.certificates.spiffe_ids import Role, SpiffeId
from vimesh.http.admitted_connections import protocol_for
from vimesh.http.quiet_server import QuietServer, quiet_config
from vimesh.http.server_drain import ServerDrain
from vimesh.http.server_tls import ServerTls

_KEEP_ALIVE_S: Final = 75
"""Longer than Envoy keeps an idle connection: the server must not close first, or Envoy may send on a closed one."""
_HEAD_BYTES: Final = 128 * 1024
"""Maximum size of a request without its body: far above Envoy's limit, so that it is Envoy that refuses."""


async def serve(  # noqa: PLR0913 - its limits are all of its caller
    app: ASGIApp,
    listener: socket.socket,
    stopped: Callable[[], Awaitable[object]],
    *,
    drain_s: float,
    grace_s: float,
    tls: ServerTls | None = None,
) -> None:
    """Serve until `stopped` returns, then drain.

    For `drain_s` it fails health checks, and serves what still comes. Then it takes no more, and requests in flight may
    take `grace_s` longer before they are cancelled. `tls`: to serve fronts alone; None: whoever reaches the listener.
    """
    drain = ServerDrain(app)
    config = quiet_config(
        drain,
        tls,
        http="h11" if tls is None else protocol_for(tls, _is_front, "only a front may connect"),
        h11_max_incomplete_event_size=_HEAD_BYTES,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=grace_s,  # fractions of a second work too
    )
    server = QuietServer(config)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.serve([listener]))
        await stopped()
        drain.begin()
        await asyncio.sleep(drain_s)
        server.should_exit = True


def _is_front(caller: SpiffeId) -> bool:
    """Admit fronts alone: who else could connect could also write what a front says about callers."""
    return caller.role is Role.FRONT
