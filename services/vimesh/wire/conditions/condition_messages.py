"""Converts conditions and certificates between the domain and their messages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from vimesh.domain.conditions.conditions import Certificate, Condition, ConditionStatus, TimedCondition
from vimesh.domain.credential_masks import mask_text
from vimesh.domain.errors import BadInput, Violation
from vimesh.domain.vim_conditions.condition_reports import ConditionReport
from vimesh.domain.vim_conditions.condition_rules import is_reportable
from vimesh.v1 import condition_pb2
from vimesh.v1 import conductor_service_pb2 as pb
from vimesh.wire.wire_durations import moment_of, timestamp

CONDITION_STATUS_VALUES: Final = {
    status: condition_pb2.Condition.Status.Value(status.value) for status in ConditionStatus
}
_STATUSES: Final = {value: status for status, value in CONDITION_STATUS_VALUES.items()}
_MAX_MESSAGE: Final = 512
"""The rules in the proto state the same: a longer message would have all of its request refused."""
_TYPES: Final = "ServiceReady, LoggedIn, CertificateValid and such as Endpoint/compute"


def condition_message(condition: TimedCondition) -> condition_pb2.Condition:
    return condition_pb2.Condition(
        type=condition.type,
        status=CONDITION_STATUS_VALUES[condition.status],
        reason=condition.reason,
        message=condition.message,
        transition_time=timestamp(condition.transition_time),
    )


def _sendable(text: str) -> str:
    """Return a text that may quote a peer in a form that protobuf and the rules of the proto take."""
    return text.encode("utf-8", "replace").decode().replace("\0", "?")[:_MAX_MESSAGE]


def seen_condition_message(condition: Condition) -> condition_pb2.Condition:
    """Return a condition as it was seen: since when it has its status is known to conductors alone."""
    return condition_pb2.Condition(
        type=condition.type,
        status=CONDITION_STATUS_VALUES[condition.status],
        reason=condition.reason,
        message=_sendable(condition.message),
    )


def seen_condition(message: condition_pb2.Condition) -> Condition:
    """Read a condition that keeps the rules of its proto."""
    return Condition(message.type, _STATUSES[message.status], message.reason, mask_text(message.message))


def certificate_message(certificate: Certificate) -> condition_pb2.Certificate:
    return condition_pb2.Certificate(
        subject=certificate.subject,
        issuer=certificate.issuer,
        names=certificate.names,
        not_before=timestamp(certificate.not_before),
        not_after=timestamp(certificate.not_after),
        sha256=certificate.sha256,
        chain_subjects=certificate.chain_subjects,
        verified=certificate.verified,
        verify_error=certificate.verify_error,
    )


def condition_report(message: pb.VimConditions, reporter: str = "") -> ConditionReport:
    """Read an entry that keeps the rules of the contract. Raises BadInput for those that it cannot state."""
    if violations := list(_violations(message)):
        raise BadInput(*violations)
    return ConditionReport(
        vim_id=message.vim_id.lower(),
        action_id=message.action_id,
        conditions=tuple(
            Condition(one.type, _STATUSES[one.status], one.reason, mask_text(one.message)) for one in message.conditions
        ),
        certificate=certificate_of(message.certificate) if message.HasField("certificate") else None,
        catalogue=frozenset(message.catalogue),
        reporter=reporter,
    )


def _violations(message: pb.VimConditions) -> Iterator[Violation]:
    seen: set[str] = set()
    for position, one in enumerate(message.conditions):
        path = f"conditions[{position}].type"
        if not is_reportable(one.type):
            yield Violation(path, f"cannot be reported; use {_TYPES}")
        elif one.type in seen:
            yield Violation(path, "is named twice")
        seen.add(one.type)
    if message.HasField("certificate"):
        for name in ("not_before", "not_after"):
            if not message.certificate.HasField(name):
                yield Violation(f"certificate.{name}", "is required")


def certificate_of(message: condition_pb2.Certificate) -> Certificate:
    return Certificate(
        subject=message.subject,
        issuer=message.issuer,
        names=tuple(message.names),
        not_before=moment_of(message.not_before),
        not_after=moment_of(message.not_after),
        sha256=message.sha256,
        chain_subjects=tuple(message.chain_subjects),
        verified=message.verified if message.HasField("verified") else None,
        verify_error=mask_text(message.verify_error),
    )
