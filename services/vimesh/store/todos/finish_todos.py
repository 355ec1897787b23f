"""Ends the claim of a to-do, which is then done or due again (G9)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, delete, or_, select, update

from vimesh.domain.errors import TodoNotFound
from vimesh.domain.leases import start_grace_s
from vimesh.domain.todos import TodoKind, retry_delay_s
from vimesh.store.change_log.transaction import Changes
from vimesh.store.rows.visible_rows import STANDING_AND_LEASE
from vimesh.store.schema.tables import leases, standings, todos
from vimesh.store.schema.timestamps import micros

_ONE = select(todos).where(
    todos.c.id == bindparam("todo_id"), todos.c.claim_token == bindparam("token"), todos.c.claim_token != ""
)
_OF_NUMBER = todos.c.number == bindparam("of_number")
_REMOVE = delete(todos).where(_OF_NUMBER)
_PUT_BACK = update(todos).where(_OF_NUMBER).values(claim_token="", claimant="")
_OF_VIM = standings.c.vim_id == bindparam("of_vim")
_OF_ACTION = standings.c.action_id == bindparam("of_action")
# An open STOP delays the start of the wanted action, so its error is shown for the wanted action.
_SET_MONITOR_ERROR = (
    update(standings)
    .where(_OF_VIM, or_(_OF_ACTION, bindparam("stops")), standings.c.monitor_error != bindparam("error"))
    .values(monitor_error=bindparam("error"))
)
_UNHEARD = (
    select(standings.c.number, standings.c.unheard)
    .select_from(STANDING_AND_LEASE)
    .where(_OF_VIM, _OF_ACTION, leases.c.contact_time.is_(None))
)
_EXTEND_GRACE = update(leases).where(leases.c.number == bindparam("of_number")).values(lease_until=bindparam("to"))


def finish(connection: Connection, todo_id: str, claim_token: str) -> None:
    """Remove a to-do that was carried out. Raises TodoNotFound, like the other functions here."""
    todo, now = _require_claim(connection, todo_id, claim_token)
    connection.execute(_REMOVE, {"of_number": todo["number"]})
    if todo["kind"] == TodoKind.START:
        _restart_grace(connection, todo, now)
    _set_monitor_error(connection, todo, "")


def reschedule_failed(connection: Connection, todo_id: str, claim_token: str, error: str, jitter: float) -> None:
    todo, now = _require_claim(connection, todo_id, claim_token)
    failures = todo["failures"] + 1
    due_time = now + micros(retry_delay_s(failures, jitter))
    _put_back(connection, todo, due_time=due_time, failures=failures, error=error)
    _set_monitor_error(connection, todo, error)


def postpone(connection: Connection, todo_id: str, claim_token: str, retry_after_s: float) -> None:
    todo, now = _require_claim(connection, todo_id, claim_token)
    _put_back(connection, todo, due_time=now + micros(retry_after_s), failures=0, error="")
    _set_monitor_error(connection, todo, "")


def _require_claim(connection: Connection, todo_id: str, claim_token: str) -> tuple[RowMapping, int]:
    """Return the to-do that is claimed with the token, and the current time in microseconds."""
    now = Changes.begin(connection).now
    todo = connection.execute(_ONE, {"todo_id": todo_id, "token": claim_token}).mappings().one_or_none()
    if todo is None:
        raise TodoNotFound(todo_id)
    return todo, now


def _put_back(connection: Connection, todo: RowMapping, **values: Any) -> None:  # noqa: ANN401 - columns of any type
    connection.execute(_PUT_BACK.values(values), {"of_number": todo["number"]})


def _restart_grace(connection: Connection, todo: RowMapping, now: int) -> None:
    """Restart the start grace, now that the engine has been told, however long that took."""
    action = {"of_vim": todo["vim_id"], "of_action": todo["action_id"]}
    standing = connection.execute(_UNHEARD, action).one_or_none()
    if standing is not None:
        lease_until = now + micros(start_grace_s(standing.unheard))
        connection.execute(_EXTEND_GRACE, {"of_number": standing.number, "to": lease_until})


def _set_monitor_error(connection: Connection, todo: RowMapping, error: str) -> None:
    connection.execute(
        _SET_MONITOR_ERROR,
        {
            "of_vim": todo["vim_id"],
            "of_action": todo["action_id"],
            "stops": todo["kind"] == TodoKind.STOP,
            "error": error,
        },
    )
