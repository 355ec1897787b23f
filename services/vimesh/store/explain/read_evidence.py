"""Reads the evidence about a VIM, all of one moment.

Readers have no transactions of several statements, on any database. So the VIM is read again at the end: if it has
changed meanwhile, all of it is read anew.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select

from vimesh.domain.access.caller import Caller
from vimesh.domain.causes.cause_errors import CauseNotFound
from vimesh.domain.causes.causes import CommonCause
from vimesh.domain.errors import VimNotFound
from vimesh.domain.events import EventKind
from vimesh.domain.explain.vim_evidence import (
    MAX_CHANGES,
    MAX_TASKS,
    ROUNDS_S,
    ActionLease,
    MonitorDuty,
    OpenTask,
    PastChange,
    RoundTotals,
    VimEvidence,
)
from vimesh.domain.history.history_limits import LEVELS
from vimesh.domain.history.round_digests import digests_of
from vimesh.domain.pool.assignment import Assignment
from vimesh.domain.todos import TodoKind
from vimesh.domain.vims import Engine, Status, VimCause
from vimesh.store.causes import read_causes
from vimesh.store.history.history_rows import read_rows
from vimesh.store.pool import member_rows
from vimesh.store.rows.vim_rows import policy_of
from vimesh.store.rows.visible_rows import VISIBLE_COLUMNS, WHOLE_VIM, Row
from vimesh.store.schema.pool_tables import monitors
from vimesh.store.schema.tables import events, standings, todos, vims
from vimesh.store.schema.timestamps import MICROS, moment
from vimesh.store.shown_vims.current_maintenance import visible_vims
from vimesh.store.shown_vims.view_rows import read_views
from vimesh.store.views.divide_views import vantages_of

_TRIES: Final = 5
"""A VIM changes every few seconds at most, and this takes milliseconds."""
_EXAMINED: Final = 100
"""The newest changes of the VIM, among which those of its status are looked for: it may have very many others."""
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MINUTE_S: Final = LEVELS[0].step_s
_ONE = (
    select(*VISIBLE_COLUMNS, standings.c.number, standings.c.vantage)
    .select_from(WHOLE_VIM)
    .where(vims.c.id == bindparam("vim_id"))
)
_COMPARED: Final = ("revision", "action_id", "contact_time", "lease_until", "holds", "monitor_error")
_MEMBERS = select(monitors.c.id, monitors.c.lease_until)
_TASKS = select(todos).where(todos.c.vim_id == bindparam("vim_id")).order_by(todos.c.number).limit(MAX_TASKS)
_TIMES = select(events.c.revision, events.c.time).where(events.c.revision.in_(bindparam("revisions", expanding=True)))
_CHANGES = (
    select(events.c.revision, events.c.kind, events.c.time, events.c.status, events.c.previous_status, events.c.reason)
    .where(events.c.vim_id == bindparam("vim_id"), events.c.revision >= bindparam("number"))
    .order_by(events.c.revision.desc())
    .limit(_EXAMINED)
)


def read_evidence(connection: Connection, vim_id: str, caller: Caller) -> VimEvidence:
    """Return what is known of a VIM. Raises VimNotFound."""
    state = _read_state(connection, vim_id, caller)
    for _ in range(_TRIES):
        evidence = _read_all(connection, *state, caller)
        after = _read_state(connection, vim_id, caller)
        if _compared(*after) == _compared(*state):
            break
        state = after
    return evidence


def _read_state(connection: Connection, vim_id: str, caller: Caller) -> tuple[Row, Sequence[Mapping[str, Any]]]:
    row = connection.execute(_ONE, {"vim_id": vim_id}).mappings().one_or_none()
    if row is None or not caller.sees(row["project_id"]):
        raise VimNotFound(vim_id)
    views = [] if row["action_id"] else read_views(connection, [vim_id]).get(vim_id, [])
    return row, views


def _compared(row: Row, views: Sequence[Mapping[str, Any]]) -> tuple[Any, ...]:
    return (*(row[name] for name in _COMPARED), sorted((view["vantage"], view["lease_until"]) for view in views))


def _read_all(connection: Connection, row: Row, views: Sequence[Mapping[str, Any]], caller: Caller) -> VimEvidence:
    [vim] = visible_vims(connection, [row])
    is_embedded = row["engine"] == Engine.EMBEDDED
    return VimEvidence(
        as_of=moment(row["now"]),
        vim=vim,
        leases=_leases(row, views),
        holds=bool(row["holds"]),
        duties=_duties(connection, row) if is_embedded else (),
        tasks=_tasks(connection, row),
        cause=_cause(connection, vim.cause, caller),
        rounds=_rounds(connection, row["number"], row["now"] / MICROS),
        changes=_changes(connection, row),
    )


def _leases(row: Row, views: Sequence[Mapping[str, Any]]) -> list[ActionLease]:
    if row["action_id"]:
        return [ActionLease("", moment(row["lease_until"]), row["contact_time"] is not None, not row["lapsed"])]
    by_vantage = {view["vantage"]: view for view in views}
    return [
        ActionLease(
            view["vantage"],
            moment(view["lease_until"]),
            view["contact_time"] is not None,
            view["lease_until"] >= row["now"],
        )
        for name in policy_of(row["policy"]).vantages
        if (view := by_vantage.get(name)) is not None
    ]


def _duties(connection: Connection, row: Row) -> list[MonitorDuty]:
    pool = member_rows.view(connection)
    ends: dict[str, int] = {found.id: found.lease_until for found in connection.execute(_MEMBERS)}
    return [_duty(pool.members.get(vantage, ()), vantage, row, ends) for vantage in _vantages(row)]


def _vantages(row: Row) -> Sequence[str]:
    if not row["action_id"] or not row["vantage"]:
        return vantages_of(policy_of(row["policy"]))
    return (row["vantage"],)


def _duty(members: Sequence[Any], vantage: str, row: Row, ends: Mapping[str, int]) -> MonitorDuty:
    owner_id = Assignment(members).owner_of(row["id"])
    living = [one.monitor_id for one in members if ends.get(one.monitor_id, 0) > row["now"]]
    owner = next((one for one in members if one.monitor_id == owner_id), None)
    return MonitorDuty(
        vantage,
        owner_id,
        is_alive=owner_id in living,
        has_living=bool(living),
        is_draining=owner is not None and owner.draining,
        lease_end=moment(ends[owner_id]) if owner_id in ends else None,
        monitors=len(members),
        living_monitors=len(living),
    )


def _tasks(connection: Connection, row: Row) -> list[OpenTask]:
    open_tasks = connection.execute(_TASKS, {"vim_id": row["id"]}).mappings().all()
    if not open_tasks:
        return []
    # The number of a to-do follows from the revision of its change: see `change_log.todos_of_events`.
    revisions = [one["number"] // 2 for one in open_tasks]
    times: dict[int, int] = {
        found.revision: found.time for found in connection.execute(_TIMES, {"revisions": revisions})
    }
    return [
        OpenTask(
            kind=TodoKind(one["kind"]),
            action_id=one["action_id"],
            is_void=one["kind"] == TodoKind.START and one["action_id"] != row["action_id"],
            attempts=one["attempts"],
            error=one["error"],
            due_time=moment(one["due_time"]),
            is_claimed=bool(one["claim_token"]) and one["due_time"] > row["now"],
            create_time=moment(times[revision]) if revision in times else None,
        )
        for one, revision in zip(open_tasks, revisions, strict=True)
    ]


def _cause(connection: Connection, cause: VimCause | None, caller: Caller) -> CommonCause | None:
    if cause is None:
        return None
    try:
        return read_causes.get_cause(connection, cause.cause_id, caller)
    except CauseNotFound:  # it has just ended
        return None


def _rounds(connection: Connection, number: int, now_s: float) -> RoundTotals | None:
    level = LEVELS[0]
    first = now_s - ROUNDS_S
    found = read_rows(connection, level.step_s, [number], int(first) - level.row_s, int(now_s) + 1)
    digests = [
        digest
        for row in found
        for digest in digests_of(row.digests)
        if digest.slot * _MINUTE_S >= first and digest.slot * _MINUTE_S <= now_s
    ]
    if not any(digest.rounds for digest in digests):
        return None
    answered = [digest for digest in digests if digest.answered]
    return RoundTotals(
        rounds=sum(digest.rounds for digest in digests),
        answered=sum(digest.answered for digest in digests),
        lost=sum(digest.lost for digest in digests),
        sum_s=sum(digest.sum_s for digest in answered),
        min_s=min((digest.min_s for digest in answered), default=0.0),
        max_s=max((digest.max_s for digest in answered), default=0.0),
        last_time=_EPOCH + dt.timedelta(seconds=(max(digest.slot for digest in digests) + 1) * _MINUTE_S),
    )


def _changes(connection: Connection, row: Row) -> list[PastChange]:
    rows = connection.execute(_CHANGES, {"vim_id": row["id"], "number": row["number"]}).mappings()
    found = [
        PastChange(
            event["revision"],
            moment(event["time"]),
            Status(event["status"]),
            Status(event["previous_status"]),
            event["reason"],
        )
        for event in rows
        # What has been read is of the moment of the VIM: a change since is not in it.
        if event["kind"] == EventKind.STATUS_CHANGED and event["revision"] <= row["revision"]
    ]
    return found[:MAX_CHANGES]
