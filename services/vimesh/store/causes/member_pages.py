"""Reads VIMs with the few columns that causes depend on, in the order of their registration."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Connection, Select, bindparam, case, exists, func, or_, select

from vimesh.domain.causes.causes import CauseLook, MemberPage
from vimesh.domain.causes.traits import BAD, WINDOW_S, CauseMember, host_of
from vimesh.domain.views.vantages import DEFAULT_VANTAGE
from vimesh.domain.vims import Status
from vimesh.store.schema.cause_tables import cause_members, cause_turns, causes
from vimesh.store.schema.tables import standings, vims
from vimesh.store.schema.timestamps import MICROS, micros
from vimesh.store.schema.view_tables import views
from vimesh.store.sql.prepared_statements import PreparedStatement
from vimesh.store.sql.sql_functions import NowMicros, among

_WINDOW: Final = micros(WINDOW_S)
# As a value, so that the index of times is used: many VIMs may be lost for long. A prepared statement has no lists.
_IS_BAD = case((or_(*(standings.c.status == status for status in sorted(BAD))), 1), else_=0)
_IS_RECENT = standings.c.status_time > NowMicros() - _WINDOW
_HAS_NONE = ~exists().where(
    cause_members.c.vim_id == standings.c.vim_id,
    cause_members.c.back_time.is_(None),
    causes.c.id == cause_members.c.cause_id,
    causes.c.end_time.is_(None),
)
_LASTING = select(func.count()).select_from(causes).where(causes.c.end_time.is_(None)).scalar_subquery()
_HOLDER = select(func.max(cause_turns.c.holder)).where(cause_turns.c.until > NowMicros()).scalar_subquery()
_LOOK = PreparedStatement(
    select(func.sum(_IS_BAD), func.max(_IS_BAD * standings.c.status_time), _LASTING, _HOLDER)
    .select_from(standings)
    .where(_IS_RECENT)
)


def _page(*conditions: Any) -> PreparedStatement:  # noqa: ANN401 - SQLAlchemy's
    statement: Select[Any] = (
        select(
            *(standings.c.number, vims.c.id, vims.c.project_id, vims.c.auth_url, vims.c.labels),
            *(standings.c.status, standings.c.reason, standings.c.engine, standings.c.status_time),
            *(standings.c.action_id, standings.c.vantage),
            NowMicros(),
        )
        .select_from(standings.join(vims, vims.c.id == standings.c.vim_id))
        .where(standings.c.number > bindparam("after"), *conditions)
        .order_by(standings.c.number)
        .limit(bindparam("count"))
    )
    return PreparedStatement(statement)


_CHANGED = _page(_IS_RECENT, _IS_BAD == 1, _HAS_NONE)
_HEALTHY = _page(standings.c.status == Status.REACHABLE)


_VIEWS = PreparedStatement(
    select(
        *(views.c.vim_id, views.c.vantage, views.c.status),
        case((views.c.status_time > NowMicros() - _WINDOW, 1), else_=0),
    )
    .where(among(views.c.vim_id, "ids"))
    .order_by(views.c.vim_id, views.c.vantage)
)


def look(connection: Connection) -> CauseLook:
    [[count, newest, lasting, holder]] = _LOOK.rows(connection, {})
    return CauseLook(int(count or 0), int(newest or 0), lasting, holder or "")


def recent_changes(connection: Connection, after: int, limit: int) -> MemberPage:
    return _members(connection, _CHANGED, after, limit)


def healthy(connection: Connection, after: int, limit: int) -> MemberPage:
    return _members(connection, _HEALTHY, after, limit)


def _members(connection: Connection, page: PreparedStatement, after: int, limit: int) -> MemberPage:
    rows = page.rows(connection, {"after": after, "count": limit})
    viewed = _vantages(connection, [row[1] for row in rows if not row[9]])
    members = []
    for _, vim_id, project_id, auth_url, labels, status, reason, engine, status_time, action_id, stored, now in rows:
        host, is_tls = host_of(auth_url)
        age_s = (now - status_time) / MICROS
        # A VIM with several vantages has no action of its own: each of its views has one.
        vantages = (stored or DEFAULT_VANTAGE,) if action_id else viewed.get(vim_id, {}).get(status in BAD, ())
        said = Status(status), reason, age_s, engine
        members.append(CauseMember(vim_id, project_id, host, is_tls, _labels(labels), *said, vantages))
    return MemberPage(members, rows[-1][0] if len(rows) == limit else 0)


def _vantages(connection: Connection, vim_ids: Sequence[str]) -> Mapping[str, Mapping[bool, tuple[str, ...]]]:
    """Return the vantages that explain the status of VIMs with several, by VIM and by whether it is lost."""
    if not vim_ids:
        return {}
    reaching, lost_lately = defaultdict(list), defaultdict(list)
    for vim_id, vantage, status, is_recent in _VIEWS.rows(connection, {"ids": list(vim_ids)}):
        if status == Status.REACHABLE:
            reaching[vim_id].append(vantage)
        elif status in BAD and is_recent:
            lost_lately[vim_id].append(vantage)
    return {
        vim_id: {
            False: tuple(reaching[vim_id]),
            # If several changed their opinions, neither is what the VIM was lost with.
            True: tuple(lost_lately[vim_id]) if len(lost_lately[vim_id]) == 1 else (),
        }
        for vim_id in vim_ids
    }


@lru_cache(maxsize=5000)
def _read_labels(text: str) -> Mapping[str, str]:
    labels: dict[str, str] = json.loads(text)
    return labels


def _labels(value: str | Mapping[str, str] | None) -> Mapping[str, str]:
    """Return the labels of a row, which drivers give as text or as values. VIMs share most of theirs."""
    return _read_labels(value) or {} if isinstance(value, str) else value or {}
