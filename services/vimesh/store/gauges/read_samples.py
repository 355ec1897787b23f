"""Reads pages of VIMs with the few columns that metrics need: it costs a small part of what a list of VIMs costs."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, case, null, select

from vimesh.domain.actions import Shard
from vimesh.domain.store_statistics import VimSample
from vimesh.store.gauges.read_gauges import SHOWN_STATUS
from vimesh.store.rows.visible_rows import WHOLE_VIM
from vimesh.store.schema.tables import leases, standings, vims
from vimesh.store.sql.prepared_statements import PreparedStatement

_PAGE = PreparedStatement(
    select(
        standings.c.number,
        vims.c.id,
        vims.c.name,
        vims.c.project_id,
        vims.c.type,
        SHOWN_STATUS,
        standings.c.round_trip_s,
        # Before the first report, this is the end of the grace for it.
        case((leases.c.contact_time.is_(None), null()), else_=leases.c.lease_until),
    )
    .select_from(WHOLE_VIM)
    .where(
        standings.c.number > bindparam("after"),
        vims.c.shard_key % bindparam("shards") == bindparam("shard"),
    )
    # In the order of the two tables with whole numbers as keys: only the third is looked up.
    .order_by(standings.c.number)
    .limit(bindparam("count"))
)


def read_samples(connection: Connection, shard: Shard, after: int, limit: int) -> list[VimSample]:
    """Return up to `limit` VIMs of the shard in the order of registration, after the number of the last one."""
    rows = _PAGE.rows(connection, {"after": after, "shards": shard.count, "shard": shard.index, "count": limit})
    return list(map(VimSample._make, rows))
