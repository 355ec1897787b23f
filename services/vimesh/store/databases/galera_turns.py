"""Writers at several nodes of a Galera cluster: one after the other, and each of them comes to write.

A lock holds off only those who write at the same node. Others commit meanwhile, and what a transaction has read may be
outdated when it writes. So each changes the one row of `commits` first. Of two that do so at the same time, the one
that commits first wins, and the other is rolled back, and run again.

What takes long would lose to what is quick, for as long as there is any of it. So who has lost some times takes the
turn, in a transaction that is over at once; who begins after that waits until the turn is given back, or too old.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from sqlalchemy import Connection, and_, bindparam, delete, insert, not_, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from vimesh.store.connections.causal_reads import is_node
from vimesh.store.schema.column_types import Micros
from vimesh.store.schema.tables import commits, turns
from vimesh.store.schema.timestamps import micros
from vimesh.store.sql.prepared_statements import PreparedStatement
from vimesh.store.sql.sql_functions import NowMicros
from vimesh.store.transactions.database import Work

T = TypeVar("T")

_LOSSES: Final = 3
_HELD_FOR: Final = micros(3.0)
"""Less than a transaction may take: who ended without giving a turn back must not let those of others fail."""
_ENDS: Final = NowMicros() + bindparam("held_for", _HELD_FOR, type_=Micros)
# One that was taken by a clock ahead of this node's might not end for long.
_HOLDS: Final = and_(turns.c.until > NowMicros(), turns.c.until <= _ENDS)
_OTHERS: Final = PreparedStatement(select(turns.c.holder).where(turns.c.holder != bindparam("name"), _HOLDS))
_REMOVE_OLD: Final = delete(turns).where(not_(_HOLDS))
_TAKE: Final = insert(turns).values(id=1, holder=bindparam("name"), until=_ENDS)
_COUNT: Final = update(commits).values(number=commits.c.number + 1)
_COUNT_FIRST: Final = insert(commits).values(id=1, number=1)
_GIVE_BACK: Final = delete(turns).where(turns.c.holder == bindparam("name"))


class AnothersTurn(Exception):
    """A writer at another node has the turn: the same again may succeed soon."""


@dataclass(slots=True)
class InTurn(Generic[T]):
    """Work that is done in turn. Call it again when its transaction was rolled back because of another one."""

    work: Work[T]
    _name: str = ""
    _tries: int = 0
    _taken: bool = False

    def __call__(self, connection: Connection) -> T:
        """Raises AnothersTurn, and what the work raises."""
        if not is_node(connection):
            return self.work(connection)
        self._name = self._name or uuid.uuid4().hex
        if _OTHERS.rows(connection, {"name": self._name}):
            raise AnothersTurn
        if self._tries >= _LOSSES and not self._taken:
            self._take(connection)
        self._tries += 1
        _exclude_others(connection)
        return self._in_turn(connection) if self._taken else self.work(connection)

    def _take(self, connection: Connection) -> None:
        try:
            connection.execute(_REMOVE_OLD)
            connection.execute(_TAKE, {"name": self._name})
        except IntegrityError as error:
            # Of one at the same node.
            raise AnothersTurn from error
        # It is known to all nodes before the work begins.
        connection.exec_driver_sql("COMMIT")
        self._taken = True

    def _in_turn(self, connection: Connection) -> T:
        try:
            result = self.work(connection)
        except DBAPIError as error:
            if isinstance(error, IntegrityError):
                self._give_back_alone(connection)
            # Else it is done again, or the connection is of no use, and the turn ends by itself.
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
    """Let only one commit of those who call this at the same time."""
    if connection.execute(_COUNT).rowcount:
        return
    try:
        connection.execute(_COUNT_FIRST)
    except IntegrityError as error:
        # Another one was the very first.
        raise AnothersTurn from error
