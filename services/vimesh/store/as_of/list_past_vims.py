"""Lists VIMs as they were at a time, in the order of their registration."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select

from vimesh.domain.errors import BadInput, Violation
from vimesh.domain.filters.condition_terms import is_of_conditions
from vimesh.domain.queries import Order, VimPage, VimQuery
from vimesh.domain.vims import Vim
from vimesh.store.as_of.former_vims import read_former
from vimesh.store.as_of.point_in_time import PointInTime, require_kept
from vimesh.store.as_of.undo_changes import count_changes_since, undo_changes
from vimesh.store.rows.bulky_rows import read_numbered
from vimesh.store.rows.page_budget import PageBudget
from vimesh.store.rows.vim_rows import REPLACED, row_of_document, vim_of
from vimesh.store.rows.visible_rows import Row
from vimesh.store.schema.event_documents import as_text
from vimesh.store.schema.tables import events, standings, vims
from vimesh.store.shown_vims.current_maintenance import read_current
from vimesh.store.shown_vims.read_flapping import flapping_vims
from vimesh.store.sql.page_tokens import position_of, token_of

MAX_CHANGES: Final = 5000
"""Changes to undo for a page; after that, it ends."""
_BATCH: Final = 500
_MAX_BATCHES: Final = 5
"""Batches of VIMs that a page looks at if none of them matches; after that, it ends."""
_NUMBERS = (
    select(standings.c.number)
    .where(standings.c.number > bindparam("after"), standings.c.number <= bindparam("last"))
    .order_by(standings.c.number)
    .limit(bindparam("count"))
)
_DOCUMENTS = select(events.c.revision, as_text(events.c.document)).where(
    events.c.revision.in_(bindparam("revisions", expanding=True))
)
_ORDER: Final = Order()


def past_page(connection: Connection, query: VimQuery, point: PointInTime) -> VimPage:
    """Return one page. Raises TimeNotKept, PageTokenInvalid, BadInput."""
    if query.order != _ORDER:
        raise BadInput(Violation("order_by", f"must be {_ORDER.field} if as_of is given"))
    if any(map(is_of_conditions, query.filter.fields)):
        raise BadInput(
            Violation("filter", "cannot compare conditions or certificates if as_of is given: they are not kept")
        )
    key = ("as_of", point.time, query.filter.token_key)
    after = int(position_of(query.page_token, key, (int,))[0]) if query.page_token else 0
    matching: list[Vim] = []
    changes = 0
    for _ in range(_MAX_BATCHES):
        count = _BATCH if query.filter else query.page_size
        batch = _read_batch(connection, query.projects, point, after, count)
        for number, vim in batch.vims:
            if query.filter.matches(vim):
                matching.append(vim)
            after = number
            if len(matching) == query.page_size:
                break
        is_last = batch.is_last and (not batch.vims or after == batch.vims[-1][0])
        changes += batch.changes
        if matching or is_last or changes >= MAX_CHANGES:
            break
    # If the log was compacted in between, changes may have been missed.
    require_kept(connection, point.time)
    return VimPage(matching, "" if is_last else token_of(key, (after,)))


@dataclass(frozen=True, slots=True)
class _Batch:
    vims: Sequence[tuple[int, Vim]]
    """With their numbers, in order."""
    changes: int
    """Number of changes that were undone, at least."""
    is_last: bool


def _read_batch(
    connection: Connection, projects: frozenset[str] | None, point: PointInTime, after: int, count: int
) -> _Batch:
    """Read up to `count` VIMs of that time, fewer if they are large or have changed often."""
    rows, is_last = _rows_of_then(connection, projects, point, after, count)
    since = count_changes_since(connection, [row["id"] for row in rows], point)
    total = 0
    for position, row in enumerate(rows):
        total += since.counts.get(row["id"], 0)
        if total > MAX_CHANGES and position:
            rows, is_last = rows[:position], False
            break
    past = undo_changes(connection, rows, since, point)
    rows, is_last = rows[: len(past)], is_last and len(past) == len(rows)
    vims_then = _vims_of(connection, past, point)
    return _Batch(list(zip([row["number"] for row in rows], vims_then, strict=True)), total, is_last)


def _vims_of(connection: Connection, rows: Sequence[Row], point: PointInTime) -> list[Vim]:
    maintained = read_current(connection, [row["id"] for row in rows], point.time)
    flapping = flapping_vims(connection, rows, point.revision)
    return [replace(vim_of(row), maintenance=maintained.get(row["id"]), flapping=row["id"] in flapping) for row in rows]


def _rows_of_then(
    connection: Connection, projects: frozenset[str] | None, point: PointInTime, after: int, count: int
) -> tuple[list[dict[str, Any]], bool]:
    """Return the rows of VIMs that existed then, as they are now or were at last, and whether there are no more."""
    statement = _NUMBERS
    if projects is not None:
        statement = statement.join(vims, vims.c.id == standings.c.vim_id).where(vims.c.project_id.in_(sorted(projects)))
    bounds: dict[str, Any] = {"after": after, "last": point.revision, "count": count}
    numbers = connection.execute(statement, bounds).scalars().all()
    existing = list(read_numbered(connection, numbers))
    numbers, is_cut = numbers[: len(existing)], len(existing) < len(numbers) or len(numbers) == count
    rows = {number: {**row, "end": None} for number, row in zip(numbers, existing, strict=True) if row is not None}
    # Read afterwards: what is deregistered in between is among them.
    bounds |= {"last": numbers[-1] if is_cut else point.revision, "since": point.revision}
    former = read_former(connection, projects, bounds)
    last_rows = list(_last_rows(connection, former))
    for (number, _), row in zip(former, last_rows, strict=False):
        rows[number] = row
    chosen = sorted(rows)
    if len(last_rows) < len(former):
        is_cut, chosen = True, [number for number in chosen if number < former[len(last_rows)][0]]
    elif len(former) == count:
        is_cut, chosen = True, [number for number in chosen if number <= former[-1][0]]
    return [rows[number] for number in chosen[:count]], not is_cut and len(chosen) <= count


def _last_rows(connection: Connection, former: Sequence[tuple[int, int]]) -> Iterator[dict[str, Any]]:
    """Yield the rows of deregistered VIMs as they were at last, until the page is full."""
    budget, begin = PageBudget(), 0
    while batch := former[begin : begin + budget.next_count()]:
        revisions = [revision for _, revision in batch]
        documents = {row[0]: row[1] for row in connection.execute(_DOCUMENTS, {"revisions": revisions})}
        for number, revision in batch:
            # One that was dropped meanwhile ends the page, which is refused then.
            text = documents.get(revision)
            if text is None or not budget.fits(len(text), (text,)):
                return
            document = json.loads(text)
            yield {**row_of_document(document), **document[REPLACED], "number": number, "end": revision}
        begin += len(batch)
