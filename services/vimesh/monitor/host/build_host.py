"""Builds a host from its parts, and assigns a prober to each method."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from vimesh.domain.probing import Method
from vimesh.monitor.conditions.gather_conditions import gathering
from vimesh.monitor.host.action_host import Abilities, ActionHost
from vimesh.monitor.host.probe_loop import ProbeLoop
from vimesh.monitor.host.requested_rounds import RequestedRounds, RequestedVerdicts
from vimesh.monitor.loop_guard.collector_time import CollectorTime
from vimesh.monitor.loop_guard.loop_watch import HOLD_S, LoopWatch
from vimesh.monitor.loop_guard.safeguards import Safeguards
from vimesh.monitor.names.lookup_queue import names_at_once
from vimesh.monitor.names.name_lookup import NameLookup
from vimesh.monitor.names.resolver import Resolver
from vimesh.monitor.probes.base.prober import LocalFault
from vimesh.monitor.probes.base.target_gate import TargetGate
from vimesh.monitor.probes.icmp.echo_sockets import ROTATE_S
from vimesh.monitor.probes.icmp.ping_prober import PingProber
from vimesh.monitor.probes.idle.idle_connections import LIFE_S, IdleConnections
from vimesh.monitor.probes.idle.server_memory import ServerMemory
from vimesh.monitor.probes.tcp.connector import ProbeConnector
from vimesh.monitor.probes.tcp.own_output import OwnOutput
from vimesh.monitor.probes.tcp.socket_limit import SocketLimit
from vimesh.monitor.probes.tcp.socket_prober import SocketProber
from vimesh.monitor.probes.tls.handshake_costs import HandshakeCosts
from vimesh.monitor.probes.tls.handshakes import Handshakes
from vimesh.monitor.probes.tls.tls_trust import verifying_context
from vimesh.monitor.references.build_references import asked_references
from vimesh.monitor.references.reference_addresses import References
from vimesh.monitor.references.uplink import Uplink
from vimesh.monitor.rounds.rounds import Rounds
from vimesh.monitor.scheduling.local_health import LocalHealth
from vimesh.monitor.scheduling.round_budget import ROUNDS_PER_S, RoundBudget
from vimesh.monitor.scheduling.stall_clock import StallClock
from vimesh.monitor.scheduling.timing_wheel import TimingWheel
from vimesh.monitor.statistics.probe_statistics import ProbeStatistics
from vimesh.monitor.targets.cohorts import Cohort
from vimesh.monitor.targets.round_history import RoundHistory
from vimesh.monitor.targets.target import Target
from vimesh.monitor.targets.verdict import Verdict
from vimesh.monitor.traces.probe_trace import ProbeTrace
from vimesh.target_rules.fleet_addresses import FleetAddresses
from vimesh.target_rules.target_rules import TargetRules

TICK_S = 0.01
VOLLEY_TICK_S = 0.05
"""A wake-up costs as much as twenty pings, because its data has left the processor's caches: so volleys are batched."""
_KEPT_SHARE = 0.75
"""Share of the sockets for idle connections; the others are for probes that need a new connection."""
_MOST_KEPT_ENCRYPTED = 8192
"""Each idle TLS connection takes about 30 KB of memory."""


@dataclass(frozen=True, slots=True)
class HostSettings:
    user_agent: str = "vimesh"
    sockets: int | None = None
    """How many sockets TCP probes may open; None: the process's limit on open files, less a reserve."""
    kept_life_s: float = LIFE_S
    """About how long an HTTP connection is reused."""
    rounds_per_s: float = ROUNDS_PER_S
    """How many rounds may start per second; above that, all intervals are longer than requested."""
    ping_identifier_s: float = ROTATE_S
    """How long pings keep an ICMP identifier."""
    name_servers: tuple[str, ...] = ()
    """The name servers to ask, each `ip`, `ip:port` or `[ip]:port`; without any, those of /etc/resolv.conf."""
    rules: TargetRules = field(default_factory=TargetRules)
    """Which addresses may be probed."""
    history: bool = False
    """Whether to gather what rounds come to: see `ActionHost.history`."""
    conditions: bool = False
    """Whether to gather what probes show besides verdicts: see `ActionHost.conditions`."""
    references: References = ()
    """What proves that the network of this machine works; empty: nothing does."""


