"""Judges reports of conditions, and writes what changes: one event for each VIM, whatever number of its conditions.

Reports are first judged by a read, which does not lock out others: what repeats what is on record ends there. The rest
is judged again in the transaction that writes it. That judgement counts (G1).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from vimesh.domain.conditions.conditions import ENDPOINT_PREFIX, Certificate, ConditionStatus, TimedCondition
from vimesh.domain.errors import BadInput, Violation
from vimesh.domain.events import EventKind
from vimesh.domain.views.vantage_errors import OlderConductors
from vimesh.domain.vim_conditions.condition_reports import ConditionOutcome, ConditionReport, ConditionsRecorded
from vimesh.domain.vim_conditions.condition_rules import MAX_CONDITIONS, REMOVED, applies
from vimesh.domain.vims import BadAction
from vimesh.store.change_log.transaction import Changes, previous_of
from vimesh.store.leases.lapse_leases import SILENCE_COLUMNS, record_silence, write_silences
from vimesh.store.rows.conductor_versions import older_conductors
from vimesh.store.rows.vim_rows import policy_of
from vimesh.store.rows.visible_rows import WHOLE_VIM, Row
from vimesh.store.schema.condition_tables import vim_certificates, vim_conditions
from vimesh.store.schema.tables import leases, standings, vims
from vimesh.store.schema.timestamps import moment
from vimesh.store.shown_vims.condition_rows import (
    Seen,
    columns_of_certificate,
    columns_of_condition,
    document_of_changes,
    read_seen,
)
from vimesh.store.shown_vims.view_rows import has_views, is_of_first_vantage, read_views
from vimesh.store.sql.sql_functions import NowMicros, among

_KNOWN_SINCE: Final = "0028"
"""The version of the tables whose conductors were the first to know conditions: others cannot read their events."""
_SELECT = (
    select(
        standings.c.vim_id.label("id"),
        *(standings.c[name] for name in ("number", "engine", "action_id", *SILENCE_COLUMNS)),
        *(leases.c[name] for name in ("holds", "lease_until")),
        vims.c.project_id,
        vims.c.policy,
        NowMicros().label("now"),
    )
    .select_from(WHOLE_VIM)
    .where(among(standings.c.vim_id, "ids"))
)
_IS_SAME = (vim_conditions.c.number == bindparam("of_number"), vim_conditions.c.type == bindparam("of_type"))
_DELETE = delete(vim_conditions).where(*_IS_SAME)
_INSERT = insert(vim_conditions)
_DELETE_CERTIFICATE = delete(vim_certificates).where(vim_certificates.c.number == bindparam("of_number"))
_INSERT_CERTIFICATE = insert(vim_certificates)
_MOVE = update(standings).where(standings.c.number == bindparam("of_number")).values(revision=bindparam("to"))
_BAD_ACTION: Final = BadAction()
_UNCHANGED: Final = ConditionsRecorded(is_new=False)
_CHANGED: Final = ConditionsRecorded(is_new=True)

Judgement = ConditionOutcome | BadInput


@dataclass(slots=True)
class _VimChange:
    """What a report changes of what is on record of a VIM."""

    row: Row
    reporter: str
    written: list[TimedCondition] = field(default_factory=list)
    """The conditions to write."""
    removed: list[str] = field(default_factory=list)
    news: list[TimedCondition] = field(default_factory=list)
    """What is told: conditions whose status or reason is another one, and those that are removed."""
    certificate: Certificate | None = None

    @property
    def is_empty(self) -> bool:
        return not (self.written or self.removed or self.certificate)

    def after(self, before: Seen) -> Seen:
        """Return what is on record after the change."""
        kept = {type_: one for type_, one in before.conditions.items() if type_ not in self.removed}
        return Seen({**kept, **{one.type: one for one in self.written}}, self.certificate or before.certificate)


def would_change(connection: Connection, reports: Sequence[ConditionReport]) -> tuple[list[Judgement], bool]:
    """Return the outcomes of reports, and whether any has to be judged again: it changes something, or is doubtful.

    Views are read after their VIM: of one whose policy was changed meanwhile, the wanted action may seem to be none,
    and it must never hear that (G3).
    """
    outcomes, changes = _judge(connection, reports, None)
    is_doubtful = any(isinstance(outcome, BadAction) for outcome in outcomes)
    return outcomes, bool(changes) or is_doubtful


def judge_and_write(connection: Connection, reports: Sequence[ConditionReport]) -> list[Judgement]:
    """Judge reports in a transaction of their own, and write what they change.

    Raises OlderConductors if they change something, and conductors run that cannot read the change.
    """
    changes = Changes.begin(connection)
    outcomes, changed = _judge(connection, reports, changes.now)
    if changed:
        if older := older_conductors(connection, _KNOWN_SINCE):
            raise OlderConductors(len(older), "conditions")
        _write(changes, changed)
        changes.write()
    return outcomes


def _judge(
    connection: Connection, reports: Sequence[ConditionReport], now: int | None
) -> tuple[list[Judgement], list[_VimChange]]:
    """Judge reports in order. `now`: the time of the transaction; None: of the read."""
    ids = list({report.vim_id: None for report in reports})
    rows = {row["id"]: row for row in connection.execute(_SELECT, {"ids": ids}).mappings()}
    views = read_views(connection, [vim_id for vim_id, row in rows.items() if has_views(row)])
    seen = read_seen(connection, [row["number"] for row in rows.values()])
    outcomes: list[Judgement] = []
    changes: list[_VimChange] = []
    for report in reports:
        row = rows.get(report.vim_id)
        if row is None or not _is_wanted(report, row, views):
            outcomes.append(_BAD_ACTION)
            continue
        # Of several vantages, only the first has a say.
        if not is_of_first_vantage(report.action_id, policy_of(row["policy"]), views.get(report.vim_id, ())):
            outcomes.append(_UNCHANGED)
            continue
        try:
            before = seen.get(row["number"], Seen())
            change = _change(report, row, before, moment(row["now"] if now is None else now))
        except BadInput as error:
            outcomes.append(error.with_traceback(None))
            continue
        outcomes.append(_UNCHANGED if change.is_empty else _CHANGED)
        if not change.is_empty:
            changes.append(change)
            seen[row["number"]] = change.after(before)
    return outcomes, changes


def _is_wanted(report: ConditionReport, row: Row, views: Mapping[str, Sequence[Mapping[str, Any]]]) -> bool:
    """Judge the action: this is the fence (G1)."""
    if has_views(row):
        return any(view["action_id"] == report.action_id for view in views.get(report.vim_id, ()))
    return bool(row["action_id"] == report.action_id)


def _change(report: ConditionReport, row: Row, seen: Seen, now: dt.datetime) -> _VimChange:
    """Return what a report changes. Raises BadInput if the VIM would have too many conditions."""
    change = _VimChange(row, report.reporter)
    policy = policy_of(row["policy"])
    # A monitor of another release may look deeper than it should: nobody would remove what it reports.
    reported = [one for one in report.conditions if applies(one.type, policy)]
    for one in reported:
        before = seen.conditions.get(one.type)
        is_new_status = before is None or before.status is not one.status
        since = now if before is None or is_new_status else before.transition_time
        after = TimedCondition(one.type, one.status, one.reason, one.message, since)
        if after == before:
            continue
        change.written.append(after)
        if before is None or is_new_status or before.reason != one.reason:
            change.news.append(after)
    if report.catalogue:
        named = {one.type for one in reported} | {f"{ENDPOINT_PREFIX}{service}" for service in report.catalogue}
        gone = [type_ for type_ in seen.conditions if type_.startswith(ENDPOINT_PREFIX) and type_ not in named]
        change.removed += gone
        change.news += [TimedCondition(type_, ConditionStatus.UNKNOWN, REMOVED, "", now) for type_ in gone]
    if report.certificate is not None and report.certificate != seen.certificate:
        change.certificate = report.certificate
    count = len(seen.conditions.keys() | {one.type for one in change.written}) - len(change.removed)
    if count > MAX_CONDITIONS:
        raise BadInput(Violation("conditions", f"the VIM would have {count}, and may have {MAX_CONDITIONS}"))
    return change


def _write(changes: Changes, changed: Sequence[_VimChange]) -> None:
    """Write the rows of all changes together, and add an event for each that is told."""
    # By the number of the VIM and the type; None: it is removed. What came last counts.
    conditions: dict[tuple[int, str], TimedCondition | None] = {}
    certificates: dict[int, Certificate] = {}
    after: dict[int, Row] = {}
    silences: list[tuple[Row, Row]] = []
    for change in changed:
        number = change.row["number"]
        conditions |= dict.fromkeys((number, type_) for type_ in change.removed)
        conditions |= {(number, one.type): one for one in change.written}
        if change.certificate is not None:
            certificates[number] = change.certificate
        # If there are only other words for people, they are stored, and nobody is told.
        if change.news or change.certificate is not None:
            row = after.get(number, change.row)
            if not has_views(row) and (silent := record_silence(row, changes))["revision"] != row["revision"]:
                # Readers see it already: the change is of a VIM that is UNKNOWN.
                silences.append((row, silent))
                row = silent
            after[number] = _tell(changes, change, row)
    _store(changes.connection, conditions, certificates)
    write_silences(changes.connection, silences)
    if after:
        moves = [{"of_number": number, "to": row["revision"]} for number, row in after.items()]
        changes.connection.execute(_MOVE, moves)


def _tell(changes: Changes, change: _VimChange, row: Row) -> Row:
    """Add the event of a change; return the row of its VIM after that."""
    after = {**row, "revision": changes.next_revision()}
    changes.add(
        EventKind.CONDITION_CHANGED,
        after,
        previous=previous_of(row),
        document=document_of_changes(change.news, change.certificate),
        actor=change.reporter,
    )
    return after


def _store(
    connection: Connection,
    conditions: Mapping[tuple[int, str], TimedCondition | None],
    certificates: Mapping[int, Certificate],
) -> None:
    if conditions:
        connection.execute(_DELETE, [{"of_number": number, "of_type": type_} for number, type_ in conditions])
    if kept := [(number, one) for (number, _), one in conditions.items() if one is not None]:
        connection.execute(_INSERT, [{"number": number, **columns_of_condition(one)} for number, one in kept])
    if certificates:
        connection.execute(_DELETE_CERTIFICATE, [{"of_number": number} for number in certificates])
        connection.execute(
            _INSERT_CERTIFICATE,
            [{"number": number, **columns_of_certificate(one)} for number, one in certificates.items()],
        )
