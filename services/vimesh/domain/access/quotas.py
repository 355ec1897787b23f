"""Defines how many VIMs and changes a project may have (quotas), and what it has of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ProjectLimits:
    """The limits of one project; None: no limit."""

    vims: int | None = None
    """Maximum number of VIMs."""
    event_bytes: int | None = None
    """Approximate bytes that the log may keep of changes that callers have made; reports are not counted."""
    changes_per_s: int | None = None
    """Maximum number of VIMs that are registered, modified or deregistered in any one second."""

    @property
    def counts_changes(self) -> bool:
        """Whether the changes of the project have to be counted."""
        return self.event_bytes is not None or self.changes_per_s is not None


@dataclass(frozen=True, slots=True)
class Quotas:
    default: ProjectLimits = ProjectLimits()
    exceptions: Mapping[str, ProjectLimits] = field(default_factory=dict)
    """The projects with limits of their own, by id."""

    def limits_of(self, project_id: str) -> ProjectLimits:
        return self.exceptions.get(project_id, self.default)


@dataclass(frozen=True, slots=True)
class ProjectUsage:
    """What a project has of what can be limited; None: it is not counted, because it is not limited."""

    vims: int
    event_bytes: int | None
    changes_in_last_s: int | None


@dataclass(frozen=True, slots=True)
class ProjectQuota:
    project_id: str
    limits: ProjectLimits
    usage: ProjectUsage
