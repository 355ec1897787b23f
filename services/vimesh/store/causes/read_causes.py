"""Reads causes for people: each sees of them what is of the VIMs of its projects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, func, or_, select

from vimesh.domain.access.caller import Caller
from vimesh.domain.causes.cause_errors import CauseNotFound
from vimesh.domain.causes.causes import MAX_SHOWN_VIMS, AffectedVim, CauseDetail, CausePage, CommonCause
from vimesh.domain.causes.traits import BAD
from vimesh.domain.vims import CauseKind
from vimesh.store.schema.cause_tables import cause_members, cause_projects, causes
from vimesh.store.schema.tables import standings, vims
from vimesh.store.schema.timestamps import moment
from vimesh.store.sql.page_tokens import position_of, token_of

_MEMBER_STANDINGS = cause_members.join(standings, standings.c.vim_id == cause_members.c.vim_id)
_IS_AFFECTED = and_(cause_members.c.back_time.is_(None), standings.c.status.in_(sorted(BAD)))


def page(connection: Connection, page_size: int, page_token: str, caller: Caller, *, ended: bool) -> CausePage:
    """Return causes, the newest first. Raises PageTokenInvalid."""
    key = ("causes", ended)
    conditions: list[ColumnElement[bool]] = [] if ended else [causes.c.end_time.is_(None)]
    if page_token:
        start_time, cause_id = position_of(page_token, key, (int, str))
        started = causes.c.start_time
        conditions.append(or_(started < start_time, and_(started == start_time, causes.c.id < cause_id)))
    rows = _rows(connection, conditions, page_size + 1, caller)
    shown = rows[:page_size]
    token = token_of(key, (shown[-1]["start_time"], shown[-1]["id"])) if len(rows) > page_size else ""
    return CausePage(_causes_of(connection, shown, caller), token)


def get(connection: Connection, cause_id: str, caller: Caller) -> CauseDetail:
    """Return a cause with its VIMs. Raises CauseNotFound."""
    cause = get_cause(connection, cause_id, caller)
    if cause.end_time is not None:
        return CauseDetail(cause, ())
    named = _MEMBER_STANDINGS.join(vims, vims.c.id == cause_members.c.vim_id)
    statement = select(vims.c.id, vims.c.name).select_from(named)
    statement = statement.where(
        cause_members.c.cause_id == cause_id, _IS_AFFECTED, *_of(cause_members.c.project_id, caller)
    )
    found = connection.execute(statement.order_by(vims.c.name, vims.c.id).limit(MAX_SHOWN_VIMS))
    return CauseDetail(cause, [AffectedVim(*row) for row in found])


def get_cause(connection: Connection, cause_id: str, caller: Caller) -> CommonCause:
    """Return a cause. Raises CauseNotFound."""
    rows = _rows(connection, [causes.c.id == cause_id], 1, caller)
    if not rows:
        raise CauseNotFound(cause_id)
    [cause] = _causes_of(connection, rows, caller)
    return cause


def _of(project_id: ColumnElement[Any], caller: Caller) -> list[ColumnElement[bool]]:
    return [] if caller.projects is None else [project_id.in_(sorted(caller.projects))]


def _rows(
    connection: Connection, conditions: Sequence[ColumnElement[bool]], limit: int, caller: Caller
) -> Sequence[RowMapping]:
    # A cause without VIMs that the caller sees does not exist for it; one has none while its first are being written.
    statement = (
        select(
            causes,
            func.sum(cause_projects.c.vim_count).label("vim_count"),
            func.min(cause_projects.c.project_id).label("project_id"),
        )
        .select_from(causes.join(cause_projects, cause_projects.c.cause_id == causes.c.id))
        .where(*conditions, *_of(cause_projects.c.project_id, caller))
        .group_by(*causes.c)
        .order_by(causes.c.start_time.desc(), causes.c.id.desc())
        .limit(limit)
    )
    return connection.execute(statement).mappings().all()


def _causes_of(connection: Connection, rows: Sequence[RowMapping], caller: Caller) -> list[CommonCause]:
    lasting = [row["id"] for row in rows if row["end_time"] is None]
    affected: dict[str, int] = {}
    if lasting:
        conditions = [cause_members.c.cause_id.in_(lasting), _IS_AFFECTED, *_of(cause_members.c.project_id, caller)]
        counts = select(cause_members.c.cause_id, func.count()).select_from(_MEMBER_STANDINGS).where(*conditions)
        found = connection.execute(counts.group_by(cause_members.c.cause_id))
        affected = {row[0]: row[1] for row in found}
    return [
        CommonCause(
            id=row["id"],
            kind=CauseKind(row["kind"]),
            subject=row["subject"],
            project_id=row["project_id"] if row["kind"] == CauseKind.LABEL else "",
            reason=row["reason"],
            start_time=moment(row["start_time"]),
            end_time=None if row["end_time"] is None else moment(row["end_time"]),
            vim_count=int(row["vim_count"]),
            affected_count=affected.get(row["id"], 0),
            population=row["population"] if caller.projects is None else 0,
        )
        for row in rows
    ]
