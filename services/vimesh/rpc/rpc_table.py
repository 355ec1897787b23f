"""Lists our RPCs: whom each is for, its class, how long it may take, whether it may be repeated, and what it costs.

Conductors admit calls by this table (`rpc.admission`). Envoy routes them by it (`envoy.routes`), and in a secured fleet
refuses all other callers (`envoy.identity.method_roles`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from vimesh.domain.access.caller import CallerRole
from vimesh.rpc.caller_roles import EVERYONE, NOBODY, PEOPLE, WRITING_PEOPLE


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
    callers: frozenset[CallerRole] = NOBODY
    """Roles of which a caller must have one."""
    for_others: bool = False
    """Whether an api process calls it for its callers, who must have one of the roles."""

    @property
    def path(self) -> str:
        return f"/{self.service}/{self.method}"

    @property
    def roles_at_front(self) -> frozenset[CallerRole]:
        """Roles that the front lets pass: it does not know for whom an api process calls."""
        return self.callers | _DRIVERS if self.for_others else self.callers


ACCESS_SERVICE: Final = "vimesh.v1.AccessService"
AVAILABILITY_SERVICE: Final = "vimesh.v1.AvailabilityService"
CONDUCTOR_SERVICE: Final = "vimesh.v1.ConductorService"
FLEET_SERVICE: Final = "vimesh.v1.FleetService"
HISTORY_SERVICE: Final = "vimesh.v1.HistoryService"
MAINTENANCE_SERVICE: Final = "vimesh.v1.MaintenanceService"
NOTIFIER_SERVICE: Final = "vimesh.v1.NotifierService"
RECEIVER_SERVICE: Final = "vimesh.v1.ReceiverService"
VIM_SERVICE: Final = "vimesh.v1.VimService"
WORKFLOW_SERVICE: Final = "vimesh.v1.WorkflowService"

_REPORTERS: Final = frozenset({CallerRole.REPORTER})
_DRIVERS: Final = frozenset({CallerRole.DRIVER})
_NOTIFIERS: Final = frozenset({CallerRole.NOTIFIER})
_CONSOLES: Final = frozenset({CallerRole.CONSOLE})
_ADMINS: Final = frozenset({CallerRole.ADMIN})

RPCS: Final = (
    # Reports are idempotent by design: sending one twice leaves the VIM the same. UpdateVims may carry 1000.
    Rpc(CONDUCTOR_SERVICE, "UpdateVim", TrafficClass.REPORTS, REPORT_S, repeatable=True, callers=_REPORTERS),
    Rpc(CONDUCTOR_SERVICE, "UpdateVims", TrafficClass.MONITORS, REPORT_S, repeatable=True, callers=_REPORTERS),
    # It is no sign of life: VIMs keep their status if conditions come late.
    Rpc(CONDUCTOR_SERVICE, "ReportConditions", TrafficClass.MONITORS, REPORT_S, repeatable=True, callers=_REPORTERS),
    Rpc(CONDUCTOR_SERVICE, "WatchActions", TrafficClass.MONITORS, STREAM, callers=_REPORTERS | _ADMINS),
    Rpc(CONDUCTOR_SERVICE, "ServeProbes", TrafficClass.MONITORS, STREAM, callers=_REPORTERS),
    # It ends by itself within a second.
    Rpc(CONDUCTOR_SERVICE, "ConfirmFailures", TrafficClass.MONITORS, STREAM, repeatable=True, callers=_REPORTERS),
    # It is no report: without it, no VIM would read UNKNOWN.
    Rpc(CONDUCTOR_SERVICE, "GetVimCredentials", TrafficClass.READS, READ_S, repeatable=True, callers=_REPORTERS),
    # Repeating a change that has succeeded would give a different answer.
    Rpc(VIM_SERVICE, "RegisterVim", TrafficClass.CHANGES, CHANGE_S, callers=WRITING_PEOPLE, for_others=True),
    Rpc(VIM_SERVICE, "RegisterVimJson", TrafficClass.CHANGES, CHANGE_S, callers=WRITING_PEOPLE),
    Rpc(VIM_SERVICE, "RegisterVims", TrafficClass.CHANGES, CHANGE_S, cost=64, callers=WRITING_PEOPLE),
    Rpc(VIM_SERVICE, "ApplyVims", TrafficClass.CHANGES, CHANGE_S, cost=64, callers=WRITING_PEOPLE),
    Rpc(VIM_SERVICE, "ModifyVim", TrafficClass.CHANGES, CHANGE_S, callers=WRITING_PEOPLE, for_others=True),
    Rpc(VIM_SERVICE, "ModifyVimJson", TrafficClass.CHANGES, CHANGE_S, callers=WRITING_PEOPLE),
    Rpc(VIM_SERVICE, "ModifyVims", TrafficClass.CHANGES, CHANGE_S, cost=64, callers=WRITING_PEOPLE),
    Rpc(VIM_SERVICE, "DeregisterVims", TrafficClass.CHANGES, CHANGE_S, cost=64, callers=WRITING_PEOPLE),
    Rpc(VIM_SERVICE, "ModifyVimsJson", TrafficClass.CHANGES, CHANGE_S, cost=64, callers=WRITING_PEOPLE),
    Rpc(VIM_SERVICE, "DeregisterVimsJson", TrafficClass.CHANGES, CHANGE_S, cost=64, callers=WRITING_PEOPLE),
    Rpc(VIM_SERVICE, "DeregisterVim", TrafficClass.CHANGES, CHANGE_S, callers=WRITING_PEOPLE, for_others=True),
    Rpc(VIM_SERVICE, "GetVim", TrafficClass.READS, READ_S, repeatable=True, callers=PEOPLE, for_others=True),
    Rpc(VIM_SERVICE, "ProbeVim", TrafficClass.READS, READ_S, repeatable=True, callers=PEOPLE),
    # It reads a dozen tables.
    Rpc(VIM_SERVICE, "ExplainVim", TrafficClass.READS, READ_S, repeatable=True, cost=8, callers=PEOPLE),
    Rpc(VIM_SERVICE, "BatchGetVims", TrafficClass.LISTS, READ_S, repeatable=True, cost=32, callers=PEOPLE),
    Rpc(VIM_SERVICE, "ListVims", TrafficClass.LISTS, READ_S, repeatable=True, cost=32, callers=PEOPLE, for_others=True),
    Rpc(
        VIM_SERVICE,
        "SummarizeVims",
        TrafficClass.LISTS,
        READ_S,
        repeatable=True,
        cost=32,
        callers=PEOPLE | _CONSOLES,
    ),
    Rpc(
        VIM_SERVICE,
        "ListVimEvents",
        TrafficClass.LISTS,
        READ_S,
        repeatable=True,
        cost=32,
        callers=PEOPLE,
        for_others=True,
    ),
    Rpc(VIM_SERVICE, "WatchVims", TrafficClass.WATCHES, STREAM, callers=PEOPLE, for_others=True),
    Rpc(ACCESS_SERVICE, "WhoAmI", TrafficClass.READS, READ_S, repeatable=True, callers=EVERYONE),
    # It counts the VIMs of a project.
    Rpc(ACCESS_SERVICE, "GetQuota", TrafficClass.LISTS, READ_S, repeatable=True, cost=8, callers=PEOPLE),
    Rpc(FLEET_SERVICE, "GetFleetStatus", TrafficClass.LISTS, READ_S, repeatable=True, cost=32, callers=PEOPLE),
    Rpc(
        AVAILABILITY_SERVICE,
        "QueryAvailability",
        TrafficClass.LISTS,
        READ_S,
        repeatable=True,
        cost=64,
        callers=PEOPLE | _CONSOLES,
    ),
    Rpc(
        FLEET_SERVICE,
        "ReportProcess",
        TrafficClass.MONITORS,
        REPORT_S,
        repeatable=True,
        callers=_REPORTERS | _DRIVERS | _NOTIFIERS | _CONSOLES,
    ),
    Rpc(FLEET_SERVICE, "ListMonitors", TrafficClass.READS, READ_S, repeatable=True, callers=WRITING_PEOPLE),
    Rpc(FLEET_SERVICE, "DrainMonitor", TrafficClass.CHANGES, CHANGE_S, callers=WRITING_PEOPLE),
    Rpc(FLEET_SERVICE, "ListCauses", TrafficClass.READS, READ_S, repeatable=True, callers=PEOPLE),
    Rpc(FLEET_SERVICE, "GetCause", TrafficClass.READS, READ_S, repeatable=True, callers=PEOPLE),
    Rpc(HISTORY_SERVICE, "ListSamples", TrafficClass.READS, READ_S, repeatable=True, cost=8, callers=PEOPLE),
    Rpc(
        HISTORY_SERVICE,
        "RecordDigests",
        TrafficClass.MONITORS,
        REPORT_S,
        repeatable=True,
        callers=_REPORTERS,
    ),
    # Each may write a span for every VIM.
    Rpc(
        MAINTENANCE_SERVICE,
        "CreateMaintenanceWindow",
        TrafficClass.CHANGES,
        CHANGE_S,
        cost=64,
        callers=WRITING_PEOPLE,
    ),
    Rpc(
        MAINTENANCE_SERVICE,
        "CreateMaintenanceWindowJson",
        TrafficClass.CHANGES,
        CHANGE_S,
        cost=64,
        callers=WRITING_PEOPLE,
    ),
    Rpc(
        MAINTENANCE_SERVICE,
        "EndMaintenanceWindow",
        TrafficClass.CHANGES,
        CHANGE_S,
        cost=64,
        callers=WRITING_PEOPLE,
    ),
    Rpc(MAINTENANCE_SERVICE, "GetMaintenanceWindow", TrafficClass.READS, READ_S, repeatable=True, callers=PEOPLE),
    Rpc(
        MAINTENANCE_SERVICE,
        "ListMaintenanceWindows",
        TrafficClass.LISTS,
        READ_S,
        repeatable=True,
        cost=32,
        callers=PEOPLE,
    ),
    Rpc(RECEIVER_SERVICE, "CreateReceiver", TrafficClass.CHANGES, CHANGE_S, callers=WRITING_PEOPLE),
    Rpc(RECEIVER_SERVICE, "CreateReceiverJson", TrafficClass.CHANGES, CHANGE_S, callers=WRITING_PEOPLE),
    Rpc(RECEIVER_SERVICE, "GetReceiver", TrafficClass.READS, READ_S, repeatable=True, callers=PEOPLE),
    Rpc(RECEIVER_SERVICE, "ListReceivers", TrafficClass.LISTS, READ_S, repeatable=True, cost=32, callers=PEOPLE),
    Rpc(RECEIVER_SERVICE, "ModifyReceiver", TrafficClass.CHANGES, CHANGE_S, callers=WRITING_PEOPLE),
    Rpc(RECEIVER_SERVICE, "ModifyReceiverJson", TrafficClass.CHANGES, CHANGE_S, callers=WRITING_PEOPLE),
    # It may have been told of every VIM.
    Rpc(RECEIVER_SERVICE, "DeleteReceiver", TrafficClass.CHANGES, CHANGE_S, cost=64, callers=WRITING_PEOPLE),
    Rpc(RECEIVER_SERVICE, "TestReceiver", TrafficClass.CHANGES, CHANGE_S, callers=WRITING_PEOPLE),
    Rpc(RECEIVER_SERVICE, "ListNotifications", TrafficClass.LISTS, READ_S, repeatable=True, cost=32, callers=PEOPLE),
    Rpc(RECEIVER_SERVICE, "GetNotification", TrafficClass.READS, READ_S, repeatable=True, cost=8, callers=PEOPLE),
    Rpc(RECEIVER_SERVICE, "ResendNotifications", TrafficClass.CHANGES, CHANGE_S, cost=8, callers=WRITING_PEOPLE),
    Rpc(RECEIVER_SERVICE, "ResendNotificationsJson", TrafficClass.CHANGES, CHANGE_S, cost=8, callers=WRITING_PEOPLE),
    Rpc(RECEIVER_SERVICE, "DeleteNotifications", TrafficClass.CHANGES, CHANGE_S, cost=8, callers=WRITING_PEOPLE),
    Rpc(RECEIVER_SERVICE, "DeleteNotificationsJson", TrafficClass.CHANGES, CHANGE_S, cost=8, callers=WRITING_PEOPLE),
    # A repeated AcquireReceivers would not know the claims that the first one has taken.
    Rpc(NOTIFIER_SERVICE, "AcquireReceivers", TrafficClass.MONITORS, REPORT_S, callers=_NOTIFIERS),
    Rpc(NOTIFIER_SERVICE, "ListNotices", TrafficClass.MONITORS, READ_S, repeatable=True, callers=_NOTIFIERS),
    Rpc(
        NOTIFIER_SERVICE,
        "ListQueuedNotifications",
        TrafficClass.MONITORS,
        READ_S,
        repeatable=True,
        callers=_NOTIFIERS,
    ),
    Rpc(NOTIFIER_SERVICE, "RecordDelivery", TrafficClass.MONITORS, REPORT_S, repeatable=True, callers=_NOTIFIERS),
    Rpc(WORKFLOW_SERVICE, "ClaimWorkflowTasks", TrafficClass.MONITORS, CHANGE_S, callers=_DRIVERS),
    Rpc(WORKFLOW_SERVICE, "FinishWorkflowTask", TrafficClass.MONITORS, REPORT_S, repeatable=True, callers=_DRIVERS),
)

HEALTH_SERVICE: Final = "grpc.health.v1.Health"
COMMON_RPCS: Final = (
    Rpc(HEALTH_SERVICE, "Check", TrafficClass.READS, REPORT_S, repeatable=True, callers=EVERYONE),
    Rpc(HEALTH_SERVICE, "Watch", TrafficClass.WATCHES, STREAM, callers=EVERYONE),
    *(
        Rpc(
            f"grpc.reflection.{version}.ServerReflection",
            "ServerReflectionInfo",
            TrafficClass.WATCHES,
            STREAM,
            callers=_ADMINS,
        )
        for version in ("v1", "v1alpha")
    ),
)
"""Services of gRPC itself, which conductors serve, too."""

_CALLERS: Final = {rpc.path: rpc.callers for rpc in (*RPCS, *COMMON_RPCS)}
_FOR_OTHERS: Final = frozenset(rpc.path for rpc in RPCS if rpc.for_others)


REPORT_PATHS: Final = tuple(rpc.path for rpc in RPCS if rpc.method in {"UpdateVim", "UpdateVims"})
"""The calls of which a fleet gets thousands a second."""


def callers_of(path: str) -> frozenset[CallerRole]:
    """Return the roles that an RPC is for, given its path such as `/vimesh.v1.VimService/GetVim`."""
    return _CALLERS.get(path, NOBODY)


def is_for_others(path: str) -> bool:
    """Return whether api processes call an RPC for their callers."""
    return path in _FOR_OTHERS


def rpcs_of(roles: frozenset[CallerRole]) -> list[str]:
    """Return the RPCs that callers with these roles may call, such as `vimesh.v1.VimService/GetVim`."""
    return sorted(
        rpc.path.removeprefix("/") for rpc in RPCS if rpc.callers == EVERYONE or not roles.isdisjoint(rpc.callers)
    )
