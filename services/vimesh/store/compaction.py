"""Dropping the oldest changes: what is left has no gap, and says where it begins (G8)."""

from __future__ import annotations

from itertools import takewhile

from sqlalchemy import Connection, bindparam, delete, select, update

from vimesh.domain.events import LogSpan
from vimesh.domain.retention import Retention, in_batches
from vimesh.store import schema
from vimesh.store.changes import Changes
from vimesh.store.database import Database
from vimesh.store.dialects import NowMicros
from vimesh.store.events import span
from vimesh.store.place import open_database, place_of
from vimesh.store.tables import events, revisions
from vimesh.store.times import micros

_OLDEST = select(events.c.revision, events.c.time).order_by(events.c.revision).limit(bindparam("count"))
_CLOCK = select(NowMicros())
_DROP = delete(events).where(events.c.revision <= bindparam("last"))
_MOVE_TAIL = update(revisions).values(oldest=bindparam("to"))


async def drop(database: Database, retention: Retention, limit: int) -> int:
    """Drop up to `limit` of the oldest changes that are not to be kept; return how many."""
    # Most of the time there are none, and nobody has to be kept from writing to find that out.
    if not await database.read(lambda c: _any(c, retention)):
        return 0
    return await database.write(lambda c: _drop(c, retention, limit))


async def drop_all(database_url: str, retention: Retention) -> tuple[int, LogSpan]:
    """Drop all that is not to be kept, in many transactions. Return how many changes, and what is left.

    Raises BadSetting, also when the tables are not right, StoreUnavailable, Overloaded.
    """
    await schema.check(database_url)
    async with open_database(place_of(database_url)) as database:
        dropped = await in_batches(lambda limit: drop(database, retention, limit))
        return dropped, await database.read(span)


def _any(connection: Connection, retention: Retention) -> bool:
    now = connection.execute(_CLOCK).scalar_one()
    return bool(_to_drop(connection, retention, span(connection).newest, now, 1))


def _drop(connection: Connection, retention: Retention, limit: int) -> int:
    changes = Changes.begin(connection)
    dropped = _to_drop(connection, retention, changes.newest, changes.now, limit)
    if dropped:
        connection.execute(_DROP, {"last": dropped[-1]})
        connection.execute(_MOVE_TAIL, {"to": dropped[-1] + 1})
    return len(dropped)


def _to_drop(connection: Connection, retention: Retention, newest: int, now: int, limit: int) -> list[int]:
    first_kept, kept_since = newest - retention.events + 1, now - micros(retention.age_s)
    oldest = connection.execute(_OLDEST, {"count": limit})
    return [row.revision for row in takewhile(lambda row: row.revision < first_kept or row.time < kept_since, oldest)]
