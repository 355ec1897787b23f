"""Probes by HTTP GET over TLS."""

from __future__ import annotations

import select
import ssl
from contextlib import suppress

from vimesh.domain.probing import Reason
from vimesh.monitor.net.ip_addresses import ProbeAddress
from vimesh.monitor.probes.base.prober import LocalFault
from vimesh.monitor.probes.base.sightings import Handshake, NoSightings, Sightings
from vimesh.monitor.probes.http.http_connection import HttpConnection
from vimesh.monitor.probes.tls.byte_quota import ByteQuota
from vimesh.monitor.probes.tls.handshake_step import HandshakeStep
from vimesh.monitor.probes.tls.handshakes import Handshakes
from vimesh.monitor.probes.tls.tls_session import TlsSession, whole_records_bytes
from vimesh.monitor.scheduling.stall_clock import Clock
from vimesh.monitor.targets.target import Target

_PIECE_BYTES = 16 * 1024
_HANDSHAKE_BYTES, _HANDSHAKE_PIECES = 128 * 1024, 4096
"""Limits on the server's part of the handshake: OpenSSL accepts up to 100 KB of certificates."""
_BOUNDED_BYTES = 8 * 1024
"""No key and no signatures that fit into this take OpenSSL more than about 10 ms, not even RSA with 16,384 bits."""
_QUIET_BYTES, _QUIET_PIECES = 16 * 1024, 2048
"""Limits on later data that contains nothing of the answer: some tickets, or a record in small pieces."""
_PATIENCE_S = 0.05
"""If a probe waited longer for our own threads, its silence proves nothing."""
_NO_SIGHTINGS = NoSightings()


