"""Runs the embedded engine: hosts its share of the ping actions until it is cancelled."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING

import structlog

from vimesh.domain.actions import Action, ActionScope
from vimesh.domain.fleet.process_announcements import ProcessKind
from vimesh.domain.pool.pool_members import PoolPlace
from vimesh.domain.vims import Engine
from vimesh.monitor.host.action_host import ActionHost
from vimesh.monitor.host.reporting_host import ReportingHost, reporting_host
from vimesh.monitor.logins.build_logins import LoginSettings
from vimesh.monitor.logins.vim_logins import LoginLimits
from vimesh.monitor.loop_guard.safeguards import Safeguards
from vimesh.monitor.references.reference_addresses import References, format_references
from vimesh.monitor.reporting.reporter import ReporterLimits
from vimesh.monitor.reporting.second_opinions import OtherMonitors
from vimesh.monitor.requests.probe_service import ProbeService, ProbeServiceLimits
from vimesh.monitor.wanted_actions import ActionSet, PoolMember, Watcher
from vimesh.rpc.action_watch import ActionWatch, FollowLimits
from vimesh.rpc.process_reports import FrontLink
from vimesh.runtime.garbage_freeze import GarbageFreeze
from vimesh.runtime.supervisor import supervise
from vimesh.target_rules.networks import format_networks
from vimesh.target_rules.target_rules import TargetRules
from vimesh.tracing.spans import Tracer
from vimesh.watchdog.process_announcer import Membership, announced

if TYPE_CHECKING:
    from vimesh.metrics.exposition import Exposition  # needs packages that are only used with --metrics

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class MonitorSettings:
    address: str
    """Where the front of the mesh is: `host:port`, or `unix:` and the path of a socket."""
    credentials: Path | None = None
    """Folder with what this process shows to the front; None: the front asks for nothing."""
    place: PoolPlace = field(default_factory=PoolPlace)
    """What it offers to the pool, in which monitors share the VIMs."""
    reporter: ReporterLimits = field(default_factory=ReporterLimits)
    follow: FollowLimits = field(default_factory=FollowLimits)
    probes: ProbeServiceLimits = field(default_factory=ProbeServiceLimits)
    rules: TargetRules = field(default_factory=TargetRules)
    """Which addresses may be probed."""
    history: bool = False
    """Whether to deliver what rounds come to."""
    references: References = ()
    """What proves that the network of this process works; empty: nothing does."""
    logins: LoginLimits = field(default_factory=LoginLimits)
    """How often clouds are logged in to at most."""


async def run_monitor(
    settings: MonitorSettings,
    *,
    safeguards: Safeguards | None = None,
    started: Callable[[], object] = lambda: None,
    exposition: Exposition | None = None,
    tracer: Tracer | None = None,
) -> None:
    """Probe and report for the actions that the conductors want, until cancelled. Waits while none can be reached.

    `started` is called once, just before that. `exposition`: gets the collectors of the monitor; None: metrics are
    not served. `tracer`: None: no call is traced.
    """
    safeguards = safeguards or Safeguards()
    member = PoolMember(str(uuid.uuid4()), settings.place)
    async with reporting_host(
        settings.address,
        settings.reporter,
        settings.rules,
        references=settings.references,
        credentials=settings.credentials,
        safeguards=safeguards,
        history=settings.history,
        conditions=True,
        tracer=tracer,
        others=OtherMonitors(member.monitor_id, lambda: probe_service.monitors == 1),
        logins=LoginSettings(settings.logins, lambda: probe_service.monitors),
    ) as reporting:
        heap = GarbageFreeze()

        def start(action: Action) -> None:
            if reporting.start(action):
                heap.count_action()

        actions = ActionSet(start, reporting.stop, reporting.host.actions)
        watcher = Watcher(ActionScope(Engine.EMBEDDED), actions, member)
        action_watch = ActionWatch(
            reporting.stub, settings.follow, meanwhile="probing goes on", clock=time.monotonic, random=SystemRandom()
        )
        if exposition is not None:
            _register_metrics(exposition, reporting, action_watch, safeguards)
        # In this order: when the log states that the monitor has started, `started` has been called.
        started()
        _log_start(settings, reporting.host)
        probe_service = ProbeService(
            reporting.stub,
            member.monitor_id,
            reporting.host.requested_rounds,
            limits=settings.probes,
            random=SystemRandom(),
        )
        link = FrontLink(reporting.front)
        # One that does not hear of its actions must leave them to others.
        membership = Membership(member.monitor_id, lambda: member.place if action_watch.is_connected else None)
        async with (
            announced(ProcessKind.MONITOR, link, lambda: _facts(settings.place, reporting.host), membership),
            asyncio.TaskGroup() as parts,
        ):
            parts.create_task(supervise("reporter", reporting.reporter.run))
            parts.create_task(supervise("front addresses", reporting.follow_front))
            if (delivery := reporting.delivery) is not None:
                parts.create_task(supervise("minutes of history", delivery.end_minutes))
                parts.create_task(supervise("delivery of history", delivery.run))
            if reporting.conditions is not None:
                parts.create_task(supervise("conditions of VIMs", reporting.conditions.run))
            if reporting.opinions is not None:
                parts.create_task(supervise("second opinions", reporting.opinions.run))
            if reporting.logins is not None:
                parts.create_task(supervise("logins", reporting.logins.run))
            parts.create_task(supervise("probe requests", probe_service.run))
            parts.create_task(supervise("watcher", lambda: action_watch.run(watcher)))


def _facts(place: PoolPlace, host: ActionHost) -> dict[str, str]:
    facts = {"actions": str(len(host)), "capacity": str(place.capacity)}
    if host.local_health > 1:
        facts["local_health"] = f"{host.local_health:g}"
    if host.references is not None:
        facts["references"] = host.references.summary()
    return facts


def _register_metrics(
    exposition: Exposition, reporting: ReportingHost, action_watch: ActionWatch, safeguards: Safeguards
) -> None:
    from vimesh.monitor.metrics.monitor_collector import MonitorCollector  # noqa: PLC0415 - see above

    exposition.register(
        MonitorCollector(reporting.host, reporting.ledger, action_watch, safeguards.quarantine, clock=time.monotonic)
    )


def _log_start(settings: MonitorSettings, host: ActionHost) -> None:
    _log.info(
        "monitor started",
        address=settings.address,
        capacity=settings.place.capacity,
        methods=list(host.abilities.methods),
        missing=dict(host.abilities.missing),
        references=format_references(settings.references),
        probe_allow=format_networks(settings.rules.allow),
        probe_deny=format_networks(settings.rules.deny),
    )
