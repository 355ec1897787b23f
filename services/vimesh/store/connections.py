"""The connections to a database server: ended when one of them shows that another server may be in charge."""

from __future__ import annotations

import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine

from vimesh.store.driver_errors import ErrorKind, kind_of

_ENDING: Final = {ErrorKind.READ_ONLY, ErrorKind.LOST, ErrorKind.NOT_READY}
"""What ends a connection. A server that is full would only be asked for another one."""
_OF: Final = "vimesh_generation"
# A peer that is gone without a word is noticed after some ten seconds, whether it is being waited for or not. A server
# that stands still acknowledges what it is sent: for that there are the limits of transactions.
_SOCKET_OPTIONS: Final = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        (socket.IPPROTO_TCP, getattr(socket, name), value)
        for name, value in (
            ("TCP_KEEPIDLE", 5),
            ("TCP_KEEPINTVL", 2),
            ("TCP_KEEPCNT", 3),
            ("TCP_USER_TIMEOUT", 10_000),
        )
        if hasattr(socket, name)
    ),
)


class Connections:
    """All connections of a process to one database, whichever pool they are in.

    After a fail-over the connections that were kept lead to the server that was in charge before. The first one that
    shows it takes the others along: none is used any more, and new ones are made to where the address leads then.
    """

    def __init__(self) -> None:
        self._generation = 0
        self._told: set[Callable[[], object]] = set()

    def watch(self, engine: AsyncEngine) -> AsyncEngine:
        """Have the connections of an engine follow; return the engine."""
        pool = engine.sync_engine
        event.listen(pool, "connect", self._connected)
        event.listen(pool, "checkout", self._require_current)
        event.listen(pool, "handle_error", self._judge)
        return engine

    def renew(self) -> None:
        """Let no connection that there is now be used again."""
        self._generation += 1
        for tell in tuple(self._told):
            tell()

    @contextmanager
    def telling(self, tell: Callable[[], object]) -> Generator[None]:
        """Call `tell` at each renewal: for a connection that is used without being taken from a pool again."""
        self._told.add(tell)
        try:
            yield
        finally:
            self._told.discard(tell)

    def _connected(self, connection: Any, record: Any) -> None:  # noqa: ANN401 - SQLAlchemy's, of each driver
        record.info[_OF] = self._generation
        transport = connection.driver_connection._transport  # noqa: SLF001 - no driver has another way to its socket
        if (found := transport.get_extra_info("socket")) is not None and found.family != socket.AF_UNIX:
            for option in _SOCKET_OPTIONS:
                found.setsockopt(*option)

    def _require_current(self, connection: Any, record: Any, _: object) -> None:  # noqa: ANN401 - as above
        if record.info[_OF] != self._generation:
            # At once: a server that stands still would not take leave.
            connection.driver_connection._transport.abort()  # noqa: SLF001 - as above
            raise DisconnectionError

    def _judge(self, context: ExceptionContext) -> None:
        # What cannot be connected to says nothing about those that are.
        if context.connection is not None and kind_of(context.original_exception) in _ENDING:
            context.is_disconnect = True
            self.renew()
