"""Defines, as a protocol, what the services require of the store for many VIMs at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from vimesh.domain.access.caller import OPEN_CALLER, Caller
from vimesh.domain.bulk.apply_plan import AppliedVim, ApplyRules, DesiredVim
from vimesh.domain.errors import VimeshError, VimNotFound
from vimesh.domain.vims import Modification, Vim

MAX_CHANGES: Final = 50
"""Maximum number of VIMs that one transaction changes: each takes 2 to 3 ms, for which other writers are locked out."""


@dataclass(frozen=True, slots=True)
class DeregisteredVim:
    vim_id: str
    name: str
    project_id: str


@dataclass(frozen=True, slots=True)
class Removal:
    vim_id: str
    etag: str = ""
    """If given, the VIM must still have it."""


class BulkStore(Protocol):
    """Each VIM is judged on its own, in turn; what is accepted commits in one transaction.

    `validate_only`: return the same results, but change nothing. For errors of whole calls, see `VimStore`.
    """

    async def get_many(self, vim_ids: Sequence[str], caller: Caller = OPEN_CALLER) -> list[Vim | VimNotFound]:
        """Return the VIMs in the order of their ids: at least one result, but fewer than ids if the VIMs are large."""

    async def modify_many(
        self,
        modifications: Sequence[tuple[str, Modification]],
        caller: Caller = OPEN_CALLER,
        *,
        validate_only: bool = False,
    ) -> list[Vim | VimeshError]:
        """Change VIMs, each given by its id, as `VimStore.modify` does; the result of a refused one is its error.

        Names and defaults cannot be changed here: they conflict with each other.
        """

    async def deregister_many(
        self, removals: Sequence[Removal], caller: Caller = OPEN_CALLER, *, validate_only: bool = False
    ) -> list[DeregisteredVim | VimeshError]:
        """Remove VIMs as `VimStore.deregister` does; the result of a refused one is its error."""

    async def apply_many(
        self,
        desired: Sequence[DesiredVim],
        rules: ApplyRules,
        caller: Caller = OPEN_CALLER,
        *,
        validate_only: bool = False,
    ) -> list[AppliedVim | VimeshError]:
        """Make VIMs what they should be; the result of a refused one is its error.

        No two may have the same project and name. They are committed in several transactions, each VIM in one of them.
        With `validate_only`, quotas and the defaults of projects are not looked at.
        """
