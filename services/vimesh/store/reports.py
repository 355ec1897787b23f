"""Recording reports: the fence and the write are one transaction (G1 to G6)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, select

from vimesh.domain.events import EventKind
from vimesh.domain.leases import renewal_due
from vimesh.domain.vims import BadAction, Outcome, Recorded, Report, Standing, Status, judge
from vimesh.store.batches import Rewrite, update_rows
from vimesh.store.changes import Changes
from vimesh.store.dialects import NowMicros, among
from vimesh.store.group import Contact
from vimesh.store.lapsing import SILENCE, with_its_silence
from vimesh.store.prepared import Prepared
from vimesh.store.shown import Row
from vimesh.store.tables import OF_ACTION, standings
from vimesh.store.times import MICROS, micros, micros_of_age

# What a contact can change, and what its event says. A lease that goes on touches one index, and so does another
# observation of the same; what is news touches three.
_RENEWED = ("contact_time", "lease_until", "unheard")
_OBSERVED = ("observation", "detail", "round_trip_s", *_RENEWED)
_CHANGED = (*SILENCE, "observation", *_RENEWED)
_OF_REPORTS = among(standings.c.vim_id, "ids")
_STANDING = ("action_id", "status", "reason", "observation", "holds")
_READ = ("number", "engine", "action_id", *_CHANGED)
_ROWS = Prepared(select(standings.c.vim_id, *(standings.c[name] for name in _READ)).where(_OF_REPORTS))
_STANDINGS = Prepared(
    select(
        standings.c.vim_id,
        *(standings.c[name] for name in _STANDING),
        standings.c.contact_time,
        standings.c.lease_until - NowMicros(),
    ).where(_OF_REPORTS)
)
# The action is matched although it was read in this transaction: the statement alone keeps G1, on any database.
_CHANGE = Rewrite(standings, OF_ACTION, _CHANGED)
_OBSERVE = Rewrite(standings, OF_ACTION, _OBSERVED)
_RENEW = Rewrite(standings, OF_ACTION, _RENEWED)


def settled(connection: Connection, contacts: Sequence[Contact]) -> list[Outcome | None]:
    """Judge with what is committed. None: there is something to write, ask `write`."""
    rows = {row[0]: row for row in _STANDINGS.rows(connection, _ids(contacts))}
    outcomes: list[Outcome] = []
    # What else is said of a VIM in the same call has to be judged after that was written.
    moving: set[str] = set()
    for contact in contacts:
        report = contact.report
        row = rows.get(report.vim_id)
        if row is None:
            outcomes.append(judge(None, report))
            continue
        _, *held, contact_time, remaining = row
        outcome = judge(_standing(held, remaining), report)
        outcomes.append(outcome)
        if _writes(outcome, contact, remaining, heard=contact_time is not None):
            moving.add(report.vim_id)
    if not moving:
        return outcomes  # type: ignore[return-value]  # none of them is None
    return [None if c.report.vim_id in moving else said for c, said in zip(contacts, outcomes, strict=True)]


def write(connection: Connection, contacts: Sequence[Contact]) -> list[Outcome]:
    """Judge the reports one after the other and write what they change, in six statements however many they are."""
    changes = Changes.begin(connection)
    return write_onto(rows_of(connection, contacts), contacts, changes)


def write_onto(rows: dict[str, Row], contacts: Sequence[Contact], changes: Changes) -> list[Outcome]:
    """Do so, given what is on record."""
    widths: dict[str, int] = {}
    outcomes: list[Outcome] = []
    for contact in contacts:
        before = rows.get(contact.report.vim_id)
        if before is None:
            outcomes.append(judge(None, contact.report))
            continue
        remaining = before["lease_until"] - changes.now
        outcome = judge(_standing([before[name] for name in _STANDING], remaining), contact.report)
        outcomes.append(outcome)
        if _writes(outcome, contact, remaining, heard=before["contact_time"] is not None):
            after = _after(with_its_silence(before, changes), contact, outcome, changes)
            vim_id = after["id"]
            rows[vim_id] = after
            widths[vim_id] = max(widths.get(vim_id, 0), _width(outcome, before, after))
    # Who has changed keeps its action: each row is found by what it holds.
    for width, rewrite in enumerate((_RENEW, _OBSERVE, _CHANGE)):
        written = [rows[vim_id] for vim_id, needed in widths.items() if needed == width]
        update_rows(changes.connection, rewrite, [(row, row) for row in written])
    changes.write()
    return outcomes


def rows_of(connection: Connection, contacts: Sequence[Contact]) -> dict[str, Row]:
    """Return what is on record of the VIMs that are reported on, by their ids."""
    found = _ROWS.rows(connection, _ids(contacts))
    return {vim_id: {"id": vim_id, **dict(zip(_READ, rest, strict=True))} for vim_id, *rest in found}


def _ids(contacts: Iterable[Contact]) -> dict[str, list[str]]:
    return {"ids": list({contact.report.vim_id: None for contact in contacts})}


def _standing(held: Sequence[Any], remaining: int) -> Standing:
    action_id, status, reason, observation, holds = held
    if holds and remaining < 0:
        return Standing(action_id, Status.UNKNOWN, reason, observation, holds=False)
    return Standing(action_id, Status.__members__[status], reason, observation, holds)


def _writes(outcome: Outcome, contact: Contact, remaining: int, *, heard: bool) -> bool:
    if isinstance(outcome, BadAction):
        return False
    return isinstance(outcome, Recorded) or renewal_due(remaining / MICROS, contact.lease_s, heard=heard)


def _width(outcome: Outcome, before: Row, after: Row) -> int:
    """Say which columns differ: those of _RENEWED, _OBSERVED or _CHANGED."""
    if not before["holds"] or after["revision"] != before["revision"]:
        return 2
    return 1 if isinstance(outcome, Recorded) else 0


def _after(before: Row, contact: Contact, outcome: Outcome, changes: Changes) -> Row:
    """Return the row that the contact leaves, and note the change if there is one to tell."""
    after = {
        **before,
        "contact_time": changes.now,
        "lease_until": changes.now + micros(contact.lease_s),
        "unheard": 0,
        "lapsed": False,
    }
    # A late report proves that the action lives, and nothing of the VIM: after a silence it reads UNKNOWN still.
    if not isinstance(outcome, Recorded):
        return after
    moved = outcome.status != before["status"]
    after |= _recorded(contact.report, before, moved=moved, now=changes.now)
    if moved or after["reason"] != before["reason"]:
        after["revision"] = changes.next_revision()
        kind = EventKind.STATUS_CHANGED if moved else EventKind.REASON_CHANGED
        changes.add(kind, after, previous_status=before["status"])
    return after


def _recorded(report: Report, before: Row, *, moved: bool, now: int) -> dict[str, Any]:
    return {
        "status": report.status,
        "reason": report.reason,
        "detail": report.detail,
        "round_trip_s": report.round_trip_s,
        "observation": report.observation or before["observation"],
        "status_time": now - micros_of_age(report.age_s) if moved else before["status_time"],
        "holds": True,
    }
