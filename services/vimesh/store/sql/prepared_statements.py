"""Compiles frequent statements to SQL once, and passes them to the driver directly."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Executable
from sqlalchemy.engine.interfaces import Dialect as SqlalchemyDialect
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeDecorator

from vimesh.store.dialects.dialect import Dialect
from vimesh.store.dialects.registry import dialect_of

_Processor = Callable[[Any], Any] | None


class PreparedStatement:
    """A Core statement without expanding parameters.

    SQLAlchemy's overhead for each execution, and for each set of parameters, is larger than the time that the database
    needs for a row. Values and errors are the same as with Core.
    """

    def __init__(self, statement: Executable) -> None:
        self._statement = statement
        self._compiled: dict[str, _Compiled] = {}

    def rows(self, connection: Connection, parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        """Run a SELECT."""
        compiled = self._compiled_for(connection.dialect)
        rows = compiled.dialect.rows(connection, compiled.sql, compiled.bind(parameters))
        if not compiled.results:
            return rows
        return [_read(row, compiled.results) for row in rows]

    def run(self, connection: Connection, parameters: Iterable[Mapping[str, Any]]) -> None:
        """Run an INSERT, UPDATE or DELETE for each set of parameters."""
        compiled = self._compiled_for(connection.dialect)
        if bound := [compiled.bind(each) for each in parameters]:
            compiled.dialect.run_many(connection, compiled.sql, bound)

    def run_many(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
        """Run as `run` does, for rows of values in the order of the statement's parameters.

        Return how many rows were found, or -1 on a server, where that is unknown.
        """
        compiled = self._compiled_for(connection.dialect)
        return compiled.dialect.run_many(connection, compiled.sql, compiled.in_order(rows)) if rows else 0

    def _compiled_for(self, dialect: SqlalchemyDialect) -> _Compiled:
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            compiled = self._compiled[dialect.name] = _compile(self._statement, dialect)
        return compiled


@dataclass(frozen=True, slots=True)
class _Compiled:
    dialect: Dialect
    sql: str
    fixed: Mapping[str, Any]
    """The values of parameters that are part of the statement."""
    names: tuple[str, ...]
    """The parameters in the order of the driver."""
    converted: Sequence[tuple[int, Callable[[Any], Any]]]
    """The positions of the parameters to convert, and their converters."""
    results: Sequence[tuple[int, Callable[[Any], Any]]]

    def bind(self, parameters: Mapping[str, Any]) -> tuple[Any, ...]:
        if not self.fixed:
            return self._converted([parameters[name] for name in self.names])
        given = {**self.fixed, **parameters}
        return self._converted([given[name] for name in self.names])

    def in_order(self, rows: Sequence[tuple[Any, ...]]) -> Sequence[tuple[Any, ...]]:
        """Convert rows whose values are in the order of `names` for the driver."""
        return [self._converted(row) for row in rows] if self.converted else rows

    def _converted(self, row: Iterable[Any]) -> tuple[Any, ...]:
        values = list(row)
        for position, convert in self.converted:
            values[position] = convert(values[position])
        return tuple(values)


def _compile(statement: Executable, dialect: SqlalchemyDialect) -> _Compiled:
    compiled: SQLCompiler = statement.compile(dialect=dialect)  # type: ignore[attr-defined]  # all statements have it
    names = compiled.positiontup or ()
    types = [compiled.binds[name].type.dialect_impl(dialect) for name in names]
    # Only our own types need result processing; so a Boolean may be returned as 0 or 1.
    columns = [column.type for column in getattr(statement, "selected_columns", ())]
    own = [kind if isinstance(kind, TypeDecorator) else None for kind in columns]
    return _Compiled(
        dialect=dialect_of(dialect),
        sql=str(compiled),
        fixed={name: compiled.params[name] for name in names if not compiled.binds[name].required},
        names=tuple(names),
        converted=_numbered(kind.bind_processor(dialect) for kind in types),
        results=_numbered(None if kind is None else kind.result_processor(dialect, None) for kind in own),
    )


def _numbered(processors: Iterable[_Processor]) -> list[tuple[int, Callable[[Any], Any]]]:
    return [(position, processor) for position, processor in enumerate(processors) if processor is not None]


def _read(row: Sequence[Any], results: Sequence[tuple[int, Callable[[Any], Any]]]) -> list[Any]:
    values = list(row)
    for position, process in results:
        values[position] = process(values[position])
    return values
