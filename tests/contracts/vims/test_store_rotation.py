"""The key that encrypts credentials changes while several conductors read and write them."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from tests.support.sql.receivers import WEBHOOK, acquire, settings
from tests.support.sql.stores import LOCK_TIMEOUT_S, registration
from vimesh.domain.vims import Modification, Registered
from vimesh.store.rotate_keys import rotate_keys
from vimesh.store.rows.credential_encryption import Cipher, FileCipher
from vimesh.store.rows.key_files import make_key, make_key_file, read_keys, replace_keys
from vimesh.store.schema.notification_tables import receivers
from vimesh.store.schema.tables import requests, vims
from vimesh.store.sql_store import SqlStore, sql_store
from vimesh.store.upgrade.manage_tables import upgrade


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "credentials.key"
    assert make_key_file(path)
    return path


@pytest.fixture
async def stores(database_url: str, key_file: Path) -> AsyncGenerator[list[SqlStore]]:
    """Two conductors with the same key file."""
    await upgrade(database_url)
    async with (
        sql_store(database_url, FileCipher(key_file), lock_timeout_s=LOCK_TIMEOUT_S) as one,
        sql_store(database_url, FileCipher(key_file), lock_timeout_s=LOCK_TIMEOUT_S) as other,
    ):
        yield [one, other]


async def call(one: SqlStore, other: SqlStore, name: str, stopped: asyncio.Event) -> int:
    """Register at one conductor, and change and repeat at the other one, until stopped. Return the number of rounds."""
    for number in itertools.count(1):
        secret = {"username": "u", "password": f"{name} {number}"}
        asked = registration(auth_cred=secret, extra={"token": name}, request_id=f"{name}-{number}")
        vim = await one.register(asked)
        # This needs the stored values, which the other conductor has encrypted.
        await other.modify(vim.id, Modification(auth_cred={**vim.auth_cred, "n": 1}, extra={"token": "***", "n": 1}))
        assert (await other.register(asked)).id == vim.id
        batch = [registration(auth_cred=secret, request_id=f"{name}-{number}-{place}") for place in range(3)]
        for store, repeated in ((one, False), (other, True)):
            assert all(
                isinstance(result, Registered) and result.repeated is repeated
                for result in await store.register_many(batch)
            )
        if stopped.is_set():
            return number
    raise AssertionError("counts forever")


def tokens(connection: Connection) -> list[bytes]:
    return [
        *connection.execute(select(vims.c.secrets)).scalars(),
        *connection.execute(select(requests.c.fingerprint)).scalars(),
        *connection.execute(select(receivers.c.secrets)).scalars(),
    ]


async def test_keys_rotate_while_conductors_read_and_write(
    stores: list[SqlStore], database_url: str, key_file: Path
) -> None:
    one, other = stores
    stopped = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        callers = [
            tasks.create_task(call(*pair, name, stopped))
            for name, pair in (("a", (one, other)), ("b", (other, one)), ("c", (one, other)))
        ]
        used: list[str] = read_keys(key_file)
        for _ in range(2):
            replace_keys(key_file, [make_key(), *read_keys(key_file)])
            rotation = await rotate_keys(database_url, FileCipher(key_file), lambda _, __: None)
            assert (rotation.unreadable, rotation.unreadable_requests) == ([], 0)
            replace_keys(key_file, read_keys(key_file)[:1])
            used += read_keys(key_file)
        stopped.set()

    assert all(task.result() for task in callers)
    [key] = read_keys(key_file)
    assert (key == used[-1], len(set(used))) == (True, 3)
    for token in await one._database.read(tokens):
        assert Cipher([key]).uses_first_key(token)


async def test_the_secrets_of_receivers_are_encrypted_anew(
    stores: list[SqlStore], database_url: str, key_file: Path
) -> None:
    lost = await stores[0].receivers.create(settings("lost"))
    replace_keys(key_file, [make_key()])
    good = await stores[0].receivers.create(settings("good"))
    replace_keys(key_file, [make_key(), *read_keys(key_file)])

    rotation = await rotate_keys(database_url, FileCipher(key_file), lambda _, __: None)

    assert rotation.unreadable_receivers == [lost.id]
    replace_keys(key_file, read_keys(key_file)[:1])
    # The others still have the lost key in memory.
    async with sql_store(database_url, FileCipher(key_file), lock_timeout_s=LOCK_TIMEOUT_S) as fresh:
        [claimed] = await acquire(fresh, "n1")
        assert claimed.receiver is not None
        assert (claimed.receiver_id, claimed.receiver.settings) == (good.id, settings("good"))
        # People see why nobody works for the other one; it can be disabled, and given another target.
        assert "cannot be decrypted" in (await fresh.receivers.get(lost.id)).last_error
        disabled = await fresh.receivers.modify(lost.id, lambda stored: replace(stored, disabled=True))
        assert disabled.settings == replace(lost.settings, disabled=True)
        await fresh.receivers.modify(lost.id, lambda stored: replace(stored, disabled=False, target=WEBHOOK))
        assert [one.receiver_id for one in await acquire(fresh, "n2")] == [lost.id]


async def test_an_interrupted_rotation_goes_on_where_it_ended(
    stores: list[SqlStore], database_url: str, key_file: Path
) -> None:
    many = [registration(auth_cred={"password": "x"}, request_id=f"{number}") for number in range(250)]
    await stores[0].register_many(many)
    replace_keys(key_file, [make_key(), *read_keys(key_file)])

    def interrupt(checked: int, total: int) -> None:
        assert (checked, total) == (100, 250)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await rotate_keys(database_url, FileCipher(key_file), interrupt)
    progress: list[tuple[int, int]] = []
    rotation = await rotate_keys(database_url, FileCipher(key_file), lambda *shown: progress.append(shown))

    assert (rotation.vims, rotation.encrypted) == (250, 150)
    assert progress == [(100, 250), (200, 250), (250, 250)] * 2
    assert (await rotate_keys(database_url, FileCipher(key_file), lambda _, __: None)).encrypted == 0


async def test_a_batch_that_waits_while_the_key_changes_is_encrypted_anew(
    stores: list[SqlStore], database_url: str, key_file: Path
) -> None:
    batch = [registration(auth_cred={"password": "x"})]
    keys = [make_key(), *read_keys(key_file)]

    class Late(FileCipher):
        """Its file changes between the encryption and the transaction."""

        def encrypt_many(self, values: Iterable[object]) -> list[bytes]:
            tokens = super().encrypt_many(values)
            if read_keys(key_file) != keys:
                replace_keys(key_file, keys)
            return tokens

    async with sql_store(database_url, Late(key_file), lock_timeout_s=LOCK_TIMEOUT_S) as late:
        [result] = await late.register_many(batch)

    assert isinstance(result, Registered)
    [token] = await stores[0]._database.read(lambda c: c.execute(select(vims.c.secrets)).scalars().all())
    assert Cipher(keys[:1]).uses_first_key(token)
