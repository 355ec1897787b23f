"""A transaction is whole or nothing, and answered only when it is where others will look for it."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import Connection

from vimesh.domain.errors import Overloaded, StoreUnavailable
from vimesh.store.databases.open_database import open_database
from vimesh.store.dialects.sqlite.sqlite_database import SqliteDatabase
from vimesh.store.transactions.database import Database

T = TypeVar("T")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "data"
    path.mkdir()
    (path / "numbers.sqlite").touch()
    return path


@pytest.fixture
async def database(folder: Path) -> AsyncGenerator[Database]:
    async with open_database(SqliteDatabase(folder / "numbers.sqlite", lock_timeout_s=0.2)) as opened:
        await opened.write(lambda c: c.exec_driver_sql("CREATE TABLE numbers (number INTEGER UNIQUE, text TEXT)"))
        yield opened


def insert(connection: Connection, number: int, text: str = "") -> None:
    connection.exec_driver_sql("INSERT INTO numbers VALUES (?, ?)", (number, text))


def numbers(connection: Connection) -> list[int]:
    return [row.number for row in connection.exec_driver_sql("SELECT number FROM numbers ORDER BY number")]


async def until_there_is_room(work: Callable[[], Awaitable[T]]) -> T:
    """Run what has to wait for one whose caller is gone: how long the disk takes for that nobody knows."""
    async with asyncio.timeout(10):
        while True:
            with suppress(Overloaded):
                return await work()


async def test_a_commit_into_a_file_that_is_gone_is_no_answer(database: Database, folder: Path) -> None:
    """G2."""

    def insert_and_move(connection: Connection) -> None:
        insert(connection, 1)
        shutil.move(folder, folder.with_name("away"))

    with pytest.raises(StoreUnavailable):
        await database.write(insert_and_move)


async def test_a_read_from_a_file_that_is_gone_is_no_answer(database: Database, folder: Path) -> None:
    """G3."""

    def read_and_move(connection: Connection) -> list[int]:
        shutil.move(folder, folder.with_name("away"))
        return numbers(connection)

    with pytest.raises(StoreUnavailable):
        await database.read(read_and_move)


async def test_a_full_disk_leaves_nothing_half_written(database: Database) -> None:
    def fill(connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")  # no less than the file has: it is full now
        for number in range(100):
            insert(connection, number, "x" * 1000)

    with pytest.raises(StoreUnavailable):
        await database.write(fill)
    await database.write(lambda c: c.exec_driver_sql("PRAGMA max_page_count = 1000000"))

    assert await database.read(numbers) == []


async def test_an_error_of_the_work_undoes_it(database: Database) -> None:
    def stumble(connection: Connection) -> None:
        insert(connection, 1)
        raise LookupError

    with pytest.raises(LookupError):
        await database.write(stumble)

    assert await database.read(numbers) == []


async def test_a_reader_cannot_write(database: Database) -> None:
    with pytest.raises(StoreUnavailable):
        await database.read(lambda c: insert(c, 1))


async def test_a_taken_key_is_explained_by_what_is_committed(database: Database) -> None:
    def explain(connection: Connection) -> None:
        raise LookupError(numbers(connection))

    await database.write(lambda c: insert(c, 7))

    with pytest.raises(LookupError, match="7"):
        await database.write(lambda c: insert(c, 7), explain)
    with pytest.raises(StoreUnavailable):
        await database.write(lambda c: insert(c, 7))


async def test_a_cancelled_caller_leaves_the_connection_usable(database: Database) -> None:
    begun, go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def slow(connection: Connection) -> None:
        insert(connection, 1)
        loop.call_soon_threadsafe(begun.set)
        go_on.wait(10)

    caller = asyncio.create_task(database.write(slow))
    await begun.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    # The thread is still at it: the next writer waits for its turn, and gives up in time.
    with pytest.raises(Overloaded):
        await database.write(lambda c: insert(c, 2))
    go_on.set()

    await until_there_is_room(lambda: database.write(lambda c: insert(c, 3)))
    assert await database.read(numbers) == [1, 3]


COUNT_FOR_LONG = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000) SELECT max(i) FROM n"
)


def browse_for_long(begun: Callable[[], object]) -> Callable[[Connection], object]:
    def work(connection: Connection) -> object:
        begun()
        return connection.exec_driver_sql(COUNT_FOR_LONG).scalar_one()

    return work


async def test_browsing_keeps_no_read_waiting_and_ends_when_its_caller_is_gone(database: Database) -> None:
    loop = asyncio.get_running_loop()
    begun = asyncio.Semaphore(0)
    work = browse_for_long(lambda: loop.call_soon_threadsafe(begun.release))
    # Twice: the connections are as good as new after the first time.
    for _ in range(2):
        callers = [asyncio.create_task(database.browse(work)) for _ in range(2)]
        await begun.acquire()
        await begun.acquire()
        with pytest.raises(Overloaded):
            await database.browse(numbers)

        assert await database.read(numbers) == []

        for caller in callers:
            caller.cancel()
        await asyncio.wait(callers)
        assert await until_there_is_room(lambda: database.browse(numbers)) == []


async def test_an_error_does_not_repeat_what_was_to_be_stored(database: Database) -> None:
    await database.write(lambda c: insert(c, 7, "swordfish"))

    with pytest.raises(StoreUnavailable) as caught:
        await database.write(lambda c: insert(c, 7, "swordfish"))

    assert "swordfish" not in repr(caught.value.__cause__) + str(caught.value.__cause__)
