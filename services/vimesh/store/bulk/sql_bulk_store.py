"""Implements the store of many VIMs at once on a SQL database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, TypeVar

from vimesh.domain.access.caller import OPEN_CALLER, Caller
from vimesh.domain.access.quotas import Quotas
from vimesh.domain.bulk.apply_plan import AppliedVim, ApplyRules, DesiredVim
from vimesh.domain.bulk.bulk_store import MAX_CHANGES, DeregisteredVim, Removal
from vimesh.domain.errors import EtagMismatch, NameTaken, VimeshError, VimNotFound
from vimesh.domain.events import EventKind
from vimesh.domain.vims import Modification, Registered, Registration, Vim
from vimesh.store.bulk.apply_many import PlannedVim, change_planned, plan_many
from vimesh.store.bulk.change_many import deregister_many, modify_many
from vimesh.store.bulk.read_many import get_many
from vimesh.store.rows.credential_encryption import Cipher
from vimesh.store.rows.vim_secrets import gives_secrets
from vimesh.store.transactions.database import Database, Work
from vimesh.store.transactions.rehearsals import rehearse

_V = TypeVar("_V", Vim, DeregisteredVim, AppliedVim)
_ROUNDS: Final = 3
"""How often VIMs are planned if others keep changing them meanwhile."""
_OVERTAKEN: Final = (EtagMismatch, VimNotFound, NameTaken)
"""What says that somebody else has changed, removed or registered a VIM since it was planned."""


RegisterMany = Callable[[Sequence[Registration], Caller], Awaitable[list[Registered | VimeshError]]]


class SqlBulkStore:
    """Implements BulkStore."""

    def __init__(
        self,
        database: Database,
        cipher: Cipher,
        quotas: Quotas,
        note_removal: Callable[[], None],
        register_many: RegisterMany,
    ) -> None:
        """`note_removal` is called when secrets may have been removed: see `VimStore.erase_removed`.

        `register_many`: see `VimStore.register_many`.
        """
        self._register_many = register_many
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

    async def apply_many(
        self,
        desired: Sequence[DesiredVim],
        rules: ApplyRules,
        caller: Caller = OPEN_CALLER,
        *,
        validate_only: bool = False,
    ) -> list[AppliedVim | VimeshError]:
        outcomes: dict[int, AppliedVim | VimeshError] = {}
        places = list(range(len(desired)))
        for number in range(1, _ROUNDS + 1):
            chosen = [desired[place] for place in places]
            plans = await self._database.browse(lambda c: plan_many(c, chosen, rules, self._cipher, caller))  # noqa: B023 - called at once
            planned = dict(zip(places, plans, strict=True))
            outcomes |= {place: one.outcome if isinstance(one, PlannedVim) else one for place, one in planned.items()}
            if validate_only:
                break
            done = await self._carry_out(planned, caller)
            outcomes |= done
            places = [place for place, one in done.items() if isinstance(one, _OVERTAKEN)]
            if not places or number == _ROUNDS:
                break
        return [outcomes[place] for place in range(len(desired))]

    async def _carry_out(
        self, planned: Mapping[int, PlannedVim | VimeshError], caller: Caller
    ) -> dict[int, AppliedVim | VimeshError]:
        """Make the changes of a plan. New VIMs come last: a default must be given up before another can have it."""
        stored = {place: one for place, one in planned.items() if isinstance(one, PlannedVim) and one.changes_stored}
        new = {
            place: one.registration
            for place, one in planned.items()
            if isinstance(one, PlannedVim) and one.registration is not None
        }
        done: dict[int, AppliedVim | VimeshError] = {}
        places = sorted(stored, key=lambda place: _takes_default(stored[place]))
        for start in range(0, len(places), MAX_CHANGES):
            batch = places[start : start + MAX_CHANGES]
            changes = [stored[place] for place in batch]
            outcomes = await self._change(
                "apply",
                lambda c: change_planned(c, changes, self._cipher, caller, quotas=self._quotas),  # noqa: B023 - called at once
                validate_only=False,
                removes=any(one.modification is None or gives_secrets(one.modification) for one in changes),
            )
            done |= zip(batch, outcomes, strict=True)
        if new:
            done |= zip(new, await self._register(list(new.values()), caller), strict=True)
        return done

    async def _register(self, registrations: Sequence[Registration], caller: Caller) -> list[AppliedVim | VimeshError]:
        return [
            AppliedVim(EventKind.REGISTERED, one.vim_id, "") if isinstance(one, Registered) else one
            for one in await self._register_many(registrations, caller)
        ]

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


def _takes_default(planned: PlannedVim) -> bool:
    return planned.modification is not None and bool(planned.modification.is_default)
