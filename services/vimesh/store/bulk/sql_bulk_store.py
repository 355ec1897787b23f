"""Implements the store of many VIMs at once on a SQL database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar

from vimesh.domain.access.caller import OPEN_CALLER, Caller
from vimesh.domain.access.quotas import Quotas
from vimesh.domain.bulk.bulk_store import DeregisteredVim, Removal
from vimesh.domain.errors import VimeshError, VimNotFound
from vimesh.domain.vims import Modification, Vim
from vimesh.store.bulk.change_many import deregister_many, modify_many
from vimesh.store.bulk.read_many import get_many
from vimesh.store.rows.credential_encryption import Cipher
from vimesh.store.rows.vim_secrets import gives_secrets
from vimesh.store.transactions.database import Database, Work
from vimesh.store.transactions.rehearsals import rehearse

_V = TypeVar("_V", Vim, DeregisteredVim)


class SqlBulkStore:
    """Implements BulkStore."""

    def __init__(self, database: Database, cipher: Cipher, quotas: Quotas, note_removal: Callable[[], None]) -> None:
        """`note_removal` is called when secrets may have been removed: see `VimStore.erase_removed`."""
        self._database = database
        self._cipher = cipher
        self._quotas = quotas
        self._note_removal = note_removal

    async def get_many(self, vim_ids: Sequence[str], caller: Caller = OPEN_CALLER) -> list[Vim | VimNotFound]:
        return await self._database.browse(lambda c: get_many(c, vim_ids, caller))

    async def modify_many(
        self,
        modifications: Sequence[tuple[str, Modification]],
        caller: Caller = OPEN_CALLER,
        *,
        validate_only: bool = False,
    ) -> list[Vim | VimeshError]:
        return await self._change(
            "modify",
            lambda c: modify_many(c, modifications, self._cipher, caller, quotas=self._quotas),
            validate_only=validate_only,
            removes=any(gives_secrets(modification) for _, modification in modifications),
        )

    async def deregister_many(
        self, removals: Sequence[Removal], caller: Caller = OPEN_CALLER, *, validate_only: bool = False
    ) -> list[DeregisteredVim | VimeshError]:
        return await self._change(
            "deregister",
            lambda c: deregister_many(c, removals, caller, quotas=self._quotas),
            validate_only=validate_only,
            removes=True,
        )

    async def _change(
        self, kind: str, work: Work[list[_V | VimeshError]], *, validate_only: bool, removes: bool
    ) -> list[_V | VimeshError]:
        if validate_only:
            return await rehearse(self._database, work)
        try:
            outcomes = await self._database.write(work)
            changed = Counter("refused" if isinstance(one, VimeshError) else "changed" for one in outcomes)
            self._database.statistics.count_quota_refusals(outcomes)
            counts = self._database.statistics.bulk.bulk_changes
            counts.update({(kind, outcome): count for outcome, count in changed.items()})
            return outcomes
        finally:
            if removes:
                self._note_removal()
