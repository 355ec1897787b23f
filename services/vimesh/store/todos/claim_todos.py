"""Claims to-dos (G9)."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, bindparam, delete, exists, select, update

from vimesh.domain.todos import ClaimedTodo, TodoKind
from vimesh.store.change_log.transaction import Changes
from vimesh.store.schema.tables import standings, todos
from vimesh.store.schema.timestamps import micros
from vimesh.store.sql.sql_functions import NowMicros
from vimesh.store.vims.read_vims import ACTIONS, action_of

_older = todos.alias("older")
_FIRST_OF_VIM: ColumnElement[bool] = ~exists().where(
    _older.c.vim_id == todos.c.vim_id, _older.c.number < todos.c.number
)
_HAS_DUE = select(exists().where(todos.c.due_time <= NowMicros(), _FIRST_OF_VIM))
_DUE = (
    select(todos)
    .where(todos.c.due_time <= bindparam("now"), _FIRST_OF_VIM)
    .order_by(todos.c.due_time, todos.c.number)
    .limit(bindparam("count"))
)
_WANTED_ACTIONS = ACTIONS.where(standings.c.vim_id.in_(bindparam("ids", expanding=True)))
_OF_NUMBER = update(todos).where(todos.c.number == bindparam("of_number"))
_CLAIM_COLUMNS = ("due_time", "claim_token", "claimant", "attempts")
_CLAIM = _OF_NUMBER.values({name: bindparam(f"new_{name}") for name in _CLAIM_COLUMNS})
_REMOVE = delete(todos).where(todos.c.number == bindparam("of_number"))


def has_due(connection: Connection) -> bool:
    """Return whether any to-do can be claimed."""
    return bool(connection.execute(_HAS_DUE).scalar_one())


def claim(connection: Connection, claimant: str, limit: int, lease_s: float) -> list[ClaimedTodo]:
    # This adds no change, but locks out other writers, so the same to-do cannot be claimed twice.
    now = Changes.begin(connection).now
    claimed: list[tuple[RowMapping, ClaimedTodo]] = []
    # Claimed to-dos are no longer due, and dropped ones are gone, so each round sees the to-dos that were behind them.
    while len(claimed) < limit:
        due = connection.execute(_DUE, {"now": now, "count": limit - len(claimed)}).mappings().all()
        if not due:
            break
        wanted = {
            row["id"]: row
            for row in connection.execute(_WANTED_ACTIONS, {"ids": [row["vim_id"] for row in due]}).mappings()
        }
        claimable = [(row, _claimed(row, wanted.get(row["vim_id"]))) for row in due if not _is_void(row, wanted)]
        void = [{"of_number": row["number"]} for row in due if _is_void(row, wanted)]
        if void:
            connection.execute(_REMOVE, void)
        if claimable:
            connection.execute(
                _CLAIM, [_claim_parameters(row, todo, claimant, now + micros(lease_s)) for row, todo in claimable]
            )
        claimed += claimable
        if not void:
            break
    return [todo for _, todo in sorted(claimed, key=lambda claimable: claimable[0]["number"])]


def _is_void(row: RowMapping, wanted: dict[str, RowMapping]) -> bool:
    """Return whether a START is for an action that is no longer wanted: its STOP follows."""
    vim = wanted.get(row["vim_id"])
    return row["kind"] == TodoKind.START and (vim is None or vim["action_id"] != row["action_id"])


def _claimed(row: RowMapping, vim: RowMapping | None) -> ClaimedTodo:
    starts = row["kind"] == TodoKind.START and vim is not None
    return ClaimedTodo(
        id=row["id"],
        claim_token=str(uuid.uuid4()),
        kind=TodoKind(row["kind"]),
        vim_id=row["vim_id"],
        action_id=row["action_id"],
        action=action_of(vim) if starts and vim is not None else None,
        vim_gone=row["vim_gone"],
        attempt=row["attempts"] + 1,
        traceparent=row["traceparent"],
    )


def _claim_parameters(row: RowMapping, todo: ClaimedTodo, claimant: str, until: int) -> dict[str, Any]:
    values = {"due_time": until, "claim_token": todo.claim_token, "claimant": claimant, "attempts": todo.attempt}
    return {"of_number": row["number"], **{f"new_{name}": value for name, value in values.items()}}
