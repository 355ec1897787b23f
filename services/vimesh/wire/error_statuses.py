"""Maps domain errors to gRPC statuses with details, and reads the details of failed calls."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Final

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2

from vimesh.domain import errors
from vimesh.domain.access import credential_errors
from vimesh.domain.causes import cause_errors
from vimesh.domain.maintenance import window_errors
from vimesh.domain.notifications import receiver_errors
from vimesh.domain.pool import pool_errors
from vimesh.domain.probes import probe_errors
from vimesh.domain.views import vantage_errors

DOMAIN: Final = "vimesh.v1"
DETAILS_KEY: Final = "grpc-status-details-bin"
BAD_INPUT: Final = "BAD_INPUT"

# A status is sent in headers. By default, gRPC clients accept 8 KiB of them, and more only at random; a request with a
# thousand bad fields must not lose its status. Details are sent as base64, and each byte of the message may take three.
_MAX_VIOLATIONS = 16
_MAX_VIOLATIONS_BYTES = 4000
_MAX_FIELD_BYTES = 100
_MAX_TEXT_BYTES = 200
_CODES: Final = {code.value[0]: code for code in grpc.StatusCode}

STATUS: Final[dict[type[errors.VimeshError], tuple[grpc.StatusCode, str]]] = {
    errors.BadInput: (grpc.StatusCode.INVALID_ARGUMENT, BAD_INPUT),
    errors.PageTokenInvalid: (grpc.StatusCode.INVALID_ARGUMENT, BAD_INPUT),
    errors.FilterInvalid: (grpc.StatusCode.INVALID_ARGUMENT, BAD_INPUT),
    errors.IdentityRequired: (grpc.StatusCode.UNAUTHENTICATED, "IDENTITY_REQUIRED"),
    errors.PermissionDenied: (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED"),
    errors.VimNotFound: (grpc.StatusCode.NOT_FOUND, "VIM_NOT_FOUND"),
    window_errors.WindowNotFound: (grpc.StatusCode.NOT_FOUND, "WINDOW_NOT_FOUND"),
    receiver_errors.ReceiverNotFound: (grpc.StatusCode.NOT_FOUND, "RECEIVER_NOT_FOUND"),
    receiver_errors.NotificationNotFound: (grpc.StatusCode.NOT_FOUND, "NOTIFICATION_NOT_FOUND"),
    pool_errors.MonitorNotFound: (grpc.StatusCode.NOT_FOUND, "MONITOR_NOT_FOUND"),
    cause_errors.CauseNotFound: (grpc.StatusCode.NOT_FOUND, "CAUSE_NOT_FOUND"),
    errors.TodoNotFound: (grpc.StatusCode.NOT_FOUND, "TASK_NOT_FOUND"),
    errors.NameTaken: (grpc.StatusCode.ALREADY_EXISTS, "NAME_TAKEN"),
    receiver_errors.ReceiverNameTaken: (grpc.StatusCode.ALREADY_EXISTS, "RECEIVER_NAME_TAKEN"),
    errors.DefaultTaken: (grpc.StatusCode.ALREADY_EXISTS, "DEFAULT_TAKEN"),
    errors.VimIdTaken: (grpc.StatusCode.ALREADY_EXISTS, "VIM_ID_TAKEN"),
    errors.RequestIdReused: (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED"),
    errors.EtagMismatch: (grpc.StatusCode.ABORTED, "ETAG_MISMATCH"),
    errors.NotInApplySet: (grpc.StatusCode.FAILED_PRECONDITION, "NOT_IN_APPLY_SET"),
    errors.ApplyConflict: (grpc.StatusCode.FAILED_PRECONDITION, "APPLY_CONFLICT"),
    receiver_errors.ClaimLost: (grpc.StatusCode.ABORTED, "CLAIM_LOST"),
    receiver_errors.ReceiverDisabled: (grpc.StatusCode.FAILED_PRECONDITION, "RECEIVER_DISABLED"),
    errors.RevisionCompacted: (grpc.StatusCode.OUT_OF_RANGE, "REVISION_COMPACTED"),
    errors.TimeNotKept: (grpc.StatusCode.OUT_OF_RANGE, "TIME_NOT_KEPT"),
    errors.RevisionUnknown: (grpc.StatusCode.OUT_OF_RANGE, "REVISION_UNKNOWN"),
    pool_errors.AssignmentChanged: (grpc.StatusCode.OUT_OF_RANGE, "ASSIGNMENT_CHANGED"),
    errors.EventUnreadable: (grpc.StatusCode.UNAVAILABLE, "EVENT_UNREADABLE"),
    errors.EngineNotServed: (grpc.StatusCode.FAILED_PRECONDITION, "ENGINE_NOT_SERVED"),
    vantage_errors.OlderConductors: (grpc.StatusCode.FAILED_PRECONDITION, "OLDER_CONDUCTORS"),
    probe_errors.ProbedElsewhere: (grpc.StatusCode.FAILED_PRECONDITION, "PROBED_ELSEWHERE"),
    credential_errors.LoginNotWanted: (grpc.StatusCode.FAILED_PRECONDITION, "LOGIN_NOT_WANTED"),
    credential_errors.InsecureFleet: (grpc.StatusCode.FAILED_PRECONDITION, "INSECURE_FLEET"),
    credential_errors.CredentialsUnreadable: (grpc.StatusCode.FAILED_PRECONDITION, "CREDENTIALS_UNREADABLE"),
    probe_errors.MonitorSilent: (grpc.StatusCode.UNAVAILABLE, "MONITOR_SILENT"),
    probe_errors.NoMonitor: (grpc.StatusCode.UNAVAILABLE, "NO_MONITOR"),
    probe_errors.ProbeRateExceeded: (grpc.StatusCode.RESOURCE_EXHAUSTED, "PROBE_RATE_EXCEEDED"),
    errors.QuotaExceeded: (grpc.StatusCode.RESOURCE_EXHAUSTED, "QUOTA_EXCEEDED"),
    errors.ChangeRateExceeded: (grpc.StatusCode.RESOURCE_EXHAUSTED, "CHANGE_RATE_EXCEEDED"),
    window_errors.TooManyWindows: (grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_WINDOWS"),
    receiver_errors.TooManyReceivers: (grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_RECEIVERS"),
    pool_errors.TooManyMonitors: (grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_MONITORS"),
    errors.StoreUnavailable: (grpc.StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE"),
    errors.Overloaded: (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED"),
}

_WITH_DELAY: Final = (
    errors.StoreUnavailable | errors.Overloaded | errors.ChangeRateExceeded | probe_errors.ProbeRateExceeded
)


def rich_status(error: errors.VimeshError) -> tuple[grpc.StatusCode, status_pb2.Status]:
    """Return the status that the error maps to, with its details."""
    code, reason = STATUS[type(error)]
    details: list[Message] = [
        error_details_pb2.ErrorInfo(reason=reason, domain=DOMAIN, metadata=dict(error.metadata)),
    ]
    if isinstance(error, errors.BadInput):
        details.append(_bad_request(error.violations))
    if isinstance(error, errors.QuotaExceeded):
        details.append(_quota_failure(error))
    if isinstance(error, _WITH_DELAY):
        retry = error_details_pb2.RetryInfo()
        # Callers that fail at the same moment must not retry at the same moment.
        spread = 1 + random.random()  # noqa: S311 - not a secret
        retry.retry_delay.FromMilliseconds(int(error.retry_after_s * spread * 1000))
        details.append(retry)
    return code, _packed(code, str(error), details)


def internal_status(error_id: str) -> tuple[grpc.StatusCode, status_pb2.Status]:
    """Return the status of a defect: it identifies a log entry, and reveals nothing of its content."""
    info = error_details_pb2.ErrorInfo(reason="INTERNAL", domain=DOMAIN, metadata={"error_id": error_id})
    text = f"internal error; look for {error_id} in the log of the conductor"
    return grpc.StatusCode.INTERNAL, _packed(grpc.StatusCode.INTERNAL, text, [info])


def _bad_request(violations: Iterable[errors.Violation]) -> error_details_pb2.BadRequest:
    """Return a BadRequest with as many violations as fit."""
    bad = error_details_pb2.BadRequest()
    for violation in islice(violations, _MAX_VIOLATIONS):
        field = _cut(violation.field, _MAX_FIELD_BYTES)
        description = _cut(violation.description, _MAX_TEXT_BYTES)
        if (
            bad.field_violations
            and bad.ByteSize() + len(field.encode()) + len(description.encode()) > _MAX_VIOLATIONS_BYTES
        ):
            break
        bad.field_violations.add(field=field, description=description)
    return bad


def _quota_failure(error: errors.QuotaExceeded) -> error_details_pb2.QuotaFailure:
    violation = error_details_pb2.QuotaFailure.Violation(
        subject=f"project:{error.project_id}", description=str(error), quota_id=error.quota, quota_value=error.limit
    )
    return error_details_pb2.QuotaFailure(violations=[violation])


def _packed(code: grpc.StatusCode, message: str, details: Iterable[Message]) -> status_pb2.Status:
    status = status_pb2.Status(code=code.value[0], message=_cut(message, 2 * _MAX_TEXT_BYTES))
    for detail in details:
        status.details.add().Pack(detail)
    return status


def _cut(text: str, max_bytes: int) -> str:
    """Return the text, cut to the whole characters that fit."""
    return text if len(text) * 4 <= max_bytes else text.encode()[:max_bytes].decode(errors="ignore")


@dataclass(frozen=True, slots=True)
class RpcFailure:
    """The details that a client can read from a failed call."""

    code: grpc.StatusCode
    reason: str
    """The reason in the ErrorInfo; empty if the error does not come from vimesh, but from Envoy or gRPC."""
    message: str
    metadata: dict[str, str]
    violations: tuple[errors.Violation, ...]


def failure_of(error: grpc.aio.AioRpcError) -> RpcFailure:
    """Read the details of a failed call."""
    reason, metadata, violations = "", dict[str, str](), list[errors.Violation]()
    for detail in _details(error):
        info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
        if detail.Unpack(info) and info.domain == DOMAIN:
            reason, metadata = info.reason, dict(info.metadata)
        elif detail.Unpack(bad):
            violations += [errors.Violation(v.field, v.description) for v in bad.field_violations]
    return RpcFailure(error.code(), reason, error.details() or "", metadata, tuple(violations))


def retry_delay_s(error: grpc.aio.AioRpcError) -> float:
    """Return how long the server asks to wait before another attempt; 0 if it does not state a delay."""
    retry = error_details_pb2.RetryInfo()
    for detail in _details(error):
        if detail.Unpack(retry):
            return max(0.0, float(retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9))
    return 0.0


def _details(error: grpc.aio.AioRpcError) -> Iterable[Any]:
    for key, value in error.trailing_metadata() or ():
        if key == DETAILS_KEY and isinstance(value, bytes):
            try:
                return list(status_pb2.Status.FromString(value).details)
            except DecodeError:
                return ()
    return ()


def status_error(status: status_pb2.Status) -> grpc.aio.AioRpcError:
    """Return the error that a call with this status, which is that of one entry of an answer, would raise."""
    details = grpc.aio.Metadata((DETAILS_KEY, status.SerializeToString()))
    return grpc.aio.AioRpcError(_CODES[status.code], grpc.aio.Metadata(), details, details=status.message)
