"""Converts what a round of probes has seen to messages and back."""

from __future__ import annotations

from typing import Final

from google.protobuf.duration_pb2 import Duration

from vimesh.domain.credential_masks import mask_text
from vimesh.domain.probes.evidence import ProbeAttempt, ProbeEvidence
from vimesh.v1 import evidence_pb2
from vimesh.wire.conditions.condition_messages import (
    certificate_message,
    certificate_of,
    seen_condition,
    seen_condition_message,
)
from vimesh.wire.wire_durations import duration, seconds

_MAX_DETAIL: Final = 512


def evidence_message(evidence: ProbeEvidence) -> evidence_pb2.ProbeEvidence:
    return evidence_pb2.ProbeEvidence(
        attempts=map(_attempt_message, evidence.attempts),
        http_status=evidence.http_status,
        headers=[evidence_pb2.HttpHeader(name=name, value=value) for name, value in evidence.headers],
        certificate=None if evidence.certificate is None else certificate_message(evidence.certificate),
        conditions=map(seen_condition_message, evidence.conditions),
    )


def evidence_of(message: evidence_pb2.ProbeEvidence) -> ProbeEvidence:
    """Read evidence that keeps the rules of its proto."""
    return ProbeEvidence(
        tuple(map(_attempt, message.attempts)),
        message.http_status,
        tuple((header.name, mask_text(header.value)) for header in message.headers),
        certificate_of(message.certificate) if message.HasField("certificate") else None,
        tuple(map(seen_condition, message.conditions)),
    )


def _attempt_message(attempt: ProbeAttempt) -> evidence_pb2.ProbeAttempt:
    return evidence_pb2.ProbeAttempt(
        address=attempt.address,
        begin_delay=duration(attempt.begun_s),
        connect_time=_if_there(attempt.connected_s),
        tls_time=_if_there(attempt.encrypted_s),
        first_byte_time=_if_there(attempt.first_byte_s),
        answer_time=_if_there(attempt.answered_s),
        reason=attempt.reason,
        detail=attempt.detail[:_MAX_DETAIL],
    )


def _attempt(message: evidence_pb2.ProbeAttempt) -> ProbeAttempt:
    def of(name: str) -> float | None:
        return seconds(getattr(message, name)) if message.HasField(name) else None  # type: ignore[arg-type]  # by name

    return ProbeAttempt(
        message.address,
        seconds(message.begin_delay),
        of("connect_time"),
        of("tls_time"),
        of("first_byte_time"),
        of("answer_time"),
        message.reason,
        mask_text(message.detail),
    )


def _if_there(value_s: float | None) -> Duration | None:
    return None if value_s is None else duration(value_s)
