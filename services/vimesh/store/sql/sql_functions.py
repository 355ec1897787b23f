"""Defines SQL functions that each database spells differently: see `Dialect`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import BigInteger, Boolean, ColumnElement, Dialect, String, bindparam, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

from vimesh.store.dialects.registry import dialect_of


class NowMicros(FunctionElement[int]):
    """The database's clock in microseconds since 1970. The time is the start of the statement, the same throughout."""

    type = BigInteger()
    inherit_cache = True


@compiles(NowMicros)
def _now_micros(element: NowMicros, compiler: SQLCompiler, **kw: object) -> str:  # noqa: ARG001 - SQLAlchemy's
    return dialect_of(compiler.dialect).now_micros


class ReadOnly(FunctionElement[bool]):
    """Whether the server is read-only, as a replica is: its data may be outdated."""

    type = Boolean()
    inherit_cache = True


@compiles(ReadOnly)
def _read_only(element: ReadOnly, compiler: SQLCompiler, **kw: object) -> str:  # noqa: ARG001 - SQLAlchemy's
    return dialect_of(compiler.dialect).read_only


class ByteLength(FunctionElement[int]):
    """The number of bytes of a text in UTF-8; `length` counts characters on SQLite and PostgreSQL."""

    type = BigInteger()
    inherit_cache = True


@compiles(ByteLength)
def _byte_length(element: ByteLength, compiler: SQLCompiler, **kw: object) -> str:
    return dialect_of(compiler.dialect).byte_length(*_arguments(element, compiler, kw))


class _Several(TypeDecorator[Sequence[Any]]):
    """Any number of values as one parameter, so that the statement does not depend on their number."""

    impl = String
    cache_ok = True

    def __init__(self, kind: TypeEngine[Any]) -> None:
        super().__init__()
        self.kind = kind

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(dialect_of(dialect).list_type(self.kind))

    def process_bind_param(self, value: Sequence[Any] | None, dialect: Dialect) -> Any:  # noqa: ANN401 - depends on the driver
        return None if value is None else dialect_of(dialect).list_value(value)


class _Among(FunctionElement[bool]):
    type = Boolean()
    inherit_cache = True
    name = "among"

    def self_group(self, against: object = None) -> _Among:  # noqa: ARG002 - SQLAlchemy's
        """Return the clause itself: the comparison with true that SQLAlchemy would add prevents the use of an index."""
        return self


@compiles(_Among)
def _among(element: _Among, compiler: SQLCompiler, **kw: object) -> str:
    return dialect_of(compiler.dialect).is_among(*_arguments(element, compiler, kw))


def among(column: ColumnElement[Any], parameter: str) -> ColumnElement[bool]:
    """Return the condition that the column has one of the values of the parameter, which must not be empty."""
    kind = String() if isinstance(column.type, String) else BigInteger()
    return _Among(column, bindparam(parameter, type_=_Several(kind)))


class _Within(FunctionElement[int]):
    type = BigInteger()
    inherit_cache = True
    name = "within"


@compiles(_Within)
def _within(element: _Within, compiler: SQLCompiler, **kw: object) -> str:
    return dialect_of(compiler.dialect).clamp(*_arguments(element, compiler, kw))


def within(lower: ColumnElement[int], value: ColumnElement[int], upper: ColumnElement[int]) -> ColumnElement[int]:
    """Return the value, clamped to the bounds."""
    return _Within(lower, value, upper)


class _Matches(FunctionElement[bool]):
    type = Boolean()
    inherit_cache = True
    name = "matches"


@compiles(_Matches)
def _matches(element: _Matches, compiler: SQLCompiler, **kw: object) -> str:
    return dialect_of(compiler.dialect).is_match(*_arguments(element, compiler, kw))


def matches(column: ColumnElement[str], pattern: str, dialect: Dialect) -> ColumnElement[bool]:
    """Return the condition that the column matches a pattern, in which only `*` is special and matches any text."""
    return _Matches(column, literal(dialect_of(dialect).pattern_of(pattern)))


def _arguments(element: FunctionElement[Any], compiler: SQLCompiler, kw: dict[str, Any]) -> Iterator[str]:
    return (compiler.process(clause, **kw) for clause in element.clauses)
