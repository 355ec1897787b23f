"""Reads and ends maintenance windows."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, bindparam, or_, select, update

from vimesh.domain.access.caller import Caller
from vimesh.domain.maintenance.maintenance_windows import MaintenanceWindow, WindowState
from vimesh.domain.maintenance.window_errors import WindowNotFound
from vimesh.store.change_log.transaction import Changes
from vimesh.store.maintenance.cut_spans import cut_some
from vimesh.store.maintenance.window_rows import window_of
from vimesh.store.schema.maintenance_tables import maintenances
from vimesh.store.sql.page_tokens import position_of, token_of
from vimesh.store.sql.sql_functions import NowMicros

_NOW = NowMicros().label("now")
_WINDOWS = select(maintenances, _NOW)
_ONE = _WINDOWS.where(maintenances.c.id == bindparam("of_window"))
_END = (
    update(maintenances)
    .where(maintenances.c.id == bindparam("of_window"))
    .values(ended_time=bindparam("now"), planned_end=bindparam("now"), next_time=None)
)
_ORDER = (maintenances.c.create_time.desc(), maintenances.c.id.desc())


def get(connection: Connection, window_id: str, caller: Caller) -> MaintenanceWindow:
    """Return a window. Raises WindowNotFound."""
    row = _row(connection, window_id, caller)
    return window_of(row, row["now"])


def page(
    connection: Connection, page_size: int, page_token: str, caller: Caller, *, ended: bool
) -> tuple[list[MaintenanceWindow], str]:
    """Return windows, the newest first, and the token of the next page. Raises PageTokenInvalid."""
    key = ("maintenances", ended)
    conditions: list[ColumnElement[bool]] = [] if ended else [maintenances.c.closed.is_(False)]
    if caller.projects is not None:
        conditions.append(maintenances.c.project_id.in_(sorted(caller.projects)))
    if page_token:
        create_time, window_id = position_of(page_token, key, (int, str))
        created = maintenances.c.create_time
        conditions.append(or_(created < create_time, and_(created == create_time, maintenances.c.id < window_id)))
    statement = _WINDOWS.where(*conditions).order_by(*_ORDER).limit(page_size + 1)
    rows = connection.execute(statement).mappings().all()
    shown = rows[:page_size]
    token = token_of(key, (shown[-1]["create_time"], shown[-1]["id"])) if len(rows) > page_size else ""
    return [window_of(row, row["now"]) for row in shown], token


def end(connection: Connection, window_id: str, caller: Caller) -> tuple[MaintenanceWindow, bool]:
    """End a window now; return it, and whether spans of it are left to cut. Raises WindowNotFound."""
    changes = Changes.begin(connection)
    row = _row(connection, window_id, caller)
    window = window_of(row, changes.now)
    if window.state is WindowState.ENDED:
        return window, False
    connection.execute(_END, {"of_window": window_id, "now": changes.now})
    is_left = cut_some(connection, window_id, changes.now)
    return window_of(_row(connection, window_id, caller), changes.now), is_left


def _row(connection: Connection, window_id: str, caller: Caller) -> RowMapping:
    row = connection.execute(_ONE, {"of_window": window_id}).mappings().one_or_none()
    if row is None or not caller.sees(row["project_id"]):
        raise WindowNotFound(window_id)
    return row
