"""Lists our RPCs: the class of each, how long it may take, whether it may be repeated, and what it costs.

Conductors admit calls by this table (`rpc.admission`), and Envoy routes them by it (`envoy.routes`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final


class CallPriority(Enum):
    """Ranks of calls for when there is not room for all of them: the first is the last to be refused."""

    REPORTS = "reports"
    """Calls of ping actions and of engine drivers: without them, reachable VIMs would read UNKNOWN."""
    CHANGES = "changes"
    """Changes to VIMs by people and automation."""
    READS = "reads"
    WATCHES = "watches"
    """Streams for people, which can be reopened later without losing anything."""


class TrafficClass(Enum):
    """Classes of calls with limits of their own in Envoy: see `envoy.traffic.call_classes`."""

    REPORTS = "reports"
    """Reports on single VIMs."""
    MONITORS = "monitors"
    """Calls that carry hundreds of VIMs, and the streams of monitors and drivers."""
    CHANGES = "changes"
    READS = "reads"
    """Reads of single VIMs."""
    LISTS = "lists"
    WATCHES = "watches"

    @property
    def priority(self) -> CallPriority:
        return _PRIORITIES[self]


_PRIORITIES: Final = {
    TrafficClass.REPORTS: CallPriority.REPORTS,
    TrafficClass.MONITORS: CallPriority.REPORTS,
    TrafficClass.CHANGES: CallPriority.CHANGES,
    TrafficClass.READS: CallPriority.READS,
    TrafficClass.LISTS: CallPriority.READS,
    TrafficClass.WATCHES: CallPriority.WATCHES,
}

REPORT_S: Final = 10.0
READ_S: Final = 15.0
CHANGE_S: Final = 15.0
STREAM: Final = None
"""A stream may stay open for as long as its caller wants."""


@dataclass(frozen=True, slots=True)
class Rpc:
    service: str
    method: str
    traffic: TrafficClass
    time_limit_s: float | None
    repeatable: bool = False
    """Whether Envoy may repeat it at another conductor if it failed on the way: a second one leaves the same behind."""
    cost: int = 1
    """Number of calls that it counts as: it may occupy the writer, or a thread and the loop, for longer than others."""


CONDUCTOR_SERVICE: Final = "vimesh.v1.ConductorService"
VIM_SERVICE: Final = "vimesh.v1.VimService"
WORKFLOW_SERVICE: Final = "vimesh.v1.WorkflowService"

RPCS: Final = (
    # Reports are idempotent by design: sending one twice leaves the VIM the same. UpdateVims may carry 1000.
    Rpc(CONDUCTOR_SERVICE, "UpdateVim", TrafficClass.REPORTS, REPORT_S, repeatable=True),
    Rpc(CONDUCTOR_SERVICE, "UpdateVims", TrafficClass.MONITORS, REPORT_S, repeatable=True),
    Rpc(CONDUCTOR_SERVICE, "WatchActions", TrafficClass.MONITORS, STREAM),
    # Repeating a change that has succeeded would give a different answer.
    Rpc(VIM_SERVICE, "RegisterVim", TrafficClass.CHANGES, CHANGE_S),
    Rpc(VIM_SERVICE, "RegisterVimJson", TrafficClass.CHANGES, CHANGE_S),
    Rpc(VIM_SERVICE, "RegisterVims", TrafficClass.CHANGES, CHANGE_S, cost=64),
    Rpc(VIM_SERVICE, "ModifyVim", TrafficClass.CHANGES, CHANGE_S),
    Rpc(VIM_SERVICE, "ModifyVimJson", TrafficClass.CHANGES, CHANGE_S),
    Rpc(VIM_SERVICE, "DeregisterVim", TrafficClass.CHANGES, CHANGE_S),
    Rpc(VIM_SERVICE, "GetVim", TrafficClass.READS, READ_S, repeatable=True),
    Rpc(VIM_SERVICE, "ListVims", TrafficClass.LISTS, READ_S, repeatable=True, cost=32),
    Rpc(VIM_SERVICE, "ListVimEvents", TrafficClass.LISTS, READ_S, repeatable=True, cost=32),
    Rpc(VIM_SERVICE, "WatchVims", TrafficClass.WATCHES, STREAM),
    Rpc(WORKFLOW_SERVICE, "ClaimWorkflowTasks", TrafficClass.MONITORS, CHANGE_S),
    Rpc(WORKFLOW_SERVICE, "FinishWorkflowTask", TrafficClass.MONITORS, REPORT_S, repeatable=True),
)
