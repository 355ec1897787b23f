"""Makes registrations safe to repeat: a repeated request id is answered with the VIM that it created."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, fields

from sqlalchemy import Connection, bindparam, delete, exists, insert, select, update

from vimesh.domain.access.caller import Caller
from vimesh.domain.errors import RequestIdReused, VimNotFound
from vimesh.domain.probing import ProbePolicy
from vimesh.domain.vims import Registration, Vim
from vimesh.store.change_log.transaction import Changes
from vimesh.store.rows.credential_encryption import Cipher, Undecipherable
from vimesh.store.rows.vim_rows import stored_policy
from vimesh.store.schema.tables import requests, vims
from vimesh.store.sql.sql_functions import NowMicros
from vimesh.store.vims import read_vims

RETENTION_MICROS = 24 * 3600 * 1_000_000
_FIRST_FIELDS = (
    *("name", "type", "auth_url", "project_id", "description", "vim_project", "auth_cred", "is_default"),
    *("placement_attr", "extra", "policy", "engine", "request_id", "vim_id"),
)
"""The fields of earlier versions, which may share the database: a later field counts only in a request that sets it."""
_LATER_FIELDS = tuple(field.name for field in fields(Registration) if field.name not in _FIRST_FIELDS)
_DEFAULTS = Registration(name="", type="", auth_url="", project_id="")
_REQUEST = select(requests.c.fingerprint, requests.c.vim_id).where(requests.c.request_id == bindparam("id"))
_MAX_KEPT = 500_000
"""About 250 MB: a client that keeps registering and removing VIMs cannot fill the disk with one day of requests."""
_BATCH_SIZE = 1000
_OLDEST = (
    select(requests.c.request_id)
    .where(requests.c.create_time < bindparam("before"))
    .order_by(requests.c.create_time)
    .limit(_BATCH_SIZE)
)
_FORGET = delete(requests).where(requests.c.request_id.in_(bindparam("ids", expanding=True)))
_OF_GONE = select(requests.c.request_id).where(
    requests.c.fingerprint != b"", ~exists().where(vims.c.id == requests.c.vim_id)
)
_EMPTY = update(requests).where(requests.c.request_id.in_(bindparam("ids", expanding=True))).values(fingerprint=b"")
_NEWEST_FIRST = select(requests.c.create_time).order_by(requests.c.create_time.desc()).limit(1)
_CLOCK = select(NowMicros())


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """The VIM that a request created."""

    request_id: str
    """See `request_key`."""
    fingerprint: bytes
    vim_id: str


def request_key(registration: Registration, caller: Caller) -> str:
    """Return the id under which a request is on record; empty if it has none.

    Callers of some projects have ids of their own in each project: whether another one used an id is not theirs to see.
    """
    if caller.projects is None or not registration.request_id:
        return registration.request_id
    return hashlib.sha256(f"{registration.project_id}\n{registration.request_id}".encode()).hexdigest()


def find_earlier_vim(connection: Connection, registration: Registration, cipher: Cipher, caller: Caller) -> Vim | None:
    """Return the current state of the VIM that this request created earlier; None if the request is new.

    Raises RequestIdReused if the earlier request differs, or if its VIM is gone: it is not created a second time.
    """
    row = connection.execute(_REQUEST, {"id": request_key(registration, caller)}).one_or_none()
    if row is None:
        return None
    try:
        if cipher.decrypt(row.fingerprint) == fingerprint(registration):
            return read_vims.get(connection, row.vim_id)
    except (Undecipherable, VimNotFound) as error:
        raise RequestIdReused(registration.request_id) from error
    raise RequestIdReused(registration.request_id)


def insert_requests(connection: Connection, new_requests: Sequence[RequestRecord], now: int) -> None:
    """Store the VIMs that requests created, and delete expired entries, at most 1000 at a time, oldest first."""
    _delete_oldest(connection, now - RETENTION_MICROS, [request.request_id for request in new_requests])
    rows = [
        {
            "request_id": request.request_id,
            "fingerprint": request.fingerprint,
            "vim_id": request.vim_id,
            "create_time": now,
        }
        for request in new_requests
    ]
    connection.execute(insert(requests), rows)


def has_older(connection: Connection, before: int) -> bool:
    """Return whether `delete_older` has anything to delete."""
    return connection.execute(_OLDEST, {"before": before}).first() is not None


def delete_older(connection: Connection, before: int) -> int:
    """Delete the oldest requests from before a time in microseconds, at most 1000; return how many."""
    Changes.begin(connection)
    return _delete_oldest(connection, before, ())


def ids_of_gone_vims(connection: Connection, limit: int) -> list[str]:
    """Return up to `limit` request ids that still have the fingerprint of a VIM that is gone."""
    return list(connection.execute(_OF_GONE.limit(limit)).scalars())


def empty_fingerprints(connection: Connection, ids: Sequence[str]) -> None:
    """Erase what was requested: a repeat is refused all the same, because the VIM is gone."""
    Changes.begin(connection)
    connection.execute(_EMPTY, {"ids": list(ids)})


def _delete_oldest(connection: Connection, before: int, stored_again: Sequence[str]) -> int:
    # An id that is stored again can only have an expired entry, so that entry is deleted with the others.
    oldest = connection.execute(_OLDEST, {"before": before}).scalars().all()
    if oldest:
        connection.execute(_FORGET, {"ids": list({*oldest, *stored_again})})
    return len(oldest)


def retention_start(connection: Connection, max_kept: int = _MAX_KEPT) -> int:
    """Return the time in microseconds before which requests are forgotten: one day ago, or later if there are many."""
    now = int(connection.execute(_CLOCK).scalar_one())
    newest_beyond = connection.execute(_NEWEST_FIRST.offset(max_kept)).scalar()
    return max(now - RETENTION_MICROS, 0 if newest_beyond is None else newest_beyond + 1)


def encrypted_fingerprint(registration: Registration, cipher: Cipher) -> bytes:
    """Return the fingerprint to store, encrypted: a plain digest would let passwords be guessed from a copy."""
    return cipher.encrypt(fingerprint(registration))


def fingerprint(registration: Registration) -> str:
    content = {name: getattr(registration, name) for name in _FIRST_FIELDS}
    for name in _LATER_FIELDS:
        if (value := getattr(registration, name)) != getattr(_DEFAULTS, name):
            content[name] = value
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=_to_plain).encode()).hexdigest()


def _to_plain(value: object) -> object:
    return stored_policy(value) if isinstance(value, ProbePolicy) else dict(value)  # type: ignore[call-overload]  # a Mapping
