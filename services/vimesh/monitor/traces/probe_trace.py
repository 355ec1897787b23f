"""Collects what the probes of one requested round see."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from vimesh.domain.conditions.conditions import Certificate, Condition
from vimesh.domain.probes.evidence import MAX_ATTEMPTS, ProbeAttempt, ProbeEvidence
from vimesh.monitor.conditions.certificate_reader import Unreadable, can_read, read_certificate
from vimesh.monitor.conditions.certificate_validity import Verification, certificate_condition, with_verification
from vimesh.monitor.conditions.service_answers import UNFINISHED, judge_answer
from vimesh.monitor.net.ip_addresses import ProbeAddress
from vimesh.monitor.probes.base.sightings import Handshake
from vimesh.monitor.probes.traces.answer_head import read_head
from vimesh.monitor.probes.traces.attempt_trace import AttemptTrace, RoundTrace
from vimesh.monitor.scheduling.stall_clock import Clock
from vimesh.monitor.targets.target import Target


@dataclass(frozen=True, slots=True)
class _Shown:
    chain: tuple[bytes, ...]
    verification: Verification


class ProbeTrace(RoundTrace):
    """Takes what the connections of one round see, as their Sightings."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._begun_at = clock()
        self._attempts: list[AttemptTrace] = []
        self._shown: _Shown | None = None
        self._service: Condition | None = None
        self.awaits_body = False
        """Whether the rest of an answer is under way that says whether the service is ready."""
        self.on_body: Callable[[], None] = lambda: None
        """Is called when that has come, or will not come any more."""

    def begin(self, address: ProbeAddress) -> AttemptTrace:
        """Return where a new connection notes how far it comes."""
        attempt = AttemptTrace(address, self._clock())
        if len(self._attempts) < MAX_ATTEMPTS:
            self._attempts.append(attempt)
        return attempt

    def note_handshake(self, target: Target, handshake: Handshake) -> None:  # noqa: ARG002 - it is the only one
        self._shown = _Shown(handshake.whole_chain(), Verification.of(handshake))

    def note_answer(self, target: Target, code: int, body: bytes | None) -> None:
        if target.service is not None:
            self._service = judge_answer(target.service, code, body)
        self.awaits_body = False
        self.on_body()

    def evidence(self) -> ProbeEvidence:
        """Return what was seen so far. It may take 5 ms: do not call this in the loop for what a peer has sent."""
        attempts = [self._attempt(each) for each in self._attempts]
        heads = [read_head(each.head) for each in self._attempts if each.head]
        code, headers = next((head for head in reversed(heads) if head[0]), (0, ()))
        certificate, validity = self._certificate()
        conditions = (validity, UNFINISHED if self.awaits_body else self._service)
        return ProbeEvidence(
            tuple(attempts), code, headers, certificate, tuple(each for each in conditions if each is not None)
        )

    def _certificate(self) -> tuple[Certificate | None, Condition | None]:
        shown = self._shown
        if shown is None or not can_read():
            return None, None
        read = read_certificate(shown.chain) if shown.chain[0] else None
        condition = certificate_condition(read, shown.verification, dt.datetime.now(dt.UTC))
        if read is None or isinstance(read, Unreadable):
            return None, condition
        return with_verification(read, shown.verification), condition

    def _attempt(self, trace: AttemptTrace) -> ProbeAttempt:
        def since(moment: float) -> float | None:
            return max(0.0, moment - trace.begun_at) if moment else None

        return ProbeAttempt(
            _text_of(trace.address),
            max(0.0, trace.begun_at - self._begun_at),
            since(trace.connected_at),
            since(trace.encrypted_at),
            since(trace.first_byte_at),
            since(trace.answered_at),
            trace.reason,
            trace.detail,
        )


def _text_of(address: ProbeAddress) -> str:
    host, port = address.sockaddr[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
