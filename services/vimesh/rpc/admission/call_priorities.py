"""Ranks the calls for when there is not room for all of them."""

from __future__ import annotations

from enum import Enum
from typing import Final


class CallPriority(Enum):
    """Classes of calls, in order of priority: the first is the last to be refused."""

    REPORTS = "reports"
    """Calls of ping actions and of engine drivers: without them, reachable VIMs would read UNKNOWN."""
    CHANGES = "changes"
    """Changes to VIMs by people and automation."""
    READS = "reads"
    WATCHES = "watches"
    """Streams for people, which can be reopened later without losing anything."""


CLASS_OF: Final = {
    "UpdateVim": CallPriority.REPORTS,
    "UpdateVims": CallPriority.REPORTS,
    "WatchActions": CallPriority.REPORTS,
    "ClaimWorkflowTasks": CallPriority.REPORTS,
    "FinishWorkflowTask": CallPriority.REPORTS,
    "RegisterVim": CallPriority.CHANGES,
    "RegisterVimJson": CallPriority.CHANGES,
    "RegisterVims": CallPriority.CHANGES,
    "ModifyVim": CallPriority.CHANGES,
    "ModifyVimJson": CallPriority.CHANGES,
    "DeregisterVim": CallPriority.CHANGES,
    "GetVim": CallPriority.READS,
    "ListVims": CallPriority.READS,
    "ListVimEvents": CallPriority.READS,
    "WatchVims": CallPriority.WATCHES,
    "Watch": CallPriority.WATCHES,
    "ServerReflectionInfo": CallPriority.WATCHES,
}
"""Class by method name without the service. `Check` of grpc.health.v1 is not included, as it is never refused."""

COST_OF: Final = {"RegisterVims": 64, "ListVims": 32, "ListVimEvents": 32}
"""Number of calls that one such call counts as: it occupies the writer, or a thread and the loop, for longer."""


def cost(method: str) -> int:
    return COST_OF.get(method, 1)
