"""Connections that note how far they come. They are judged as all others, by the same code."""

from __future__ import annotations

from vimesh.monitor.probes.base.connection import Connection
from vimesh.monitor.probes.http.http_connection import HttpConnection
from vimesh.monitor.probes.http.https_connection import HttpsConnection
from vimesh.monitor.probes.tls.handshake_step import HandshakeStep
from vimesh.monitor.probes.traces.attempt_trace import AttemptTrace, RoundTrace


class _Traced(Connection):
    # A dictionary, as slots of two bases cannot be combined.
    __slots__ = ("__dict__",)

    attempt: AttemptTrace

    def trace(self, trace: RoundTrace) -> None:
        """Note in a trace from now on how far this comes. Call it before `start`."""
        self.attempt = trace.begin(self.address)

    def on_established(self) -> None:
        self.attempt.connected_at = self._clock()
        super().on_established()

    def succeed(self) -> None:
        self.attempt.answered_at = self._clock()
        super().succeed()

    def fail(self, reason: str, detail: str) -> None:
        self.attempt.reason, self.attempt.detail = reason, detail
        super().fail(reason, detail)


class TracedConnection(_Traced):
    """For TCP."""


class _TracedAnswer(_Traced, HttpConnection):
    __slots__ = ()

    whole: RoundTrace

    def trace(self, trace: RoundTrace) -> None:
        self.whole = trace
        super().trace(trace)

    def _judge(self, piece: bytes) -> None:
        if piece and not self.attempt.first_byte_at:
            self.attempt.first_byte_at = self._clock()
        self.attempt.take(piece)
        super()._judge(piece)
        self.whole.awaits_body = self.awaits_body


class TracedHttpConnection(_TracedAnswer):
    """For HTTP."""


class TracedHttpsConnection(_TracedAnswer, HttpsConnection):
    """For HTTPS."""

    def _end_step(self, step: HandshakeStep) -> None:
        super()._end_step(step)
        if self._session.is_established and not self.attempt.encrypted_at:
            self.attempt.encrypted_at = self._clock()
