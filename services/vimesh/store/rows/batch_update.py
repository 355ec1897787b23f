"""Updates many rows at once, each with its own values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Table, bindparam, update

from vimesh.store.dialects.dialect import Dialect
from vimesh.store.dialects.registry import dialect_of
from vimesh.store.rows.visible_rows import Row
from vimesh.store.sql.prepared_statements import PreparedStatement

_Run = Callable[[Connection, Sequence[tuple[Any, ...]]], int]


@dataclass(frozen=True)
class BatchUpdate:
    """Sets `columns` of the rows whose `keys` have the given values."""

    table: Table
    keys: tuple[str, ...]
    columns: tuple[str, ...]
    _runs: dict[Dialect, _Run] = field(default_factory=dict, init=False, repr=False, compare=False)

    def values(self, before: Row, after: Row) -> tuple[Any, ...]:
        """Return the tuple that `run` expects for a row, given its old and its new state."""
        return (*(after[name] for name in self.columns), *(before[name] for name in self.keys))

    def run(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
        """Write rows of new values and keys. Skip rows that are not found; return how many were found.

        No two rows may have the same key. Texts must fit into their columns: MariaDB rejects a `word` that is too long,
        but truncates other text.
        """
        if not rows:
            return 0
        dialect = dialect_of(connection.dialect)
        if (run := self._runs.get(dialect)) is None:
            run = self._runs[dialect] = self._run_of(dialect)
        return run(connection, rows)

    def _run_of(self, dialect: Dialect) -> _Run:
        if (joined := dialect.joined_update(self.table, self.keys, self.columns)) is not None:
            return joined.run
        columns = self.table.c
        return PreparedStatement(
            update(self.table)
            .where(*(columns[name] == bindparam(f"of_{name}") for name in self.keys))
            .ordered_values(*((columns[name], bindparam(f"new_{name}")) for name in self.columns))
        ).run_many
