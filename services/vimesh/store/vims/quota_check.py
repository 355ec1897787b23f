"""Refuses changes for which a project has no quota left, in the transaction that would make them.

Callers hold the lock on writers, so conductors that write at the same time cannot exceed a quota together. Projects
whose changes are not limited cost nothing, and neither do reports: their events are not counted.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any, Final

from sqlalchemy import BindParameter, Connection, bindparam, func, insert, select

from vimesh.domain.access.quotas import ProjectLimits, ProjectUsage, Quotas
from vimesh.domain.errors import ChangeRateExceeded, Quota, QuotaExceeded
from vimesh.store.change_log.transaction import Changes
from vimesh.store.schema.tables import project_changes as table
from vimesh.store.schema.tables import revisions, vims
from vimesh.store.schema.timestamps import micros
from vimesh.store.sql.sql_functions import NowMicros

_SECOND: Final = micros(1.0)
_OF_PROJECT: BindParameter[str] = bindparam("project")
_VIMS = select(func.count()).select_from(
    select(vims.c.id).where(vims.c.project_id == _OF_PROJECT).limit(bindparam("count")).subquery()
)
_ALL_VIMS = select(func.count()).where(vims.c.project_id == _OF_PROJECT)
_CLOCK = select(NowMicros())
_NEWEST = (
    select(table.c.time, table.c.position)
    .where(table.c.project_id == _OF_PROJECT)
    .order_by(table.c.revision.desc())
    .limit(bindparam("count"))
)
_OLDEST = (
    select(table.c.position - table.c.size)
    .where(table.c.project_id == _OF_PROJECT, table.c.revision >= select(revisions.c.oldest).scalar_subquery())
    .order_by(table.c.revision)
    .limit(1)
)
_INSERT = insert(table)


class QuotaCheck:
    """The quotas of the projects that one transaction changes."""

    def __init__(self, changes: Changes, quotas: Quotas) -> None:
        self._changes = changes
        self._quotas = quotas
        self._usages: dict[str, _Usage] = {}
        self._rows: list[dict[str, Any]] = []

    def require_vim(self, project_id: str) -> None:
        """Raise QuotaExceeded or ChangeRateExceeded unless another VIM may be registered in the project."""
        self._usage(project_id).require_vim(project_id)
        self.require_change(project_id)

    def require_change(self, project_id: str) -> None:
        """Raise QuotaExceeded or ChangeRateExceeded unless a VIM of the project may be modified."""
        self._usage(project_id).require_bytes(project_id)
        self.require_removal(project_id)

    def require_removal(self, project_id: str) -> None:
        """Raise ChangeRateExceeded unless a VIM of the project may be deregistered: its size never prevents that."""
        self._usage(project_id).require_rate(project_id, self._changes.now)

    def count(self, project_id: str, size: int, *, vims: int = 0) -> None:
        """Count the change that was added last, which takes `size` bytes in the log, and adds so many VIMs."""
        usage = self._usage(project_id)
        usage.vims += vims
        if not usage.limits.counts_changes:
            return
        usage.position += size
        usage.recent.appendleft(self._changes.now)
        self._rows.append(
            {
                "revision": self._changes.newest,
                "project_id": project_id,
                "time": self._changes.now,
                "size": size,
                "position": usage.position,
            }
        )

    def write(self) -> None:
        """Write what was counted. Call this once, at the end."""
        if self._rows:
            self._changes.connection.execute(_INSERT, self._rows)

    def _usage(self, project_id: str) -> _Usage:
        if (usage := self._usages.get(project_id)) is None:
            limits = self._quotas.limits_of(project_id)
            usage = self._usages[project_id] = _Usage.read(
                self._changes.connection, self._changes.now, project_id, limits
            )
        return usage


@dataclass(slots=True)
class _Usage:
    """What a project has of that which is limited."""

    limits: ProjectLimits
    vims: int
    recent: deque[int]
    """The times of its changes in the last second, the newest first; as many as are allowed."""
    position: int
    """The bytes of all its changes that were ever counted."""
    oldest_position: int
    """Those before the oldest change that the log keeps."""

    @classmethod
    def read(cls, connection: Connection, now: int, project_id: str, limits: ProjectLimits) -> _Usage:
        """Read what the limits need."""
        usage = cls(limits, _count_vims(connection, project_id, limits), deque(maxlen=limits.changes_per_s), 0, 0)
        if not limits.counts_changes:
            return usage
        newest = connection.execute(_NEWEST, {"project": project_id, "count": limits.changes_per_s or 1}).all()
        if newest:
            usage.position = newest[0].position
            # After a step of the clock, times may lie ahead; they limit nothing.
            usage.recent.extend(row.time for row in takewhile(lambda row: 0 <= now - row.time < _SECOND, newest))
        oldest = connection.execute(_OLDEST, {"project": project_id}).scalar()
        usage.oldest_position = usage.position if oldest is None else oldest
        return usage

    @property
    def event_bytes(self) -> int:
        """The bytes of its changes that the log keeps."""
        return self.position - self.oldest_position

    def require_vim(self, project_id: str) -> None:
        if self.limits.vims is not None and self.vims >= self.limits.vims:
            raise QuotaExceeded(project_id, Quota.VIMS, self.limits.vims)

    def require_bytes(self, project_id: str) -> None:
        limit = self.limits.event_bytes
        if limit is not None and self.event_bytes >= limit:
            raise QuotaExceeded(project_id, Quota.EVENT_BYTES, limit)

    def require_rate(self, project_id: str, now: int) -> None:
        limit = self.limits.changes_per_s
        if limit is not None and len(self.recent) >= limit:
            raise ChangeRateExceeded(project_id, limit, (self.recent[-1] + _SECOND - now) / _SECOND)


def read_usage(connection: Connection, project_id: str, limits: ProjectLimits) -> ProjectUsage:
    """Read what a project has, without keeping anybody from changing it."""
    now = connection.execute(_CLOCK).scalar_one()
    # All its VIMs are counted, and not only up to the limit, which may have been lowered.
    counted = _Usage.read(connection, now, project_id, replace(limits, vims=None))
    return ProjectUsage(
        vims=connection.execute(_ALL_VIMS, {"project": project_id}).scalar_one(),
        event_bytes=None if limits.event_bytes is None else counted.event_bytes,
        changes_in_last_s=None if limits.changes_per_s is None else len(counted.recent),
    )


def _count_vims(connection: Connection, project_id: str, limits: ProjectLimits) -> int:
    """Count the VIMs of a project up to its limit; 0 if it has none."""
    if limits.vims is None:
        return 0
    return int(connection.execute(_VIMS, {"project": project_id, "count": limits.vims}).scalar_one())
