"""Registrations that can be repeated: each request id is answered with the VIM that it made."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, fields

from sqlalchemy import Connection, bindparam, delete, insert, select

from vimesh.domain.errors import RequestIdReused, VimNotFound
from vimesh.domain.probing import ProbePolicy
from vimesh.domain.vims import Registration, Vim
from vimesh.store.change_log.transaction import Changes
from vimesh.store.rows.credential_encryption import Cipher, Undecipherable
from vimesh.store.rows.vim_rows import kept_policy
from vimesh.store.schema.tables import requests
from vimesh.store.sql.sql_functions import NowMicros
from vimesh.store.vims import read_vims

KEPT_MICROS = 24 * 3600 * 1_000_000
_CONTENT = tuple(field.name for field in fields(Registration))
_REQUEST = select(requests.c.fingerprint, requests.c.vim_id).where(requests.c.request_id == bindparam("id"))
_MOST_KEPT = 500_000
"""Some 250 MB: whoever registers and removes VIMs without end cannot fill a disk with what is kept of it for a day."""
_AT_ONCE = 1000
_OLDEST = (
    select(requests.c.request_id)
    .where(requests.c.create_time < bindparam("before"))
    .order_by(requests.c.create_time)
    .limit(_AT_ONCE)
)
_FORGET = delete(requests).where(requests.c.request_id.in_(bindparam("ids", expanding=True)))
_NEWEST_FIRST = select(requests.c.create_time).order_by(requests.c.create_time.desc()).limit(1)
_CLOCK = select(NowMicros())


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """A VIM that a request has made."""

    request_id: str
    fingerprint: bytes
    vim_id: str


def answered_with(connection: Connection, registration: Registration, cipher: Cipher) -> Vim | None:
    """Return the VIM that the request made earlier, as it is now; None if the request is new.

    Raises RequestIdReused if it made another one, or the VIM is gone: it is not made a second time.
    """
    row = connection.execute(_REQUEST, {"id": registration.request_id}).one_or_none()
    if row is None:
        return None
    try:
        if cipher.decrypt(row.fingerprint) == fingerprint(registration):
            return read_vims.get(connection, row.vim_id)
    except (Undecipherable, VimNotFound) as error:
        raise RequestIdReused(registration.request_id) from error
    raise RequestIdReused(registration.request_id)


def remember(connection: Connection, made: Sequence[RequestRecord], now: int) -> None:
    """Remember which VIMs requests have made, and forget what is too old, the oldest first if that is much."""
    _forget(connection, now - KEPT_MICROS, [one.request_id for one in made])
    rows = [
        {
            "request_id": one.request_id,
            "fingerprint": one.fingerprint,
            "vim_id": one.vim_id,
            "create_time": now,
        }
        for one in made
    ]
    connection.execute(insert(requests), rows)


def any_before(connection: Connection, before: int) -> bool:
    """Say whether `forget_before` is worth its transaction."""
    return connection.execute(_OLDEST, {"before": before}).first() is not None


def forget_before(connection: Connection, before: int) -> int:
    """Forget the oldest requests from before a time, in microseconds; return how many."""
    Changes.begin(connection)
    return _forget(connection, before, ())


def _forget(connection: Connection, before: int, made_anew: Sequence[str]) -> int:
    # Those that are made anew are older, if they are known at all.
    oldest = connection.execute(_OLDEST, {"before": before}).scalars().all()
    if oldest:
        connection.execute(_FORGET, {"ids": list({*oldest, *made_anew})})
    return len(oldest)


def kept_since(connection: Connection, most_kept: int = _MOST_KEPT) -> int:
    """Return the time, in microseconds, before which requests are forgotten: a day ago, or later if they are many."""
    now = int(connection.execute(_CLOCK).scalar_one())
    newest_not_kept = connection.execute(_NEWEST_FIRST.offset(most_kept)).scalar()
    return max(now - KEPT_MICROS, 0 if newest_not_kept is None else newest_not_kept + 1)


def sealed(registration: Registration, cipher: Cipher) -> bytes:
    """Return what is kept of the content. Encrypted: a plain digest would let a password be guessed from a copy."""
    return cipher.encrypt(fingerprint(registration))


def fingerprint(registration: Registration) -> str:
    content = {name: getattr(registration, name) for name in _CONTENT}
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=_plain).encode()).hexdigest()


def _plain(value: object) -> object:
    return kept_policy(value) if isinstance(value, ProbePolicy) else dict(value)  # type: ignore[call-overload]  # a Mapping
