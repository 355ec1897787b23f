"""Encrypts all that is stored with the first key of the key file, while conductors write (`vimesh db rotate-key`).

All writers take turns. So a transaction that starts after the first one here sees the changed key file, and writes with
its first key; one that started before has ended by then, and what it wrote is found here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Connection, RowMapping, Select, bindparam, func, select, update

from vimesh.domain.credential_masks import mask_text
from vimesh.store.change_log.transaction import Changes
from vimesh.store.databases.open_database import open_database, parse_database_url
from vimesh.store.rows.credential_encryption import Cipher, Undecipherable
from vimesh.store.rows.vim_secrets import FREE_FORM, SECRETS, seal, shown_columns, unseal
from vimesh.store.schema.notification_tables import receivers
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
# What was changed since it was read is left alone: the next pass finds it if it needs it.
_STORE_VIM = update(vims).where(vims.c.id == bindparam("of_id"), vims.c.etag == bindparam("of_etag"))
_COUNT = select(func.count()).select_from(vims)


class _SealedColumn:
    """A column of values that are encrypted as a whole; empty ones are left alone."""

    def __init__(self, key: Column[str], sealed: Column[bytes]) -> None:
        columns: Sequence[ColumnElement[Any]] = [key.label("id"), sealed.label("sealed")]
        self.batch = select(*columns).where(key > bindparam("after"), sealed != b"").order_by(key).limit(_BATCH)
        # What was changed since it was read is left alone, as above.
        self.store = (
            update(key.table)
            .where(key == bindparam("of_id"), sealed == bindparam("before"))
            .values({sealed.name: bindparam("after")})
        )


_FINGERPRINTS = _SealedColumn(requests.c.request_id, requests.c.fingerprint)
_TARGETS = _SealedColumn(receivers.c.id, receivers.c.secrets)

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
    unreadable_receivers: list[str] = field(default_factory=list)
    """Ids of the receivers whose secrets none of the keys decrypts."""


async def rotate_keys(database_url: str, cipher: Cipher, show: Show) -> Rotation:
    """Encrypt everything with the first key. Safe to interrupt and to repeat.

    Conductors must have the keys of `cipher` by now, or read its file. Raises BadSetting, StoreUnavailable, Overloaded.
    """
    await manage_tables.check(database_url)
    async with open_database(parse_database_url(database_url)) as database:
        await database.write(Changes.begin)
        rotation = Rotation()
        request_ids: list[str] = []
        # The last pass finds nothing to encrypt, which proves that the other keys are not needed any more.
        while await _encrypt_vims(database, cipher, rotation, show):
            pass
        for column, unreadable in ((_FINGERPRINTS, request_ids), (_TARGETS, rotation.unreadable_receivers)):
            while await _encrypt_column(database, cipher, column, unreadable):
                pass
        rotation.unreadable_requests = len(request_ids)
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


async def _encrypt_column(database: Database, cipher: Cipher, column: _SealedColumn, unreadable: list[str]) -> bool:
    """Check all rows; return whether any had to be encrypted. `unreadable` gets the keys of those that cannot be."""
    unreadable.clear()
    after, is_any = "", False
    while rows := await _rows(database, column.batch, after):
        after = rows[-1]["id"]
        changes = [change for row in rows if (change := _encrypted(row, cipher, unreadable))]
        if changes:
            is_any = True
            await database.write(partial(_store_sealed, column=column, changes=changes))
    return is_any


def _encrypted(row: RowMapping, cipher: Cipher, unreadable: list[str]) -> dict[str, Any] | None:
    if cipher.uses_first_key(row["sealed"]):
        return None
    try:
        after = cipher.encrypt(cipher.decrypt(row["sealed"]))
    except Undecipherable:
        unreadable.append(row["id"])
        return None
    return {"of_id": row["id"], "before": row["sealed"], "after": after}


def _store_sealed(connection: Connection, column: _SealedColumn, changes: Sequence[dict[str, Any]]) -> None:
    Changes.begin(connection)
    connection.execute(column.store, changes)


async def _rows(database: Database, statement: Select[Any], after: str) -> Sequence[RowMapping]:
    return await database.browse(lambda c: c.execute(statement, {"after": after}).mappings().all())
