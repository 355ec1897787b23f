"""Makes random histories of VIMs, as conductors would have written them, and says how long each status lasted."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, insert, update

from vimesh.domain.actions import shard_key
from vimesh.domain.availability.timeline import (
    StatusChange,
    StatusSpan,
    TimeSpan,
    begins_span,
    status_spans,
    under_maintenance,
    union,
)
from vimesh.domain.events import EventKind
from vimesh.domain.probing import ProbePolicy, Reason
from vimesh.domain.vims import Status
from vimesh.store.rows.vim_rows import stored_policy
from vimesh.store.schema.maintenance_tables import maintenance_spans
from vimesh.store.schema.tables import events, leases, revisions, standings, vims

HOUR = 3_600_000_000
DAY = 24 * HOUR
_REASONS = ("", "TIMEOUT", "CONNECTION_REFUSED")


@dataclass
class VimHistory:
    vim_id: str
    project_id: str
    type: str
    changes: list[dict[str, Any]] = field(default_factory=list)
    """Rows of `events` of all its lives; the last life goes on."""
    maintenance: list[TimeSpan] = field(default_factory=list)
    lease_until: int = 0
    holds: bool = False

    @property
    def life(self) -> list[dict[str, Any]]:
        """The changes since the last registration."""
        begin = max(i for i, change in enumerate(self.changes) if change["kind"] == EventKind.REGISTERED)
        return self.changes[begin:]

    @property
    def number(self) -> int:
        return int(self.life[0]["revision"])

    def spans(self, now: int) -> list[StatusSpan]:
        """Return its time until now, by the plain implementation."""
        seen = [
            StatusChange(row["time"] if row["seen_time"] is None else row["seen_time"], row["status"], row["reason"])
            for row in self.life
            if begins_span(row["kind"], row["stopped_action_id"])
        ]
        if self.holds and self.lease_until < now:
            seen.append(StatusChange(self.lease_until, Status.UNKNOWN, Reason.SILENT))
        return list(under_maintenance(status_spans(seen, now), union(self.maintenance)))


def random_histories(chance: random.Random, count: int, start: int, stop: int) -> list[VimHistory]:
    """Make histories that begin and end between these times, with the revisions of one log."""
    histories = [_history(chance, start, stop) for _ in range(count)]
    rows = sorted((row for each in histories for row in each.changes), key=lambda row: row["time"])
    for revision, row in enumerate(rows, start=2):
        row["revision"] = revision
    return histories


def _history(chance: random.Random, start: int, stop: int) -> VimHistory:
    history = VimHistory(
        str(uuid.UUID(int=chance.getrandbits(128), version=4)),
        chance.choice(("red", "green", "blue")),
        chance.choice(("openstack", "kubernetes")),
    )
    lives = chance.choice((1, 1, 1, 2, 3))
    cuts = sorted(chance.randrange(start, stop) for _ in range(lives))
    for begin, end in zip(cuts, [*cuts[1:], stop], strict=True):
        history.changes += _life(chance, history, begin, end, removed=end != stop)
    last = history.changes[-1]
    history.holds = last["status"] != Status.PENDING and last["reason"] != Reason.SILENT
    history.lease_until = chance.choice((stop + 400 * DAY, chance.randrange(last["time"] + 1, stop + 2)))
    for _ in range(chance.choice((0, 0, 1, 2, 5))):
        begin = chance.randrange(start, stop)
        history.maintenance.append(TimeSpan(begin, begin + chance.choice((1, HOUR, DAY, chance.randrange(9 * DAY)))))
    return history


def _life(
    chance: random.Random, history: VimHistory, start: int, stop: int, *, removed: bool
) -> Iterator[dict[str, Any]]:
    row = {"kind": EventKind.REGISTERED, "status": Status.PENDING, "reason": "", "stopped_action_id": ""}
    time = start
    yield _event(history, time, row, None)
    for _ in range(chance.choice((0, 3, 30))):
        time += chance.choice((0, 1, chance.randrange(HOUR), chance.randrange(40 * DAY)))
        if time >= stop:
            break
        row = _next(chance, row)
        age = chance.choice((0, 1, chance.randrange(HOUR), chance.randrange(60 * DAY)))
        seen = time - age if row["kind"] in (EventKind.STATUS_CHANGED, EventKind.REASON_CHANGED) and age else None
        yield _event(history, time, row, seen)
    if removed:
        removal = {"kind": EventKind.DEREGISTERED, "stopped_action_id": "gone"}
        yield _event(history, stop, {**row, **removal}, None)


def _next(chance: random.Random, row: dict[str, Any]) -> dict[str, Any]:
    kind = chance.choice((*[EventKind.STATUS_CHANGED] * 4, *EventKind))
    same = {**row, "kind": kind, "stopped_action_id": ""}
    match kind:
        case EventKind.STATUS_CHANGED:
            status = chance.choice((Status.REACHABLE, Status.UNREACHABLE, Status.UNKNOWN))
            reason = Reason.SILENT if status is Status.UNKNOWN else chance.choice(_REASONS)
            return {**same, "status": status, "reason": reason}
        case EventKind.REASON_CHANGED:
            return {**same, "reason": chance.choice(_REASONS)}
        case EventKind.ACTION_REPLACED:
            return {**same, "stopped_action_id": "before"}
        case EventKind.MODIFIED if chance.random() < 0.5:
            return {**same, "stopped_action_id": "before", "status": Status.PENDING, "reason": ""}
    # Changes that say nothing of the status, such as one of the description, or the start of maintenance.
    return {**same, "kind": EventKind.MODIFIED}


def _event(history: VimHistory, time: int, row: dict[str, Any], seen: int | None) -> dict[str, Any]:
    return {
        **row,
        "vim_id": history.vim_id,
        "time": time,
        "seen_time": seen,
        "engine": "EMBEDDED",
        "action_id": "action",
        "stopped_engine": None,
        "previous_status": Status.PENDING,
        "detail": "",
        "document": None,
        "project_id": history.project_id,
        "actor": "",
    }


def write_histories(connection: Connection, histories: Sequence[VimHistory]) -> None:
    """Write histories into empty tables."""
    rows = sorted((row for each in histories for row in each.changes), key=lambda row: row["revision"])
    connection.execute(insert(events), rows)
    connection.execute(update(revisions).values(newest=rows[-1]["revision"]))
    connection.execute(insert(vims), [_vim_row(each) for each in histories])
    connection.execute(insert(standings), [_standing_row(each) for each in histories])
    connection.execute(insert(leases), [_lease_row(each) for each in histories])
    windows = [
        {
            "vim_id": each.vim_id,
            "maintenance_id": f"window-{index}",
            "start_time": span.start,
            "end_time": span.stop,
            "announced": 2,
        }
        for each in histories
        for index, span in enumerate(each.maintenance)
    ]
    if windows:
        connection.execute(insert(maintenance_spans), windows)


def _vim_row(history: VimHistory) -> dict[str, Any]:
    empty: dict[str, Any] = {name: {} for name in ("vim_project", "auth_cred", "placement_attr", "extra")}
    return {
        **empty,
        "id": history.vim_id,
        "project_id": history.project_id,
        "name": f"vim-{history.vim_id}",
        "description": "",
        "type": history.type,
        "auth_url": "http://192.0.2.1:5000/v3",
        "secrets": b"",
        "policy": stored_policy(ProbePolicy()),
        "shard_key": shard_key(history.vim_id),
        "etag": "etag",
        "create_time": history.life[0]["time"],
        "update_time": history.life[0]["time"],
    }


def _standing_row(history: VimHistory) -> dict[str, Any]:
    last = history.changes[-1]
    return {
        "number": history.number,
        "vim_id": history.vim_id,
        "engine": "EMBEDDED",
        "action_id": "action",
        "status": last["status"],
        "reason": last["reason"],
        "detail": "",
        "status_time": last["time"],
        "observation": 0,
        "unheard": 0,
        "monitor_error": "",
        "revision": last["revision"],
    }


def _lease_row(history: VimHistory) -> dict[str, Any]:
    return {"number": history.number, "holds": history.holds, "lease_until": history.lease_until}
