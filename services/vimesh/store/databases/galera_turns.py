"""Serializes writers at several nodes of a Galera cluster, without starving any of them.

A lock holds off only the writers at the same node. Writers at other nodes may commit in between, so a transaction may
write based on outdated reads. So each writer first changes the single row of `commits`. If two do so at the same time,
the first to commit wins; the other is rolled back and retried.

Long transactions would lose to short ones again and again. So a writer that has lost several times takes the turn, in a
short transaction of its own. Writers that start after that wait until the turn is given back or has expired.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from sqlalchemy import Connection, and_, bindparam, delete, insert, not_, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from vimesh.store.dialects.registry import dialect_of
from vimesh.store.schema.column_types import Micros
from vimesh.store.schema.tables import commits, turns
from vimesh.store.schema.timestamps import micros
from vimesh.store.sql.prepared_statements import PreparedStatement
from vimesh.store.sql.sql_functions import NowMicros
from vimesh.store.transactions.database import Work

T = TypeVar("T")

_LOSSES: Final = 3
_TURN_MICROS: Final = micros(3.0)
"""Shorter than the time limit of a transaction: a turn that is never given back must not make other writers fail."""
_ENDS: Final = NowMicros() + bindparam("held_for", _TURN_MICROS, type_=Micros)
# The upper bound rejects a turn that was taken by a clock ahead of this node's: it might not end for a long time.
_IS_CURRENT: Final = and_(turns.c.until > NowMicros(), turns.c.until <= _ENDS)
_OTHER_HOLDERS: Final = PreparedStatement(
    select(turns.c.holder).where(turns.c.holder != bindparam("name"), _IS_CURRENT)
)
_REMOVE_EXPIRED: Final = delete(turns).where(not_(_IS_CURRENT))
_INSERT_TURN: Final = insert(turns).values(id=1, holder=bindparam("name"), until=_ENDS)
_INCREMENT_COMMITS: Final = update(commits).values(number=commits.c.number + 1)
_INSERT_COMMITS: Final = insert(commits).values(id=1, number=1)
_GIVE_BACK: Final = delete(turns).where(turns.c.holder == bindparam("name"))


class AnothersTurn(Exception):
    """Another writer has the turn. A retry may soon succeed."""


@dataclass(slots=True)
class InTurn(Generic[T]):
    """Runs work in turn. Call it again when its transaction was rolled back because of another one."""

    work: Work[T]
    _name: str = ""
    _attempts: int = 0
    _has_turn: bool = False

    def __call__(self, connection: Connection) -> T:
        """Run the work. Raises AnothersTurn, and the errors of the work."""
        if not dialect_of(connection.dialect).is_cluster_node(connection):
            return self.work(connection)
        self._name = self._name or uuid.uuid4().hex
        if _OTHER_HOLDERS.rows(connection, {"name": self._name}):
            raise AnothersTurn
        if self._attempts >= _LOSSES and not self._has_turn:
            self._take_turn(connection)
        self._attempts += 1
        _exclude_others(connection)
        return self._in_turn(connection) if self._has_turn else self.work(connection)

    def _take_turn(self, connection: Connection) -> None:
        try:
            connection.execute(_REMOVE_EXPIRED)
            connection.execute(_INSERT_TURN, {"name": self._name})
        except IntegrityError as error:
            # A writer at the same node has taken the turn.
            raise AnothersTurn from error
        # All nodes know of the turn before the work starts.
        connection.exec_driver_sql("COMMIT")
        self._has_turn = True

    def _in_turn(self, connection: Connection) -> T:
        try:
            result = self.work(connection)
        except DBAPIError as error:
            if isinstance(error, IntegrityError):
                self._give_back_alone(connection)
            # Otherwise the work is retried, or the connection is unusable and the turn expires.
            raise
        except Exception:
            self._give_back_alone(connection)
            raise
        connection.execute(_GIVE_BACK, {"name": self._name})
        return result

    def _give_back_alone(self, connection: Connection) -> None:
        connection.exec_driver_sql("ROLLBACK")
        connection.execute(_GIVE_BACK, {"name": self._name})
        connection.exec_driver_sql("COMMIT")


def _exclude_others(connection: Connection) -> None:
    """Ensure that only one of several concurrent callers can commit."""
    if connection.execute(_INCREMENT_COMMITS).rowcount:
        return
    try:
        connection.execute(_INSERT_COMMITS)
    except IntegrityError as error:
        # Another writer has inserted the row.
        raise AnothersTurn from error
