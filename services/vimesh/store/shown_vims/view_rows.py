"""Reads what the vantages of VIMs say, and converts it to what is shown of it, and to the documents of events.

A view is silent from the end of its lease on, whether or not that is on record, as the status of a VIM is (G6).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, select

from vimesh.domain.leases import silence_detail
from vimesh.domain.probing import ProbePolicy, Reason
from vimesh.domain.vims import Status, View
from vimesh.store.rows.vim_rows import policy_of
from vimesh.store.rows.visible_rows import Row
from vimesh.store.schema.timestamps import moment
from vimesh.store.schema.view_tables import views
from vimesh.store.sql.prepared_statements import PreparedStatement
from vimesh.store.sql.sql_functions import among

VIEW_COLUMNS: Final = tuple(views.c.keys())
_OF_VIMS = PreparedStatement(select(*views.c).where(among(views.c.vim_id, "ids")))
_KEY: Final = "view"
"""Key of a view in the document of an event."""


def has_views(row: Row) -> bool:
    """Return whether several vantages look at the VIM of a row."""
    return not row["action_id"]


def read_views(connection: Connection, vim_ids: Sequence[str]) -> Mapping[str, list[dict[str, Any]]]:
    """Return the rows of the views of these VIMs, by VIM. VIMs without any are left out."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    if vim_ids:
        for values in _OF_VIMS.rows(connection, {"ids": list(vim_ids)}):
            row = dict(zip(VIEW_COLUMNS, values, strict=True))
            found[row["vim_id"]].append(row | {"holds": bool(row["holds"])})
    return found


def is_of_first_vantage(action_id: str, policy: ProbePolicy, of_vim: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether a wanted action is that of the first vantage of a policy, or of the only one.

    `of_vim`: the views of the VIM, none if it has one vantage.
    """
    return not of_vim or any(
        view["action_id"] == action_id and view["vantage"] == policy.vantages[0] for view in of_vim if policy.vantages
    )


def shown_views(connection: Connection, rows: Iterable[Row]) -> Mapping[str, tuple[View, ...]]:
    """Return the views of those visible rows that have any, by VIM, in the order of their policies."""
    viewed = {row["id"]: row for row in rows if has_views(row)}
    found = read_views(connection, list(viewed))
    return {vim_id: _in_order(viewed[vim_id], of_vim) for vim_id, of_vim in found.items()}


def _in_order(row: Row, of_vim: Iterable[Mapping[str, Any]]) -> tuple[View, ...]:
    by_vantage = {view["vantage"]: view for view in of_vim}
    order = policy_of(row["policy"]).vantages
    return tuple(view_of(by_vantage[name], row["now"]) for name in order if name in by_vantage)


def view_of(row: Mapping[str, Any], now: int) -> View:
    """Return a view as it reads at a time, in microseconds."""
    if row["holds"] and row["lease_until"] < now:
        row = {**row, **silent_view(row)}
    return View(
        vantage=row["vantage"],
        status=Status(row["status"]),
        reason=row["reason"],
        detail=row["detail"],
        status_time=moment(row["status_time"]),
        valid_until=None if row["contact_time"] is None else moment(row["lease_until"]),
        action_id=row["action_id"],
    )


def silent_view(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of a view whose lease has ended."""
    return {
        "status": Status.UNKNOWN,
        "reason": Reason.SILENT,
        "detail": silence_detail(moment(row["lease_until"])),
        "round_trip_s": None,
        "status_time": row["status_time"] if row["status"] == Status.UNKNOWN else row["lease_until"],
        "holds": False,
    }


def document_of_view(row: Mapping[str, Any]) -> dict[str, Any]:
    names = (
        "vantage",
        "status",
        "reason",
        "detail",
        "status_time",
        "holds",
        "contact_time",
        "lease_until",
        "action_id",
    )
    return {_KEY: {name: row[name] for name in names}}


def view_of_document(document: Mapping[str, Any]) -> View | None:
    """Return the view of the document of an event; None if that is of another kind."""
    return view_of(document[_KEY], 0) if _KEY in document else None
