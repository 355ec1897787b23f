"""Writes causes. Each function is of one transaction, which takes or renews the turn first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    ScalarSelect,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    select,
    update,
)

from vimesh.domain.causes.causes import KEPT_S, MAX_ENDED, LastingCause, NewCause
from vimesh.domain.causes.traits import BAD, CauseMember, trait_of_subject
from vimesh.domain.vims import CauseKind
from vimesh.store.change_log.transaction import Changes
from vimesh.store.schema.cause_tables import cause_members, cause_projects, cause_turns, causes
from vimesh.store.schema.tables import standings
from vimesh.store.schema.timestamps import micros
from vimesh.store.sql.prepared_statements import PreparedStatement
from vimesh.store.sql.sql_functions import NowMicros, among

TURN_S: Final = 10.0
"""A conductor that is gone is followed by another one within this time."""
_TURN = select(cause_turns.c.holder, cause_turns.c.until).where(cause_turns.c.id == 1)
_TAKE = update(cause_turns).where(cause_turns.c.id == 1)
_INSERT_MEMBER = PreparedStatement(
    insert(cause_members).values({column.name: bindparam(column.name) for column in cause_members.c})
)
_LASTS = select(causes.c.id).where(causes.c.id == bindparam("of_cause"), causes.c.end_time.is_(None))
_MEMBERS_WITH_CAUSES = cause_members.join(causes, causes.c.id == cause_members.c.cause_id)
_EARLIER = PreparedStatement(
    select(cause_members.c.vim_id, cause_members.c.cause_id, cause_members.c.back_time)
    .select_from(_MEMBERS_WITH_CAUSES)
    .where(among(cause_members.c.vim_id, "ids"), causes.c.end_time.is_(None))
)
_FORGET = PreparedStatement(delete(cause_members).where(among(cause_members.c.vim_id, "ids")))
_COUNT = (
    update(cause_projects)
    .where(cause_projects.c.cause_id == bindparam("of_cause"), cause_projects.c.project_id == bindparam("of_project"))
    .values(vim_count=cause_projects.c.vim_count + bindparam("more"))
)


def _of_projects(value: ColumnElement[Any]) -> ScalarSelect[Any]:
    return select(value).where(cause_projects.c.cause_id == causes.c.id).scalar_subquery()


_HAS_STAYED = cause_members.c.back_time.is_(None)
_IS_BAD = standings.c.status.in_(sorted(BAD))
_IS_BACK = and_(*(standings.c.status != status for status in sorted(BAD)))
_LASTING = (
    select(
        *(causes.c.id, causes.c.kind, causes.c.subject),
        # All VIMs of a label are of one project, and other kinds need none.
        _of_projects(func.min(cause_projects.c.project_id)),
        # Not the rows of members: those of VIMs that have another cause by now are gone.
        _of_projects(func.sum(cause_projects.c.vim_count)),
        func.sum(case((_IS_BAD, 1), else_=0)),
        func.sum(case((~_IS_BAD, 1), else_=0)),
    )
    .select_from(
        causes.outerjoin(cause_members, and_(cause_members.c.cause_id == causes.c.id, _HAS_STAYED)).outerjoin(
            standings, standings.c.vim_id == cause_members.c.vim_id
        )
    )
    .where(causes.c.end_time.is_(None))
    .group_by(causes.c.id, causes.c.kind, causes.c.subject)
    .order_by(causes.c.id)
)
_BACK = (
    select(cause_members.c.vim_id)
    .select_from(_MEMBERS_WITH_CAUSES.join(standings, standings.c.vim_id == cause_members.c.vim_id))
    .where(causes.c.end_time.is_(None), _HAS_STAYED, _IS_BACK)
    .limit(bindparam("count"))
)
_LEAVE = PreparedStatement(
    update(cause_members)
    .where(
        among(cause_members.c.vim_id, "ids"),
        _HAS_STAYED,
        # It may have been lost again since it was read.
        exists().where(standings.c.vim_id == cause_members.c.vim_id, _IS_BACK),
    )
    .values(back_time=bindparam("now"))
)
_END = update(causes).where(causes.c.id == bindparam("of_cause"), causes.c.end_time.is_(None))
_LEFT_MEMBERS = (
    select(cause_members.c.vim_id)
    .select_from(_MEMBERS_WITH_CAUSES)
    .where(causes.c.end_time.is_not(None))
    .limit(bindparam("count"))
)
_NTH_ENDED = (
    select(causes.c.end_time)
    .where(causes.c.end_time.is_not(None))
    .order_by(causes.c.end_time.desc(), causes.c.id.desc())
    .offset(MAX_ENDED)
    .limit(1)
)
_OLD = (
    select(causes.c.id)
    .where(causes.c.end_time <= bindparam("before"))
    .order_by(causes.c.end_time)
    .limit(bindparam("count"))
)
_NOW = select(NowMicros())


def take_turn(connection: Connection, holder: str) -> bool:
    """Take or renew the turn in a transaction of its own; return whether no other conductor has it."""
    return _take(connection, holder) is not None


def _take(connection: Connection, holder: str) -> int | None:
    """Take or renew the turn; return the time, or None if another conductor has the turn."""
    # This adds no change, but locks out other writers.
    now = Changes.begin(connection).now
    row = connection.execute(_TURN).one_or_none()
    until = now + micros(TURN_S)
    if row is None:
        connection.execute(insert(cause_turns), {"id": 1, "holder": holder, "until": until})
        return now
    if row.holder != holder and row.until > now:
        return None
    connection.execute(_TAKE.values(holder=holder, until=until))
    return now


def begin(connection: Connection, holder: str, cause: NewCause) -> bool:
    now = _take(connection, holder)
    if now is None:
        return False
    row = {
        "id": cause.id,
        "kind": cause.trait.kind,
        "subject": cause.trait.subject,
        "reason": cause.reason,
        "start_time": now - micros(cause.age_s),
        "end_time": None,
        "population": cause.population,
    }
    connection.execute(insert(causes), row)
    return True


def add_vims(connection: Connection, holder: str, cause_id: str, members: Sequence[CauseMember]) -> bool:
    if _take(connection, holder) is None:
        return False
    if not members or connection.execute(_LASTS, {"of_cause": cause_id}).one_or_none() is None:
        return True
    ids = [member.vim_id for member in members]
    earlier = _EARLIER.rows(connection, {"ids": ids})
    taken = {vim_id for vim_id, _, back_time in earlier if back_time is None}
    counted = {vim_id for vim_id, of_cause, _ in earlier if of_cause == cause_id}
    added = [member for member in members if member.vim_id not in taken]
    if not added:
        return True
    # Those of causes that they have left, or that have ended and whose rows are not deleted yet.
    _FORGET.run(connection, [{"ids": [member.vim_id for member in added]}])
    _INSERT_MEMBER.run(
        connection,
        [
            {"vim_id": member.vim_id, "cause_id": cause_id, "project_id": member.project_id, "back_time": None}
            for member in added
        ],
    )
    new = Counter(member.project_id for member in added if member.vim_id not in counted)
    for project_id, count in sorted(new.items()):
        found = connection.execute(_COUNT, {"of_cause": cause_id, "of_project": project_id, "more": count})
        if not found.rowcount:
            row = {"cause_id": cause_id, "project_id": project_id, "vim_count": count}
            connection.execute(insert(cause_projects), row)
    return True


def lasting(connection: Connection) -> list[LastingCause]:
    return [
        LastingCause(
            cause_id,
            trait_of_subject(CauseKind(kind), subject, project_id or ""),
            *(int(count or 0) for count in counts),
        )
        for cause_id, kind, subject, project_id, *counts in connection.execute(_LASTING)
    ]


def back(connection: Connection, limit: int) -> list[str]:
    """Return the ids of up to `limit` VIMs that are back and have not left their causes."""
    return [row.vim_id for row in connection.execute(_BACK, {"count": limit})]


def leave(connection: Connection, holder: str, vim_ids: Sequence[str]) -> bool:
    """Let those of these VIMs leave their causes that are back; return False without the turn."""
    now = _take(connection, holder)
    if now is not None:
        _LEAVE.run(connection, [{"ids": list(vim_ids), "now": now}])
    return now is not None


def end(connection: Connection, holder: str, cause_ids: Sequence[str]) -> bool:
    now = _take(connection, holder)
    if now is None:
        return False
    for cause_id in cause_ids:
        connection.execute(_END.values(end_time=now), {"of_cause": cause_id})
    return True


def has_left(connection: Connection) -> bool:
    """Return whether `clean_up` has anything to do."""
    return bool(connection.execute(_LEFT_MEMBERS, {"count": 1}).one_or_none()) or bool(_old_ids(connection, 1))


def clean_up(connection: Connection, limit: int) -> int:
    """Drop members of causes that have ended, or causes that are too old; return how many."""
    Changes.begin(connection)
    ids = [row.vim_id for row in connection.execute(_LEFT_MEMBERS, {"count": limit})]
    if ids:
        _FORGET.run(connection, [{"ids": ids}])
        return len(ids)
    old = _old_ids(connection, limit)
    if old:
        connection.execute(delete(cause_projects).where(cause_projects.c.cause_id.in_(old)))
        connection.execute(delete(causes).where(causes.c.id.in_(old)))
    return len(old)


def _old_ids(connection: Connection, limit: int) -> list[str]:
    before: int = connection.execute(_NOW).scalar_one() - micros(KEPT_S)
    before = max(before, connection.execute(_NTH_ENDED).scalar_one_or_none() or 0)
    return [row.id for row in connection.execute(_OLD, {"before": before, "count": limit})]
