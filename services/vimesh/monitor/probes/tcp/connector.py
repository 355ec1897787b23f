"""Makes the connection of each probe that is one, by its method. A further such method is registered here."""

from __future__ import annotations

import ssl
from collections.abc import Collection

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
    ) -> None:
        """`sightings`: takes what connections see besides answers; None: that is not wanted."""
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
        return self._makers[target.policy.method](target, number, address)

    def _make_tcp(self, target: Target, number: int, address: ProbeAddress) -> Connection:
        return Connection(target, number, address, self._clock)

    def _make_http(self, target: Target, number: int, address: ProbeAddress) -> HttpConnection:
        encrypted = target.endpoint.scheme == "https"
        life_s = self._kept.life_s(target, address, encrypted=encrypted)
        if not encrypted:
            return HttpConnection(target, number, address, self._clock, self._user_agent, life_s, self._sightings)
        context = self._verifying if target.policy.tls_verify else self._lenient
        if isinstance(context, LocalFault):
            raise LocalFault(context.reason, context.detail)
        self._handshakes.admit(address)
        return HttpsConnection(
            target, number, address, self._clock, self._user_agent, life_s, context, self._handshakes, self._sightings
        )
