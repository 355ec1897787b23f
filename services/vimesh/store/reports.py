"""Recording reports: the fence and the write are one transaction (G1 to G5)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from vimesh.domain.events import EventKind
from vimesh.domain.vims import Outcome, Recorded, Report, Standing, Status, judge
from vimesh.store.changes import Changes
from vimesh.store.records import Row
from vimesh.store.tables import vims
from vimesh.store.times import micros_of_age

# What a report can change, and what its event says.
_CHANGED = ("status", "reason", "detail", "round_trip_s", "status_time", "observation", "contact_time", "revision")
_OF_REPORTS = vims.c.id.in_(bindparam("ids", expanding=True))
_ROWS = select(
    vims.c.id,
    vims.c.engine,
    vims.c.action_id,
    *(vims.c[name] for name in _CHANGED),
).where(_OF_REPORTS)
_STANDINGS = select(vims.c.id, vims.c.action_id, vims.c.status, vims.c.reason, vims.c.observation).where(_OF_REPORTS)
# The action is matched although it was read in this transaction: the statement alone keeps G1, on any database.
_UPDATE = (
    update(vims)
    .where(vims.c.id == bindparam("of_vim"), vims.c.action_id == bindparam("of_action"))
    .values({name: bindparam(f"new_{name}") for name in _CHANGED})
)


def settled(connection: Connection, reports: Sequence[Report]) -> list[Outcome | None]:
    """Judge with what is committed. None: there is something to write, ask `write`."""
    standings = {
        vim_id: Standing(action_id, Status(status), reason, observation)
        for vim_id, action_id, status, reason, observation in connection.execute(_STANDINGS, _ids(reports))
    }
    outcomes = [judge(standings.get(report.vim_id), report) for report in reports]
    # What else is said of a VIM in the same call has to be judged after that was written.
    moving = {report.vim_id for report, said in zip(reports, outcomes, strict=True) if isinstance(said, Recorded)}
    return [None if report.vim_id in moving else said for report, said in zip(reports, outcomes, strict=True)]


def write(connection: Connection, reports: Sequence[Report]) -> list[Outcome]:
    """Judge the reports one after the other and write what they change, in five statements however many they are."""
    changes = Changes.begin(connection)
    rows = _rows(connection, reports)
    written: dict[str, Row] = {}
    outcomes: list[Outcome] = []
    for report in reports:
        before = rows.get(report.vim_id)
        outcome = judge(_standing(before), report)
        outcomes.append(outcome)
        if before is not None and isinstance(outcome, Recorded):
            rows[report.vim_id] = written[report.vim_id] = _after(before, report, changes)
    if written:
        connection.execute(_UPDATE, [_parameters(row) for row in written.values()])
    changes.write()
    return outcomes


def _rows(connection: Connection, reports: Iterable[Report]) -> dict[str, Row]:
    return {row["id"]: row for row in connection.execute(_ROWS, _ids(reports)).mappings()}


def _ids(reports: Iterable[Report]) -> dict[str, list[str]]:
    return {"ids": list({report.vim_id: None for report in reports})}


def _standing(row: Row | None) -> Standing | None:
    if row is None:
        return None
    return Standing(row["action_id"], Status(row["status"]), row["reason"], row["observation"])


def _after(before: Row, report: Report, changes: Changes) -> Row:
    """Return the row that the report leaves, and note the change if there is one to tell."""
    moved = report.status != before["status"]
    tells = moved or report.reason != before["reason"]
    after = {
        **before,
        "status": report.status,
        "reason": report.reason,
        "detail": report.detail,
        "round_trip_s": report.round_trip_s,
        "observation": report.observation or before["observation"],
        "contact_time": changes.now,
        "status_time": changes.now - micros_of_age(report.age_s) if moved else before["status_time"],
        "revision": changes.next_revision() if tells else before["revision"],
    }
    if tells:
        kind = EventKind.STATUS_CHANGED if moved else EventKind.REASON_CHANGED
        changes.add(kind, after, previous_status=before["status"])
    return after


def _parameters(row: Row) -> dict[str, Any]:
    return {"of_vim": row["id"], "of_action": row["action_id"], **{f"new_{name}": row[name] for name in _CHANGED}}
