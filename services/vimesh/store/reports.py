"""Recording reports: the fence and the write are one transaction (G1 to G6)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, select

from vimesh.domain.events import EventKind
from vimesh.domain.leases import renewal_due
from vimesh.domain.vims import BadAction, Outcome, Recorded, Report, Standing, Status, judge
from vimesh.store.batches import Rewrite, update_rows
from vimesh.store.changes import Changes
from vimesh.store.dialects import NowMicros
from vimesh.store.group import Contact
from vimesh.store.lapsing import SILENCE, with_its_silence
from vimesh.store.shown import Row
from vimesh.store.tables import vims
from vimesh.store.times import MICROS, micros, micros_of_age

# What a contact can change, and what its event says.
_RENEWED = ("contact_time", "lease_until", "unheard")
_CHANGED = (*SILENCE, "observation", *_RENEWED)
_OF_REPORTS = vims.c.id.in_(bindparam("ids", expanding=True))
_ROWS = select(
    vims.c.id,
    vims.c.engine,
    vims.c.action_id,
    *(vims.c[name] for name in _CHANGED),
).where(_OF_REPORTS)
_STANDINGS = select(
    vims.c.id,
    vims.c.action_id,
    vims.c.status,
    vims.c.reason,
    vims.c.observation,
    vims.c.contact_time,
    vims.c.holds,
    (vims.c.lease_until - NowMicros()).label("remaining"),
).where(_OF_REPORTS)
# The action is matched although it was read in this transaction: the statement alone keeps G1, on any database.
_OF_ACTION = ("id", "action_id")
_CHANGE = Rewrite(vims, _OF_ACTION, _CHANGED)
_RENEW = Rewrite(vims, _OF_ACTION, _RENEWED)


def settled(connection: Connection, contacts: Sequence[Contact]) -> list[Outcome | None]:
    """Judge with what is committed. None: there is something to write, ask `write`."""
    rows = {row["id"]: row for row in connection.execute(_STANDINGS, _ids(contacts)).mappings()}
    outcomes: list[Outcome] = []
    # What else is said of a VIM in the same call has to be judged after that was written.
    moving: set[str] = set()
    for contact in contacts:
        row = rows.get(contact.report.vim_id)
        remaining = 0 if row is None else row["remaining"]
        outcome = judge(_standing(row, remaining), contact.report)
        outcomes.append(outcome)
        if row is not None and _writes(outcome, contact, row, remaining):
            moving.add(contact.report.vim_id)
    return [None if c.report.vim_id in moving else said for c, said in zip(contacts, outcomes, strict=True)]


def write(connection: Connection, contacts: Sequence[Contact]) -> list[Outcome]:
    """Judge the reports one after the other and write what they change, in six statements however many they are."""
    changes = Changes.begin(connection)
    rows: dict[str, Row] = {row["id"]: row for row in connection.execute(_ROWS, _ids(contacts)).mappings()}
    changed: dict[str, Row] = {}
    renewed: dict[str, Row] = {}
    outcomes: list[Outcome] = []
    for contact in contacts:
        before = rows.get(contact.report.vim_id)
        remaining = 0 if before is None else before["lease_until"] - changes.now
        outcome = judge(_standing(before, remaining), contact.report)
        outcomes.append(outcome)
        if before is not None and _writes(outcome, contact, before, remaining):
            after = _after(with_its_silence(before, changes), contact, outcome, changes)
            # A lease that goes on touches one index only, and is what most writes are.
            moves = isinstance(outcome, Recorded) or after["revision"] != before["revision"]
            (changed if moves else renewed)[after["id"]] = rows[after["id"]] = after
    # Who has changed keeps its action: each row is found by what it holds.
    for rewrite, written in ((_RENEW, renewed), (_CHANGE, changed)):
        update_rows(connection, rewrite, [(row, row) for row in written.values()])
    changes.write()
    return outcomes


def _ids(contacts: Iterable[Contact]) -> dict[str, list[str]]:
    return {"ids": list({contact.report.vim_id: None for contact in contacts})}


def _standing(row: Row | None, remaining: int) -> Standing | None:
    if row is None:
        return None
    lapsed = remaining < 0 and row["holds"]
    status = Status.UNKNOWN if lapsed else Status(row["status"])
    return Standing(row["action_id"], status, row["reason"], row["observation"], holds=row["holds"] and not lapsed)


def _writes(outcome: Outcome, contact: Contact, row: Row, remaining: int) -> bool:
    if isinstance(outcome, BadAction):
        return False
    heard = row["contact_time"] is not None
    return isinstance(outcome, Recorded) or renewal_due(remaining / MICROS, contact.lease_s, heard=heard)


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
