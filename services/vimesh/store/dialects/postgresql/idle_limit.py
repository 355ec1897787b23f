"""Limits how long a PostgreSQL transaction may be idle: others wait for its locks if its process has stopped."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, event
from sqlalchemy.ext.asyncio import AsyncEngine

POOLED: Final = "vimesh_pooled"
"""Key of a connection's info: whether it goes through a pooler."""
LIMIT_OF_SESSION: Final = "SET idle_in_transaction_session_timeout = '10s'"

_LIMIT_OF_TRANSACTION: Final = "SET LOCAL idle_in_transaction_session_timeout = '10s'"
_HAS_BEGUN: Final = "vimesh_transaction_begun"


def limit_idleness(engine: AsyncEngine) -> None:
    """Limit each transaction separately where a pooler lends out its sessions. Safe to repeat."""
    if not event.contains(engine.sync_engine, "begin", _note_begin):
        event.listen(engine.sync_engine, "begin", _note_begin)
        event.listen(engine.sync_engine, "before_cursor_execute", _limit)


def _note_begin(connection: Connection) -> None:
    # Send nothing yet: a broken connection must show in a statement, where callers expect it.
    connection.info[_HAS_BEGUN] = True


def _limit(connection: Connection, *_: object) -> None:
    if connection.info.pop(_HAS_BEGUN, False) and connection.info.get(POOLED):
        connection.exec_driver_sql(_LIMIT_OF_TRANSACTION)
