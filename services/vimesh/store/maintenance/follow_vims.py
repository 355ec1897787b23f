"""Lets spans follow the VIMs: one that comes, or changes so that a window covers it, has a span from that time on.

The log says what became of each VIM and when, so a span begins and ends at the time of the change, however late this
runs: after an outage, spans are as if there had been none.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, bindparam, exists, select, update

from vimesh.domain.events import EventKind
from vimesh.domain.vims import Vim
from vimesh.store.change_log.read_log import read_span
from vimesh.store.change_log.transaction import Changes
from vimesh.store.maintenance.plan_spans import open_occurrences, plan_anew
from vimesh.store.maintenance.span_book import SpanBook
from vimesh.store.maintenance.window_rows import Row, coverage_of
from vimesh.store.rows.vim_rows import vim_of_document
from vimesh.store.schema.event_documents import as_text
from vimesh.store.schema.maintenance_tables import maintenances
from vimesh.store.schema.tables import events
from vimesh.store.sql.sql_functions import among

_COMPARISONS: Final = 20_000
"""Comparisons of a VIM and a window in one transaction: each takes microseconds, in which others wait."""
_FEWEST: Final = 10
_DOCUMENTS_AT_ONCE: Final = 10
"""Documents that are in memory at a time: one of a new VIM may have hundreds of kilobytes."""
_DOCUMENT_BYTES: Final = 4 * 1024 * 1024
"""Bytes of documents after which the rest is left for the next time: to read them takes 10 ms for each megabyte."""
_IS_CHANGE = (
    events.c.revision > bindparam("after"),
    events.c.kind.in_([EventKind.REGISTERED, EventKind.MODIFIED, EventKind.DEREGISTERED]),
)
_CHANGES = (
    select(events.c.revision, events.c.time, events.c.kind, events.c.vim_id)
    .where(*_IS_CHANGE)
    .order_by(events.c.revision)
    .limit(bindparam("count"))
)
_DOCUMENTS = select(events.c.revision, as_text(events.c.document)).where(among(events.c.revision, "revisions"))
_HAS_CHANGES = select(exists().where(*_IS_CHANGE))
_MOVE_ON = (
    update(maintenances)
    .where(maintenances.c.closed.is_(False), maintenances.c.revision < bindparam("to"))
    .values(revision=bindparam("to"))
)


def has_changes(connection: Connection, after: int) -> bool:
    """Return whether VIMs came, went or changed after a revision."""
    return bool(connection.execute(_HAS_CHANGES, {"after": after}).scalar_one())


def follow(changes: Changes, windows: Sequence[Row]) -> bool:
    """Apply the changes of VIMs since the last time; return whether more of them are left for the next time."""
    connection, newest = changes.connection, changes.newest
    oldest = read_span(connection).oldest
    behind = [row for row in windows if row["revision"] < oldest - 1]
    for row in behind:
        plan_anew(changes, row)
    # What `behind` has missed is made up for, as far as it can be known: the rest of the log changes nothing about it.
    following = [row for row in windows if row["revision"] >= oldest - 1]
    limit = max(_FEWEST, _COMPARISONS // len(windows))
    after = min((row["revision"] for row in following), default=newest)
    rows = connection.execute(_CHANGES, {"after": after, "count": limit}).mappings().all()
    is_all = len(rows) < limit
    if rows:
        book = SpanBook.read(connection, list({row["vim_id"] for row in rows}), min(row["time"] for row in rows))
        applied = _apply_changes(connection, rows, following, book)
        book.write(connection)
        is_all, rows = is_all and applied == len(rows), rows[:applied]
    connection.execute(_MOVE_ON, {"to": newest if is_all else rows[-1]["revision"]})
    if behind and not is_all:
        of_behind = maintenances.c.id.in_([row["id"] for row in behind])
        connection.execute(update(maintenances).where(of_behind).values(revision=newest))
    return not is_all


def _apply_changes(connection: Connection, changes: Sequence[Row], windows: Sequence[Row], book: SpanBook) -> int:
    """Apply the first of the changes, as many as their sizes allow; return how many."""
    size = 0
    for begin in range(0, len(changes), _DOCUMENTS_AT_ONCE):
        if size > _DOCUMENT_BYTES:
            return begin
        batch = changes[begin : begin + _DOCUMENTS_AT_ONCE]
        # The document of a VIM that is gone is the largest, and says nothing here.
        revisions = [change["revision"] for change in batch if change["kind"] != EventKind.DEREGISTERED]
        documents = dict(map(tuple, connection.execute(_DOCUMENTS, {"revisions": revisions}))) if revisions else {}
        for change in batch:
            is_gone = change["kind"] == EventKind.DEREGISTERED
            vim = None if is_gone else vim_of_document(json.loads(documents[change["revision"]]))
            _apply(change, vim, windows, book)
        size += sum(map(len, documents.values()))
    return len(changes)


def _apply(change: Row, vim: Vim | None, windows: Sequence[Row], book: SpanBook) -> None:
    """`vim`: what it is after the change, without some of the fields that can be large; None if it is gone."""
    vim_id, time = change["vim_id"], change["time"]
    for window in windows:
        if window["revision"] >= change["revision"]:
            continue
        if vim is None or not coverage_of(window).includes(vim):
            book.leave(vim_id, window["id"], time, gone=vim is None)
            continue
        for start, end in open_occurrences(window, time):
            book.cover(vim_id, window["id"], max(start, time), end)
