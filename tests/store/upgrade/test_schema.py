"""The tables are made, changed and checked by migrations only."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
import uuid
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

import vimesh.store.upgrade.manage_tables
from tests.support.sql.stores import changes_in, newest_event, record, registration, report, sqlite_url, store_at
from vimesh.domain.errors import BadSetting
from vimesh.domain.fleet.upgrade_phases import UpgradePhase
from vimesh.domain.queries import VimQuery
from vimesh.domain.vims import Modification, Status
from vimesh.store.backup.back_up import back_up
from vimesh.store.schema.all_tables import ALL_TABLES
from vimesh.store.upgrade.manage_tables import check, current, newest, upgrade
from vimesh.store.upgrade.migrations_runner import config_for


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "vimesh.sqlite"


@pytest.fixture
def url(file: Path) -> str:
    return sqlite_url(file)


def statement(file: Path, sql: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(file)
    try:
        with connection:
            return connection.execute(sql).fetchall()
    finally:
        connection.close()


def mode_of(file: Path) -> int:
    return file.stat().st_mode & 0o777


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_the_newest_version_is_that_of_the_last_migration() -> None:
    with create_engine("sqlite://").connect() as connection:
        scripts = ScriptDirectory.from_config(config_for(connection))

    assert newest() == scripts.get_current_head()


async def test_only_an_upgrade_imports_alembic(url: str) -> None:
    await upgrade(url)
    script = f"""
