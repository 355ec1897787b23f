"""Creates maintenance windows."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Connection, bindparam, func, insert, select

from vimesh.domain.access.caller import Caller
from vimesh.domain.errors import RequestIdReused, VimNotFound
from vimesh.domain.maintenance.maintenance_windows import (
    MAX_OPEN,
    MAX_OPEN_OF_PROJECT,
    Coverage,
    CreatedWindow,
    NewWindow,
)
from vimesh.domain.maintenance.window_errors import TooManyWindows
from vimesh.store.change_log.transaction import Changes
from vimesh.store.maintenance.covered_vims import count_covered
from vimesh.store.maintenance.window_rows import Row, new_row, window_of
from vimesh.store.schema.maintenance_tables import maintenances
from vimesh.store.schema.tables import vims
from vimesh.store.sql.sql_functions import NowMicros, among

_REQUESTS: Final = uuid.UUID("6f0a3a3e-9d0e-4ce0-8f0e-3f5f5b8a3c55")
"""The namespace of the ids of windows that were created with a request id."""
_FROM_REQUEST: Final = ("project_id", "filter", "vim_ids", "duration", "rrule", "time_zone", "reason", "creator")
_CLOCK = select(NowMicros())
_ONE = select(maintenances).where(maintenances.c.id == bindparam("of_window"))
_PROJECTS = select(vims.c.id, vims.c.project_id).where(among(vims.c.id, "ids"))
_OPEN = select(func.count()).where(maintenances.c.closed.is_(False))
_OPEN_OF_PROJECT = _OPEN.where(maintenances.c.project_id == bindparam("project"))


def count_vims(connection: Connection, coverage: Coverage) -> int:
    """Return how many VIMs a window covers now."""
    return int(connection.execute(count_covered(coverage, connection.dialect)).scalar_one())


def create(connection: Connection, new: NewWindow, caller: Caller) -> CreatedWindow:
    """Store a window. The spans of its first day are left to `keep_up`.

    Raises BadInput, VimNotFound, RequestIdReused, TooManyWindows.
    """
    changes = Changes.begin(connection)
    row = _row(new, caller, now=changes.now, revision=changes.newest)
    earlier = connection.execute(_ONE, {"of_window": row["id"]}).mappings().one_or_none()
    if earlier is not None:
        _require_same(earlier, row, new)
        return CreatedWindow(window_of(earlier, changes.now), 0)
    _require_room(connection, new.coverage.project_id)
    _require_vims(connection, new.coverage, caller)
    connection.execute(insert(maintenances), row)
    return CreatedWindow(window_of(row, changes.now), 0)


def preview(connection: Connection, new: NewWindow, caller: Caller) -> CreatedWindow:
    """Return what `create` would store, without an id. Raises BadInput, VimNotFound, TooManyWindows."""
    now = connection.execute(_CLOCK).scalar_one()
    row = _row(new, caller, now=now, revision=0)
    _require_room(connection, new.coverage.project_id)
    _require_vims(connection, new.coverage, caller)
    return CreatedWindow(replace(window_of(row, now), id=""), count_vims(connection, new.coverage))


def _row(new: NewWindow, caller: Caller, *, now: int, revision: int) -> dict[str, Any]:
    # The same request of somebody else is another one.
    of_request = f"{caller.identity}\0{new.request_id}"
    window_id = uuid.uuid5(_REQUESTS, of_request) if new.request_id else uuid.uuid4()
    return new_row(new, str(window_id), caller.identity, now=now, revision=revision)


def _require_same(earlier: Row, row: Row, new: NewWindow) -> None:
    """Raise RequestIdReused unless a request that is repeated asks for the same, some time later."""
    names: Sequence[str] = _FROM_REQUEST
    if new.start is None:
        names = [name for name in names if name != "duration" or new.end is None]
    elif row["start_time"] != earlier["start_time"]:
        raise RequestIdReused(new.request_id)
    if any(row[name] != earlier[name] for name in names):
        raise RequestIdReused(new.request_id)


def _require_room(connection: Connection, project_id: str) -> None:
    for statement, limit in ((_OPEN_OF_PROJECT, MAX_OPEN_OF_PROJECT), (_OPEN, MAX_OPEN)):
        if (
            connection.execute(statement, {"project": project_id} if statement is _OPEN_OF_PROJECT else {}).scalar_one()
            >= limit
        ):
            raise TooManyWindows(limit)


def _require_vims(connection: Connection, coverage: Coverage, caller: Caller) -> None:
    """Raise VimNotFound for a VIM that does not exist for the caller, or is not in the project of the window."""
    if not coverage.vim_ids:
        return
    rows = connection.execute(_PROJECTS, {"ids": list(coverage.vim_ids)})
    projects: dict[str, str] = {vim_id: project_id for vim_id, project_id in rows}  # noqa: C416 - rows are no pairs to mypy
    for vim_id in coverage.vim_ids:
        project_id = projects.get(vim_id)
        if project_id is None or not caller.sees(project_id) or coverage.project_id not in ("", project_id):
            raise VimNotFound(vim_id)
