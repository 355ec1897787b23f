"""Changes many VIMs in one transaction, each judged on its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from sqlalchemy import Connection

from vimesh.domain.access.caller import Caller
from vimesh.domain.access.quotas import Quotas
from vimesh.domain.bulk.bulk_store import DeregisteredVim, Removal
from vimesh.domain.errors import VimeshError
from vimesh.domain.vims import Modification, Vim
from vimesh.store.change_log.transaction import Changes
from vimesh.store.rows.credential_encryption import Cipher
from vimesh.store.vims.modify_vim import modify_one
from vimesh.store.vims.quota_check import QuotaCheck
from vimesh.store.vims.register_vim import deregister_one

_S = TypeVar("_S")
_T = TypeVar("_T")


def modify_many(
    connection: Connection,
    modifications: Sequence[tuple[str, Modification]],
    cipher: Cipher,
    caller: Caller,
    *,
    quotas: Quotas,
) -> list[Vim | VimeshError]:
    def modify(changes: Changes, one: tuple[str, Modification], quota_check: QuotaCheck) -> Vim:
        vim_id, modification = one
        return modify_one(changes, vim_id, modification, cipher, caller, quota_check=quota_check)

    return change_each(connection, modifications, modify, quotas)


def deregister_many(
    connection: Connection, removals: Sequence[Removal], caller: Caller, *, quotas: Quotas
) -> list[DeregisteredVim | VimeshError]:
    def remove(changes: Changes, one: Removal, quota_check: QuotaCheck) -> DeregisteredVim:
        return deregister_one(changes, one.vim_id, caller, quota_check=quota_check, etag=one.etag)

    return change_each(connection, removals, remove, quotas)


def change_each(
    connection: Connection, each: Iterable[_S], change: Callable[[Changes, _S, QuotaCheck], _T], quotas: Quotas
) -> list[_T | VimeshError]:
    """Change one after the other. A refused one leaves nothing behind, so the others can be committed."""
    changes = Changes.begin(connection)
    quota_check = QuotaCheck(changes, quotas)
    results: list[_T | VimeshError] = []
    for one in each:
        try:
            results.append(change(changes, one, quota_check))
        except VimeshError as error:
            results.append(error.with_traceback(None))
    quota_check.write()
    changes.write()
    return results
