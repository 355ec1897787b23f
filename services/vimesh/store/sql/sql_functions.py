"""Defines SQL functions that each database spells differently."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, Boolean, ColumnElement, Dialect, String, bindparam, literal
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine


class NowMicros(FunctionElement[int]):
    """The database's clock in microseconds since 1970. The time is the start of the statement, the same throughout."""

    type = BigInteger()
    inherit_cache = True


@compiles(NowMicros, "sqlite")
def _now_of_sqlite(element: NowMicros, compiler: SQLCompiler, **kw: object) -> str:  # noqa: ARG001 - SQLAlchemy's
    # SQLite has milliseconds internally; rounding restores them from the floating-point day number.
    return "CAST((julianday('now') - 2440587.5) * 86400000 + 0.5 AS INTEGER) * 1000"


@compiles(NowMicros, "postgresql")
def _now_of_postgresql(element: NowMicros, compiler: SQLCompiler, **kw: object) -> str:  # noqa: ARG001 - SQLAlchemy's
    return "(EXTRACT(EPOCH FROM statement_timestamp()) * 1000000)::BIGINT"


@compiles(NowMicros, "mysql", "mariadb")
def _now_of_mysql(element: NowMicros, compiler: SQLCompiler, **kw: object) -> str:  # noqa: ARG001 - SQLAlchemy's
    return "CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS SIGNED)"


class ReadOnly(FunctionElement[bool]):
    """Whether the server is read-only, as a replica is: its data may be outdated."""

    type = Boolean()
    inherit_cache = True


@compiles(ReadOnly, "sqlite")
def _read_only_of_sqlite(element: ReadOnly, compiler: SQLCompiler, **kw: object) -> str:  # noqa: ARG001 - SQLAlchemy's
    return "0"


@compiles(ReadOnly, "postgresql")
def _read_only_of_postgresql(element: ReadOnly, compiler: SQLCompiler, **kw: object) -> str:  # noqa: ARG001 - SQLAlchemy's
    # It is on during recovery, too.
    return "current_setting('transaction_read_only') = 'on'"


@compiles(ReadOnly, "mysql", "mariadb")
def _read_only_of_mysql(element: ReadOnly, compiler: SQLCompiler, **kw: object) -> str:  # noqa: ARG001 - SQLAlchemy's
    return "@@global.read_only"


class ByteLength(FunctionElement[int]):
    """The number of bytes of a text in UTF-8; `length` counts characters on SQLite and PostgreSQL."""

    type = BigInteger()
    inherit_cache = True


@compiles(ByteLength, "sqlite")
def _byte_length_of_sqlite(element: ByteLength, compiler: SQLCompiler, **kw: Any) -> str:  # noqa: ANN401 - SQLAlchemy's
    # octet_length came with SQLite 3.43.
    return f"length(CAST({compiler.process(element.clauses, **kw)} AS BLOB))"


@compiles(ByteLength, "postgresql", "mysql", "mariadb")
def _byte_length_of_servers(element: ByteLength, compiler: SQLCompiler, **kw: Any) -> str:  # noqa: ANN401 - SQLAlchemy's
    return f"octet_length({compiler.process(element.clauses, **kw)})"


class _Several(TypeDecorator[Sequence[Any]]):
    """Any number of values as one parameter, so that the statement does not depend on their number."""

    impl = String
    cache_ok = True

    def __init__(self, kind: TypeEngine[Any]) -> None:
        super().__init__()
        self.kind = kind

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(postgresql.ARRAY(self.kind) if dialect.name == "postgresql" else String())

    def process_bind_param(self, value: Sequence[Any] | None, dialect: Dialect) -> Any:  # noqa: ANN401 - depends on the driver
        if value is None or dialect.name == "postgresql":
            return value
        return json.dumps(value) if dialect.name == "sqlite" else tuple(value)


class _Among(FunctionElement[bool]):
    type = Boolean()
    inherit_cache = True
    name = "among"

    def self_group(self, against: object = None) -> _Among:  # noqa: ARG002 - SQLAlchemy's
        """Return the clause itself: the comparison with true that SQLAlchemy would add prevents the use of an index."""
        return self


@compiles(_Among, "sqlite")
def _among_of_sqlite(element: _Among, compiler: SQLCompiler, **kw: object) -> str:
    column, words = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({words}))"  # noqa: S608 - the names are ours


@compiles(_Among, "postgresql")
def _among_of_postgresql(element: _Among, compiler: SQLCompiler, **kw: object) -> str:
    column, words = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"{column} = ANY({words})"


@compiles(_Among, "mysql", "mariadb")
def _among_of_mysql(element: _Among, compiler: SQLCompiler, **kw: object) -> str:
    # The driver expands a tuple, including the parentheses.
    column, words = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"{column} IN {words}"


def among(column: ColumnElement[Any], parameter: str) -> ColumnElement[bool]:
    """Return the condition that the column has one of the values of the parameter, which must not be empty."""
    kind = String() if isinstance(column.type, String) else BigInteger()
    return _Among(column, bindparam(parameter, type_=_Several(kind)))


class _Within(FunctionElement[int]):
    type = BigInteger()
    inherit_cache = True
    name = "within"


@compiles(_Within, "sqlite")
def _within_of_sqlite(element: _Within, compiler: SQLCompiler, **kw: object) -> str:
    lower, value, upper = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"min(max({value}, {lower}), {upper})"


@compiles(_Within)
def _within_elsewhere(element: _Within, compiler: SQLCompiler, **kw: object) -> str:
    lower, value, upper = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"LEAST(GREATEST({value}, {lower}), {upper})"


def within(lower: ColumnElement[int], value: ColumnElement[int], upper: ColumnElement[int]) -> ColumnElement[int]:
    """Return the value, clamped to the bounds."""
    return _Within(lower, value, upper)


class _Matches(FunctionElement[bool]):
    type = Boolean()
    inherit_cache = True
    name = "matches"


@compiles(_Matches, "sqlite")
def _matches_of_sqlite(element: _Matches, compiler: SQLCompiler, **kw: object) -> str:
    # In SQLite LIKE ignores case and GLOB does not.
    column, pattern = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"{column} GLOB {pattern}"


@compiles(_Matches)
def _matches_elsewhere(element: _Matches, compiler: SQLCompiler, **kw: object) -> str:
    # Not a backslash, which MariaDB also treats as an escape in string literals.
    column, pattern = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"{column} LIKE {pattern} ESCAPE '|'"


def matches(column: ColumnElement[str], pattern: str, dialect: Dialect) -> ColumnElement[bool]:
    """Return the condition that the column matches a pattern, in which only `*` is special and matches any text."""
    return _Matches(column, literal(_PATTERNS[dialect.name](pattern)))


def _glob(pattern: str) -> str:
    return pattern.replace("[", "[[]").replace("?", "[?]")


def _like(pattern: str) -> str:
    for special in "|%_":
        pattern = pattern.replace(special, f"|{special}")
    return pattern.replace("*", "%")


_PATTERNS = {"sqlite": _glob, "postgresql": _like, "mysql": _like, "mariadb": _like}
