"""Drops the oldest changes. The rest of the log has no gap, and its first revision is recorded (G8)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile

from sqlalchemy import Connection, bindparam, delete, func, select, update

from vimesh.domain.events import LogSpan
from vimesh.domain.retention import Retention, in_batches
from vimesh.store.availability.count_changes import count_changes, counted_revision
from vimesh.store.change_log.log_size import read_written_bytes
from vimesh.store.change_log.read_log import read_span
from vimesh.store.change_log.transaction import Changes
from vimesh.store.databases.open_database import open_database, parse_database_url
from vimesh.store.schema.tables import events, former_vims, project_changes, revisions, segments
from vimesh.store.schema.timestamps import micros
from vimesh.store.sql.sql_functions import NowMicros
from vimesh.store.transactions.database import Database
from vimesh.store.upgrade import manage_tables

_SEGMENTS_AT_ONCE = 4
"""Maximum number of segments per transaction: other writers wait for it, and the database's own log must hold it."""
_OLDEST = select(events.c.revision, events.c.time).order_by(events.c.revision).limit(bindparam("count"))
_SEGMENTS_FROM = (
    select(segments.c.revision)
    .where(segments.c.revision >= bindparam("first"))
    .order_by(segments.c.revision)
    .limit(_SEGMENTS_AT_ONCE)
)
_UP_TO = (
    select(segments.c.revision)
    .where(segments.c.position >= bindparam("position"))
    .order_by(segments.c.revision)
    .limit(1)
)
_CLOCK = select(NowMicros())
_DROP = [delete(table).where(table.c.revision <= bindparam("last")) for table in (events, former_vims, project_changes)]
# The newest segment end among the dropped changes stays: the bytes of the kept changes are counted from it.
_BASE = select(func.max(segments.c.revision)).where(segments.c.revision <= bindparam("last"))
_DROP_SEGMENTS = delete(segments).where(segments.c.revision < bindparam("base"))
_MOVE_TAIL = update(revisions).values(
    oldest=bindparam("to"), dropped_until=bindparam("last"), dropped_time=bindparam("time")
)
_TIME = select(events.c.time).where(events.c.revision == bindparam("last"))


async def drop(database: Database, retention: Retention, limit: int) -> int:
    """Drop up to `limit` of the oldest changes that are beyond retention; return how many.

    Drop fewer if they are large, so that other writers do not wait long.
    """
    # Usually there is nothing to drop, and this check does not lock out other writers.
    if not await database.read(lambda c: _has_droppable(c, retention)):
        return 0
    # What is dropped must be counted for availability before.
    if last := await database.read(lambda c: _last_uncounted(c, retention, limit)):
        await database.write(lambda c: count_changes(c, limit, all_up_to=last))
    return await database.write(lambda c: _drop(c, retention, limit))


async def drop_all(database_url: str, retention: Retention) -> tuple[int, LogSpan]:
    """Drop all changes beyond retention, in many transactions. Return their number, and the span of the rest.

    Raises BadSetting, also if the tables are missing or of another version, StoreUnavailable, Overloaded.
    """
    await manage_tables.check(database_url)
    async with open_database(parse_database_url(database_url)) as database:
        dropped = await in_batches(lambda limit: drop(database, retention, limit))
        return dropped, await database.read(read_span)


@dataclass(frozen=True, slots=True)
class _KeptRange:
    """The first revision and the earliest time of the changes to keep."""

    revision: int
    time: int

    @classmethod
    def by(cls, connection: Connection, retention: Retention, newest: int, now: int, size_bytes: int) -> _KeptRange:
        first = newest - retention.events + 1
        if size_bytes > retention.size_bytes:
            # A segment that exceeds the limit only in part is dropped as a whole.
            last = connection.execute(_UP_TO, {"position": size_bytes - retention.size_bytes}).scalar()
            first = max(first, (last or 0) + 1)
        return cls(first, now - micros(retention.age_s))

    def includes(self, revision: int, time: int) -> bool:
        return revision >= self.revision and time >= self.time


def _has_droppable(connection: Connection, retention: Retention) -> bool:
    kept_range = _kept_range(connection, retention)
    return not all(kept_range.includes(*row) for row in connection.execute(_OLDEST, {"count": 1}))


def _kept_range(connection: Connection, retention: Retention) -> _KeptRange:
    now = connection.execute(_CLOCK).scalar_one()
    return _KeptRange.by(connection, retention, read_span(connection).newest, now, read_written_bytes(connection))


def _drop(connection: Connection, retention: Retention, limit: int) -> int:
    changes = Changes.begin(connection)
    kept_range = _KeptRange.by(connection, retention, changes.newest, changes.now, changes.written_bytes)
    droppable = _droppable(connection, kept_range, limit)
    counted = counted_revision(connection)
    dropped = _limit_segments(connection, [revision for revision in droppable if revision <= counted])
    if dropped:
        last = dropped[-1]
        time = connection.execute(_TIME, {"last": last}).scalar_one()
        for drop_rows in _DROP:
            connection.execute(drop_rows, {"last": last})
        connection.execute(_MOVE_TAIL, {"to": last + 1, "last": last, "time": time})
        if base := connection.execute(_BASE, {"last": last}).scalar():
            connection.execute(_DROP_SEGMENTS, {"base": base})
    return len(dropped)


def _droppable(connection: Connection, kept_range: _KeptRange, limit: int) -> list[int]:
    oldest = connection.execute(_OLDEST, {"count": limit}).all()
    return [row.revision for row in takewhile(lambda row: not kept_range.includes(*row), oldest)]


def _last_uncounted(connection: Connection, retention: Retention, limit: int) -> int:
    """Return the last change to drop next if it is not counted yet, otherwise 0."""
    droppable = _droppable(connection, _kept_range(connection, retention), limit)
    return droppable[-1] if droppable and droppable[-1] > counted_revision(connection) else 0


def _limit_segments(connection: Connection, dropped: list[int]) -> list[int]:
    """Return the changes that lie in the first few segments: later transactions drop the others."""
    if not dropped:
        return dropped
    ends = connection.execute(_SEGMENTS_FROM, {"first": dropped[0]}).scalars().all()
    return [revision for revision in dropped if revision <= ends[-1]] if len(ends) == _SEGMENTS_AT_ONCE else dropped
