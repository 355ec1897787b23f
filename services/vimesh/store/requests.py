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
from vimesh.store import vims
from vimesh.store.records import kept_policy
from vimesh.store.secrets import Cipher, Undecipherable
from vimesh.store.tables import requests

KEPT_MICROS = 24 * 3600 * 1_000_000
_CONTENT = tuple(field.name for field in fields(Registration))
_REQUEST = select(requests.c.fingerprint, requests.c.vim_id).where(requests.c.request_id == bindparam("id"))
_FORGET = delete(requests).where(requests.c.create_time < bindparam("before"))


@dataclass(frozen=True, slots=True)
class Made:
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
            return vims.get(connection, row.vim_id)
    except (Undecipherable, VimNotFound) as error:
        raise RequestIdReused(registration.request_id) from error
    raise RequestIdReused(registration.request_id)


def remember(connection: Connection, made: Sequence[Made], now: int) -> None:
    """Remember which VIMs requests have made, and forget what is too old."""
    connection.execute(_FORGET, {"before": now - KEPT_MICROS})
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


def sealed(registration: Registration, cipher: Cipher) -> bytes:
    """Return what is kept of the content. Encrypted: a plain digest would let a password be guessed from a copy."""
    return cipher.encrypt(fingerprint(registration))


def fingerprint(registration: Registration) -> str:
    content = {name: getattr(registration, name) for name in _CONTENT}
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=_plain).encode()).hexdigest()


def _plain(value: object) -> object:
    return kept_policy(value) if isinstance(value, ProbePolicy) else dict(value)  # type: ignore[call-overload]  # a Mapping
