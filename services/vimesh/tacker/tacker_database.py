"""Reads Tacker's database, in a read-only session."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from vimesh.domain.errors import BadSetting
from vimesh.tacker.access import SETTING, engine_for, place_of
from vimesh.tacker.selection import Selection
from vimesh.tacker.statements import NEEDED, VIMS, Statements
from vimesh.tacker.tacker_errors import DatabaseAway, DatabaseRefused, NotTacker, TackerError

T = TypeVar("T")
Row = Mapping[str, Any]

_PAGE: Final = 500
# Refusals of MariaDB and MySQL: access denied to the server, a database, a table, a column; no such database.
_REFUSED: Final = frozenset({1044, 1045, 1049, 1142, 1143, 1698})
# The driver's own codes: no connection, a broken one, none in time.
_AWAY: Final = frozenset({2002, 2003, 2005, 2006, 2013, 2014})


class TackerDatabase:
    """One session. Its queries run one after the other, in one thread."""

    def __init__(self, place: str, connection: Connection, statements: Statements, thread: ThreadPoolExecutor) -> None:
        self.place = place
        self._connection = connection
        self._statements = statements
        self._thread = thread

    async def count(self, selection: Selection) -> int:
        return int((await self._rows(self._statements.count(selection)))[0]["vims"])

    async def unknown(self, selection: Selection) -> list[str]:
        """Return the criteria that no live VIM meets: `of project X`, `with the name or id a, b`."""
        parts: list[tuple[str, list[str]]] = []
        if selection.projects:
            projects = {row["tenant_id"] for row in await self._rows(self._statements.projects(selection))}
            parts.append(("of project", [project for project in selection.projects if project not in projects]))
        if selection.names or selection.vim_ids:
            found = await self._rows(self._statements.known(selection))
            names, vim_ids = {row["name"] for row in found}, {row["id"] for row in found}
            absent = [name for name in selection.names if name not in names]
            absent += [vim_id for vim_id in selection.vim_ids if vim_id not in vim_ids]
            parts.append(("with the name or id", absent))
        return [f"{what} {', '.join(absent)}" for what, absent in parts if absent]

    async def pages(self, selection: Selection) -> AsyncGenerator[Sequence[Row]]:
        """Read the live VIMs with their credentials, page by page, in the order of their ids."""
        last = ""
        ends: set[str] = set()
        while page := await self._rows(self._statements.page(selection, last, _PAGE)):
            yield [row for row in page if selection.names_one(row["id"], row["name"])]
            last = _text(page[-1]["id"])
            if last in ends:
                # Ids that are not texts, for example, compare differently: the pages would repeat forever.
                raise NotTacker(self.place, f"the ids in table {VIMS} have no order")
            ends.add(last)

    async def _rows(self, statement: Any) -> Sequence[Row]:  # noqa: ANN401 - any select
        def read() -> Sequence[Row]:
            with _explained(self.place):
                return [dict(row) for row in self._connection.execute(statement).mappings()]

        return await _in(self._thread, read)


@asynccontextmanager
async def tacker_database(url: str) -> AsyncGenerator[TackerDatabase]:
    """Open a session. Raises BadSetting, DatabaseAway, DatabaseRefused, NotTacker."""
    engine = engine_for(url)
    place = place_of(engine)
    # One thread: even after an interruption, the session is closed only after its last query has ended.
    with ThreadPoolExecutor(1, "tacker-database") as thread:
        connection, statements = await _in(thread, lambda: _opened(engine, place))
        try:
            yield TackerDatabase(place, connection, statements, thread)
        finally:
            await _in(thread, connection.close)


async def _in(thread: ThreadPoolExecutor, call: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(thread, call)


def _opened(engine: Engine, place: str) -> tuple[Connection, Statements]:
    with _explained(place):
        connection = _connected(engine).execution_options(isolation_level="AUTOCOMMIT")
        try:
            statements = Statements(_columns(connection, place))
            _read_only(connection)
        except BaseException:
            connection.close()
            raise
    return connection, statements


def _connected(engine: Engine) -> Connection:
    """Connect. Raises BadSetting for options of the URL that the driver cannot use: it receives them unchecked."""
    try:
        return engine.connect()
    except (AttributeError, OSError, TypeError, ValueError) as error:
        if not engine.url.query:
            raise
        # Only their names: a value may be a password.
        names = ", ".join(engine.url.query)
        raise BadSetting(SETTING, f"has options that cannot be used ({type(error).__name__}): {names}") from None


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _read_only(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        connection.execute(text("PRAGMA query_only = ON"))
        return
    # All pages show the data at the start of the session, and the server itself refuses to write.
    connection.execute(text("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
    connection.execute(text("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"))


def _columns(connection: Connection, place: str) -> set[str]:
    """Check the columns of both tables, and return those of `vims`. Raises NotTacker."""
    inspector = inspect(connection)
    found: dict[str, set[str]] = {}
    for name, needed in NEEDED.items():
        if not inspector.has_table(name):
            raise NotTacker(place, f"there is no table {name}")
        found[name] = {column["name"] for column in inspector.get_columns(name)}
        if missing := needed - found[name]:
            raise NotTacker(place, f"table {name} has no column {', '.join(sorted(missing))}")
    return found[VIMS]


@contextmanager
def _explained(place: str) -> Generator[None]:
    try:
        yield
    except DBAPIError as error:
        # The chain is cut: the driver's errors carry the connection, and SQLAlchemy's the statement.
        raise _meaning(place, error) from None


def _meaning(place: str, error: DBAPIError) -> TackerError:
    number, what = _said(error)
    if number in _REFUSED:
        return DatabaseRefused(place, what)
    if number in _AWAY or (number is None and isinstance(error, OperationalError | InterfaceError)):
        return DatabaseAway(place, what)
    return NotTacker(place, what)


def _said(error: DBAPIError) -> tuple[int | None, str]:
    """Return the number and the text of the driver's error."""
    arguments = error.orig.args if error.orig is not None else ()
    if len(arguments) > 1 and isinstance(arguments[0], int):
        return arguments[0], str(arguments[1])
    return None, str(arguments[0]) if arguments else type(error).__name__
