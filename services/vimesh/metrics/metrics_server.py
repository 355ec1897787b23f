"""Answers scrapes in a thread with a loop of its own: neither waits for the other, however busy the process is."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from uvicorn.protocols.http.h11_impl import H11Protocol

from vimesh.certificates.spiffe_ids import SpiffeId
from vimesh.domain.errors import BadSetting
from vimesh.http.admitted_connections import protocol_for
from vimesh.http.quiet_server import QuietServer, quiet_config
from vimesh.http.server_tls import ServerTls
from vimesh.metrics.scrape_app import Application

_MAX_CONNECTIONS: Final = 64
"""A few Prometheus servers, and people. Above that, requests are answered 503."""
_HEAD_BYTES: Final = 16 * 1024
_KEEP_ALIVE_S: Final = 75
"""Longer than the interval of usual scrapes."""
_ANSWER_WITHIN_S: Final = 150
"""Within this time of its beginning or its last answer, a connection must have had an answer: else it ends."""
_STOP_WITHIN_S: Final = 2.0


def tls_for_readers(listen: str, credentials: Path | None) -> ServerTls | None:
    """Return how readers have to prove who they are. Raises BadSetting.

    A unix socket is its owner's alone. Everywhere else a process with credentials asks for a certificate, on loopback
    addresses, too: other users of the machine reach these.
    """
    if listen.startswith("unix:"):
        return None
    if credentials is not None:
        return ServerTls(credentials)
    if _is_loopback(listen):
        return None
    raise BadSetting(
        "metrics", f"{listen} can be reached from other machines: that needs --credentials; or use 127.0.0.1"
    )


def _is_loopback(listen: str) -> bool:
    host = listen.rpartition(":")[0].strip("[]")
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_of_the_fleet(_caller: SpiffeId) -> bool:
    """Admit every part of the fleet and every person with a certificate: nothing in the metrics is about one VIM."""
    return True


@asynccontextmanager
async def answering_scrapes(app: Application, listener: socket.socket, tls: ServerTls | None) -> AsyncGenerator[None]:
    """Answer while the block runs. `tls`: to whoever shows a certificate of the fleet; None: to anybody."""
    config = quiet_config(
        app,
        tls,
        http=_bounded(_protocol(tls)),
        limit_concurrency=_MAX_CONNECTIONS,
        h11_max_incomplete_event_size=_HEAD_BYTES,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=1,
    )
    server = QuietServer(config)
    thread = threading.Thread(
        target=lambda: asyncio.run(server.serve([listener])),
        name="metrics",
        daemon=True,  # it must not keep the process from exiting
    )
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        await asyncio.to_thread(thread.join, _STOP_WITHIN_S)


def _protocol(tls: ServerTls | None) -> type[H11Protocol]:
    return H11Protocol if tls is None else protocol_for(tls, _is_of_the_fleet, "a stranger asked for metrics")


def _bounded(protocol: type[H11Protocol]) -> type[H11Protocol]:
    """Return the protocol, with an end for connections that get no answer in time."""

    class BoundedConnection(protocol):  # type: ignore[valid-type, misc]  # whichever protocol it is
        _limit: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:
            super().connection_made(transport)
            self._arm()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            self._arm()

        def connection_lost(self, error: Exception | None) -> None:
            super().connection_lost(error)
            self._disarm()

        def _arm(self) -> None:
            self._disarm()
            self._limit = self.loop.call_later(_ANSWER_WITHIN_S, self.transport.abort)

        def _disarm(self) -> None:
            if self._limit is not None:
                self._limit.cancel()

    return BoundedConnection
