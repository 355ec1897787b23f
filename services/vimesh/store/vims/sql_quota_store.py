"""Implements QuotaStore on a SQL database."""

from __future__ import annotations

from vimesh.domain.access.quotas import ProjectQuota, Quotas
from vimesh.store.transactions.database import Database
from vimesh.store.vims.quota_check import read_usage


class SqlQuotaStore:
    def __init__(self, database: Database, quotas: Quotas) -> None:
        self._database = database
        self._quotas = quotas

    async def project_quota(self, project_id: str) -> ProjectQuota:
        limits = self._quotas.limits_of(project_id)
        usage = await self._database.browse(lambda c: read_usage(c, project_id, limits))
        return ProjectQuota(project_id, limits, usage)
