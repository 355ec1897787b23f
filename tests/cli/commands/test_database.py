"""The database's tables and log, by hand."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.support.callers.commands import Command
from tests.support.sql.stores import registration, sqlite_url, store_at
from vimesh.store.upgrade.manage_tables import newest


def fill(url: str, vims: int) -> None:
    async def register() -> None:
        async with store_at(url) as store:
            for _ in range(vims):
                await store.register(registration())

    asyncio.run(register())


def test_old_changes_are_dropped_by_hand(vimesh: Command, tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "vimesh.sqlite")
    fill(url, 10)

    done = vimesh("db", "compact", "--keep-events", "4", "--database-url", url)
    again = vimesh("db", "compact", "--keep-for", "30d", "--database-url", url)

    assert done.out == "dropped 6 changes; kept 4, from revision 8\n"
    assert again.out == "dropped 0 changes; kept 4, from revision 8\n"


def test_a_database_without_tables_says_what_to_type(vimesh: Command, tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "vimesh.sqlite")

    nothing = vimesh("db", "compact", "--database-url", url)
    made = vimesh("db", "upgrade", "--database-url", url)

    assert nothing.code == 1
    assert "type: vimesh db upgrade" in nothing.err
    assert made.out == f"the tables have version {newest()}\n"


def test_what_keeps_nothing_sensible_is_wrong_usage(vimesh: Command) -> None:
    for flag, value in (
        ("--keep-events", "-1"),
        ("--keep-for", "0s"),
        ("--keep-for", "a year"),
        ("--keep-bytes", "15MiB"),
        ("--keep-bytes", "1 gigabyte"),
    ):
        done = vimesh("db", "compact", flag, value, "--database-url", "sqlite:///x")
        assert (done.code, flag in done.err) == (2, True)
