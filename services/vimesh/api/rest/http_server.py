"""Runs the HTTP server of the api process."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from vimesh.api.rest.front_tls import FrontTls, protocol_for_fronts
from vimesh.domain.errors import BadSetting

_BACKLOG: Final = 1024
_KEEP_ALIVE_S: Final = 75
"""Longer than Envoy keeps an idle connection: the server must not close first, or Envoy may send on a closed one."""
_HEAD_BYTES: Final = 128 * 1024
"""Maximum size of a request without its body: far above Envoy's limit, so that it is Envoy that refuses."""


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave signals to the process."""
        yield


def listening(address: str) -> socket.socket:
    """Listen on `host:port`, where port 0 picks a free port, or on `unix:` and a path. Raises BadSetting."""
    if address.startswith("unix:"):
        return _listening_at(Path(address.removeprefix("unix:")))
    host, _, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, int(port)), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise BadSetting("listen", f"cannot listen on {address}: {error.strerror}") from error


def bound_to(listener: socket.socket) -> dict[str, object]:
    """Return the port or the socket on which it listens, for the log."""
    name = listener.getsockname()
    return {"socket": name} if isinstance(name, str) else {"port": name[1]}


def _listening_at(path: Path) -> socket.socket:
    """Listen on a unix socket that only its owner may use. Raises BadSetting."""
    listener = socket.socket(socket.AF_UNIX)
    try:
        path.unlink(missing_ok=True)  # a process that was killed leaves its own
        listener.bind(str(path))
        path.chmod(0o600)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise BadSetting("listen", f"cannot listen on unix:{path}: {error.strerror}") from error
    return listener


async def serve(
    app: ASGIApp,
    listener: socket.socket,
    stopped: Callable[[], Awaitable[object]],
    *,
    grace_s: float,
    tls: FrontTls | None = None,
) -> None:
    """Serve until `stopped` returns. Requests in flight may take `grace_s` more; then they are cancelled.

    `tls`: to serve fronts alone; None: whoever reaches the listener.
    """
    config = uvicorn.Config(
        app,
        http="h11" if tls is None else protocol_for_fronts(tls),
        ssl_context_factory=None if tls is None else lambda *_: tls.context(),
        ws="none",
        lifespan="off",
        log_config=None,  # keep our logging
        access_log=False,  # Envoy writes one
        proxy_headers=False,
        server_header=False,
        h11_max_incomplete_event_size=_HEAD_BYTES,
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=grace_s,  # type: ignore[arg-type]  # fractions of a second work too
    )
    server = _Server(config)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.serve([listener]))
        await stopped()
        server.should_exit = True
