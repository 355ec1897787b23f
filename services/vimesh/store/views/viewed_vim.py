"""Follows the views of a VIM in a transaction that changes some of them, and the status that follows.

Each change of a view is a change of the VIM with a revision and an event of its own, whether or not the status of the
VIM changes by it (G8).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, select

from vimesh.domain.events import EventKind
from vimesh.domain.probing import ProbePolicy
from vimesh.domain.views.quorum import Opinion, conclude, stands_until
from vimesh.domain.vims import Report, Status
from vimesh.store.change_log.transaction import Changes, previous_of
from vimesh.store.leases.lapse_leases import record_silence
from vimesh.store.rows.batch_update import BatchUpdate
from vimesh.store.rows.vim_rows import policy_of
from vimesh.store.rows.visible_rows import WHOLE_VIM, Row
from vimesh.store.schema.tables import OF_ACTION, leases, standings, vims
from vimesh.store.schema.timestamps import micros_of_age
from vimesh.store.schema.view_tables import views
from vimesh.store.shown_vims.view_rows import document_of_view, read_views, silent_view
from vimesh.store.sql.sql_functions import among

STATUS_COLUMNS: Final = ("status", "reason", "detail", "round_trip_s", "status_time", "revision")
LEASE_COLUMNS: Final = ("holds", "contact_time", "lease_until")
_SELECT = (
    select(
        standings.c.vim_id.label("id"),
        *(standings.c[name] for name in ("number", "engine", "action_id", *STATUS_COLUMNS)),
        *(leases.c[name] for name in LEASE_COLUMNS),
        vims.c.project_id,
        vims.c.policy,
    )
    .select_from(WHOLE_VIM)
    .where(among(standings.c.vim_id, "ids"), standings.c.action_id == "")
)
_CHANGED_COLUMNS = (
    *("action_id", "status", "reason", "detail", "round_trip_s", "status_time", "observation", "unheard"),
    *LEASE_COLUMNS,
)
# The action is matched although this transaction has read it: so the statement alone keeps G1, on any database.
_UPDATE_VIEW = BatchUpdate(views, OF_ACTION, _CHANGED_COLUMNS)
_UPDATE_STATUS = BatchUpdate(standings, ("number",), STATUS_COLUMNS)
_UPDATE_LEASE = BatchUpdate(leases, ("number",), LEASE_COLUMNS)


class ViewedVim:
    def __init__(self, row: Row, of_vim: Iterable[Mapping[str, Any]], changes: Changes) -> None:
        """`row`: the VIM with its policy, standing and lease; `of_vim`: its views."""
        self.row: dict[str, Any] = dict(row)
        self._changes = changes
        self._policy: ProbePolicy = policy_of(row["policy"])
        by_vantage = {view["vantage"]: dict(view) for view in of_vim}
        self.views = [by_vantage[name] for name in self._policy.vantages if name in by_vantage]
        self._keys = {id(view): (view["number"], view["action_id"]) for view in self.views}
        self._changed: dict[int, dict[str, Any]] = {}

    def view_of_action(self, action_id: str) -> dict[str, Any] | None:
        return next((view for view in self.views if view["action_id"] == action_id), None)

    def record_silences(self) -> None:
        """Record the views whose leases have ended by the time of the transaction, in the order in which they did."""
        now = self._changes.now
        silent = [view for view in self.views if view["holds"] and view["lease_until"] < now]
        # First all of them: nobody stands by what one says whose own silence would only be recorded next.
        for view in silent:
            self._change(view, **silent_view(view))
        for view in sorted(silent, key=lambda one: one["lease_until"]):
            self.follow(view, seen=view["lease_until"], is_silence=True)

    def record_contact(self, view: dict[str, Any], lease_until: int, report: Report | None) -> None:
        """Record that the action of a view has made contact, with a report that counts, or without one."""
        now = self._changes.now
        self._change(view, contact_time=now, lease_until=lease_until, unheard=0)
        if report is None:
            self._follow_silently()
            return
        seen = now - micros_of_age(report.age_s)
        is_new_status = report.status != view["status"]
        is_news = is_new_status or report.reason != view["reason"]
        self._change(
            view,
            status=report.status,
            reason=report.reason,
            detail=report.detail,
            round_trip_s=report.round_trip_s,
            status_time=seen if is_new_status else view["status_time"],
            observation=report.observation or view["observation"],
            holds=True,
        )
        if is_news:
            self.follow(view, seen=seen, actor=report.reporter)
        else:
            self._follow_silently()

    def replace_action(self, view: dict[str, Any], columns: Mapping[str, Any]) -> None:
        """Give a silent view a new action, whose columns are given."""
        stopped = {"action_id": view["action_id"], "engine": self.row["engine"], "number": self.row["number"]}
        self._change(view, **columns)
        self.row["revision"] = self._changes.next_revision()
        self._changes.add(
            EventKind.ACTION_REPLACED,
            {**self.row, "action_id": view["action_id"]},
            previous=previous_of(self.row),
            stopped=stopped,
            document=document_of_view(view),
        )

    def follow(self, view: Mapping[str, Any], *, seen: int, actor: str = "", is_silence: bool = False) -> None:
        """Add the change of a view, and give the VIM the status that follows.

        `seen`: from when on the view says so; of a silence, when the lease ended.
        """
        now = self._changes.now
        conclusion = conclude(self._opinions(), self._policy.quorum)
        if conclusion.status is not Status.UNKNOWN and self.row["holds"] and self.row["lease_until"] < now:
            # Readers have seen that the status did not hold any more, and not that another one follows.
            self.row = dict(record_silence(self.row, self._changes))
        previous = previous_of(self.row)
        is_new_status = conclusion.status != previous.status
        if is_silence and conclusion.status is not Status.UNKNOWN:
            seen = now
        elif is_silence and is_new_status and self.row["holds"]:
            # Until then it was read, though the lease of another view may have ended before.
            seen = min(now, self.row["lease_until"])
        kind = EventKind.VIEW_CHANGED
        if is_new_status or conclusion.reason != previous.reason:
            kind = EventKind.STATUS_CHANGED if is_new_status else EventKind.REASON_CHANGED
        self.row["revision"] = self._changes.next_revision()
        if is_new_status:
            # A report may be older than those of other vantages, from which the status before followed.
            self.row["status_time"] = seen if is_silence else max(seen, self.row["status_time"])
        self._follow_silently()
        self._changes.add(
            kind,
            self.row,
            previous=previous,
            document=document_of_view(view),
            actor=actor,
            seen=self.row["status_time"] if is_new_status else seen,
        )

    def _follow_silently(self) -> None:
        """Set what follows from the views, but for the time of the status."""
        self.row |= self.conclusion()

    def conclusion(self) -> dict[str, Any]:
        """Return the columns of the VIM that follow from its views, but for the time of the status."""
        opinions = self._opinions()
        contacts = [view["contact_time"] for view in self.views if view["contact_time"] is not None]
        until = stands_until(opinions, self._policy.quorum)
        lease_until = self.row["lease_until"] if until is None else until
        return {
            **conclude(opinions, self._policy.quorum)._asdict(),
            "holds": any(view["holds"] for view in self.views),
            "contact_time": max(contacts, default=self.row["contact_time"]),
            "lease_until": lease_until,
            "lapsed": lease_until < self._changes.now,
        }

    def _opinions(self) -> list[Opinion]:
        return [
            Opinion(
                view["vantage"],
                Status(view["status"]),
                view["reason"],
                view["detail"],
                view["round_trip_s"],
                view["lease_until"] if view["holds"] else None,
            )
            for view in self.views
        ]

    def _change(self, view: dict[str, Any], **columns: Any) -> None:  # noqa: ANN401 - columns of several types
        view |= columns
        self._changed[id(view)] = view

    def changed_views(self) -> list[tuple[Any, ...]]:
        return [
            (*(view[name] for name in _CHANGED_COLUMNS), *self._keys[position])
            for position, view in self._changed.items()
        ]

    def has_changed(self) -> bool:
        return bool(self._changed)


def read_viewed(connection: Connection, vim_ids: Sequence[str], changes: Changes) -> dict[str, ViewedVim]:
    """Return those of the VIMs that several vantages look at, in a transaction that has begun."""
    if not vim_ids:
        return {}
    rows = connection.execute(_SELECT, {"ids": list(vim_ids)}).mappings().all()
    of_vims = read_views(connection, [row["id"] for row in rows])
    return {row["id"]: ViewedVim(row, of_vims.get(row["id"], ()), changes) for row in rows}


def write_viewed(connection: Connection, viewed: Iterable[ViewedVim]) -> bool:
    """Write what has changed; return whether the actions were still those that were read."""
    changed = [vim for vim in viewed if vim.has_changed()]
    rows = [row for vim in changed for row in vim.changed_views()]
    are_current = _UPDATE_VIEW.run(connection, rows) == len(rows)
    for update, names in ((_UPDATE_STATUS, STATUS_COLUMNS), (_UPDATE_LEASE, LEASE_COLUMNS)):
        update.run(connection, [(*(vim.row[name] for name in names), vim.row["number"]) for vim in changed])
    return are_current
