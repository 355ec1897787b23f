"""Finds the keys that new VIMs may collide with: ids, names, defaults and request ids."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BindParameter, Connection, Row, Select, bindparam, select

from vimesh.domain.access.caller import Caller
from vimesh.domain.errors import DefaultTaken, NameTaken, RequestIdReused, VimeshError, VimIdTaken
from vimesh.domain.vims import Registered, Registration
from vimesh.store.dialects.registry import dialect_of
from vimesh.store.rows.credential_encryption import Cipher, Undecipherable
from vimesh.store.schema.tables import requests, vims
from vimesh.store.vims.request_ids import RETENTION_MICROS, RequestRecord, fingerprint, request_key

_VALUES: BindParameter[Any] = bindparam("said", expanding=True)
_IDS = select(vims.c.id).where(vims.c.id.in_(_VALUES))
_DEFAULTS = select(vims.c.default_of).where(vims.c.default_of.in_(_VALUES))
_REQUESTS = select(requests).where(requests.c.request_id.in_(_VALUES))


@dataclass(slots=True)
class KeysInUse:
    """The committed keys, and those of the registrations that were accepted earlier in this transaction."""

    ids: set[str]
    names: set[tuple[str, str]]
    """Pairs of project and name."""
    defaults: set[str]
    """Projects that have a default VIM."""
    request_records: dict[str, RequestRecord]
    """By the key of the request."""
    outdated: set[str]
    """Expired request ids, which are forgotten as soon as another one is remembered."""
    cipher: Cipher
    caller: Caller

    @classmethod
    def read(
        cls, connection: Connection, registrations: Sequence[Registration], now: int, cipher: Cipher, caller: Caller
    ) -> KeysInUse:
        """Read the keys in use, in four statements however many are wanted. The caller must lock out writers."""

        def matching_rows(statement: Select[Any], keys: Iterable[object]) -> Sequence[Row[Any]]:
            values = list(dict.fromkeys(keys))
            return connection.execute(statement, {"said": values}).all() if values else ()

        rows = matching_rows(_REQUESTS, (request_key(one, caller) for one in registrations if one.request_id))
        request_records = {row.request_id: RequestRecord(row.request_id, row.fingerprint, row.vim_id) for row in rows}
        vim_ids = [
            *(one.vim_id for one in registrations if one.vim_id),
            *(one.vim_id for one in request_records.values()),
        ]
        return cls(
            ids={row.id for row in matching_rows(_IDS, vim_ids)},
            names=_names_in_use(connection, {(one.project_id, one.name) for one in registrations}),
            defaults={
                row.default_of
                for row in matching_rows(_DEFAULTS, (one.project_id for one in registrations if one.is_default))
            },
            request_records=request_records,
            outdated={row.request_id for row in rows if row.create_time < now - RETENTION_MICROS},
            cipher=cipher,
            caller=caller,
        )

    def judge_request(self, registration: Registration) -> Registered | RequestIdReused | None:
        """Return the outcome of a request whose id was used before, else None."""
        if (earlier := self.request_records.get(request_key(registration, self.caller))) is not None:
            if earlier.vim_id in self.ids and self._is_same_request(earlier, registration):
                return Registered(earlier.vim_id, repeated=True)
            return RequestIdReused(registration.request_id)
        return None

    def conflict(self, registration: Registration) -> VimeshError | None:
        """Return why a registration cannot be stored beside the others; None if it can."""
        if registration.vim_id in self.ids:
            return VimIdTaken(registration.vim_id)
        if (registration.project_id, registration.name) in self.names:
            return NameTaken(registration.name, registration.project_id)
        if registration.is_default and registration.project_id in self.defaults:
            return DefaultTaken(registration.project_id)
        return None

    def _is_same_request(self, earlier: RequestRecord, registration: Registration) -> bool:
        try:
            return self.cipher.decrypt(earlier.fingerprint) == fingerprint(registration)
        except Undecipherable:
            return False

    def add(self, vim_id: str, registration: Registration, request: RequestRecord | None) -> None:
        """Add the keys of a VIM that is being stored, and the request that created it, if it has an id."""
        self.ids.add(vim_id)
        self.names.add((registration.project_id, registration.name))
        if registration.is_default:
            self.defaults.add(registration.project_id)
        if request is None:
            return
        for request_id in self.outdated:
            self.request_records.pop(request_id, None)
        self.outdated.clear()
        self.request_records[request.request_id] = request


def _names_in_use(connection: Connection, names: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    if not names:
        return set()
    rows = dialect_of(connection.dialect).existing_pairs(connection, (vims.c.project_id, vims.c.name), names)
    return {(project_id, name) for project_id, name in rows}
