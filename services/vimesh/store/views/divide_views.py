"""Changes from where a VIM is probed: between one vantage and several, and which.

A vantage that stays keeps its action, its lease and what it says, unless what is probed changes, too. So a VIM that
gets a second vantage is looked at by the first one all the time.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert

from vimesh.domain.events import EventKind
from vimesh.domain.leases import start_grace_s
from vimesh.domain.probing import ProbePolicy
from vimesh.domain.views.vantages import DEFAULT_VANTAGE
from vimesh.domain.vims import Status
from vimesh.store.change_log.transaction import Changes, previous_of
from vimesh.store.rows.vim_rows import STOPPED, policy_of
from vimesh.store.rows.visible_rows import Row
from vimesh.store.schema.timestamps import micros
from vimesh.store.schema.view_tables import views
from vimesh.store.shown_vims.view_rows import VIEW_COLUMNS, has_views
from vimesh.store.views.viewed_vim import LEASE_COLUMNS, STATUS_COLUMNS, ViewedVim, read_viewed

_INSERT = insert(views)
_DELETE = delete(views).where(views.c.number == bindparam("of_number"))
_OWN_COLUMNS = ("action_id", "observation", "unheard")
_SHARED_COLUMNS = (*(name for name in STATUS_COLUMNS if name != "revision"), *LEASE_COLUMNS, *_OWN_COLUMNS)
"""The columns that a view has in common with the standing and the lease of a VIM with one vantage."""


def vantages_of(policy: ProbePolicy) -> tuple[str, ...]:
    """Return from where a VIM is probed, which is always from somewhere."""
    return policy.vantages or (DEFAULT_VANTAGE,)


def stored_vantage(vantage: str) -> str:
    """Return the vantage as the standing of a VIM with only one has it."""
    return "" if vantage == DEFAULT_VANTAGE else vantage


def columns_of_vantages(policy: ProbePolicy) -> dict[str, str]:
    """Return what a standing says of the vantages of a VIM, unless it has one that is in the row already."""
    names = vantages_of(policy)
    return {"vantage": stored_vantage(names[0])} if len(names) == 1 else {"vantage": "", "action_id": ""}


def insert_first_views(connection: Connection, rows: Sequence[Row]) -> None:
    """Insert the views of those new VIMs that several vantages look at. `rows`: with number and vim_id."""
    new = [
        _new_view(row, vantage, row["create_time"])
        for row in rows
        if has_views(row)
        for vantage in policy_of(row["policy"]).vantages
    ]
    if new:
        connection.execute(_INSERT, new)


def delete_views(connection: Connection, number: int) -> None:
    connection.execute(_DELETE, {"of_number": number})


def document_of_stopped(stopped: Sequence[Row]) -> dict[str, Any]:
    """Return what the document of an event says of the actions that it stopped: it names the first one itself."""
    others = [row["action_id"] for row in stopped[1:]]
    return {STOPPED: others} if others else {}


def settled(connection: Connection, row: Row, changes: Changes) -> ViewedVim | None:
    """Return the VIM with its views, once their silences are on record; None if it has at most one vantage."""
    if not has_views(row):
        return None
    viewed = read_viewed(connection, [row["id"]], changes)[row["id"]]
    viewed.record_silences()
    return viewed


@dataclass(frozen=True, slots=True)
class Division:
    """From where a VIM is probed after a modification."""

    views: Sequence[Mapping[str, Any]]
    """In the order of the policy."""
    stopped: Sequence[Row]
    """The actions that are not wanted any more, in the form of the rows of VIMs."""

    @classmethod
    def of(
        cls, before: Row, viewed: ViewedVim | None, policy: ProbePolicy, now: int, *, keeps: bool
    ) -> Division | None:
        """Return None if there is at most one vantage, before and after.

        `viewed`: the VIM before, if it had several; `keeps`: vantages that stay keep their actions.
        """
        if viewed is None and len(policy.vantages) <= 1:
            return None
        former = [_own_view(before)] if viewed is None else viewed.views
        by_vantage = {view["vantage"]: view for view in former}
        names = vantages_of(policy)
        kept = {name: by_vantage[name] for name in names if keeps and name in by_vantage}
        row = {**before, "vim_id": before["id"]}
        of_vim = [kept[name] if name in kept else _new_view(row, name, now) for name in names]
        stopped = [view["action_id"] for name, view in by_vantage.items() if name not in kept]
        return cls(
            of_vim,
            [{"action_id": one, "engine": before["engine"], "number": before["number"]} for one in stopped],
        )

    @property
    def is_shared(self) -> bool:
        """Whether several vantages look at the VIM."""
        return len(self.views) > 1

    def write(self, connection: Connection, number: int) -> None:
        delete_views(connection, number)
        if self.is_shared:
            connection.execute(_INSERT, [dict(view) for view in self.views])

    def columns(self) -> dict[str, Any]:
        """Return the columns of the standing that say whose action it has."""
        if self.is_shared:
            return {"vantage": "", "action_id": "", "observation": 0, "unheard": 0}
        [view] = self.views
        return {"vantage": stored_vantage(view["vantage"]), **{name: view[name] for name in _OWN_COLUMNS}}

    def follow(self, after: Row, changes: Changes) -> dict[str, Any]:
        """Return the columns of the status and the lease that follow from the views, with a change of its own."""
        if self.is_shared:
            concluded = ViewedVim(after, self.views, changes).conclusion()
        else:
            [view] = self.views
            concluded = {name: view[name] for name in _SHARED_COLUMNS if name not in _OWN_COLUMNS}
            concluded["lapsed"] = view["lease_until"] < changes.now
        previous = previous_of(after)
        is_new_status = concluded["status"] != previous.status
        if is_new_status or concluded["reason"] != previous.reason:
            concluded |= {"revision": changes.next_revision()}
            concluded["status_time"] = changes.now if is_new_status else after["status_time"]
            kind = EventKind.STATUS_CHANGED if is_new_status else EventKind.REASON_CHANGED
            changes.add(kind, {**after, **concluded}, previous=previous)
        else:
            concluded["status_time"] = after["status_time"]
        return concluded


def _own_view(row: Row) -> dict[str, Any]:
    """Return the only view of a VIM with one vantage, which its own row is."""
    names = vantages_of(policy_of(row["policy"]))
    # With several, a conductor of before has replaced its action, which is wanted from the default one since.
    vantage = names[0] if len(names) == 1 else DEFAULT_VANTAGE
    own = {name: row[name] for name in _SHARED_COLUMNS}
    return {**own, "number": row["number"], "vim_id": row["id"], "vantage": vantage}


def _new_view(row: Row, vantage: str, now: int) -> dict[str, Any]:
    """Return a view whose action has not reported yet."""
    new = {
        "number": row["number"],
        "vim_id": row["vim_id"],
        "vantage": vantage,
        "action_id": str(uuid.uuid4()),
        "status": Status.PENDING,
        "reason": "",
        "detail": "",
        "round_trip_s": None,
        "status_time": now,
        "observation": 0,
        "unheard": 0,
        "holds": False,
        "contact_time": None,
        "lease_until": now + micros(start_grace_s(0)),
    }
    return {name: new[name] for name in VIEW_COLUMNS}
