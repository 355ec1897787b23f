"""Registers many VIMs in one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from vimesh.domain.access.caller import Caller
from vimesh.domain.access.quotas import Quotas
from vimesh.domain.errors import BadInput, QuotaExceeded, VimeshError
from vimesh.domain.events import EventKind
from vimesh.domain.views.vantage_errors import OlderConductors
from vimesh.domain.vims import Registered, Registration
from vimesh.store.change_log.transaction import NEW_VIM, Changes
from vimesh.store.rows.credential_encryption import Cipher
from vimesh.store.rows.vim_rows import document_of
from vimesh.store.rows.vim_secrets import SECRETS, require_complete, shown_and_content
from vimesh.store.rows.visible_rows import as_started
from vimesh.store.views.vantage_check import VantageCheck
from vimesh.store.vims.keys_in_use import KeysInUse
from vimesh.store.vims.quota_check import QuotaCheck
from vimesh.store.vims.register_vim import insert_rows, new_row
from vimesh.store.vims.request_ids import RequestRecord, fingerprint, insert_requests, request_key


@dataclass(frozen=True, slots=True)
class Encrypted:
    """A registration with its encrypted parts: encrypting is slow and needs no transaction."""

    registration: Registration
    columns: Mapping[str, Any] = field(repr=False)
    """What may be shown of its secrets, and the sealed content."""
    fingerprint: bytes = field(repr=False)
    """Empty if the request has no id."""


@dataclass(frozen=True, slots=True)
class EncryptedBatch:
    registrations: Sequence[Registration]
    results: Sequence[Encrypted | BadInput]
    """One for each registration; BadInput for a `***`, since no value is stored yet."""
    first_key: object

    def with_first_key_of(self, cipher: Cipher) -> EncryptedBatch:
        """Return the batch, encrypted anew if there is another first key by now."""
        return self if self.first_key is cipher.first_key() else encrypt_registrations(self.registrations, cipher)


def encrypt_registrations(registrations: Sequence[Registration], cipher: Cipher) -> EncryptedBatch:
    """Encrypt each registration. A key file is looked at once for all of them, not before each."""
    first_key = cipher.first_key()
    prepared = [_prepare(one) for one in registrations]
    contents = [content for one in prepared if isinstance(one, _Prepared) for content in one.contents]
    tokens = iter(cipher.encrypt_many(contents))
    results = [one if isinstance(one, BadInput) else one.with_tokens(tokens) for one in prepared]
    return EncryptedBatch(registrations, results, first_key)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A registration, and what is to be encrypted of it."""

    registration: Registration
    shown: Mapping[str, Any]
    contents: Sequence[object] = field(repr=False)

    def with_tokens(self, tokens: Iterator[bytes]) -> Encrypted:
        """Take the encrypted contents."""
        columns = {**self.shown, SECRETS: next(tokens)}
        return Encrypted(self.registration, columns, next(tokens) if self.registration.request_id else b"")


def _prepare(registration: Registration) -> _Prepared | BadInput:
    try:
        require_complete(registration)
    except BadInput as error:
        return error
    shown, content = shown_and_content(registration)
    return _Prepared(
        registration, shown, (content, fingerprint(registration)) if registration.request_id else (content,)
    )


def register_many(
    connection: Connection, batch: EncryptedBatch, cipher: Cipher, caller: Caller, *, quotas: Quotas
) -> list[Registered | VimeshError]:
    """Judge the registrations in order and store the valid ones, in about ten statements for any number of them.

    Raises IntegrityError, and stores nothing, only if another writer did not take the lock.
    """
    changes = Changes.begin(connection)
    # A rotation of the keys that has the lock after this transaction finds nothing encrypted with an old key.
    encrypted = batch.with_first_key_of(cipher).results
    valid = [one.registration for one in encrypted if isinstance(one, Encrypted)]
    quota_check = QuotaCheck(changes, quotas)
    keys = KeysInUse.read(connection, valid, changes.now, cipher, caller)
    storing = _Storing(changes, keys, quota_check, caller)
    outcomes = [one if isinstance(one, BadInput) else storing.store(one) for one in encrypted]
    if storing.rows:
        insert_rows(connection, storing.rows)
    quota_check.write()
    changes.write()
    if storing.requests:
        insert_requests(connection, storing.requests, changes.now)
    return outcomes


class _Storing:
    """Collects the rows that the transaction stores."""

    def __init__(self, changes: Changes, keys: KeysInUse, quota_check: QuotaCheck, caller: Caller) -> None:
        self._changes = changes
        self._keys = keys
        self._quota_check = quota_check
        self._caller = caller
        self._vantage_check = VantageCheck(changes.connection)
        self.rows: list[dict[str, Any]] = []
        self.requests: list[RequestRecord] = []

    def store(self, one: Encrypted) -> Registered | VimeshError:
        registration = one.registration
        if (outcome := self._keys.judge_request(registration)) is not None:
            return outcome
        try:
            self._vantage_check.require(registration.policy)
            self._quota_check.require_vim(registration.project_id)
        except (OlderConductors, QuotaExceeded) as error:
            return error.with_traceback(None)
        if (conflict := self._keys.conflict(registration)) is not None:
            return conflict
        row = new_row(registration, one.columns, self._changes)
        after = as_started(row)
        size = self._changes.add(
            EventKind.REGISTERED,
            after,
            previous=NEW_VIM,
            document=document_of(after, is_masked=True),
            actor=self._caller.identity,
        )
        self._quota_check.count(registration.project_id, size, vims=1)
        self.rows.append(row)
        request = (
            RequestRecord(request_key(registration, self._caller), one.fingerprint, row["id"])
            if registration.request_id
            else None
        )
        if request is not None:
            self.requests.append(request)
        self._keys.add(row["id"], registration, request)
        return Registered(row["id"], repeated=False)
