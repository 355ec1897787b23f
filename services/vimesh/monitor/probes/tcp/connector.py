"""Makes the connection of each probe that is one, by its method. A further such method is registered here."""

from __future__ import annotations

import ssl
from collections.abc import Collection, Mapping

from vimesh.domain.probing import Method
from vimesh.monitor.net.ip_addresses import ProbeAddress
from vimesh.monitor.probes.base.connection import Connection
from vimesh.monitor.probes.base.prober import LocalFault
from vimesh.monitor.probes.base.sightings import NoSightings, Sightings
from vimesh.monitor.probes.base.target_gate import TargetGate
from vimesh.monitor.probes.http.http_connection import HttpConnection
from vimesh.monitor.probes.http.https_connection import HttpsConnection
from vimesh.monitor.probes.idle.idle_connections import IdleConnections
from vimesh.monitor.probes.tls.handshakes import Handshakes
from vimesh.monitor.probes.tls.tls_trust import lenient_context
from vimesh.monitor.probes.traces.attempt_trace import RoundTrace
from vimesh.monitor.probes.traces.traced_connections import (
    TracedConnection,
    TracedHttpConnection,
    TracedHttpsConnection,
)
from vimesh.monitor.scheduling.stall_clock import Clock
from vimesh.monitor.targets.target import Target


class ProbeConnector:
    """`verifying` is the TLS context that checks certificates, or the reason why there is none."""

    def __init__(  # noqa: PLR0913 - everything it uses is passed in
        self,
        *,
        gate: TargetGate,
        clock: Clock,
        user_agent: str,
        kept: IdleConnections,
        verifying: ssl.SSLContext | LocalFault,
        handshakes: Handshakes,
        sightings: Sightings | None = None,
        traces: Mapping[Target, RoundTrace] | None = None,
    ) -> None:
        """`sightings`: takes what connections see besides answers; None: that is not wanted.

        `traces`: of those targets whose connections are traced.
        """
        self._traces = {} if traces is None else traces
        self._sightings = sightings or NoSightings()
        self._gate = gate
        self._clock = clock
        self._user_agent = user_agent
        self._kept = kept
        self._verifying = verifying
        self._lenient = lenient_context()
        self._handshakes = handshakes
        self._makers = {Method.TCP: self._make_tcp, Method.HTTP: self._make_http}

    @property
    def methods(self) -> Collection[Method]:
        """The methods whose probes are connections."""
        return self._makers.keys()

    def connect(self, target: Target, number: int, address: ProbeAddress) -> Connection:
        """Return a connection, not started yet, of the kind that the target requires. Raises LocalFault."""
        self._gate.check(address)
        if self._traces and (trace := self._traces.get(target)) is not None:
            return self._make_traced(target, number, address, trace)
        return self._makers[target.policy.method](target, number, address)

    def _make_tcp(self, target: Target, number: int, address: ProbeAddress) -> Connection:
        return Connection(target, number, address, self._clock)

    def _make_http(self, target: Target, number: int, address: ProbeAddress) -> HttpConnection:
        encrypted = target.endpoint.scheme == "https"
        life_s = self._kept.life_s(target, address, encrypted=encrypted)
        if not encrypted:
            return HttpConnection(target, number, address, self._clock, self._user_agent, life_s, self._sightings)
        context = self._context_for(target, address)
        return HttpsConnection(
            target, number, address, self._clock, self._user_agent, life_s, context, self._handshakes, self._sightings
        )

    def _make_traced(self, target: Target, number: int, address: ProbeAddress, trace: RoundTrace) -> Connection:
        """Return a connection that is not kept, and belongs to no ping action."""
        clock, agent = self._clock, self._user_agent
        if target.policy.method is Method.TCP:
            plain = TracedConnection(target, number, address, clock)
            plain.trace(trace)
            return plain
        if target.endpoint.scheme == "https":
            context = self._context_for(target, address)
            encrypted = TracedHttpsConnection(
                target, number, address, clock, agent, 0.0, context, self._handshakes, trace
            )
            encrypted.trace(trace)
            return encrypted
        connection = TracedHttpConnection(target, number, address, clock, agent, 0.0, trace)
        connection.trace(trace)
        return connection

    def _context_for(self, target: Target, address: ProbeAddress) -> ssl.SSLContext:
        """Return the TLS context for a new connection. Raises LocalFault."""
        context = self._verifying if target.policy.tls_verify else self._lenient
        if isinstance(context, LocalFault):
            raise LocalFault(context.reason, context.detail)
        self._handshakes.admit(address)
        return context
