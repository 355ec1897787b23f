"""Says which maintenance VIMs are in: by the spans, and by a time, which is that of the database's clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection, bindparam, select

from vimesh.domain.vims import Vim, VimMaintenance
from vimesh.store.rows.vim_rows import vim_of
from vimesh.store.rows.visible_rows import MAINTAINED, Row
from vimesh.store.schema.maintenance_tables import maintenance_spans, maintenances
from vimesh.store.schema.timestamps import moment
from vimesh.store.shown_vims.read_flapping import flapping_vims
from vimesh.store.shown_vims.view_rows import shown_views
from vimesh.store.sql.prepared_statements import PreparedStatement
from vimesh.store.sql.sql_functions import NowMicros, among

_SPANS = maintenance_spans.c
_OF_VIMS = (
    select(_SPANS.vim_id, _SPANS.maintenance_id, maintenances.c.reason, _SPANS.end_time)
    .select_from(maintenance_spans.join(maintenances, maintenances.c.id == _SPANS.maintenance_id))
    .where(among(_SPANS.vim_id, "ids"))
    .order_by(_SPANS.end_time, _SPANS.maintenance_id)
)
_NOW = PreparedStatement(_OF_VIMS.where(_SPANS.start_time <= NowMicros(), _SPANS.end_time > NowMicros()))
_AT = PreparedStatement(_OF_VIMS.where(_SPANS.start_time <= bindparam("time"), _SPANS.end_time > bindparam("time")))


def read_current(connection: Connection, vim_ids: Sequence[str], time: int | None = None) -> dict[str, VimMaintenance]:
    """Return the maintenance of the VIMs that are in one, now or at a time: of several, the one that ends last."""
    if not vim_ids:
        return {}
    statement, parameters = (_NOW, {}) if time is None else (_AT, {"time": time})
    rows = statement.rows(connection, {"ids": list(vim_ids), **parameters})
    return {vim_id: VimMaintenance(window_id, reason, moment(end)) for vim_id, window_id, reason, end in rows}


def visible_vims(connection: Connection, rows: Sequence[Row]) -> list[Vim]:
    """Return the VIMs of visible rows, with the maintenance that they are in, whether they flap, and their views.

    Usually none is in maintenance, none has changed of late, and none has several vantages, which costs no query.
    """
    current = read_current(connection, [row["id"] for row in rows if row[MAINTAINED]])
    flapping = flapping_vims(connection, rows)
    vims = map(vim_of, rows)
    views = shown_views(connection, rows)
    if not current and not flapping and not views:
        return list(vims)
    return [
        replace(vim, maintenance=current.get(vim.id), flapping=vim.id in flapping, views=views.get(vim.id, ()))
        for vim in vims
    ]
