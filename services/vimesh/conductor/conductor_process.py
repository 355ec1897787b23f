"""Runs one conductor process: a gRPC server on top of a store."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import structlog
from grpc_health.v1 import health_pb2
from grpc_health.v1._async import HealthServicer
from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server

from vimesh.conductor.access.audit_log import AuditLog
from vimesh.conductor.access.caller_headers import FrontIdentification, identify_by_headers, represented_caller
from vimesh.conductor.access.revocation_lists import RevocationLists
from vimesh.conductor.access.server_certificates import ServerCertificates
from vimesh.conductor.access_service import AccessServicer
from vimesh.conductor.availability.availability_service import AvailabilityServicer
from vimesh.conductor.causes.cause_upkeep import CauseUpkeep
from vimesh.conductor.conductor_service import SERIALIZED, UNCHECKED, ReportsServicer
from vimesh.conductor.engines import Engines
from vimesh.conductor.fleet_service import FleetServicer
from vimesh.conductor.history_service import HistoryServicer
from vimesh.conductor.maintenance_service import MaintenanceServicer
from vimesh.conductor.notifications.notifier_service import NotifierServicer
from vimesh.conductor.notifications.receiver_service import ReceiverServicer
from vimesh.conductor.pool.action_streams import ActionStreams
from vimesh.conductor.pool.pool_share import Pool
from vimesh.conductor.pool.pool_upkeep import PoolLimits, PoolUpkeep
from vimesh.conductor.ports.channelz_socket import answering_channelz, check_channelz
from vimesh.conductor.ports.grpc_limits import OPTIONS
from vimesh.conductor.ports.health import Health
from vimesh.conductor.ports.port_check import require_accepting
from vimesh.conductor.ports.vitals import Vitals
from vimesh.conductor.probes.probe_parts import probe_parts
from vimesh.conductor.probes.vim_probes import ProbeLimits
from vimesh.conductor.reports.contact_pace import ContactPace
from vimesh.conductor.upkeep.availability_count import AvailabilityCount
from vimesh.conductor.upkeep.erasure import Erasure
from vimesh.conductor.upkeep.history_compaction import HistoryCompaction
from vimesh.conductor.upkeep.lease_sweep import LeaseSweep, SweepLimits
from vimesh.conductor.upkeep.log_compaction import LogCompaction
from vimesh.conductor.upkeep.maintenance_upkeep import MaintenanceUpkeep
from vimesh.conductor.upkeep.notification_cleanup import NotificationCleanup
from vimesh.conductor.upkeep.self_announcement import StoreLink
from vimesh.conductor.vim_service import SERIALIZED_RESPONSES, VimsServicer
from vimesh.conductor.watches.commit_hints import CommitHints
from vimesh.conductor.watches.event_feed import EventFeed
from vimesh.conductor.watches.watch_streams import WatchLimits, WatchStreams
from vimesh.conductor.workflow_service import WorkflowsServicer
from vimesh.domain.errors import BadSetting
from vimesh.domain.fleet.process_announcements import ProcessKind
from vimesh.domain.fleet.upgrade_phases import TABLES_FACT
from vimesh.domain.history.history_limits import HistoryLimits
from vimesh.domain.leases import LONGEST_CONTACT_WITHIN_S
from vimesh.domain.retention import Retention
from vimesh.domain.vim_store import VimStore
from vimesh.rpc.admission.call_gate import CallAdmission, CallAdmissionLimits
from vimesh.rpc.admission.gated_handlers import AdmittedStreams
from vimesh.rpc.call_entrance import CallEntrance, Identify
from vimesh.rpc.call_statistics import CallStatistics
from vimesh.rpc.guarded_server import GuardedServer
from vimesh.rpc.ports.health_port import answering_health, answering_probes
from vimesh.rpc.ports.port_binding import listen_on
from vimesh.rpc.reflection import enable_reflection
from vimesh.runtime.background import beside
from vimesh.runtime.supervisor import supervise
from vimesh.tracing.spans import Tracer
from vimesh.v1 import (
    access_service_pb2,
    availability_service_pb2,
    conductor_service_pb2,
    fleet_service_pb2,
    history_service_pb2,
    maintenance_service_pb2,
    notifier_service_pb2,
    receiver_service_pb2,
    vim_service_pb2,
    workflow_service_pb2,
)
from vimesh.v1.access_service_pb2_grpc import add_AccessServiceServicer_to_server
from vimesh.v1.availability_service_pb2_grpc import add_AvailabilityServiceServicer_to_server
from vimesh.v1.conductor_service_pb2_grpc import add_ConductorServiceServicer_to_server
from vimesh.v1.fleet_service_pb2_grpc import add_FleetServiceServicer_to_server
from vimesh.v1.history_service_pb2_grpc import add_HistoryServiceServicer_to_server
from vimesh.v1.maintenance_service_pb2_grpc import add_MaintenanceServiceServicer_to_server
from vimesh.v1.notifier_service_pb2_grpc import add_NotifierServiceServicer_to_server
from vimesh.v1.receiver_service_pb2_grpc import add_ReceiverServiceServicer_to_server
from vimesh.v1.vim_service_pb2_grpc import add_VimServiceServicer_to_server
from vimesh.v1.workflow_service_pb2_grpc import add_WorkflowServiceServicer_to_server
from vimesh.watchdog.calls import Calls
from vimesh.watchdog.process_announcer import announced
from vimesh.wire.message_rules import Rules

if TYPE_CHECKING:
    from vimesh.metrics.exposition import Exposition  # needs packages that are only used with --metrics

_log = structlog.get_logger()

SERVICES = (
    access_service_pb2.DESCRIPTOR.services_by_name["AccessService"].full_name,
    vim_service_pb2.DESCRIPTOR.services_by_name["VimService"].full_name,
    conductor_service_pb2.DESCRIPTOR.services_by_name["ConductorService"].full_name,
    workflow_service_pb2.DESCRIPTOR.services_by_name["WorkflowService"].full_name,
    fleet_service_pb2.DESCRIPTOR.services_by_name["FleetService"].full_name,
    history_service_pb2.DESCRIPTOR.services_by_name["HistoryService"].full_name,
    availability_service_pb2.DESCRIPTOR.services_by_name["AvailabilityService"].full_name,
    maintenance_service_pb2.DESCRIPTOR.services_by_name["MaintenanceService"].full_name,
    receiver_service_pb2.DESCRIPTOR.services_by_name["ReceiverService"].full_name,
    notifier_service_pb2.DESCRIPTOR.services_by_name["NotifierService"].full_name,
)

_HEALTH_SERVICES = ("", *SERVICES)
"""Service names that a health check can ask for; all of them always have the same status."""


@dataclass(frozen=True, slots=True)
class ConductorSettings:
    listen: str = "127.0.0.1:0"
    """`host:port`, where port 0 picks a free port, or `unix:` and a path."""
    health_listen: str = ""
    """Address of the separate health server; empty: a free port on the host of `listen`, or its path with `.health`."""
    probe_listen: str = ""
    """Address at which health is answered without TLS as well; empty: nowhere."""
    channelz: str = ""
    """Where gRPC's channelz is served: `unix:` and a path; empty: nowhere."""
    credentials: Path | None = None
    """Folder with `tls.crt`, `tls.key` and `ca.crt`, to serve by TLS, to clients with a certificate; None: no TLS."""
    requires_identity: bool = False
    """Whether each call needs an identity that the front has proved; otherwise everybody may do everything."""
    audit_file: Path | None = None
    """File to which a line is appended for each change and each refusal."""
    contact_within_s: float = 10.0
    """The shortest contact interval that ping actions are asked to keep; at most 60 s."""
    contacts_per_s: float = 2000.0
    """Contact budget of the whole fleet, per second: with many VIMs, each action is asked to report less often."""
    sweep: SweepLimits = field(default_factory=SweepLimits)
    retention: Retention = field(default_factory=Retention)
    history: HistoryLimits = field(default_factory=HistoryLimits)
    engines: Engines = field(default_factory=Engines)
    drain_s: float = 1.5
    """How long a stopping conductor reports NOT_SERVING before it ends streams, so that the balancer notices."""
    grace_s: float = 15.0
    """How long calls in flight may then take to finish: no call has a longer time limit."""
    watch: WatchLimits = field(default_factory=WatchLimits)
    pool: PoolLimits = field(default_factory=PoolLimits)
    probes: ProbeLimits = field(default_factory=ProbeLimits)
    admission: CallAdmissionLimits = field(default_factory=CallAdmissionLimits)
    tables: str = ""
    """Newest version of the tables that its store knows, which it announces; empty: it does not."""

    def __post_init__(self) -> None:
        check_channelz(self.channelz)
        if not 0 < self.contact_within_s <= LONGEST_CONTACT_WITHIN_S:
            raise BadSetting("contact_within", f"must be above 0 s and at most {LONGEST_CONTACT_WITHIN_S:.0f} s")
        if not self.contacts_per_s > 0:
            raise BadSetting("contacts_per_s", "must be above 0")
        if self.requires_identity and self.credentials is None and not self.listen.startswith("unix:"):
            raise BadSetting(
                "require_identity", "needs --listen unix:PATH or --credentials: otherwise, anybody can name an identity"
            )


