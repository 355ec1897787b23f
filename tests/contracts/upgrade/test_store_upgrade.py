"""Conductors of two releases work on one database while it is upgraded, on each kind."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from sqlalchemy import make_url, update

from tests.support.sql.databases import execute
from tests.support.sql.next_release import BEFORE, CONTRACTED, EXPANDED, NextRelease, make_next_release
from tests.support.sql.stores import newest_event, record, registration, report, sqlite_url, store_at
from vimesh.domain.errors import BadSetting
from vimesh.domain.fleet.process_announcements import MISSING_AFTER_S, Announcement, ProcessKind
from vimesh.domain.fleet.upgrade_phases import TABLES_FACT, UpgradePhase
from vimesh.domain.queries import VimQuery
from vimesh.domain.vims import Modification, Recorded, Status
from vimesh.store.schema.tables import processes
from vimesh.store.schema.timestamps import micros
from vimesh.store.sql_store import SqlStore
from vimesh.store.upgrade.manage_tables import check, current, upgrade

pytestmark = pytest.mark.timeout(300)

UNAVAILABLE = 5
EXPAND, CONTRACT = UpgradePhase.EXPAND, UpgradePhase.CONTRACT


@pytest.fixture(scope="module")
def next_release(tmp_path_factory: pytest.TempPathFactory) -> NextRelease:
    return make_next_release(tmp_path_factory.mktemp("next"))


@pytest.fixture
async def url(database_url: str, tmp_path: Path) -> AsyncGenerator[str]:
    """A database of its own: its tables become those of another release."""
    if database_url.startswith("sqlite:"):
        yield sqlite_url(tmp_path / "upgraded.sqlite")
        return
    await execute(database_url, "CREATE DATABASE upgraded")
    yield make_url(database_url).set(database="upgraded").render_as_string(hide_password=False)
    await execute(database_url, "DROP DATABASE upgraded")


async def works(store: SqlStore) -> None:
    """Do what a conductor does."""
    vim = await store.register(registration(description="d"))
    assert await record(store, [report(vim, Status.REACHABLE, 1)]) == [Recorded(Status.REACHABLE)]
    modified = await store.modify(vim.id, Modification(name=f"renamed-{vim.id}"))
    assert (await newest_event(store)).vim_id == modified.id
    assert (await store.get(vim.id)).name == modified.name
    assert vim.id in {listed.id for listed in (await store.list_vims(VimQuery())).vims}
    await store.deregister(vim.id)


def conductor(tables: str | None, pid: int) -> Announcement:
    facts = {"listen": "127.0.0.1:7611"} | ({} if tables is None else {TABLES_FACT: tables})
    return Announcement(str(uuid.uuid4()), ProcessKind.CONDUCTOR, "host", pid, "0.0.1", 10.0, 0.0, facts)


async def test_an_expanded_database_serves_the_release_before(url: str, next_release: NextRelease) -> None:
    async with store_at(url) as store:
        await works(store)
        code, output = await next_release.upgrade(url, EXPAND, break_off=EXPAND)
        assert (code, "ConnectionResetError" in output) == (UNAVAILABLE, True), output
        await works(store)
        await check(url)

        assert await next_release.upgrade(url, EXPAND) == (
            0,
            f"the tables have version {EXPANDED}\nleft to do: vimesh db upgrade --phase contract\n",
        )

        # One that runs, and one that is started.
        await works(store)
        assert (await check(url)).is_newer
        async with store_at(url) as started:
            await works(started)
        # To start it upgraded, as a container does, which changed nothing.
        assert (await upgrade(url)).version == await current(url) == EXPANDED
        code, output = await next_release("db", "check", url=url)
        assert (code, f"the tables have version {EXPANDED}, as required" in output) == (0, True), output


async def test_tables_are_not_contracted_while_an_older_conductor_is_seen(url: str, next_release: NextRelease) -> None:
    await upgrade(url)
    code, output = await next_release.upgrade(url, CONTRACT)
    assert (code, "type: vimesh db upgrade --phase expand" in output) == (1, True), output
    await next_release.upgrade(url, EXPAND)
    async with store_at(url) as store:
        older = [conductor(None, 1), conductor(BEFORE, 2)]
        for each in (*older, conductor(CONTRACTED, 3)):
            await store.announce_process(each, "")
        silent = conductor(BEFORE, 4)
        await store.announce_process(silent, "")
        await store._database.write(
            lambda connection: connection.execute(
                update(processes)
                .where(processes.c.id == silent.process_id)
                .values(seen_time=processes.c.seen_time - micros(MISSING_AFTER_S + 1))
            )
        )
        code, output = await next_release.upgrade(url)
        assert (code, "host (1), host (2). Nothing" in output, await current(url)) == (1, True, EXPANDED), output
        await works(store)
        for each in older:
            await store.withdraw_process(each.process_id, "")

    code, output = await next_release.upgrade(url, CONTRACT, break_off=CONTRACT)
    assert (code, "ConnectionResetError" in output) == (UNAVAILABLE, True), output
    for _ in range(2):
        assert await next_release.upgrade(url, CONTRACT) == (0, f"the tables have version {CONTRACTED}\n")

    for call in (check, upgrade):
        with pytest.raises(BadSetting, match="newer vimesh"):
            await call(url)
