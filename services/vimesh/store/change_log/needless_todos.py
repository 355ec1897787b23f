"""Drops needless to-dos: an action whose start never reached the engine needs no stop.

So the number of to-dos per VIM stays small, however often it is changed, or registered and removed, while its engine is
away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, delete, select, update

from vimesh.domain.todos import TodoKind
from vimesh.store.schema.tables import todos

_OPEN = select(
    todos.c.number, todos.c.vim_id, todos.c.kind, todos.c.action_id, todos.c.attempts, todos.c.vim_gone
).where(todos.c.vim_id.in_(bindparam("vim_ids", expanding=True)))
_OF_NUMBER = todos.c.number == bindparam("of_number")
_REMOVE = delete(todos).where(_OF_NUMBER)
_REPLACE = update(todos).where(_OF_NUMBER).values(action_id=bindparam("to_action"), traceparent=bindparam("in_span"))


def drop_needless(
    connection: Connection, planned: list[dict[str, Any]], registration_revisions: dict[str, int]
) -> list[dict[str, Any]]:
    """Return the to-dos that still have to be stored, given those planned for the changes of a transaction.

    `registration_revisions` has the revision of each VIM's registration. The caller must hold the lock on writers, so
    that no to-do is claimed during the call.
    """
    stops = [todo for todo in planned if todo["kind"] is TodoKind.STOP]
    if not stops:
        return planned
    vim_ids = list({todo["vim_id"] for todo in stops})
    open_todos = _Open(connection.execute(_OPEN, {"vim_ids": vim_ids}).mappings().all(), registration_revisions)
    dropped: list[dict[str, Any]] = []
    for stop in stops:
        if (start := open_todos.unattempted_start(stop)) is None:
            continue
        successor = next((todo for todo in planned if _follows(todo, stop)), None)
        if successor is not None:
            # Reuse the number of the old start: it still shows that the engine does not know of the VIM yet.
            replaced = {"to_action": successor["action_id"], "in_span": successor["traceparent"]}
            connection.execute(_REPLACE, {"of_number": start["number"], **replaced})
            dropped += [stop, successor]
        elif open_todos.engine_has_nothing(stop, start):
            connection.execute(_REMOVE, {"of_number": start["number"]})
            dropped.append(stop)
    return [todo for todo in planned if todo not in dropped]


def _follows(todo: dict[str, Any], stop: dict[str, Any]) -> bool:
    """Return whether the same change starts another action in the engine."""
    return todo["kind"] is TodoKind.START and todo["number"] == stop["number"] - 1


@dataclass(frozen=True, slots=True)
class _Open:
    """The unfinished to-dos of some VIMs."""

    rows: Sequence[RowMapping]
    registration_revisions: dict[str, int]

    def unattempted_start(self, stop: dict[str, Any]) -> RowMapping | None:
        """Return the start of the action to be stopped, if it was never attempted."""
        of_action = (row for row in self.rows if row["action_id"] == stop["action_id"])
        return next((row for row in of_action if row["kind"] == TodoKind.START and not row["attempts"]), None)

    def engine_has_nothing(self, stop: dict[str, Any], start: RowMapping) -> bool:
        """Return whether the engine does not know of the VIM, or will be told that it is gone."""
        is_removed = any(row["vim_id"] == stop["vim_id"] and row["vim_gone"] for row in self.rows)
        return is_removed or start["number"] == 2 * self.registration_revisions.get(stop["vim_id"], 0)
