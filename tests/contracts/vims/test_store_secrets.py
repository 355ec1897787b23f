"""Secrets in any field are shown masked, sealed with the credentials, and gone when their VIM is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from tests.support.sql.stores import KEY, LOCK_TIMEOUT_S, registration, store_at
from vimesh.domain.actions import ActionScope, Shard
from vimesh.domain.errors import BadInput, RequestIdReused, StoreUnavailable
from vimesh.domain.vims import Engine, Modification
from vimesh.store.rotate_keys import rotate_keys
from vimesh.store.rows.credential_encryption import Cipher
from vimesh.store.rows.key_files import make_key
from vimesh.store.schema.event_documents import as_text
from vimesh.store.schema.tables import events, requests, vims
from vimesh.store.sql_store import SqlStore, sql_store

SECRET = {"username": "u", "password": "hunter2"}
EXTRA = {"note": "n", "apiKey": "hunter2", "sites": [{"token": "hunter2"}], "git": "https://u:hunter2@h/?token=hunter2"}
SHOWN = {"note": "n", "apiKey": "***", "sites": "***", "git": "https://u:***@h/?token=***"}


def columns_of(connection: Connection) -> str:
    """Return what the tables hold in the clear: everything but the sealed column."""
    rows = connection.execute(select(*(column for column in vims.c if column.name != "secrets"))).all()
    documents = connection.execute(select(as_text(events.c.document))).scalars().all()
    return f"{rows} {documents}"


async def clear_text(store: SqlStore) -> str:
    return await store._database.read(columns_of)


async def sealed(store: SqlStore, vim_id: str, key: str = KEY) -> Any:  # noqa: ANN401 - what JSON holds
    token = await store._database.read(lambda c: c.execute(select(vims.c.secrets).where(vims.c.id == vim_id)).scalar())
    assert token is not None
    return Cipher([key]).decrypt(token)


async def as_an_earlier_version_stored(store: SqlStore, vim_id: str, **columns: object) -> None:
    change = update(vims).where(vims.c.id == vim_id).values(**columns)
    await store._database.write(lambda connection: connection.execute(change))


async def test_secrets_of_free_form_fields_are_sealed(store: SqlStore) -> None:
    vim = await store.register(
        registration(
            auth_cred=SECRET, extra=EXTRA, vim_project={"name": "nfv", "password": "hunter2"}, placement_attr={"a": [1]}
        )
    )

    assert (vim.extra, vim.vim_project) == (SHOWN, {"name": "nfv", "password": "***"})
    assert vim.placement_attr == {"a": [1]}
    assert await sealed(store, vim.id) == [
        SECRET,
        {"vim_project": {"name": "nfv", "password": "hunter2"}, "extra": EXTRA},
    ]
    assert "hunter2" not in await clear_text(store)


async def test_what_was_shown_keeps_what_is_stored(store: SqlStore) -> None:
    vim = await store.register(registration(auth_cred=SECRET, extra=EXTRA))

    same = await store.modify(vim.id, Modification(extra=SHOWN))
    other = await store.modify(vim.id, Modification(extra={**SHOWN, "note": "o", "git": "https://u:new@h/"}))
    await store.modify(vim.id, Modification(auth_cred={**SECRET, "password": "new"}))

    assert same.revision == vim.revision
    assert other.extra == {**SHOWN, "note": "o", "git": "https://u:***@h/"}
    assert await sealed(store, vim.id) == [
        {**SECRET, "password": "new"},
        {"extra": {**EXTRA, "note": "o", "git": "https://u:new@h/"}},
    ]


async def test_another_secret_is_a_change_though_it_looks_the_same(store: SqlStore) -> None:
    vim = await store.register(registration(extra=EXTRA))

    after = await store.modify(vim.id, Modification(extra={**SHOWN, "apiKey": "another"}))

    assert (after.extra, after.etag == vim.etag) == (SHOWN, False)
    assert (await store.events_of(vim.id, 1, ""))[0][0].changed_fields == ("extra",)
    assert (await sealed(store, vim.id))[1]["extra"]["apiKey"] == "another"


async def test_a_removed_secret_leaves_the_seal(store: SqlStore) -> None:
    vim = await store.register(registration(auth_cred=SECRET, extra=EXTRA))

    await store.modify(vim.id, Modification(extra={"note": "n"}))

    assert await sealed(store, vim.id) == SECRET
    with pytest.raises(BadInput, match="apiKey"):
        await store.modify(vim.id, Modification(extra=SHOWN))


async def test_a_mask_without_a_stored_value_is_refused(store: SqlStore) -> None:
    with pytest.raises(BadInput, match=r"vim\.extra\.apiKey"):
        await store.register(registration(extra={"apiKey": "***"}))
    [refused] = await store.register_many([registration(vim_project={"password": "***"})])
    assert isinstance(refused, BadInput)


async def test_what_earlier_versions_stored_is_shown_masked_and_then_sealed(store: SqlStore, database_url: str) -> None:
    vim = await store.register(registration(auth_cred=SECRET))
    await as_an_earlier_version_stored(store, vim.id, extra=EXTRA, auth_url="http://h/v3?token=hunter2")

    shown = await store.get(vim.id)
    [action] = await store.actions_after(ActionScope(Engine.EMBEDDED, Shard()), "", 10)
    kept = await store.modify(vim.id, Modification(extra={**SHOWN, "note": "o"}))

    assert (shown.extra, shown.auth_url) == (SHOWN, "http://h/v3?token=***")
    assert action.auth_url == "http://h/v3?token=***"
    assert kept.extra == {**SHOWN, "note": "o"}
    assert (await sealed(store, vim.id))[1]["extra"] == {**EXTRA, "note": "o"}
    await as_an_earlier_version_stored(store, vim.id, extra=EXTRA, auth_url="http://h/?token=hunter2")
    await rotate_keys(database_url, Cipher([KEY]), lambda _, __: None)
    assert "hunter2" not in await clear_text(store)
    assert (await store.modify(vim.id, Modification(extra=SHOWN))).etag == kept.etag


async def test_what_an_earlier_version_changed_beside_counts(store: SqlStore) -> None:
    vim = await store.register(registration(extra=EXTRA))
    await as_an_earlier_version_stored(store, vim.id, extra={**SHOWN, "note": "later"})

    after = await store.modify(vim.id, Modification(extra={**SHOWN, "note": "later", "n": 1}))

    assert after.extra == {**SHOWN, "note": "later", "n": 1}
    assert (await sealed(store, vim.id))[1]["extra"] == {**EXTRA, "note": "later", "n": 1}


async def test_a_lost_key_stops_what_needs_the_secrets_and_nothing_else(store: SqlStore, database_url: str) -> None:
    vim = await store.register(registration(auth_cred=SECRET, extra=EXTRA))
    key = make_key()
    async with sql_store(database_url, Cipher([key]), lock_timeout_s=LOCK_TIMEOUT_S) as other:
        for extra in (SHOWN, {"token": "new"}):
            with pytest.raises(StoreUnavailable):
                await other.modify(vim.id, Modification(extra=extra))
        assert (await other.modify(vim.id, Modification(extra={"note": "n"}))).extra == {"note": "n"}
        assert await sealed(store, vim.id) == [SECRET, {"extra": EXTRA}]

        await other.modify(vim.id, Modification(auth_cred=SECRET, extra=EXTRA))

        assert await sealed(store, vim.id, key) == [SECRET, {"extra": EXTRA}]


async def test_nothing_of_a_vim_that_is_gone_can_be_decrypted(store: SqlStore) -> None:
    asked = registration(auth_cred=SECRET, extra=EXTRA, request_id="r1")
    vim = await store.register(asked)
    kept = await store.register(registration(request_id="r2"))
    await store.deregister(vim.id)

    await store.erase_removed()

    def fingerprints(connection: Connection) -> dict[str, bytes]:
        return {row.request_id: row.fingerprint for row in connection.execute(select(requests))}

    left = await store._database.read(fingerprints)
    assert (left["r1"], bool(left["r2"])) == (b"", True)
    with pytest.raises(RequestIdReused):
        await store.register(asked)
    assert await store._database.read(lambda c: c.execute(select(vims.c.id)).scalars().all()) == [kept.id]
    assert "hunter2" not in json.dumps(await clear_text(store))


@pytest.fixture
async def store_of_a_lost_key(database_url: str) -> str:
    async with store_at(database_url, lock_timeout_s=LOCK_TIMEOUT_S) as store:
        return (await store.register(registration(auth_cred=SECRET))).id


async def test_a_rotation_says_which_vims_no_key_opens(store_of_a_lost_key: str, database_url: str) -> None:
    keys = [make_key()]
    async with sql_store(database_url, Cipher(keys), lock_timeout_s=LOCK_TIMEOUT_S) as store:
        await store.register(registration(auth_cred=SECRET))

    lost = await rotate_keys(database_url, Cipher(keys), lambda _, __: None)
    found = await rotate_keys(database_url, Cipher([*keys, KEY]), lambda _, __: None)

    assert (lost.vims, lost.encrypted, lost.unreadable) == (2, 0, [store_of_a_lost_key])
    assert (found.vims, found.encrypted, found.unreadable) == (2, 1, [])
