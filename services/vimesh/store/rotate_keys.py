"""Encrypts all that is stored with the first key of the key file, while conductors write (`vimesh db rotate-key`).

All writers take turns. So a transaction that starts after the first one here sees the changed key file, and writes with
its first key; one that started before has ended by then, and what it wrote is found here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, Select, bindparam, func, select, update

from vimesh.domain.credential_masks import mask_text
from vimesh.store.change_log.transaction import Changes
from vimesh.store.databases.open_database import open_database, parse_database_url
from vimesh.store.rows.credential_encryption import Cipher, Undecipherable
from vimesh.store.rows.vim_secrets import FREE_FORM, SECRETS, seal, shown_columns, unseal
from vimesh.store.schema.tables import requests, vims
from vimesh.store.transactions.database import Database
from vimesh.store.upgrade import manage_tables

_BATCH: Final = 100
"""Rows per transaction: other writers wait for it, and a VIM may have hundreds of kilobytes."""
_VIMS = (
    select(*(vims.c[name] for name in ("id", "etag", "auth_url", SECRETS, *FREE_FORM)))
    .where(vims.c.id > bindparam("after"))
    .order_by(vims.c.id)
    .limit(_BATCH)
)
_REQUESTS = (
    select(requests.c.request_id.label("id"), requests.c.fingerprint)
    .where(requests.c.request_id > bindparam("after"), requests.c.fingerprint != b"")
    .order_by(requests.c.request_id)
    .limit(_BATCH)
)
# What was changed since it was read is left alone: the next pass finds it if it needs it.
_STORE_VIM = update(vims).where(vims.c.id == bindparam("of_id"), vims.c.etag == bindparam("of_etag"))
_STORE_REQUEST = (
    update(requests)
    .where(requests.c.request_id == bindparam("of_id"), requests.c.fingerprint == bindparam("before"))
    .values(fingerprint=bindparam("after"))
)
_COUNT = select(func.count()).select_from(vims)

Show = Callable[[int, int], None]
"""Takes the number of VIMs that were checked in this pass, and the number of all."""


@dataclass(slots=True)
class Rotation:
    vims: int = 0
    """The number of all VIMs."""
    encrypted: int = 0
    """The number of VIMs that were encrypted anew."""
    unreadable: list[str] = field(default_factory=list)
    """Ids of the VIMs whose secrets none of the keys decrypts."""
    unreadable_requests: int = 0
    """Records of requests that none of the keys decrypts: repeats of these requests are refused for a day."""


async def rotate_keys(database_url: str, cipher: Cipher, show: Show) -> Rotation:
    """Encrypt everything with the first key. Safe to interrupt and to repeat.

    Conductors must have the keys of `cipher` by now, or read its file. Raises BadSetting, StoreUnavailable, Overloaded.
    """
    await manage_tables.check(database_url)
    async with open_database(parse_database_url(database_url)) as database:
        await database.write(Changes.begin)
        rotation = Rotation()
        # The last pass finds nothing to encrypt, which proves that the other keys are not needed any more.
        while await _encrypt_vims(database, cipher, rotation, show):
            pass
        while await _encrypt_requests(database, cipher, rotation):
            pass
        await database.erase_removed()
        return rotation


async def erase_removed(database_url: str) -> None:
    """Erase what removed and replaced secrets have left in the files of the database, however long that takes.

    Raises BadSetting, StoreUnavailable, also if others use the database for too long.
    """
    await manage_tables.check(database_url)
    async with open_database(parse_database_url(database_url)) as database:
        await database.erase_removed(whole=True)


async def _encrypt_vims(database: Database, cipher: Cipher, rotation: Rotation, show: Show) -> bool:
    """Check all VIMs; return whether any had to be encrypted."""
    total = await database.browse(lambda c: c.execute(_COUNT).scalar_one())
    rotation.vims, rotation.unreadable, after, is_any = 0, [], "", False
    while rows := await _rows(database, _VIMS, after):
        after = rows[-1]["id"]
        changes = [change for row in rows if (change := _change_of_vim(row, cipher, rotation))]
        if changes:
            is_any = True
            rotation.encrypted += await database.write(partial(_store_vims, changes=changes))
        rotation.vims += len(rows)
        show(rotation.vims, max(total, rotation.vims))
    return is_any


def _change_of_vim(row: RowMapping, cipher: Cipher, rotation: Rotation) -> dict[str, Any] | None:
    """Return the columns to change: all secrets sealed with the first key, also those that earlier versions show."""
    stored = {name: row[name] for name in FREE_FORM}
    auth_url = mask_text(row["auth_url"])
    if shown_columns(stored) == stored and auth_url == row["auth_url"] and cipher.uses_first_key(row[SECRETS]):
        return None
    try:
        fields = unseal(row, cipher)
    except Undecipherable:
        rotation.unreadable.append(row["id"])
        return None
    columns = {**shown_columns(fields), "auth_url": auth_url, SECRETS: seal(fields, cipher)}
    return {"of_id": row["id"], "of_etag": row["etag"], **columns}


def _store_vims(connection: Connection, changes: Sequence[dict[str, Any]]) -> int:
    Changes.begin(connection)
    stored = 0
    for change in changes:
        values = {name: value for name, value in change.items() if name in vims.c}
        stored += connection.execute(_STORE_VIM.values(values), change).rowcount
    return stored


async def _encrypt_requests(database: Database, cipher: Cipher, rotation: Rotation) -> bool:
    """Check all records of requests; return whether any had to be encrypted."""
    rotation.unreadable_requests, after, is_any = 0, "", False
    while rows := await _rows(database, _REQUESTS, after):
        after = rows[-1]["id"]
        changes = [change for row in rows if (change := _change_of_request(row, cipher, rotation))]
        if changes:
            is_any = True
            await database.write(partial(_store_requests, changes=changes))
    return is_any


def _change_of_request(row: RowMapping, cipher: Cipher, rotation: Rotation) -> dict[str, Any] | None:
    if cipher.uses_first_key(row["fingerprint"]):
        return None
    try:
        after = cipher.encrypt(cipher.decrypt(row["fingerprint"]))
    except Undecipherable:
        rotation.unreadable_requests += 1
        return None
    return {"of_id": row["id"], "before": row["fingerprint"], "after": after}


def _store_requests(connection: Connection, changes: Sequence[dict[str, Any]]) -> None:
    Changes.begin(connection)
    connection.execute(_STORE_REQUEST, changes)


async def _rows(database: Database, statement: Select[Any], after: str) -> Sequence[RowMapping]:
    return await database.browse(lambda c: c.execute(statement, {"after": after}).mappings().all())