import asyncio, sys
from vimesh.store.sql_store import sql_store
from vimesh.store.upgrade import manage_tables
asyncio.run(manage_tables.check({url!r}))
print([name for name in sys.modules if name.partition(".")[0] == "alembic"])
"""
    output = await asyncio.to_thread(subprocess.check_output, [sys.executable, "-c", script], text=True, timeout=50)

    assert output == "[]\n"


async def test_the_migrations_make_what_the_tables_say(url: str) -> None:
    await upgrade(url)

    engine = create_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, ALL_TABLES) == []
    engine.dispose()


def downgrade(url: str, revision: str) -> None:
    config = Config()
    config.set_main_option(
        "script_location", str(Path(vimesh.store.upgrade.manage_tables.__file__).parents[1] / "migrations")
    )
    engine = create_engine(url)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, revision)
    engine.dispose()


async def test_the_migrations_can_be_undone_and_done_again(url: str, file: Path) -> None:
    await upgrade(url)
    downgrade(url, "base")
    assert statement(file, "SELECT name FROM sqlite_master WHERE type = 'table'") == [("alembic_version",)]

    await upgrade(url)

    await check(url)


async def test_vims_of_a_version_without_leases_are_unknown_until_they_are_heard(url: str, file: Path) -> None:
    """G6: nobody knows how long ago they were heard."""
    async with store_at(url) as store:
        vim = await store.register(registration())
        await record(store, [report(vim, Status.REACHABLE, 1)])
    downgrade(url, "0001")
    statement(file, "UPDATE events SET document = json_remove(document, '$.lease_until', '$.lapsed', '$.waiting')")

    async with store_at(url) as store:
        assert (await store.get(vim.id)).status is Status.UNKNOWN
        assert (await store.events_of(vim.id, 9, ""))[0][1].vim == vim
        await record(store, [report(vim, Status.REACHABLE, 1)])
        assert (await store.get(vim.id)).status is Status.REACHABLE


async def test_what_actions_said_comes_along_from_a_version_with_one_table(url: str) -> None:
    async with store_at(url) as store:
        vims = [await store.register(registration()) for _ in range(3)]
        await record(store, [report(vims[1], Status.UNREACHABLE, 2**63 - 2**22, reason="REFUSED", detail="no")])
        await store.deregister(vims[0].id)
        # That version told VIMs of the same millisecond apart by their ids only.
        before = sorted((await store.list_vims(VimQuery())).vims, key=lambda vim: (vim.create_time, vim.id))
    downgrade(url, "0003")

    async with store_at(url) as store:
        assert (await store.list_vims(VimQuery())).vims == before
        assert [action.observation for action in await store.actions_of([vims[1].id])] == [2**63 - 2**22]
        later = await store.register(registration())
        assert [vim.id for vim in (await store.list_vims(VimQuery())).vims] == [*(vim.id for vim in before), later.id]


async def test_an_upgrade_can_be_repeated_and_loses_nothing(url: str) -> None:
    async with store_at(url) as store:
        vim = await store.register(registration())
        await upgrade(url)
        assert await store.get(vim.id) == vim
    async with store_at(url) as store:
        assert await store.get(vim.id) == vim


async def test_an_upgraded_file_has_a_write_ahead_log_and_is_its_owners_alone(url: str, file: Path) -> None:
    await upgrade(url)

    assert statement(file, "PRAGMA journal_mode") == [("wal",)]
    assert mode_of(file) == 0o600


def upgrade_in_a_process(url: str) -> None:
    asyncio.run(upgrade(url))


async def test_processes_that_upgrade_at_once_do_it_once(url: str) -> None:
    with ProcessPoolExecutor(3, get_context("spawn")) as pool:
        list(pool.map(upgrade_in_a_process, [url] * 6))

    await check(url)
    async with store_at(url) as store:
        assert await changes_in(store) == 0


async def test_a_missing_database_says_what_to_type(url: str, file: Path) -> None:
    with pytest.raises(BadSetting, match="vimesh db upgrade"):
        await check(url)
    with pytest.raises(BadSetting, match="vimesh db upgrade"):
        await current(url)
    assert names_in(file.parent) == []


async def test_a_database_without_tables_says_what_to_type(url: str, file: Path) -> None:
    statement(file, "PRAGMA user_version")

    assert await current(url) is None
    with pytest.raises(BadSetting, match="has no tables; type: vimesh db upgrade"):
        await check(url)


async def test_tables_of_a_newer_version_are_left_alone(url: str, file: Path) -> None:
    await upgrade(url)
    assert await current(url) == newest()
    statement(file, "UPDATE alembic_version SET version_num = '9999'")
    statement(file, "UPDATE compatibility SET compatible_from = '9998'")

    for call in (check, upgrade):
        with pytest.raises(BadSetting, match="newer vimesh"):
            await call(url)


async def test_tables_that_a_newer_version_has_expanded_are_used_as_they_are(url: str, file: Path) -> None:
    await upgrade(url)
    statement(file, "UPDATE alembic_version SET version_num = '9999'")

    assert (await check(url)).is_newer
    for phase in (None, *UpgradePhase):
        assert (await upgrade(url, phase)).version == "9999"
    copied = await back_up(url, file.with_name("copy"), lambda _done, _total: None, overwrite=False)
    assert copied.version == "9999"


async def test_a_missing_folder_is_named_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="nowhere does not exist"):
        await upgrade(sqlite_url(tmp_path / "nowhere" / "vimesh.sqlite"))

    assert names_in(tmp_path) == []


async def test_the_bytes_of_changes_that_are_there_are_counted(url: str, file: Path) -> None:
    async with store_at(url) as store:
        for _ in range(30):
            vim = await store.register(registration(extra={"a": "x" * 60_000}))
        await store.deregister(vim.id)
        counted = await store.logged_bytes(), statement(file, "SELECT * FROM segments")
    downgrade(url, "0005")

    async with store_at(url) as store:
        assert (await store.logged_bytes(), statement(file, "SELECT * FROM segments")) == counted
        assert len(counted[1]) == 1
        assert counted[0] > 30 * 60_000


async def test_changes_of_an_earlier_version_get_the_project_of_their_vim(url: str) -> None:
    vim_id = str(uuid.uuid4())
    async with store_at(url) as store:
        for project_id in ("a", "b"):
            vim = await store.register(registration(vim_id=vim_id, project_id=project_id))
            await record(store, [report(vim, Status.REACHABLE, 1)])
            if project_id == "a":
                await store.deregister(vim_id)
        before = (await store.events_of("", 9, ""))[0]
    downgrade(url, "0007")

    async with store_at(url) as store:
        assert (await store.events_of("", 9, ""))[0] == before
    assert [event.project_id for event in before] == ["b", "b", "a", "a", "a"]


async def test_a_change_that_an_earlier_version_wrote_holds_the_whole_vim(url: str, file: Path) -> None:
    async with store_at(url) as store:
        vim = await store.register(registration(extra={"a": 1}))
        after = await store.modify(vim.id, Modification(description="d", extra={"a": 2}))
        statement(file, "UPDATE events SET document = json_remove(document, '$.changed')")

        event = await newest_event(store)

        assert (event.changed_fields, event.omitted_fields) == ((), frozenset())
        assert event.vim == after


async def test_an_earlier_version_finds_all_that_it_reads_in_a_change(url: str, file: Path) -> None:
    async with store_at(url) as store:
        vim = await store.register(registration(extra={"a": 1}))
        await store.modify(vim.id, Modification(name="new"))
        await store.deregister(vim.id)

    whole, *others = (json.loads(str(row[0])) for row in statement(file, "SELECT document FROM events"))
    for other in others:
        assert {name: type(value) for name, value in other.items() if name not in ("changed", "replaced")} == {
            name: type(value) for name, value in whole.items()
        }


async def test_an_observation_that_leaves_no_room_for_later_ones_is_forgotten(url: str) -> None:
    async with store_at(url) as store:
        vims = [await store.register(registration()) for _ in range(4)]
        greatest = 2**63 - 2**22
        observations = (1, greatest, greatest + 1, 2**64 - 1)
        await record(store, [report(*each) for each in zip(vims, [Status.REACHABLE] * 4, observations, strict=True)])
    downgrade(url, "0005")

    async with store_at(url) as store:
        found = [(await store.actions_of([vim.id]))[0].observation for vim in vims]
        assert found == [1, greatest, 0, 0]
        await record(store, [report(vim, Status.UNREACHABLE, greatest) for vim in vims[2:]])
        assert (await store.get(vims[3].id)).status is Status.UNREACHABLE
