"""Defines, as a protocol, what the services require of the store of conditions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from vimesh.domain.errors import BadInput
from vimesh.domain.vim_conditions.condition_reports import ConditionOutcome, ConditionReport


class ConditionStore(Protocol):
    """Stores what is true of VIMs besides their status. Raises as VimStore."""

    async def record(self, reports: Sequence[ConditionReport]) -> list[ConditionOutcome | BadInput]:
        """Judge each report separately, write what changes in one transaction, and return the outcomes in that order.

        A report of an unwanted action writes nothing (G1). BadInput: the VIM would have too many conditions. Nothing is
        written if nothing changes. Raises OlderConductors if something would change, and conductors run that could not
        read that change.
        """
