"""Defines, as a protocol, what the services require of the store to show quotas."""

from __future__ import annotations

from typing import Protocol

from vimesh.domain.access.quotas import ProjectQuota


class QuotaStore(Protocol):
    """Its method raises StoreUnavailable and Overloaded, as those of VimStore."""

    async def project_quota(self, project_id: str) -> ProjectQuota:
        """Return what the project may have, and what it has at one moment."""
