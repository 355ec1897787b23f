"""Puts the parts of a host together."""

from __future__ import annotations

import asyncio
import secrets
import socket
import ssl
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from vimesh.domain.probing import Method
from vimesh.monitor.cohorts import Cohort, Cohorts
from vimesh.monitor.connecting import Connector
from vimesh.monitor.daemon_threads import DaemonThreads
from vimesh.monitor.host import Abilities, Host
from vimesh.monitor.icmp import Icmp
from vimesh.monitor.icmp_packet import NONCE_BYTES
from vimesh.monitor.kept import LIFE_S, Kept
from vimesh.monitor.pace import ROUNDS_PER_S, Pace
from vimesh.monitor.probes import LocalFault
from vimesh.monitor.pulse import Pulse
from vimesh.monitor.resolver import LookUp, Resolver
from vimesh.monitor.rounds import Rounds
from vimesh.monitor.running_clock import RunningClock
from vimesh.monitor.sockets import Sockets, socket_limit
from vimesh.monitor.target import Target
from vimesh.monitor.tls import verifying_context
from vimesh.monitor.verdict import Verdict
from vimesh.monitor.wheel import Wheel

TICK_S = 0.01
VOLLEY_TICK_S = 0.05
"""Waking up costs as much as twenty pings, for what it finds has left the processor's caches: so volleys gather."""
_KEPT_SHARE = 0.75
"""Of the sockets: the others are for probes that need a connection of their own."""
_MOST_KEPT_ENCRYPTED = 8192
"""Each takes about 25 KB of memory."""


@dataclass(frozen=True, slots=True)
class HostSettings:
    user_agent: str = "vimesh"
    sockets: int | None = None
    """How many sockets probes over TCP may open; None: as many as the process may open files, less a reserve."""
    kept_life_s: float = LIFE_S
    """For about how long an HTTP connection is used again and again."""
    rounds_per_s: float = ROUNDS_PER_S
    """So many may begin; above that, all intervals are longer than asked for."""
    lookup_threads: int = 8
    look_up: LookUp | None = None
    """How names are resolved; None: by the system."""


@contextmanager
def hosting(on_verdict: Callable[[Verdict], None], settings: HostSettings) -> Generator[Host]:
    """Give a host that lives as long as the block. To be entered in a running loop."""
    loop = asyncio.get_running_loop()
    running = RunningClock(time.monotonic)
    wheel: Wheel[Target] = Wheel(TICK_S)
    with ExitStack() as scope:
        threads = scope.enter_context(DaemonThreads(settings.lookup_threads, "vimesh-lookup"))
        resolver = Resolver(
            submit=threads.submit, call_back=loop.call_soon_threadsafe, clock=time.monotonic, look_up=settings.look_up
        )
        pace = Pace(settings.rounds_per_s)
        rounds = Rounds(
            wheel=wheel,
            running=running,
            clock=time.monotonic,
            resolver=resolver,
            on_verdict=on_verdict,
            pace=pace,
        )
        cohort_wheel: Wheel[Cohort] = Wheel(VOLLEY_TICK_S)
        cohorts = Cohorts(wheel=cohort_wheel, running=running, singly=rounds, pace=pace)
        pulse = Pulse(
            loop=loop, running=running, wheel=wheel, rounds=rounds, cohort_wheel=cohort_wheel, cohorts=cohorts
        )
        nonce = secrets.token_bytes(NONCE_BYTES)
        icmp = scope.enter_context(Icmp(nonce=nonce, listener=rounds, cohorts=cohorts, clock=time.monotonic))
        cohorts.use(icmp)
        verifying = _verifying()
        limit = settings.sockets or socket_limit()
        kept = Kept(
            clock=time.monotonic,
            most=int(limit * _KEPT_SHARE),
            most_encrypted=_MOST_KEPT_ENCRYPTED,
            life_s=settings.kept_life_s,
        )
        connector = Connector(clock=time.monotonic, user_agent=settings.user_agent, kept=kept, verifying=verifying)
        sockets = scope.enter_context(Sockets(connect=connector.connect, listener=rounds, limit=limit, kept=kept))
        rounds.use({Method.PING: icmp, Method.TCP: sockets, Method.HTTP: sockets}, cohorts)
        scope.callback(pulse.close)
        for pinger in icmp.pingers.values():
            pulse.listen(pinger.fileno(), pinger.drain)
        pulse.listen(sockets.fileno(), sockets.drain)
        yield Host(rounds=rounds, pulse=pulse, running=running, abilities=_abilities(icmp, verifying), pace=pace)


def _verifying() -> ssl.SSLContext | LocalFault:
    try:
        return verifying_context()
    except LocalFault as fault:
        return fault


def _abilities(icmp: Icmp, verifying: ssl.SSLContext | LocalFault) -> Abilities:
    versions = {int(socket.AF_INET): "PING over IPv4", int(socket.AF_INET6): "PING over IPv6"}
    usable = tuple(versions[family] for family in icmp.pingers)
    missing = {versions[family]: fault.detail for family, fault in icmp.faults.items()}
    if isinstance(verifying, LocalFault):
        missing["HTTP with tls_verify"] = verifying.detail
    return Abilities((Method.HTTP.value, Method.TCP.value, *usable), missing)
