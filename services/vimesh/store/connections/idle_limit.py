"""How long a transaction of PostgreSQL may be idle: others wait for its locks, and its process may have stopped."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, event
from sqlalchemy.ext.asyncio import AsyncEngine

POOLED: Final = "vimesh_pooled"
"""Of a connection's info: whether a pooler is between."""
LIMIT_OF_SESSION: Final = "SET idle_in_transaction_session_timeout = '10s'"

_LIMIT_OF_TRANSACTION: Final = "SET LOCAL idle_in_transaction_session_timeout = '10s'"
_BEGUN: Final = "vimesh_transaction_begun"


def limit_idleness(engine: AsyncEngine) -> None:
    """Limit each transaction for itself where a pooler lends its sessions out. Safe to repeat."""
    if not event.contains(engine.sync_engine, "begin", _begin):
        event.listen(engine.sync_engine, "begin", _begin)
        event.listen(engine.sync_engine, "before_cursor_execute", _limit)


def _begin(connection: Connection) -> None:
    # Nothing is sent yet: a connection that broke meanwhile shall be noticed where it is expected, by a statement.
    connection.info[_BEGUN] = True


def _limit(connection: Connection, *_: object) -> None:
    if connection.info.pop(_BEGUN, False) and connection.info.get(POOLED):
        connection.exec_driver_sql(_LIMIT_OF_TRANSACTION)
