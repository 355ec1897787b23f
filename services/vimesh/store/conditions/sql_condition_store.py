"""Implements ConditionStore on a SQL database."""

from __future__ import annotations

from collections.abc import Sequence

from vimesh.domain.actions import Shard
from vimesh.domain.vim_conditions.condition_reports import ConditionReport
from vimesh.domain.vim_conditions.condition_samples import CertificateSample, ConditionSample
from vimesh.store.conditions import read_condition_samples
from vimesh.store.conditions.judge_conditions import Judgement, judge_and_write, would_change
from vimesh.store.transactions.database import Database


class SqlConditionStore:
    """Any number of processes may use the same database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self, reports: Sequence[ConditionReport]) -> list[Judgement]:
        # A monitor that takes an action over reports what is on record already.
        outcomes, changes_something = await self._database.read(lambda c: would_change(c, reports))
        return await self._database.write(lambda c: judge_and_write(c, reports)) if changes_something else outcomes

    async def condition_samples(self, shard: Shard, after: tuple[int, str], limit: int) -> list[ConditionSample]:
        return await self._database.browse(lambda c: read_condition_samples.condition_samples(c, shard, after, limit))

    async def certificate_samples(self, shard: Shard, after: int, limit: int) -> list[CertificateSample]:
        return await self._database.browse(lambda c: read_condition_samples.certificate_samples(c, shard, after, limit))
