"""Builds what asks the references: probers of their own, with few sockets."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from vimesh.domain.probing import Method
from vimesh.monitor.loop_guard.collector_time import CollectorTime
from vimesh.monitor.loop_guard.loop_watch import HOLD_S, LoopWatch
from vimesh.monitor.names.resolver import Resolver
from vimesh.monitor.probes.base.prober import LocalFault
from vimesh.monitor.probes.base.target_gate import TargetGate
from vimesh.monitor.probes.icmp.ping_prober import PingProber
from vimesh.monitor.probes.idle.idle_connections import IdleConnections
from vimesh.monitor.probes.idle.server_memory import ServerMemory
from vimesh.monitor.probes.tcp.connector import ProbeConnector
from vimesh.monitor.probes.tcp.own_output import OwnOutput
from vimesh.monitor.probes.tcp.socket_limit import SocketLimit
from vimesh.monitor.probes.tcp.socket_prober import SocketProber
from vimesh.monitor.probes.tls.handshake_costs import HandshakeCosts
from vimesh.monitor.probes.tls.handshakes import Handshakes
from vimesh.monitor.references.reference_addresses import References
from vimesh.monitor.references.reference_probes import PROBES_AT_ONCE, ReferenceProbes
from vimesh.monitor.references.uplink import Uplink
from vimesh.monitor.scheduling.stall_clock import StallClock
from vimesh.monitor.scheduling.timing_wheel import TimingWheel
from vimesh.watchdog.work_record import WorkRecord

Drain = tuple[int, Callable[[], None]]
"""A file, and what reads the answers of references that have arrived there."""


@dataclass(frozen=True, slots=True)
class AskedReferences:
    probes: ReferenceProbes
    drains: tuple[Drain, ...]


@contextmanager
def asked_references(  # noqa: PLR0913 - everything that it shares with the probes of VIMs is passed in
    references: References,
    *,
    uplink: Uplink,
    running: StallClock,
    resolver: Resolver,
    gate: TargetGate,
    user_agent: str,
    verifying: ssl.SSLContext | LocalFault,
    record: WorkRecord,
    collector: CollectorTime,
) -> Generator[AskedReferences]:
    """Yield probes of the references, as long as the block lasts. Raises BadSetting if the rules forbid one."""
    probes = ReferenceProbes(references, uplink=uplink, clock=running.now, resolver=resolver, gate=gate)
    watch = LoopWatch(on_hold=probes.note_hold, record=record, collector=collector)
    with ExitStack() as scope:
        icmp = scope.enter_context(PingProber(gate=gate, listener=probes, wheel=TimingWheel(1.0), running=running))
        # No connection is kept: whether a new one can be made is the question.
        kept = IdleConnections(
            clock=time.monotonic, servers=ServerMemory(clock=time.monotonic), most=0, most_encrypted=0
        )
        handshakes = scope.enter_context(
            Handshakes(
                clock=time.monotonic,
                costs=HandshakeCosts(time.monotonic),
                on_costly=lambda target, cpu_s: (
                    watch.held(target, cpu_s, "a TLS handshake") if cpu_s > HOLD_S else None
                ),
            )
        )
        connector = ProbeConnector(
            gate=gate,
            clock=time.monotonic,
            user_agent=user_agent,
            kept=kept,
            verifying=verifying,
            handshakes=handshakes,
        )
        sockets = scope.enter_context(
            SocketProber(
                connect=connector.connect,
                listener=probes,
                clock=time.monotonic,
                limit=SocketLimit(clock=time.monotonic, most=len(references) * (PROBES_AT_ONCE + 1)),
                kept=kept,
                output=OwnOutput(clock=time.monotonic),
                handshakes=handshakes,
                watch=watch,
                lost_within=running.lost_within,
            )
        )
        probes.use({Method.PING: icmp, **dict.fromkeys(connector.methods, sockets)})
        pingers = ((pinger.fileno(), pinger.drain) for pinger in icmp.pingers.values())
        yield AskedReferences(probes, (*pingers, (sockets.fileno(), sockets.drain)))
