"""Reading changes."""

from __future__ import annotations

from sqlalchemy import Connection, RowMapping, bindparam, select

from vimesh.domain.errors import EventUnreadable, RevisionCompacted, RevisionUnknown
from vimesh.domain.events import EventKind, LogSpan, VimEvent
from vimesh.domain.vims import Engine, Status
from vimesh.store.paging import position_of, token_of
from vimesh.store.records import vim_of_document
from vimesh.store.tables import events, revisions
from vimesh.store.times import moment

_SPAN = select(revisions.c.oldest, revisions.c.newest)
_AFTER = (
    select(events)
    .where(events.c.revision > bindparam("revision"))
    .order_by(events.c.revision)
    .limit(bindparam("count"))
)


def span(connection: Connection) -> LogSpan:
    oldest, newest = connection.execute(_SPAN).one()
    return LogSpan(oldest, newest)


def after(connection: Connection, revision: int, limit: int) -> list[VimEvent]:
    """Return changes in order. Raises RevisionCompacted, RevisionUnknown, EventUnreadable."""
    rows = connection.execute(_AFTER, {"revision": revision, "count": limit}).mappings().all()
    # Asked second: if the log was cut between the two, what was read may have a gap, and this says so.
    held = span(connection)
    if revision < held.oldest - 1:
        raise RevisionCompacted(held.oldest)
    if revision > held.newest:
        raise RevisionUnknown(held.newest)
    return [_event_of(row) for row in rows]


def page(connection: Connection, vim_id: str, page_size: int, page_token: str) -> tuple[list[VimEvent], str]:
    """Return the newest first, and the token of the next page. Raises PageTokenInvalid, EventUnreadable."""
    statement = select(events).order_by(events.c.revision.desc()).limit(page_size + 1)
    key = ("events", vim_id)
    if vim_id:
        statement = statement.where(events.c.vim_id == vim_id)
    if page_token:
        statement = statement.where(events.c.revision < position_of(page_token, key, (int,))[0])
    rows = connection.execute(statement).mappings().all()
    shown = rows[:page_size]
    token = token_of(key, (shown[-1]["revision"],)) if shown and len(rows) > len(shown) else ""
    return [_event_of(row) for row in shown], token


def _event_of(row: RowMapping) -> VimEvent:
    """Raises EventUnreadable for what a newer version wrote: to leave it out would be a gap (G8)."""
    try:
        return _known(row)
    except (KeyError, TypeError, ValueError) as error:
        raise EventUnreadable(row["revision"]) from error


def _known(row: RowMapping) -> VimEvent:
    return VimEvent(
        revision=row["revision"],
        kind=EventKind(row["kind"]),
        vim_id=row["vim_id"],
        time=moment(row["time"]),
        engine=Engine(row["engine"]),
        action_id=row["action_id"],
        stopped_action_id=row["stopped_action_id"],
        stopped_engine=Engine(row["stopped_engine"] or row["engine"]),
        status=Status(row["status"]),
        previous_status=Status(row["previous_status"]),
        reason=row["reason"],
        detail=row["detail"],
        vim=None if row["document"] is None else vim_of_document(row["document"]),
    )
