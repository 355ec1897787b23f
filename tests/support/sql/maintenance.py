"""Lets time pass for maintenance windows: a store reads the clock of its database, which tests cannot set."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, update

from vimesh.domain.events import VimEvent
from vimesh.domain.maintenance.maintenance_windows import Coverage, NewWindow
from vimesh.domain.vim_store import VimStore
from vimesh.store.schema.maintenance_tables import maintenance_spans, maintenances
from vimesh.store.schema.tables import events, vims
from vimesh.store.schema.timestamps import micros
from vimesh.store.sql_store import SqlStore

_TIMES = {
    maintenances: ("start_time", "create_time", "ended_time", "next_time", "planned_end"),
    maintenance_spans: ("start_time", "end_time"),
    events: ("time",),
    vims: ("create_time", "update_time"),
}
Span = tuple[str, str, int, int]


def hours(count: float) -> dt.timedelta:
    return dt.timedelta(hours=count)


def new_window(
    filter_text: str = "",
    *,
    vim_ids: Sequence[str] = (),
    project_id: str = "",
    **fields: Any,  # noqa: ANN401 - any field of a NewWindow
) -> NewWindow:
    """Plan a window of two hours that begins at once; `fields` override that."""
    lasting = {} if "end" in fields else {"duration": hours(2)}
    coverage = Coverage(project_id, filter_text, tuple(vim_ids))
    return NewWindow(coverage, **{"reason": "a new kernel", **lasting, **fields})


async def pass_time(store: VimStore, by: dt.timedelta) -> None:
    """Let all that has happened or is planned be that much earlier."""
    assert isinstance(store, SqlStore)
    shift = micros(by.total_seconds())
    shifts = [update(table).values({name: table.c[name] - shift for name in names}) for table, names in _TIMES.items()]
    await store._database.write(lambda connection: [connection.execute(one) for one in shifts])


async def spans(store: VimStore, vim_id: str = "") -> list[Span]:
    """Return the spans of a VIM, or all, with start and end in microseconds since 1970."""
    assert isinstance(store, SqlStore)
    columns = [maintenance_spans.c[name] for name in ("vim_id", "maintenance_id", "start_time", "end_time")]
    of_vim = [maintenance_spans.c.vim_id == vim_id] if vim_id else []
    statement = select(*columns).where(*of_vim).order_by(maintenance_spans.c.start_time)
    rows = await store._database.read(lambda connection: connection.execute(statement).all())
    return [tuple(row) for row in rows]


async def keep_up(store: VimStore, limit: int = 1000) -> None:
    while await store.maintenance.keep_up(limit):
        pass


async def told(store: VimStore, vim_id: str) -> list[VimEvent]:
    """Return what became of the maintenance of a VIM, in order."""
    found = await store.events_after((await store.span()).oldest - 1, 10_000)
    return [event for event in found if event.vim_id == vim_id and event.kind.startswith("MAINTENANCE")]
