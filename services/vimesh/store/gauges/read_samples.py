"""Reads pages of VIMs with the few columns that metrics need: it costs a small part of what a list of VIMs costs."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, case, null, select

from vimesh.domain.actions import Shard
from vimesh.domain.fleet.store_statistics import VimLabels, VimSample
from vimesh.store.gauges.read_gauges import SHOWN_STATUS
from vimesh.store.rows.visible_rows import STANDING_AND_LEASE, WHOLE_VIM
from vimesh.store.schema.tables import leases, standings, vims
from vimesh.store.sql.prepared_statements import PreparedStatement
from vimesh.store.sql.sql_functions import among

_PAGE = PreparedStatement(
    select(
        standings.c.number,
        standings.c.revision,
        SHOWN_STATUS,
        standings.c.round_trip_s,
        # Before the first report, this is the end of the grace for it.
        case((leases.c.contact_time.is_(None), null()), else_=leases.c.lease_until),
    )
    # Without the table of VIMs, in which each row would have to be looked up: that takes three quarters of the time.
    .select_from(STANDING_AND_LEASE)
    .where(
        standings.c.number > bindparam("after"),
        standings.c.number % bindparam("shards") == bindparam("shard"),
    )
    .order_by(standings.c.number)
    .limit(bindparam("count"))
)
_LABELS = PreparedStatement(
    select(standings.c.number, vims.c.id, vims.c.name, vims.c.project_id, vims.c.type)
    .select_from(WHOLE_VIM)
    .where(among(standings.c.number, "numbers"))
)
_NUMBERS = PreparedStatement(
    select(standings.c.vim_id, standings.c.number).where(
        standings.c.number % bindparam("shards") == bindparam("shard"),
    )
)
_ALL_LABELS = PreparedStatement(select(vims.c.id, vims.c.name, vims.c.project_id, vims.c.type))


def read_samples(connection: Connection, shard: Shard, after: int, limit: int) -> list[VimSample]:
    """Return up to `limit` VIMs of the shard in the order of registration, after the number of the last one."""
    rows = _PAGE.rows(connection, {"after": after, "shards": shard.count, "shard": shard.index, "count": limit})
    return list(map(VimSample._make, rows))


def read_labels(connection: Connection, numbers: Sequence[int]) -> list[VimLabels]:
    """Return the labels of the VIMs with these numbers that still exist, in any order."""
    return list(map(VimLabels._make, _LABELS.rows(connection, {"numbers": list(numbers)})))


def read_all_labels(connection: Connection, shard: Shard) -> list[VimLabels]:
    """Return the labels of all VIMs of the shard, in the order in which the database has the VIMs.

    Both tables are gone through and joined here, because to look VIMs up by their ids, which are random, takes a
    database twice as long.
    """
    rows = _NUMBERS.rows(connection, {"shards": shard.count, "shard": shard.index})
    numbers = {row[0]: row[1] for row in rows}
    return [
        VimLabels(number, vim_id, name, project_id, type_)
        for vim_id, name, project_id, type_ in _ALL_LABELS.rows(connection, {})
        if (number := numbers.get(vim_id)) is not None
    ]
