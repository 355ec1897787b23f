"""The plan of an upgrade, and its phases, at the command line."""

from __future__ import annotations

import asyncio
import uuid
from importlib.metadata import version
from pathlib import Path

from tests.support.callers.commands import Command
from tests.support.sql.stores import sqlite_url, store_at
from vimesh.domain.fleet.process_announcements import Announcement, ProcessKind
from vimesh.store.upgrade.manage_tables import newest


def announce(url: str, kind: ProcessKind, host: str) -> None:
    async def say() -> None:
        async with store_at(url) as store:
            said = Announcement(str(uuid.uuid4()), kind, host, 7, "0.0.1", 10.0, 0.0, {})
            await store.announce_process(said, "")

    asyncio.run(say())


def test_a_plan_names_what_is_old_and_what_it_cannot_see(vimesh: Command, tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "vimesh.sqlite")
    announce(url, ProcessKind.CONDUCTOR, "host-a")
    announce(url, ProcessKind.MONITOR, "host-b")

    table = vimesh("upgrade", "plan", VIMESH_DATABASE_URL=url)
    document = vimesh("upgrade", "plan", "-o", "json", "--database-url", url).json

    assert table.out.startswith(f"this release is {version('vimesh')}, and makes tables of version {newest()}\n")
    assert "1. Replace conductors, one at a time" in table.out
    assert "not seen:\n- fronts" in table.out
    assert [step["where"] for step in document["steps"]] == [["host-a (7)"], [], ["host-b (7)"]]
    assert document["tables"] == {"version": newest(), "compatible_from": "0022", "pending": []}
    assert [one["tables"] for one in document["processes"]] == [None, None]


def test_a_plan_for_a_new_database_is_to_create_the_tables(vimesh: Command, tmp_path: Path) -> None:
    (tmp_path / "vimesh.sqlite").touch()

    document = vimesh("upgrade", "plan", "-o", "json", "--database-url", sqlite_url(tmp_path / "vimesh.sqlite")).json

    assert [step["command"] for step in document["steps"]] == ["vimesh db upgrade"]
    assert [pending["phase"] for pending in document["tables"]["pending"]] == ["expand", "contract", "expand"]


def test_each_phase_says_what_the_tables_have(vimesh: Command, tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "vimesh.sqlite")

    for phase in ("expand", "contract"):
        done = vimesh("db", "upgrade", "--phase", phase, "--database-url", url)
        assert (done.code, done.out) == (0, f"the tables have version {newest()}\n"), done.err
    wrong = vimesh("db", "upgrade", "--phase", "shrink", "--database-url", url)
    assert (wrong.code, "--phase" in wrong.err) == (2, True)
