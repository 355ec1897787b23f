"""Records digests of wanted actions: a row has the minutes of an hour."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, select

from vimesh.domain.access.caller import Caller
from vimesh.domain.history.history_limits import LEVELS, MAX_AGE_S
from vimesh.domain.history.history_store import DigestDelivery, RecordedDeliveries
from vimesh.domain.history.round_digests import (
    MINUTE_S,
    RECORD_BYTES,
    count_of_slots_below,
    first_and_last_slot,
)
from vimesh.store.change_log.transaction import Changes
from vimesh.store.history.history_rows import HistoryRow, add_bytes, delete_rows, insert_rows, read_rows
from vimesh.store.schema.tables import standings, vims
from vimesh.store.schema.timestamps import MICROS, moment
from vimesh.store.sql.prepared_statements import PreparedStatement
from vimesh.store.sql.sql_functions import among

_MINUTES: Final = LEVELS[0]
_PER_ROW: Final = _MINUTES.row_s // MINUTE_S
_WANTED = PreparedStatement(
    select(standings.c.vim_id, standings.c.action_id, standings.c.number, standings.c.engine).where(
        among(standings.c.vim_id, "ids")
    )
)
_PROJECTS = PreparedStatement(select(vims.c.id, vims.c.project_id).where(among(vims.c.id, "ids")))


def record(connection: Connection, deliveries: Sequence[DigestDelivery], caller: Caller) -> RecordedDeliveries:
    # This adds no change, but locks out other writers: no action is replaced, and no row written, in between.
    now = Changes.begin(connection).now
    newest = now // (MINUTE_S * MICROS)
    numbers = _reportable(connection, deliveries, caller)
    accepted, offered = 0, 0
    parts: dict[int, dict[int, bytes]] = {}
    for delivery in deliveries:
        offered += len(delivery.records) // RECORD_BYTES
        number = numbers.get((delivery.vim_id, delivery.action_id))
        if number is not None:
            for start, records in _by_row(delivery.records, newest):
                of_row = parts.setdefault(start, {})
                there = of_row.get(number, b"")
                of_row[number] = there + _newer(there, records)
    for start, by_number in parts.items():
        accepted += _append(connection, start, by_number)
    return RecordedDeliveries(offered - accepted, moment(now))


def _reportable(
    connection: Connection, deliveries: Sequence[DigestDelivery], caller: Caller
) -> Mapping[tuple[str, str], int]:
    """Return the number of each VIM whose wanted action is delivered and for which the caller may report (G1, G14)."""
    ids = list({delivery.vim_id: None for delivery in deliveries})
    rows = _WANTED.rows(connection, {"ids": ids})
    if not caller.reports_for_all:
        rows = [row for row in rows if row[3] in caller.engines]
    if caller.projects is not None:
        own = {vim_id for vim_id, project_id in _PROJECTS.rows(connection, {"ids": ids}) if caller.sees(project_id)}
        rows = [row for row in rows if row[0] in own]
    return {(vim_id, action_id): number for vim_id, action_id, number, _ in rows}


def _by_row(records: bytes, newest: int) -> Iterator[tuple[int, bytes]]:
    """Yield the records of each row, in seconds since 1970, without minutes that are too old or still to come."""
    oldest = newest - MAX_AGE_S // MINUTE_S
    first, last = first_and_last_slot(records)
    if first < oldest or last > newest:
        low, high = (count_of_slots_below(records, slot) * RECORD_BYTES for slot in (oldest, newest + 1))
        records = records[low:high]
        if not records:
            return
        first, last = first_and_last_slot(records)
    for row in range(first // _PER_ROW, last // _PER_ROW + 1):
        start, end = row * _PER_ROW, (row + 1) * _PER_ROW
        part = records
        if first < start or last >= end:
            low, high = (count_of_slots_below(records, slot) * RECORD_BYTES for slot in (start, end))
            part = records[low:high]
        if part:
            yield row * _MINUTES.row_s, part


def _append(connection: Connection, start: int, by_number: Mapping[int, bytes]) -> int:
    """Append records to the rows that begin at `start`; return how many were new."""
    there = {row.number: row for row in read_rows(connection, MINUTE_S, by_number, start, start + 1)}
    rows, accepted = [], 0
    for number, records in by_number.items():
        before = there[number].digests if number in there else b""
        new = _newer(before, records)
        if new:
            accepted += len(new) // RECORD_BYTES
            rows.append(HistoryRow(number, MINUTE_S, start, before + new))
    replaced = [row.number for row in rows if row.number in there]
    if replaced:
        delete_rows(connection, MINUTE_S, replaced, start, start + 1)
    if rows:
        insert_rows(connection, rows)
        add_bytes(connection, sum(row.size for row in rows) - sum(there[number].size for number in replaced))
    return accepted


def _newer(before: bytes, records: bytes) -> bytes:
    """Return the records of minutes after those that are there: a delivery may be repeated."""
    if not before:
        return records
    _, last = first_and_last_slot(before)
    first, _ = first_and_last_slot(records)
    return records if first > last else records[count_of_slots_below(records, last + 1) * RECORD_BYTES :]
