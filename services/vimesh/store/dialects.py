"""The SQL that each database spells its own way."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, ColumnElement, Dialect, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class NowMicros(FunctionElement[int]):
    """The database's clock, in microseconds since 1970."""

    type = BigInteger()
    inherit_cache = True


@compiles(NowMicros, "sqlite")
def _now_of_sqlite(element: NowMicros, compiler: SQLCompiler, **kw: object) -> str:  # noqa: ARG001 - SQLAlchemy's
    # SQLite counts milliseconds inside; rounding undoes what the floating point day lost.
    return "CAST((julianday('now') - 2440587.5) * 86400000 + 0.5 AS INTEGER) * 1000"


class _Matches(FunctionElement[bool]):
    type = Boolean()
    inherit_cache = True
    name = "matches"


@compiles(_Matches, "sqlite")
def _matches_of_sqlite(element: _Matches, compiler: SQLCompiler, **kw: object) -> str:
    # SQLite's LIKE ignores case, GLOB does not.
    column, pattern = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"{column} GLOB {pattern}"


def matches(column: ColumnElement[str], pattern: str, dialect: Dialect) -> ColumnElement[bool]:
    """Compare with a pattern in which `*` stands for any text, and nothing else is special."""
    return _Matches(column, literal(_PATTERNS[dialect.name](pattern)))


def _glob(pattern: str) -> str:
    return pattern.replace("[", "[[]").replace("?", "[?]")


_PATTERNS = {"sqlite": _glob}