class HttpsConnection(HttpConnection):
    """An HTTP probe over a TLS session.

    Handshake steps run in a thread, because the server determines their cost. Only bounded steps run in the loop, where
    the detour through a thread would cost too much. While a thread computes, it owns the session, and nothing is read
    from the socket.
    """

    __slots__ = (
        "_context",
        "_encrypted",
        "_handshakes",
        "_has_early",
        "_quota",
        "_received",
        "_session",
        "_step",
        "_waited_s",
    )

    encrypted = True

    def __init__(  # noqa: PLR0913, PLR0917 - all parts of a connection are passed in
        self,
        target: Target,
        number: int,
        address: ProbeAddress,
        clock: Clock,
        user_agent: str,
        life_s: float,
        context: ssl.SSLContext,
        handshakes: Handshakes,
        sightings: Sightings = _NO_SIGHTINGS,
    ) -> None:
        super().__init__(target, number, address, clock, user_agent, life_s, sightings)
        self._context = context
        self._handshakes = handshakes
        self._step: HandshakeStep | None = None
        self._waited_s = 0.0
        """How many seconds its steps were queued for a thread."""
        self._quota = ByteQuota(_HANDSHAKE_BYTES, _HANDSHAKE_PIECES)
        self._received = b""
        """The received part of an incomplete handshake record, or data that followed the handshake."""
        self._has_early = False
        """Whether data followed the handshake before the request was sent."""
        self._encrypted = b""
        """Encrypted data that the socket has not taken yet."""

    def on_established(self) -> None:
        self._session = TlsSession(self._context, self.target.endpoint.host.removesuffix("."))
        self._session.start_handshake()
        super().on_established()

    def exchange(self) -> None:
        if not self._unsent and self._step is None and self._session.is_established:
            # Nearly always: the answer on a kept connection.
            self._judge(self.receive())
            if self._encrypted:
                self.interest = select.EPOLLOUT
            return
        if self._step is not None and not self._step.is_computed:
            # EPOLLHUP and EPOLLERR cannot be masked and would be reported again and again: this limits them to one.
            self.interest = select.EPOLLONESHOT
            return
        if self._step is not None or not self._session.is_established:
            self._advance_handshake()
            if self._step is not None or self.outcome is not None:
                return
            if not self._session.is_established:
                self._flush()
                self.interest = select.EPOLLIN
                return
        super().exchange()
        if self._has_early and self.outcome is None:
            # The data that followed the handshake is in memory, where epoll does not report it. An answer that precedes
            # the request is read, but its connection is not reused.
            self.renew_at = 0.0
            super().exchange()
        elif self._encrypted:
            self.interest = select.EPOLLOUT

    def send(self, data: bytes) -> int:
        # The part that the socket does not take is sent before the next receive.
        self._encrypted += self._session.encrypt(data)
        self._push()
        return len(data)

    def receive(self) -> bytes:
        if self._encrypted:
            self._flush()
        if self._has_early:
            piece, self._received, self._has_early = self._received, b"", False
        elif not (piece := self.socket.recv(_PIECE_BYTES)):
            return b""
        try:
            said = self._session.decrypt(piece)
        except ssl.SSLWantReadError:
            self._quota.take(len(piece), "through TLS that is not an answer")
            self._flush()  # TLS may have to reply
            raise
        if self._quota.is_touched:
            self._quota.refill(_QUIET_BYTES, _QUIET_PIECES)
        return said

    def reuse(self, number: int) -> bool:
        # Named instead of super(), which takes longer than the call: this runs for nearly each probe.
        return HttpConnection.reuse(self, number) and not self._encrypted

    def own_fault(self) -> LocalFault | None:
        waited_s = self._waited_s + (self._clock() - self._step.queued_at if self._step else 0.0)
        if waited_s < _PATIENCE_S:
            return None
        return LocalFault(Reason.LOCAL_RESOURCES, f"its TLS handshake waited {waited_s * 1000:.0f} ms to be computed")

    def close(self) -> None:
        if self._step is not None:
            self._step.is_cancelled = True
            self._step = None
        super().close()

    def _advance_handshake(self) -> None:
        step = self._step or self._next_step()
        if step is None:
            return
        if not step.is_computed:
            if not self._is_bounded(step):
                self._step = step
                self._handshakes.submit(step)
                return
            step.compute()
            self._handshakes.record_cost(step)
        self._end_step(step)

    def _next_step(self) -> HandshakeStep | None:
        """Receive a piece of the handshake; None: there is nothing to compute yet."""
        if self._flush():
            return None
        piece = super().receive()
        self._quota.take(len(piece), "to shake hands")
        self._received += piece
        whole_bytes = whole_records_bytes(self._received)
        if piece and not whole_bytes:
            return None
        whole, self._received = self._received[:whole_bytes], self._received[whole_bytes:]
        return HandshakeStep(self, self._session, whole, self._clock())

    def _is_bounded(self, step: HandshakeStep) -> bool:
        """Return whether the step is certain to take about 10 ms at most."""
        received_bytes = self._session.received_bytes + len(step.received)
        return (
            received_bytes <= _BOUNDED_BYTES
            and not self._session.retried
            and not self._handshakes.is_costly(self.address)
        )

    def _end_step(self, step: HandshakeStep) -> None:
        """Apply the result of a step. Raises LocalFault."""
        self._step = None
        self._waited_s += step.waited_s
        self.sent_at += step.waited_s  # that time does not count against the VIM
        if isinstance(step.failure, LocalFault):
            raise step.failure
        if step.failure is not None:
            if self._session.refusal[0]:
                self._sightings.note_handshake(self.target, _handshake(self._session))
            with suppress(OSError):  # the alert that states why is sent if possible
                self._flush()
            self.fail(*step.failure)
        elif self._session.is_established:
            self._sightings.note_handshake(self.target, _handshake(self._session))
            self._quota.refill(_QUIET_BYTES, _QUIET_PIECES)
            self._has_early = bool(self._received) or self._session.has_more

    def _flush(self) -> bool:
        """Send pending data; False: there is none. Raises SSLWantWriteError if the socket does not take all of it."""
        self._encrypted += self._session.take_outgoing()
        if not self._encrypted:
            return False
        self._push()
        if self._encrypted:
            raise ssl.SSLWantWriteError
        return True

    def _push(self) -> None:
        """Send as much pending data as the socket takes."""
        try:
            sent_bytes = self.socket.send(self._encrypted)
        except BlockingIOError:
            return
        self._encrypted = self._encrypted[sent_bytes:]


def _handshake(session: TlsSession) -> Handshake:
    return Handshake(session.peer_certificate(), session.peer_chain, session.verifies, *session.refusal)
