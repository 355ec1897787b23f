"""Defines the visible rows of VIMs, which depend on the time and on open to-dos besides the stored columns.

A visible row has the columns of PUBLIC, from three tables, and five more: `lapsed` (the lease of its action has ended,
by the database's clock, at the time of the statement), `waiting` (its engine has not been told to start the action
yet), `maintained` (a maintenance window covers it at that time), `conditioned` (the number under which there are
conditions or a certificate of it; NULL: there are none) and `now` (that time).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, RowMapping, and_, case, exists, or_

from vimesh.domain.leases import silence_detail
from vimesh.domain.probing import Reason
from vimesh.domain.todos import TodoKind
from vimesh.domain.vims import Engine, Status
from vimesh.store.schema.condition_tables import vim_certificates, vim_conditions
from vimesh.store.schema.maintenance_tables import maintenance_spans
from vimesh.store.schema.tables import leases, standings, todos, vims
from vimesh.store.schema.timestamps import moment
from vimesh.store.sql.sql_functions import NowMicros

Row = Mapping[str, Any] | RowMapping

_PRIVATE_COLUMNS = ("secrets", "number", "vim_id", "vantage")
PUBLIC_COLUMNS = tuple(column for column in (*vims.c, *standings.c, *leases.c) if column.name not in _PRIVATE_COLUMNS)
LAPSED: ColumnElement[bool] = leases.c.lease_until < NowMicros()
WAITING: ColumnElement[bool] = and_(
    standings.c.engine == Engine.MISTRAL,
    exists().where(
        todos.c.vim_id == standings.c.vim_id,
        todos.c.action_id == standings.c.action_id,
        todos.c.kind == TodoKind.START,
    ),
)
IN_MAINTENANCE: ColumnElement[bool] = exists().where(
    maintenance_spans.c.vim_id == standings.c.vim_id,
    maintenance_spans.c.end_time > NowMicros(),
    maintenance_spans.c.start_time <= NowMicros(),
)
MAINTAINED: Final = "maintained"
_HAS_CONDITIONS = or_(
    exists().where(vim_conditions.c.number == standings.c.number),
    exists().where(vim_certificates.c.number == standings.c.number),
)
CONDITIONED: Final = "conditioned"
CERTIFICATE_IS_OVER: Final = (
    exists()
    .where(vim_certificates.c.number == vim_conditions.c.number, vim_certificates.c.not_after <= NowMicros())
    .correlate(vim_conditions)
)
"""Whether the certificate of the VIM of a condition has ended, by the database's clock."""
VISIBLE_COLUMNS = (
    *PUBLIC_COLUMNS,
    LAPSED.label("lapsed"),
    WAITING.label("waiting"),
    IN_MAINTENANCE.label(MAINTAINED),
    case((_HAS_CONDITIONS, standings.c.number)).label(CONDITIONED),
    NowMicros().label("now"),
)
VIM_ID = standings.c.vim_id.label("id")
STANDING_AND_LEASE = standings.join(leases, leases.c.number == standings.c.number)
WHOLE_VIM = vims.join(STANDING_AND_LEASE, standings.c.vim_id == vims.c.id)
# The lease of a reported status has ended, and that is not on record yet. Few have ended, so that is asked first.
SILENT: ColumnElement[bool] = and_(LAPSED, leases.c.holds)


def as_visible(row: Row) -> Row:
    """Return the row as it is visible: the status of a silent action is UNKNOWN even before that is written (G6)."""
    return {**row, **silent_columns(row)} if row["holds"] and row["lapsed"] else row


def silent_columns(row: Row) -> dict[str, Any]:
    """Return the columns of a status that is UNKNOWN since the lease ended."""
    return {
        "status": Status.UNKNOWN,
        "reason": Reason.SILENT,
        "detail": silence_detail(moment(row["lease_until"])),
        "round_trip_s": None,
        "status_time": row["status_time"] if row["status"] == Status.UNKNOWN else row["lease_until"],
        "holds": False,
    }


def as_started(row: Row) -> Row:
    """Return the visible row of a VIM that gets its wanted action in this transaction."""
    return {**row, "lapsed": False, "waiting": row["engine"] == Engine.MISTRAL}
