"""Which calls come before which when there is not room for all of them."""

from __future__ import annotations

from enum import Enum
from typing import Final


class CallPriority(Enum):
    """The first of these is the last to be refused."""

    REPORTS = "reports"
    """Of ping actions and drivers: without them a living VIM would read UNKNOWN."""
    CHANGES = "changes"
    """What people want to be otherwise."""
    READS = "reads"
    WATCHES = "watches"
    """Streams for people, which can be opened again later and lose nothing meanwhile."""


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
"""By the name of the method without its service. `Check` of grpc.health.v1 is not in it: it is never refused."""

COST_OF: Final = {"RegisterVims": 64, "ListVims": 32, "ListVimEvents": 32}
"""As how many calls of its class one of these counts: it holds the writer, or a thread and the loop, for longer."""


def cost(method: str) -> int:
    return COST_OF.get(method, 1)
