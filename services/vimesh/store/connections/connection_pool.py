"""The connections to a database server: ended when one of them shows that another server may be in charge."""

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

from vimesh.store.sql.sql_functions import ReadOnly
from vimesh.store.transactions.driver_errors import ErrorKind, kind_of

_ENDING: Final = {ErrorKind.READ_ONLY, ErrorKind.LOST, ErrorKind.NOT_READY}
"""What ends a connection. A server that is full would only be asked for another one."""
_OF: Final = "vimesh_generation"
_BEGUN_AT: Final = "vimesh_begun_at"
_READS: Final = "vimesh_reads"
_NEW: Final = "vimesh_new"
"""Of a connection's info: when it was made, in generations and in seconds; if its server only reads; not used yet."""
_READ_ONLY_S: Final = 1.0
"""For how long a connection to a server is used that takes no writes: the address may be about to move."""
_QUIET_S: Final = 2.0
"""A server that works answers more often: it is asked every second whether it takes writes."""
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


class ServerConnections:
    """All connections of a process to one database, whichever pool they are in.

    After a fail-over the connections that were kept lead to the server that was in charge before. The first one that
    shows it takes the others along: none is used any more, and new ones are made to where the address leads then. As
    long as that is a server without writes still, they are made again and again: one that only reads shows nothing.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._generation = 0
        self._answered_at = clock()
        self._took_writes_at = clock()
        self._told: set[Callable[[], object]] = set()

    def watch(self, engine: AsyncEngine) -> None:
        """Have the connections of an engine follow. To be called before anything else listens for how it connects."""
        pool = engine.sync_engine
        read_only = str(select(ReadOnly()).compile(dialect=pool.dialect))
        event.listen(pool, "do_connect", self._connecting)
        event.listen(pool, "connect", partial(self._connected, read_only))
        event.listen(pool, "checkout", self._require_current)
        event.listen(pool, "handle_error", self._judge)

    def note_answer(self) -> None:
        """Note that the server has answered, on whichever connection."""
        self._answered_at = self._clock()

    def waited_in_vain(self) -> None:
        """Renew all if the server has answered nobody: it may stand still, and another one be in charge.

        If it does answer, somebody only waited for a lock, or for too much.
        """
        if self._clock() - self._answered_at >= _QUIET_S:
            self.renew()

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

    def _connecting(self, _: object, record: Any, __: object, ___: object) -> None:  # noqa: ANN401 - SQLAlchemy's
        # Before: what is learned while it is made is about where it leads, too.
        record.info[_OF] = self._generation
        record.info[_BEGUN_AT] = self._clock()

    def _connected(self, read_only: str, connection: Any, record: Any) -> None:  # noqa: ANN401 - of each driver
        record.info[_NEW] = True
        record.info[_READS] = _says_yes(connection, read_only)
        if not record.info[_READS]:
            self._took_writes_at = self._clock()
        transport = connection.driver_connection._transport  # noqa: SLF001 - no driver has another way to its socket
        if (found := transport.get_extra_info("socket")) is not None and found.family != socket.AF_UNIX:
            for option in _SOCKET_OPTIONS:
                found.setsockopt(*option)

    def _require_current(self, connection: Any, record: Any, _: object) -> None:  # noqa: ANN401 - as above
        if record.info.pop(_NEW, False):
            # However much was learned while it was made: somebody waits for it, and a pool makes no third one.
            return
        moved = record.info[_READS] and self._may_have_moved(record.info[_BEGUN_AT])
        if moved or record.info[_OF] != self._generation:
            # At once: a server that stands still would not take leave.
            connection.driver_connection._transport.abort()  # noqa: SLF001 - as above
            raise DisconnectionError

    def _may_have_moved(self, begun_at: float) -> bool:
        """Say whether the address may lead elsewhere than to the read-only server to which it led then."""
        return begun_at <= self._took_writes_at or self._clock() >= begun_at + _READ_ONLY_S

    def _judge(self, context: ExceptionContext) -> None:
        # What cannot be connected to says nothing about those that are.
        if context.connection is not None and kind_of(context.original_exception) in _ENDING:
            context.is_disconnect = True
            self.renew()


def _says_yes(connection: Any, question: str) -> bool:  # noqa: ANN401 - of each driver
    cursor = connection.cursor()
    try:
        cursor.execute(question)
        return bool(cursor.fetchone()[0])
    finally:
        cursor.close()
        connection.rollback()
