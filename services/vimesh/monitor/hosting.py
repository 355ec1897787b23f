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
from vimesh.monitor.addresses import Address
from vimesh.monitor.connection import Connection
from vimesh.monitor.daemon_threads import DaemonThreads
from vimesh.monitor.host import Abilities, Host
from vimesh.monitor.http import HttpConnection, HttpsConnection
from vimesh.monitor.icmp import Icmp
from vimesh.monitor.icmp_packet import NONCE_BYTES
from vimesh.monitor.probes import LocalFault
from vimesh.monitor.pulse import Pulse
from vimesh.monitor.resolver import LookUp, Resolver
from vimesh.monitor.rounds import Rounds
from vimesh.monitor.running_clock import Clock, RunningClock
from vimesh.monitor.sockets import Connect, Sockets, socket_limit
from vimesh.monitor.target import Target
from vimesh.monitor.tls import lenient_context, verifying_context
from vimesh.monitor.verdict import Verdict
from vimesh.monitor.wheel import Wheel

TICK_S = 0.01


@dataclass(frozen=True, slots=True)
class HostSettings:
    user_agent: str = "vimesh"
    sockets: int | None = None
    """How many probes over TCP may be under way; None: as many as the process may open files, less a reserve."""
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
        rounds = Rounds(wheel=wheel, running=running, clock=time.monotonic, resolver=resolver, on_verdict=on_verdict)
        pulse = Pulse(loop=loop, running=running, wheel=wheel, rounds=rounds)
        icmp = scope.enter_context(Icmp(nonce=secrets.token_bytes(NONCE_BYTES), listener=rounds, clock=time.monotonic))
        verifying = _verifying()
        sockets = scope.enter_context(
            Sockets(
                connect=_connect_by_method(time.monotonic, settings.user_agent, verifying),
                listener=rounds,
                limit=settings.sockets or socket_limit(),
            ),
        )
        rounds.use({Method.PING: icmp, Method.TCP: sockets, Method.HTTP: sockets})
        scope.callback(pulse.close)
        for pinger in icmp.pingers.values():
            pulse.listen(pinger.fileno(), pinger.drain)
        pulse.listen(sockets.fileno(), sockets.drain)
        yield Host(rounds=rounds, pulse=pulse, running=running, abilities=_abilities(icmp, verifying))


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


def _connect_by_method(clock: Clock, user_agent: str, verifying: ssl.SSLContext | LocalFault) -> Connect:
    lenient = lenient_context()

    def connect(target: Target, number: int, address: Address) -> Connection:
        if target.policy.method is Method.TCP:
            return Connection(target, number, address, clock)
        if target.endpoint.scheme == "http":
            return HttpConnection(target, number, address, clock, user_agent)
        context = verifying if target.policy.tls_verify else lenient
        if isinstance(context, LocalFault):
            raise LocalFault(context.reason, context.detail)
        return HttpsConnection(target, number, address, clock, user_agent, context)

    return connect
