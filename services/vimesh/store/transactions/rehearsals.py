"""Runs a transaction and rolls it back: it returns or raises what it would, and changes nothing."""

from __future__ import annotations

from typing import Generic, Never, TypeVar

from sqlalchemy import Connection

from vimesh.store.transactions.database import Database, Work

T = TypeVar("T")


class _Rehearsed(Exception, Generic[T]):
    """Ends the transaction after its work is done."""

    def __init__(self, result: T) -> None:
        super().__init__()
        self.result = result


async def rehearse(database: Database, work: Work[T], conflict: Work[object] | None = None) -> T:
    """Do what `Database.write` does, but keep nothing of it."""

    def undone(connection: Connection) -> Never:
        raise _Rehearsed(work(connection))

    try:
        await database.write(undone, conflict)
    except _Rehearsed as rehearsed:
        result: T = rehearsed.result
        return result
