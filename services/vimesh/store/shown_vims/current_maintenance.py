"""Says which maintenance VIMs are in, by the spans and the database's clock, and which cause lost ones have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection, bindparam, select

from vimesh.domain.causes.traits import BAD
from vimesh.domain.vims import CauseKind, Vim, VimCause, VimMaintenance
from vimesh.store.rows.vim_rows import vim_of
from vimesh.store.rows.visible_rows import MAINTAINED, Row
from vimesh.store.schema.cause_tables import cause_members, causes
from vimesh.store.schema.maintenance_tables import maintenance_spans, maintenances
from vimesh.store.schema.timestamps import moment
from vimesh.store.shown_vims.condition_rows import with_conditions
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

_CAUSES = PreparedStatement(
    select(cause_members.c.vim_id, causes.c.id, causes.c.kind, causes.c.subject)
    .select_from(cause_members.join(causes, causes.c.id == cause_members.c.cause_id))
    .where(among(cause_members.c.vim_id, "ids"), cause_members.c.back_time.is_(None), causes.c.end_time.is_(None))
)


def read_current(connection: Connection, vim_ids: Sequence[str], time: int | None = None) -> dict[str, VimMaintenance]:
    """Return the maintenance of the VIMs that are in one, now or at a time: of several, the one that ends last."""
    if not vim_ids:
        return {}
    statement, parameters = (_NOW, {}) if time is None else (_AT, {"time": time})
    rows = statement.rows(connection, {"ids": list(vim_ids), **parameters})
    return {vim_id: VimMaintenance(window_id, reason, moment(end)) for vim_id, window_id, reason, end in rows}


def _causes_of(connection: Connection, vim_ids: Sequence[str]) -> dict[str, VimCause]:
    """Return the causes that last, by the ids of their VIMs."""
    if not vim_ids:
        return {}
    rows = _CAUSES.rows(connection, {"ids": list(vim_ids)})
    return {vim_id: VimCause(cause_id, CauseKind(kind), subject) for vim_id, cause_id, kind, subject in rows}


def visible_vims(connection: Connection, rows: Sequence[Row]) -> list[Vim]:
    """Return the VIMs of visible rows, with maintenance, cause, views, conditions, and whether they flap.

    Usually none is in maintenance, none has changed of late, none has several vantages and all can be reached, which
    costs no query. Nor do VIMs of which no condition was reported.
    """
    current = read_current(connection, [row["id"] for row in rows if row[MAINTAINED]])
    flapping = flapping_vims(connection, rows)
    vims = with_conditions(connection, rows, list(map(vim_of, rows)))
    views = shown_views(connection, rows)
    of_cause = _causes_of(connection, [vim.id for vim in vims if vim.status in BAD])
    if not current and not flapping and not views and not of_cause:
        return list(vims)
    return [
        replace(
            vim,
            maintenance=current.get(vim.id),
            flapping=vim.id in flapping,
            views=views.get(vim.id, ()),
            cause=of_cause.get(vim.id),
        )
        for vim in vims
    ]