@contextmanager
def hosting(
    on_verdict: Callable[[Verdict], None],
    settings: HostSettings,
    safeguards: Safeguards | None = None,
    fleet: FleetAddresses | None = None,
) -> Generator[ActionHost]:
    """Yield a host that lives as long as the block. Enter it in a running loop.

    `fleet`: addresses that are probed only if a rule allows it; None: those of this machine.
    """
    safeguards = safeguards or Safeguards()
    gate = TargetGate(settings.rules, fleet or FleetAddresses(clock=time.monotonic))
    loop = asyncio.get_running_loop()
    statistics = ProbeStatistics()
    history = RoundHistory() if settings.history else None
    health = LocalHealth()
    running = StallClock(time.monotonic, health)
    wheel: TimingWheel[Target] = TimingWheel(TICK_S)
    with ExitStack() as scope:
        look_up = scope.enter_context(NameLookup(settings.name_servers))
        resolver = Resolver(
            look_up=look_up,
            call_later=loop.call_later,
            clock=time.monotonic,
            most_open=names_at_once(),
            statistics=statistics,
        )
        conditions = scope.enter_context(gathering(loop)) if settings.conditions else None
        pace = RoundBudget(settings.rounds_per_s)
        requested = RequestedVerdicts(on_verdict)
        uplink = Uplink(running.now()) if settings.references else None
        rounds = Rounds(
            wheel=wheel,
            running=running,
            clock=time.monotonic,
            resolver=resolver,
            on_verdict=requested.pass_on,
            pace=pace,
            quarantine=safeguards.quarantine,
            statistics=statistics,
            history=history,
            health=health,
            uplink=uplink,
        )
        collector = scope.enter_context(CollectorTime())
        watch = LoopWatch(on_hold=rounds.loop_was_held, record=safeguards.record, collector=collector)
        cohort_wheel: TimingWheel[Cohort] = TimingWheel(VOLLEY_TICK_S)
        icmp = scope.enter_context(
            PingProber(
                gate=gate,
                listener=rounds,
                wheel=cohort_wheel,
                running=running,
                pace=pace,
                rotate_s=settings.ping_identifier_s,
                statistics=statistics,
                history=history,
            )
        )
        verifying = _verifying()
        traces: dict[Target, ProbeTrace] = {}
        limit = SocketLimit(clock=time.monotonic, most=settings.sockets)
        servers = ServerMemory(clock=time.monotonic)
        kept = IdleConnections(
            clock=time.monotonic,
            servers=servers,
            most=int(limit.full * _KEPT_SHARE),
            most_encrypted=_MOST_KEPT_ENCRYPTED,
            life_s=settings.kept_life_s,
        )
        handshakes = scope.enter_context(
            Handshakes(
                clock=time.monotonic,
                costs=HandshakeCosts(time.monotonic),
                on_costly=lambda target, cpu_s: _count_as_hold(watch, target, cpu_s),
            )
        )
        connector = ProbeConnector(
            gate=gate,
            clock=time.monotonic,
            user_agent=settings.user_agent,
            kept=kept,
            verifying=verifying,
            handshakes=handshakes,
            sightings=conditions,
            traces=traces,
        )
        sockets = scope.enter_context(
            SocketProber(
                connect=connector.connect,
                listener=rounds,
                clock=time.monotonic,
                limit=limit,
                kept=kept,
                output=OwnOutput(clock=time.monotonic),
                handshakes=handshakes,
                watch=watch,
                lost_within=running.lost_within,
            )
        )
        rounds.use({Method.PING: icmp, **dict.fromkeys(connector.methods, sockets)})
        asked = None
        if uplink is not None:
            asked = scope.enter_context(
                asked_references(
                    settings.references,
                    uplink=uplink,
                    running=running,
                    resolver=resolver,
                    gate=gate,
                    user_agent=settings.user_agent,
                    verifying=verifying,
                    record=safeguards.record,
                    collector=collector,
                )
            )
        references = None if asked is None else asked.probes
        pulse = ProbeLoop(
            loop=loop,
            running=running,
            wheel=wheel,
            rounds=rounds,
            cohort_wheel=cohort_wheel,
            cohorts=icmp.cohorts,
            watch=watch,
            references=references,
        )
        scope.callback(pulse.close)
        for pinger in icmp.pingers.values():
            pulse.listen(pinger.fileno(), pinger.drain)
        pulse.listen(sockets.fileno(), sockets.drain, busy=sockets.is_busy)
        for fd, drain in () if asked is None else asked.drains:
            pulse.listen(fd, drain)
        pulse.arm()
        yield ActionHost(
            rounds=rounds,
            pulse=pulse,
            running=running,
            abilities=_abilities(icmp, connector, verifying),
            pace=pace,
            statistics=statistics,
            gate=gate,
            resolver=resolver,
            history=history,
            requested_rounds=RequestedRounds(
                loop=loop,
                rounds=rounds,
                pulse=pulse,
                running=running,
                clock=time.monotonic,
                verdicts=requested,
                history=history,
                conditions=conditions,
                traces=traces,
            ),
            health=health,
            references=references,
            conditions=conditions,
        )


def _count_as_hold(watch: LoopWatch, target: Target, cpu_s: float) -> None:
    if cpu_s > HOLD_S:
        watch.held(target, cpu_s, "a TLS handshake")


def _verifying() -> ssl.SSLContext | LocalFault:
    try:
        return verifying_context()
    except LocalFault as fault:
        return fault


def _abilities(icmp: PingProber, connector: ProbeConnector, verifying: ssl.SSLContext | LocalFault) -> Abilities:
    versions = {int(socket.AF_INET): "PING over IPv4", int(socket.AF_INET6): "PING over IPv6"}
    usable = tuple(versions[family] for family in icmp.pingers)
    missing = {versions[family]: fault.detail for family, fault in icmp.faults.items()}
    if isinstance(verifying, LocalFault):
        missing["HTTP with tls_verify"] = verifying.detail
    return Abilities((*sorted(method.value for method in connector.methods), *usable), missing)
