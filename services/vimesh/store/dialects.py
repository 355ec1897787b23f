"""The SQL that each database spells its own way."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, ColumnElement, Dialect, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class NowMicros(FunctionElement[int]):
    """The database's clock, in microseconds since 1970: one time for the whole of a statement, when that began."""

    type = BigInteger()
    inherit_cache = True


@compiles(NowMicros, "sqlite")
def _now_of_sqlite(element: NowMicros, compiler: SQLCompiler, **kw: object) -> str:  # noqa: ARG001 - SQLAlchemy's
    # SQLite counts milliseconds inside; rounding undoes what the floating point day lost.
    return "CAST((julianday('now') - 2440587.5) * 86400000 + 0.5 AS INTEGER) * 1000"


@compiles(NowMicros, "postgresql")
def _now_of_postgresql(element: NowMicros, compiler: SQLCompiler, **kw: object) -> str:  # noqa: ARG001 - SQLAlchemy's
    return "(EXTRACT(EPOCH FROM statement_timestamp()) * 1000000)::BIGINT"


@compiles(NowMicros, "mysql", "mariadb")
def _now_of_mysql(element: NowMicros, compiler: SQLCompiler, **kw: object) -> str:  # noqa: ARG001 - SQLAlchemy's
    return "CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS SIGNED)"


class _Matches(FunctionElement[bool]):
    type = Boolean()
    inherit_cache = True
    name = "matches"


@compiles(_Matches, "sqlite")
def _matches_of_sqlite(element: _Matches, compiler: SQLCompiler, **kw: object) -> str:
    # SQLite's LIKE ignores case, GLOB does not.
    column, pattern = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"{column} GLOB {pattern}"


@compiles(_Matches)
def _matches_elsewhere(element: _Matches, compiler: SQLCompiler, **kw: object) -> str:
    # No backslash: MariaDB would read it as its own in the text, too.
    column, pattern = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"{column} LIKE {pattern} ESCAPE '|'"


def matches(column: ColumnElement[str], pattern: str, dialect: Dialect) -> ColumnElement[bool]:
    """Compare with a pattern in which `*` stands for any text, and nothing else is special."""
    return _Matches(column, literal(_PATTERNS[dialect.name](pattern)))


def _glob(pattern: str) -> str:
    return pattern.replace("[", "[[]").replace("?", "[?]")


def _like(pattern: str) -> str:
    for special in "|%_":
        pattern = pattern.replace(special, f"|{special}")
    return pattern.replace("*", "%")


_PATTERNS = {"sqlite": _glob, "postgresql": _like, "mysql": _like, "mariadb": _like}
