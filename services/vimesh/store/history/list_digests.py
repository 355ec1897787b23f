"""Lists the history of a VIM."""

from __future__ import annotations

import datetime as dt
from typing import Final

from sqlalchemy import Connection, bindparam, select

from vimesh.domain.access.caller import Caller
from vimesh.domain.errors import BadInput, VimNotFound, Violation
from vimesh.domain.history.history_limits import LEVELS
from vimesh.domain.history.history_store import HistorySample, SampleQuery
from vimesh.domain.history.round_digests import digests_of, merged
from vimesh.store.history.history_rows import read_rows
from vimesh.store.schema.tables import standings, vims
from vimesh.store.schema.timestamps import moment
from vimesh.store.sql.sql_functions import NowMicros

DEFAULT_SAMPLES: Final = 500
MAX_SAMPLES: Final = 10_000
_DEFAULT_TIME = dt.timedelta(hours=1)
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_CLOCK = select(NowMicros())
_ONE = (
    select(standings.c.number, vims.c.project_id)
    .select_from(vims.join(standings, standings.c.vim_id == vims.c.id))
    .where(vims.c.id == bindparam("vim_id"))
)


def read_clock(connection: Connection) -> dt.datetime:
    return moment(connection.execute(_CLOCK).scalar_one())


def read(connection: Connection, query: SampleQuery, caller: Caller) -> list[HistorySample]:
    row = connection.execute(_ONE, {"vim_id": query.vim_id}).one_or_none()
    if row is None or not caller.sees(row.project_id):
        raise VimNotFound(query.vim_id)
    end = _seconds(query.end_time or read_clock(connection))
    first = _seconds(query.start_time) if query.start_time else end - _DEFAULT_TIME.total_seconds()
    resolution = query.resolution_s or _resolution_of(end - first)
    if first >= end:
        raise BadInput(Violation("start_time", "must be before end_time"))
    if (end - first) / resolution > MAX_SAMPLES:
        raise BadInput(
            Violation("resolution", f"makes more than {MAX_SAMPLES} samples of this time: take a longer one")
        )
    samples = []
    for level in LEVELS:
        rows = read_rows(connection, level.step_s, [row.number], int(first) - level.row_s, int(end) + 1)
        span_s = max(level.step_s, resolution)
        digests = (digest for found in rows for digest in digests_of(found.digests))
        samples += [
            HistorySample(_EPOCH + dt.timedelta(seconds=digest.slot * span_s), span_s, digest)
            for digest in merged(digests, span_s // level.step_s)
            if first < (digest.slot + 1) * span_s and digest.slot * span_s < end
        ]
    return sorted(samples)


def _resolution_of(length_s: float) -> int:
    for level in LEVELS[:-1]:
        if length_s / level.step_s <= DEFAULT_SAMPLES:
            return level.step_s
    return LEVELS[-1].step_s


def _seconds(time: dt.datetime) -> float:
    return (time - _EPOCH).total_seconds()