@dataclass(frozen=True, slots=True)
class Ports:
    main: int
    health: int


@asynccontextmanager
async def serving(
    store: VimStore,
    settings: ConductorSettings,
    calls: Calls | None = None,
    exposition: Exposition | None = None,
    tracer: Tracer | None = None,
) -> AsyncGenerator[Ports]:
    """Serve until the block ends, then drain. Raises BadSetting if it cannot listen; NotAccepting."""
    rules = Rules()
    feed = EventFeed(store)
    watch_streams = WatchStreams(store, feed, settings.watch, now=time.monotonic)
    server = grpc.aio.server(options=OPTIONS)
    admission = CallAdmission(settings.admission)
    certificates = ServerCertificates(settings.credentials) if settings.credentials else None
    audit = AuditLog(settings.audit_file) if settings.audit_file else None
    entrance = CallEntrance(_identification(settings, certificates), audit, represented_caller)
    statistics = CallStatistics()
    edge: Any = GuardedServer(
        server,
        rules,
        unchecked=UNCHECKED,
        serialized=SERIALIZED,
        serialized_responses=SERIALIZED_RESPONSES,
        calls=calls,
        admission=admission,
        entrance=entrance,
        statistics=statistics,
        tracer=tracer,
    )
    third_party_services: Any = AdmittedStreams(server, admission, entrance.authorize)
    pace = ContactPace(store, floor_s=settings.contact_within_s, budget_per_s=settings.contacts_per_s)
    sweep = LeaseSweep(store, feed, pace, settings.sweep)
    pool_upkeep = PoolUpkeep(store.pool, feed, settings.pool)
    probes = probe_parts(store, pool_upkeep, settings.probes)
    add_VimServiceServicer_to_server(
        VimsServicer(store, feed, watch_streams, rules, settings.engines, probes=probes.vims, pace=pace), edge
    )
    reports = ReportsServicer(
        store, feed, _action_streams(store, watch_streams, pool_upkeep, settings), pace, rules, probes=probes
    )
    add_ConductorServiceServicer_to_server(reports, edge)
    add_FleetServiceServicer_to_server(FleetServicer(store, pool_upkeep.poke), edge)
    add_HistoryServiceServicer_to_server(HistoryServicer(store, pace), edge)
    _add_services_of_store(store, edge)
    maintenance = MaintenanceUpkeep(store.maintenance, feed)
    add_MaintenanceServiceServicer_to_server(MaintenanceServicer(store.maintenance, rules, maintenance.poke), edge)
    add_ReceiverServiceServicer_to_server(ReceiverServicer(store.receivers, rules), edge)
    grpc_health = HealthServicer()
    add_HealthServicer_to_server(grpc_health, third_party_services)
    enable_reflection((*SERVICES, health_pb2.DESCRIPTOR.services_by_name["Health"].full_name), third_party_services)
    port = listen_on(server, "listen", settings.listen, certificates.credentials() if certificates else None)
    vitals = Vitals()
    health = Health(store, vitals, grpc_health, _HEALTH_SERVICES)
    beside_them = []
    if exposition is not None:
        from vimesh.conductor.metrics.conductor_collector import ConductorParts  # noqa: PLC0415 - see above
        from vimesh.conductor.metrics.conductor_metrics import expose  # noqa: PLC0415 - see above

        parts = ConductorParts(
            statistics,
            admission,
            reports,
            pace,
            sweep,
            watch_streams,
            vitals,
            pool_upkeep,
            probes.confirmation.statistics,
        )
        beside_them.append(supervise("metrics", expose(exposition, store, parts)))
    # Count once before serving, so that the first answers use the right pace. If this fails because the database is
    # unavailable, there are no answers either.
    await pace.count()
    async with (
        answering_health(
            _health_address(settings), vitals, _HEALTH_SERVICES, certificates.credentials() if certificates else None
        ) as health_port,
        answering_probes(settings.probe_listen, vitals, _HEALTH_SERVICES),
        answering_channelz(settings.channelz),
        beside(
            supervise("heartbeat", health.beat),
            supervise("feed", feed.run),
            supervise("hints", CommitHints(store, feed).run),
            supervise("health", health.run),
            supervise("pacing", pace.run),
            supervise("sweep", sweep.run),
            supervise("pool", pool_upkeep.run),
            supervise("causes", CauseUpkeep(store.causes, lambda: pool_upkeep.assignments).run),
            supervise("maintenance", maintenance.run),
            supervise("erasure", Erasure(store).run),
            supervise("availability", AvailabilityCount(store.availability).run),
            supervise("compaction", LogCompaction(store, settings.retention).run),
            supervise("history", HistoryCompaction(store.history, settings.history).run),
            supervise("notifications", NotificationCleanup(store.receivers).run),
            *beside_them,
        ),
        announced(
            ProcessKind.CONDUCTOR,
            StoreLink(store, str(certificates.identity) if certificates else ""),
            lambda: _facts(settings),
        ),
    ):
        await server.start()
        try:
            async with beside(require_accepting(settings.listen, port)):
                yield Ports(port, health_port)
        finally:
            await _drain(
                server, health, (feed.drain, probes.monitors.drain, third_party_services.end_streams), settings
            )
            if audit is not None:
                audit.close()


