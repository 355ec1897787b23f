"""Tracks the connections to a database server, and ends them all when another server may have taken over."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

from sqlalchemy import event, select
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine

from vimesh.store.databases.error_kinds import kind_of
from vimesh.store.sql.sql_functions import ReadOnly
from vimesh.store.transactions.driver_errors import ErrorKind

_ENDING: Final = {ErrorKind.READ_ONLY, ErrorKind.LOST, ErrorKind.NOT_READY}
"""Errors that end a connection. FULL is not among them: a full server would only be asked for another connection."""
_GENERATION: Final = "vimesh_generation"
_STARTED_AT: Final = "vimesh_begun_at"
_IS_READ_ONLY: Final = "vimesh_reads"
_IS_NEW: Final = "vimesh_new"
"""Keys of a connection's info: generation and time of its start, whether its server is read-only, whether unused."""
_READ_ONLY_S: Final = 1.0
"""How long a connection to a read-only server is used: the address may be about to move."""
_QUIET_S: Final = 2.0
"""A working server answers more often: it is asked every second whether it accepts writes."""
# These detect a peer that vanished silently within about ten seconds, whether or not we wait for it. A server that
# hangs still acknowledges data: the time limits of transactions cover that.
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


class ServerConnections:
    """Tracks all connections of a process to one database, in all its pools.

    After a fail-over the pooled connections lead to the former primary server. The first one that shows an error
    invalidates all of them, and new ones are made to the server that the address leads to by then. While that server is
    read-only, its connections are replaced after one second, because reads on it never show an error.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._generation = 0
        self._answered_at = clock()
        self._writable_at = clock()
        self._renewal_callbacks: set[Callable[[], object]] = set()

    def watch(self, engine: AsyncEngine) -> None:
        """Track the connections of an engine. Call this before any other listener for its connections is added."""
        pool = engine.sync_engine
        read_only = str(select(ReadOnly()).compile(dialect=pool.dialect))
        event.listen(pool, "do_connect", self._connecting)
        event.listen(pool, "connect", partial(self._connected, read_only))
        event.listen(pool, "checkout", self._require_current)
        event.listen(pool, "handle_error", self._handle_error)

    def note_answer(self) -> None:
        """Note that the server has answered, on any connection."""
        self._answered_at = self._clock()

    def note_timeout(self) -> None:
        """Renew all connections if the server has not answered on any: it may hang, or another may have taken over.

        If it does answer, the transaction only waited for a lock, or took too long.
        """
        if self._clock() - self._answered_at >= _QUIET_S:
            self.renew()

    def renew(self) -> None:
        """Ensure that no existing connection is used again."""
        self._generation += 1
        for callback in tuple(self._renewal_callbacks):
            callback()

    @contextmanager
    def on_renewal(self, callback: Callable[[], object]) -> Generator[None]:
        """Call `callback` at each renewal: for a connection that stays checked out of its pool."""
        self._renewal_callbacks.add(callback)
        try:
            yield
        finally:
            self._renewal_callbacks.discard(callback)

    def _connecting(self, _: object, record: Any, __: object, ___: object) -> None:  # noqa: ANN401 - SQLAlchemy's
        # Noted before connecting: a renewal while the connection is made concerns its server, too.
        record.info[_GENERATION] = self._generation
        record.info[_STARTED_AT] = self._clock()

    def _connected(self, read_only: str, connection: Any, record: Any) -> None:  # noqa: ANN401 - of each driver
        record.info[_IS_NEW] = True
        record.info[_IS_READ_ONLY] = _query_flag(connection, read_only)
        if not record.info[_IS_READ_ONLY]:
            self._writable_at = self._clock()
        transport = connection.driver_connection._transport  # noqa: SLF001 - no driver has another way to its socket
        if (driver_socket := transport.get_extra_info("socket")) is not None and driver_socket.family != socket.AF_UNIX:
            for option in _SOCKET_OPTIONS:
                driver_socket.setsockopt(*option)

    def _require_current(self, connection: Any, record: Any, _: object) -> None:  # noqa: ANN401 - as above
        if record.info.pop(_IS_NEW, False):
            # Accepted even after a renewal while it was made: the caller waits, and a pool makes no third attempt.
            return
        may_have_moved = record.info[_IS_READ_ONLY] and self._may_have_moved(record.info[_STARTED_AT])
        if may_have_moved or record.info[_GENERATION] != self._generation:
            # Aborted, since a clean close would wait for a server that hangs.
            connection.driver_connection._transport.abort()  # noqa: SLF001 - as above
            raise DisconnectionError

    def _may_have_moved(self, started_at: float) -> bool:
        """Return whether the address may by now lead to another server than the read-only one at that time."""
        return started_at <= self._writable_at or self._clock() >= started_at + _READ_ONLY_S

    def _handle_error(self, context: ExceptionContext) -> None:
        # A failed attempt to connect proves nothing about existing connections.
        if context.connection is not None and kind_of(context.original_exception) in _ENDING:
            context.is_disconnect = True
            self.renew()


def _query_flag(connection: Any, question: str) -> bool:  # noqa: ANN401 - of each driver
    cursor = connection.cursor()
    try:
        cursor.execute(question)
        return bool(cursor.fetchone()[0])
    finally:
        cursor.close()
        connection.rollback()
