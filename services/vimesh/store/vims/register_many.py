"""Registers many VIMs in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from vimesh.domain.credential_masks import unmask
from vimesh.domain.errors import BadInput, VimeshError
from vimesh.domain.events import EventKind
from vimesh.domain.vims import Registered, Registration, Status
from vimesh.store.change_log.transaction import Changes
from vimesh.store.rows.credential_encryption import Cipher
from vimesh.store.rows.vim_rows import document_of
from vimesh.store.rows.visible_rows import begun
from vimesh.store.vims.keys_in_use import KeysInUse
from vimesh.store.vims.register_vim import insert_rows, new_row
from vimesh.store.vims.request_ids import RequestRecord, remember, sealed


@dataclass(frozen=True, slots=True)
class Encrypted:
    """A registration with its encrypted parts: encrypting is slow and needs no transaction."""

    registration: Registration
    secrets: bytes = field(repr=False)
    fingerprint: bytes = field(repr=False)
    """Empty if the request has no id."""


def encrypted(registrations: Iterable[Registration], cipher: Cipher) -> list[Encrypted | BadInput]:
    """Encrypt each registration; the result is BadInput for a `***`, since no value is stored yet."""
    return [_encrypted(registration, cipher) for registration in registrations]


def _encrypted(registration: Registration, cipher: Cipher) -> Encrypted | BadInput:
    try:
        unmask(registration.auth_cred, {})
    except BadInput as error:
        return error
    fingerprint = sealed(registration, cipher) if registration.request_id else b""
    return Encrypted(registration, cipher.encrypt(dict(registration.auth_cred)), fingerprint)


def register_many(
    connection: Connection, wanted: Sequence[Encrypted | BadInput], cipher: Cipher
) -> list[Registered | VimeshError]:
    """Judge the registrations in order and store the valid ones, in about ten statements for any number of them.

    Raises IntegrityError, and stores nothing, only if another writer did not take the lock.
    """
    changes = Changes.begin(connection)
    fit = [one.registration for one in wanted if isinstance(one, Encrypted)]
    storing = _Storing(changes, KeysInUse.read(connection, fit, changes.now, cipher))
    outcomes = [one if isinstance(one, BadInput) else storing.take(one) for one in wanted]
    if storing.rows:
        insert_rows(connection, storing.rows)
    changes.write()
    if storing.made:
        remember(connection, storing.made, changes.now)
    return outcomes


class _Storing:
    """Collects the rows that the transaction stores."""

    def __init__(self, changes: Changes, taken: KeysInUse) -> None:
        self._changes = changes
        self._taken = taken
        self.rows: list[dict[str, Any]] = []
        self.made: list[RequestRecord] = []

    def take(self, one: Encrypted) -> Registered | VimeshError:
        registration = one.registration
        if (said := self._taken.judge(registration)) is not None:
            return said
        row = new_row(registration, self._changes)
        after = begun(row)
        self._changes.add(EventKind.REGISTERED, after, previous_status=Status.PENDING, document=document_of(after))
        self.rows.append({**row, "secrets": one.secrets})
        made = RequestRecord(registration.request_id, one.fingerprint, row["id"]) if registration.request_id else None
        if made is not None:
            self.made.append(made)
        self._taken.take(row["id"], registration, made)
        return Registered(row["id"], repeated=False)