def _add_services_of_store(store: VimStore, edge: Any) -> None:  # noqa: ANN401 - what generated code takes for a server
    """Add the services that need nothing but the store."""
    add_WorkflowServiceServicer_to_server(WorkflowsServicer(store), edge)
    add_AccessServiceServicer_to_server(AccessServicer(store), edge)
    add_AvailabilityServiceServicer_to_server(AvailabilityServicer(store.availability), edge)
    add_NotifierServiceServicer_to_server(NotifierServicer(store.deliveries), edge)


def _action_streams(
    store: VimStore, watch_streams: WatchStreams, upkeep: PoolUpkeep, settings: ConductorSettings
) -> ActionStreams:
    return ActionStreams(store, watch_streams, Pool(store.pool, upkeep, settings.pool, time.monotonic))


def _facts(settings: ConductorSettings) -> dict[str, str]:
    return {"listen": settings.listen} | ({TABLES_FACT: settings.tables} if settings.tables else {})


def _identification(settings: ConductorSettings, certificates: ServerCertificates | None) -> Identify | None:
    if not settings.requires_identity:
        return None
    if certificates is not None:
        return FrontIdentification(certificates.identity.trust_domain, RevocationLists(certificates.folder))
    return identify_by_headers


def _health_address(settings: ConductorSettings) -> str:
    if settings.health_listen:
        return settings.health_listen
    host, _, place = settings.listen.rpartition(":")
    return f"unix:{place}.health" if host == "unix" else f"{host}:0"


async def _drain(
    server: grpc.aio.Server, health: Health, ends_of_streams: Iterable[Callable[[], None]], settings: ConductorSettings
) -> None:
    _log.info("draining", not_serving_s=settings.drain_s)
    await health.drain()
    await asyncio.sleep(settings.drain_s)
    for end in ends_of_streams:
        end()
    await server.stop(settings.grace_s)


async def run_conductor(  # noqa: PLR0913 - all collaborators are passed in here
    store: VimStore,
    settings: ConductorSettings,
    stopped: Callable[[], Awaitable[object]],
    calls: Calls | None = None,
    *,
    exposition: Exposition | None = None,
    tracer: Tracer | None = None,
) -> None:
    """Serve until `stopped` returns, then drain. `stopped` is called once it serves; `calls` tracks running calls.

    `exposition`: gets the collectors of the conductor; None: metrics are not served. `tracer`: None: no call is traced.
    """
    async with serving(store, settings, calls, exposition, tracer) as ports:
        if settings.listen.startswith("unix:"):
            _log.info("conductor is serving", socket=settings.listen.removeprefix("unix:"))
        else:
            _log.info("conductor is serving", port=ports.main, health_port=ports.health)
        await stopped()
