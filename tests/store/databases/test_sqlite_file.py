"""The database file goes away, comes back, is replaced or locked: nothing is answered that is not stored (G2, G3)."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.sql.stores import KEY, changes_in, record, registration, report, sqlite_url, store_at
from vimesh.domain.errors import BadSetting, Overloaded, StoreUnavailable
from vimesh.domain.queries import VimQuery
from vimesh.domain.vims import Modification, Recorded, Status, Unchanged, Vim
from vimesh.store.databases.open_database import parse_database_url
from vimesh.store.rows.credential_encryption import Cipher
from vimesh.store.sql_store import SqlStore, sql_store

LOCK_TIMEOUT_S = 0.2


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "data"
    path.mkdir()
    return path


@pytest.fixture
async def store(folder: Path) -> AsyncGenerator[SqlStore]:
    async with store_at(sqlite_url(folder / "vimesh.sqlite"), lock_timeout_s=LOCK_TIMEOUT_S) as opened:
        yield opened


@pytest.fixture
async def vim(store: SqlStore) -> Vim:
    return await store.register(registration())


async def assert_nothing_is_known(store: SqlStore, vim: Vim) -> None:
    for call in (
        record(store, [report(vim, Status.REACHABLE, 1)]),
        record(store, [report(vim, Status.REACHABLE, 1, action_id="stale")]),
        store.register(registration()),
        store.get(vim.id),
        store.list_vims(VimQuery()),
        store.modify(vim.id, Modification(name="x")),
        store.deregister(vim.id),
        store.span(),
        store.events_after(0, 10),
        store.events_of(vim.id, 10, ""),
        store.vims_after("", 10),
        store.actions_of([vim.id]),
    ):
        with pytest.raises(StoreUnavailable) as caught:
            await call
        assert caught.value.__cause__ is not None


def put(file: Path, content: bytes) -> None:
    file.parent.mkdir()
    file.write_bytes(content)


async def assert_untouched(store: SqlStore, vim: Vim) -> None:
    assert await store.get(vim.id) == vim
    assert await changes_in(store) == 1
    assert await record(store, [report(vim, Status.REACHABLE, 1)]) == [Recorded(Status.REACHABLE)]


async def test_a_folder_that_is_moved_away_and_back(store: SqlStore, vim: Vim, folder: Path) -> None:
    shutil.move(folder, folder.with_name("away"))
    await assert_nothing_is_known(store, vim)
    assert not os.access(folder, os.F_OK)

    shutil.move(folder.with_name("away"), folder)
    await assert_untouched(store, vim)


async def test_a_file_that_is_moved_away_and_back(store: SqlStore, vim: Vim, folder: Path) -> None:
    file = folder / "vimesh.sqlite"
    file.rename(folder / "away")
    await assert_nothing_is_known(store, vim)
    assert not os.access(file, os.F_OK)

    (folder / "away").rename(file)
    await assert_untouched(store, vim)


async def test_a_file_that_is_moved_while_no_connection_was_used_since(folder: Path) -> None:
    async with store_at(sqlite_url(folder / "vimesh.sqlite")) as store:
        shutil.move(folder, folder.with_name("away"))
        with pytest.raises(StoreUnavailable):
            await store.span()
        shutil.move(folder.with_name("away"), folder)
        assert await changes_in(store) == 0


@pytest.mark.parametrize("content", [b"", b"this is no database" * 100])
async def test_a_file_that_is_replaced_by_something_else(
    store: SqlStore,
    vim: Vim,
    folder: Path,
    content: bytes,
) -> None:
    shutil.move(folder, folder.with_name("away"))
    put(folder / "vimesh.sqlite", content)
    await assert_nothing_is_known(store, vim)

    shutil.rmtree(folder)
    shutil.move(folder.with_name("away"), folder)
    await assert_untouched(store, vim)


async def test_a_file_that_is_replaced_by_another_database_is_served(store: SqlStore, folder: Path) -> None:
    await store.register(registration())
    other = folder.with_name("other")
    other.mkdir()
    async with store_at(sqlite_url(other / "vimesh.sqlite")) as second:
        restored = await second.register(registration())
    shutil.move(folder, folder.with_name("away"))
    shutil.move(other, folder)

    assert await store.vims_after("", 10) == [restored]
    assert await record(store, [report(restored)]) == [Recorded(Status.REACHABLE)]


async def test_a_lock_of_another_process_is_waited_for_and_then_given_up(
    store: SqlStore,
    vim: Vim,
    folder: Path,
) -> None:
    await record(store, [report(vim, Status.REACHABLE, 1)])
    with locked_elsewhere(folder / "vimesh.sqlite"):
        began = time.monotonic()
        with pytest.raises(StoreUnavailable):
            await record(store, [report(vim, Status.UNREACHABLE, 2)])
        with pytest.raises(StoreUnavailable):
            await store.register(registration())
        # Many at once wait together, not one after the other.
        said = await asyncio.gather(*(store.deregister(vim.id) for _ in range(30)), return_exceptions=True)
        assert {type(outcome) for outcome in said} <= {StoreUnavailable, Overloaded}
        assert time.monotonic() - began < 20 * LOCK_TIMEOUT_S
        # What needs no write goes on.
        assert (await store.get(vim.id)).status is Status.REACHABLE
        assert await record(store, [report(vim, Status.REACHABLE, 1)]) == [Unchanged(Status.REACHABLE)]

    assert await record(store, [report(vim, Status.UNREACHABLE, 2)]) == [Recorded(Status.UNREACHABLE)]


async def test_missing_tables_are_trouble_and_not_bad_action(
    store: SqlStore,
    vim: Vim,
    folder: Path,
) -> None:
    with sqlite3.connect(folder / "vimesh.sqlite") as connection:
        connection.execute("ALTER TABLE standings RENAME TO elsewhere")
    with pytest.raises(StoreUnavailable):
        await record(store, [report(vim)])
    with connection:
        connection.execute("ALTER TABLE elsewhere RENAME TO standings")
    connection.close()

    await assert_untouched(store, vim)


async def test_a_store_can_be_opened_before_its_database_is_there(folder: Path) -> None:
    file = folder / "vimesh.sqlite"
    async with store_at(sqlite_url(file)):
        pass
    file.rename(folder / "away")
    async with sql_store(sqlite_url(file), Cipher([KEY])) as store:
        with pytest.raises(StoreUnavailable):
            await store.span()
        assert not os.access(file, os.F_OK)
        (folder / "away").rename(file)
        assert await changes_in(store) == 0


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file.db?mode=memory",
        "sqlite://host/file.db",
        "oracle://localhost/vimesh",
        "postgresql://localhost",
        "postgresql+other://localhost/vimesh",
        "postgresql://user:p@ss:word@localhost/vimesh",
        "postgresql://localhost/vimesh?passwort=secret",
        "mysql://localhost/vimesh?foo=1",
    ],
)
def test_a_url_that_names_no_file_is_a_bad_setting(url: str) -> None:
    with pytest.raises(BadSetting, match="database_url") as refused:
        parse_database_url(url)
    assert not {"secret", "word@"} & {part for part in ("secret", "word@") if part in str(refused.value)}


async def test_a_path_may_hold_anything(tmp_path: Path) -> None:
    folder = tmp_path / "a %20?b#c ö"
    folder.mkdir()
    # In a URL such a path is written with %: as make_url reads it.
    async with store_at(sqlite_url(folder / "vimesh.sqlite").replace("%", "%25").replace("?", "%3F")) as store:
        assert await changes_in(store) == 0
    assert [path.name for path in folder.iterdir()] == ["vimesh.sqlite"]


@contextmanager
def locked_elsewhere(file: Path) -> Generator[None]:
    """Hold the write lock in another process."""
    code = (
        "import sqlite3, sys\n"
        "connection = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "connection.execute('BEGIN IMMEDIATE')\n"
        "print('locked', flush=True)\n"
        "sys.stdin.read()\n"
        "connection.execute('ROLLBACK')\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"locked\n"
        yield
