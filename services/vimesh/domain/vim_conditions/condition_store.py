"""Defines, as a protocol, what the services require of the store of conditions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from vimesh.domain.actions import Shard
from vimesh.domain.errors import BadInput
from vimesh.domain.vim_conditions.condition_reports import ConditionOutcome, ConditionReport
from vimesh.domain.vim_conditions.condition_samples import CertificateSample, ConditionSample


class ConditionStore(Protocol):
    """Stores what is true of VIMs besides their status. Raises as VimStore."""

    async def record(self, reports: Sequence[ConditionReport]) -> list[ConditionOutcome | BadInput]:
        """Judge each report separately, write what changes in one transaction, and return the outcomes in that order.

        A report of an unwanted action writes nothing (G1). BadInput: the VIM would have too many conditions. Nothing is
        written if nothing changes. Raises OlderConductors if something would change, and conductors run that could not
        read that change.
        """

    async def condition_samples(self, shard: Shard, after: tuple[int, str], limit: int) -> list[ConditionSample]:
        """Return up to `limit` conditions of a shard for metrics, after the one of this number and type.

        Shards are those of `VimStore.read_samples`.
        """

    async def certificate_samples(self, shard: Shard, after: int, limit: int) -> list[CertificateSample]:
        """Return up to `limit` certificates of a shard for metrics, after the one of this number."""
