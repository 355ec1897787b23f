"""Nothing of a secret that is gone is left in SQLite's files."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from tests.support.sql.stores import KEY, registration, sqlite_url
from tests.support.timing.waiting import until
from vimesh.conductor.upkeep.erasure import Erasure
from vimesh.domain.errors import StoreUnavailable
from vimesh.domain.vims import Modification
from vimesh.store.dialects.sqlite import sqlite_erasure
from vimesh.store.rotate_keys import erase_removed
from vimesh.store.rows.credential_encryption import Cipher
from vimesh.store.sql_store import SqlStore, sql_store
from vimesh.store.upgrade.manage_tables import upgrade

_PIECE = 48
"""A token has several: a part of one would be found, too."""


class MarkingCipher(Cipher):
    """Remembers everything that it has encrypted."""

    def __init__(self) -> None:
        super().__init__([KEY])
        self.tokens: list[bytes] = []

    def encrypt(self, value: object) -> bytes:
        self.tokens.append(super().encrypt(value))
        return self.tokens[-1]


class Workload:
    """Registers, modifies and deregisters at random, with credentials of many sizes: SQLite moves rows all the time."""

    def __init__(self, store: SqlStore, cipher: MarkingCipher, seed: int) -> None:
        self._store = store
        self._cipher = cipher
        self._random = Random(seed)
        self.live: dict[str, bytes] = {}
        self.gone: set[bytes] = set()

    async def run(self, steps: int) -> None:
        for step in range(steps):
            secret = {"password": f"{step} {'x' * self._random.choice([5, 50, 200, 800, 3000])}"}
            choice = self._random.random()
            if choice < 0.5 or not self.live:
                vim = await self._store.register(registration(auth_cred=secret))
                self.live[vim.id] = self._cipher.tokens[-1]
                continue
            vim_id = self._random.choice(sorted(self.live))
            self.gone.add(self.live.pop(vim_id))
            if choice < 0.7:
                await self._store.modify(vim_id, Modification(auth_cred=secret))
                self.live[vim_id] = self._cipher.tokens[-1]
            else:
                await self._store.deregister(vim_id)


def found(folder: Path, tokens: set[bytes]) -> int:
    """Return how many of the tokens are in the files, in whole or in part."""
    content = b"".join(file.read_bytes() for file in folder.iterdir())
    return sum(
        any(token[start : start + _PIECE] in content for start in range(0, len(token) - _PIECE, _PIECE))
        for token in tokens
    )


def log_of(folder: Path) -> Path:
    return folder / "vimesh.sqlite-wal"


@pytest.mark.parametrize("seed", [1, 2])
async def test_no_ciphertext_of_what_is_gone_stays_in_any_file(tmp_path: Path, seed: int) -> None:
    url, cipher = sqlite_url(tmp_path / "vimesh.sqlite"), MarkingCipher()
    await upgrade(url)
    async with sql_store(url, cipher) as store:
        workload = Workload(store, cipher, seed)
        await workload.run(400)
        assert found(tmp_path, workload.gone)

        await store.erase_removed()

        assert found(tmp_path, workload.gone) == 0
        assert found(tmp_path, set(workload.live.values())) == len(workload.live)
        assert log_of(tmp_path).stat().st_size == 0


async def test_a_conductor_erases_by_itself_and_only_after_changes(tmp_path: Path) -> None:
    url, cipher = sqlite_url(tmp_path / "vimesh.sqlite"), MarkingCipher()
    await upgrade(url)
    async with sql_store(url, cipher) as store, asyncio.TaskGroup() as tasks:
        vim = await store.register(registration(auth_cred={"password": "x"}))
        await store.erase_removed()
        erasing = tasks.create_task(Erasure(store, period_s=0.01).run())
        other = await store.register(registration(auth_cred={"password": "y"}))
        assert log_of(tmp_path).stat().st_size > 0

        await store.deregister(vim.id)

        await until(lambda: log_of(tmp_path).stat().st_size == 0, 30)
        assert found(tmp_path, {cipher.tokens[0]}) == 0
        assert (await store.get(other.id)).name == other.name
        erasing.cancel()


async def test_a_reader_only_delays_it(tmp_path: Path) -> None:
    file, cipher = tmp_path / "vimesh.sqlite", MarkingCipher()
    await upgrade(sqlite_url(file))
    async with sql_store(sqlite_url(file), cipher, lock_timeout_s=0.2) as store:
        vim = await store.register(registration(auth_cred={"password": "x"}))
        with closing(sqlite3.connect(file)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM vims").fetchall()
            await store.deregister(vim.id)
            with pytest.raises(StoreUnavailable):
                await store.erase_removed()

        await store.erase_removed()

        assert found(tmp_path, {cipher.tokens[0]}) == 0


@pytest.mark.parametrize("by_hand", [False, True])
async def test_only_by_hand_a_large_file_is_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, by_hand: bool
) -> None:
    monkeypatch.setattr(sqlite_erasure, "VACUUM_LIMIT_BYTES", 1)
    file = tmp_path / "vimesh.sqlite"
    await upgrade(sqlite_url(file))
    async with sql_store(sqlite_url(file), Cipher([KEY])) as store:
        vims = [await store.register(registration(auth_cred={"password": "x" * 4000})) for _ in range(50)]
        for vim in vims:
            await store.deregister(vim.id)
    with closing(sqlite3.connect(file)) as database:
        free_before = database.execute("PRAGMA freelist_count").fetchone()[0]
    assert free_before

    async with sql_store(sqlite_url(file), Cipher([KEY])) as store:
        await (erase_removed(sqlite_url(file)) if by_hand else store.erase_removed())

    with closing(sqlite3.connect(file)) as database:
        free_after = database.execute("PRAGMA freelist_count").fetchone()[0]
    assert (free_after == 0) is by_hand
