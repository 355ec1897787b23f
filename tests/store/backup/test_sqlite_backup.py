"""Backups of SQLite: taken while others write, and put back only when nobody has the file open."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.support.deployments.conductor_process import conductor_in
from tests.support.sql.stores import registration, sqlite_url, store_at
from vimesh.domain.errors import BadSetting, StoreUnavailable
from vimesh.domain.queries import VimQuery
from vimesh.domain.vim_store import VimStore
from vimesh.store.backup.back_up import back_up
from vimesh.store.backup.restore import restore
from vimesh.store.dialects.backup_errors import BackupRefused
from vimesh.store.upgrade.manage_tables import newest, upgrade

LARGE = {"a": "x" * 50_000}


def show(_done: int, _total: int | None) -> None:
    """Show nothing."""


async def names(store: VimStore) -> set[str]:
    return {vim.name for vim in (await store.list_vims(VimQuery(page_size=1000))).vims}


def found(folder: Path, pattern: str) -> list[Path]:
    return list(folder.glob(pattern))


async def save(url: str, file: Path) -> None:
    await back_up(url, file, show, overwrite=False)


async def put_back(url: str, file: Path) -> Path | None:
    return (await restore(url, file, show, overwrite=False)).previous


@pytest.fixture
def url(tmp_path: Path) -> str:
    return sqlite_url(tmp_path / "vimesh.sqlite")


async def test_a_backup_has_one_moment_although_others_write_at_each_step_of_it(url: str, tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    steps: list[tuple[int, int | None]] = []
    async with store_at(url) as store:
        for _ in range(100):
            await store.register(registration(extra=LARGE))
        before = await store.count_vims()

        def write(done: int, total: int | None) -> None:
            steps.append((done, total))
            change = store.register(registration(extra=LARGE))
            asyncio.run_coroutine_threadsafe(change, loop).result(30)

        made = await back_up(url, tmp_path / "copy", write, overwrite=False)
        assert await store.count_vims() == before + len(steps)

    # It never began again: then it would not end while others write.
    assert len(steps) > 2
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)
    assert made.version == newest()
    assert (tmp_path / "copy").stat().st_mode & 0o777 == 0o600
    assert made.size_bytes == (tmp_path / "copy").stat().st_size
    assert {path.name for path in found(tmp_path, "*copy*")} == {"copy"}
    async with store_at(sqlite_url(tmp_path / "copy")) as copy:
        assert await copy.count_vims() == before


async def test_no_file_is_replaced_unless_that_is_asked_for(url: str, tmp_path: Path) -> None:
    await upgrade(url)
    (tmp_path / "copy").write_text("precious")

    with pytest.raises(BackupRefused, match="already exists"):
        await save(url, tmp_path / "copy")
    assert (tmp_path / "copy").read_text() == "precious"

    await back_up(url, tmp_path / "copy", show, overwrite=True)
    assert (tmp_path / "copy").read_bytes().startswith(b"SQLite format 3\0")


async def test_nothing_is_left_of_a_backup_that_ends_early(url: str, tmp_path: Path) -> None:
    await upgrade(url)

    def end(_done: int, _total: int | None) -> None:
        raise KeyError("by the test")

    with pytest.raises(KeyError):
        await back_up(url, tmp_path / "copy", end, overwrite=False)

    assert not found(tmp_path, "*copy*")


async def test_what_was_there_is_kept_beside_what_is_restored(url: str, tmp_path: Path) -> None:
    database = tmp_path / "vimesh.sqlite"
    async with store_at(url) as store:
        await store.register(registration(name="saved"))
        await save(url, tmp_path / "copy")
        await store.register(registration(name="later"))
    database.chmod(0o640)

    previous = await put_back(url, tmp_path / "copy")
    again = await put_back(url, tmp_path / "copy")

    assert [previous, again] == [tmp_path / f"vimesh.sqlite.before-restore-{number}" for number in (1, 2)]
    assert database.stat().st_mode & 0o777 == 0o640  # as before, for those who may read it
    async with store_at(url) as store, store_at(sqlite_url(tmp_path / "vimesh.sqlite.before-restore-1")) as kept:
        assert await names(store) == {"saved"}
        assert await names(kept) == {"saved", "later"}


@contextmanager
def opened_elsewhere(database: Path) -> Generator[None]:
    """Have another process use a file, and then leave it open with nothing to do."""
    code = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT 1 FROM vims').fetchall(); "
        "print(flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(database)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield
        finally:
            process.kill()


async def test_a_file_that_somebody_has_open_is_not_replaced(url: str, tmp_path: Path) -> None:
    await upgrade(url)
    await save(url, tmp_path / "copy")
    before = (tmp_path / "vimesh.sqlite").stat().st_ino

    with opened_elsewhere(tmp_path / "vimesh.sqlite"), pytest.raises(BackupRefused, match="is in use"):
        await put_back(url, tmp_path / "copy")

    assert (tmp_path / "vimesh.sqlite").stat().st_ino == before
    assert await put_back(url, tmp_path / "copy") is not None


def test_a_conductor_has_to_be_stopped_and_what_it_wrote_last_is_kept(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "vimesh.sqlite")
    with conductor_in(tmp_path) as conductor:
        user = conductor.user(tmp_path)
        new = ("--type", "openstack", "--auth-url", "http://192.0.2.1:5000/v3")
        assert user("vim", "register", "--name", "saved", *new).code == 0
        assert user("db", "backup", "copy", "--database-url", url).code == 0
        assert user("vim", "register", "--name", "later", *new).code == 0

        refused = user("db", "restore", "copy", "--database-url", url)

        assert (refused.code, "stop the conductors" in refused.err) == (1, True)
        assert user("vim", "show", "later").code == 0
        conductor.process.kill()  # so that its newest changes are in the write-ahead log only
        conductor.process.wait()
    assert (tmp_path / "vimesh.sqlite-wal").stat().st_size > 0

    restored = user("db", "restore", "copy", "--database-url", url)

    assert (restored.code, "before-restore-1" in restored.out) == (0, True)
    for file, found in (("vimesh.sqlite", ["saved"]), ("vimesh.sqlite.before-restore-1", ["later", "saved"])):
        with closing(sqlite3.connect(tmp_path / file)) as connection:
            assert [name for (name,) in connection.execute("SELECT name FROM vims ORDER BY name")] == found


async def test_only_a_whole_backup_of_vimesh_is_restored(url: str, tmp_path: Path) -> None:
    async with store_at(url) as store:
        for _ in range(20):
            await store.register(registration(extra=LARGE))
    await save(url, tmp_path / "copy")
    whole = (tmp_path / "copy").read_bytes()
    half = whole[: len(whole) // 8192 * 4096]
    with closing(sqlite3.connect(tmp_path / "other")) as other:
        other.execute("CREATE TABLE notes (text)")
    with closing(sqlite3.connect(tmp_path / "newer")) as newer, closing(sqlite3.connect(tmp_path / "copy")) as copy:
        copy.backup(newer)
        newer.execute("UPDATE alembic_version SET version_num = '9999'")
        newer.commit()
    (tmp_path / "half").write_bytes(half)
    (tmp_path / "text").write_text("no database")
    before = (tmp_path / "vimesh.sqlite").read_bytes()

    for name, why in (
        ("half", "damaged"),
        ("text", "no backup of SQLite"),
        ("other", "no tables of vimesh"),
        ("missing", "there is no file"),
        ("vimesh.sqlite", "the database itself"),
    ):
        with pytest.raises(BackupRefused, match=why):
            await put_back(url, tmp_path / name)
    with pytest.raises(BadSetting, match="made by a newer vimesh"):
        await put_back(url, tmp_path / "newer")

    assert (tmp_path / "vimesh.sqlite").read_bytes() == before
    assert not found(tmp_path, ".vimesh*")


async def test_a_database_that_is_lost_is_restored(url: str, tmp_path: Path) -> None:
    async with store_at(url) as store:
        await store.register(registration(name="saved"))
    await save(url, tmp_path / "copy")
    for file in found(tmp_path, "vimesh.sqlite*"):
        file.unlink()
    # What a machine that failed may have left: it belongs to no database any more.
    (tmp_path / "vimesh.sqlite-wal").write_bytes(b"\x37\x7f\x06\x82" * 1000)

    assert await put_back(url, tmp_path / "copy") is None

    assert os.stat(tmp_path / "vimesh.sqlite").st_mode & 0o777 == 0o600  # noqa: PTH116 - as sqlite_file does
    async with store_at(url) as store:
        assert await names(store) == {"saved"}


async def test_a_database_without_tables_needs_no_backup(url: str, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "vimesh.sqlite")):
        pass

    with pytest.raises((BackupRefused, StoreUnavailable)):
        await save(url, tmp_path / "copy")
