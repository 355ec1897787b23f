"""Turns failed calls to conductors into answers of the REST API; the only place that knows both."""

from __future__ import annotations

from typing import Final

import grpc
import structlog

from vimesh.api.rest.errors.error_answers import (
    BAD_REQUEST,
    RequestRefused,
    bad_request,
    defect,
    new_error_id,
    too_late,
    too_many_requests,
    unavailable,
)
from vimesh.wire.error_statuses import BAD_INPUT, RpcFailure, failure_of, retry_delay_s

_log = structlog.get_logger()

_NAMES: Final = {"project_id": "tenant_id", "page_token": "marker"}

_AWAY: Final = ("STORE_UNAVAILABLE", "EVENT_UNREADABLE", "OVERLOADED")
_TOO_FAST: Final = "CHANGE_RATE_EXCEEDED"
_BY_REASON: Final = {
    BAD_INPUT: (400, BAD_REQUEST),
    "VIM_NOT_FOUND": (404, "VimNotFoundException"),
    "PERMISSION_DENIED": (403, "PolicyNotAuthorized"),
    "NAME_TAKEN": (409, "DuplicateEntity"),
    "DEFAULT_TAKEN": (409, "VimDefaultDuplicateException"),
    "ETAG_MISMATCH": (409, "HTTPConflict"),
    "QUOTA_EXCEEDED": (409, "OverQuota"),
}


def explain_failure(error: grpc.aio.AioRpcError) -> RequestRefused:
    """Return the answer that explains a failed call to the caller."""
    failure = failure_of(error)
    if failure.violations:
        return bad_request("; ".join(_violation(v.field, v.description) for v in failure.violations))
    if failure.reason == _TOO_FAST:
        return too_many_requests(failure.message, retry_delay_s(error))
    if failure.reason in _AWAY:
        return unavailable(failure.message)
    if failure.reason in _BY_REASON:
        status, type_ = _BY_REASON[failure.reason]
        return RequestRefused(status, type_, failure.message)
    return _on_the_way(failure) or _unexpected(failure)


def _on_the_way(failure: RpcFailure) -> RequestRefused | None:
    """Return the answer to a failure on the way to a conductor; its original text would reveal internal addresses."""
    if failure.reason:
        return None
    match failure.code:
        case grpc.StatusCode.UNAVAILABLE:
            return unavailable("no conductor can be reached; try again later")
        case grpc.StatusCode.RESOURCE_EXHAUSTED:
            return unavailable("too many calls at the moment; try again later")
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            return too_late()
    return None


def _violation(field: str, description: str) -> str:
    name = field.removeprefix("vim.")
    return f"Invalid input for {_NAMES.get(name, name)}. Reason: {description}."


def _unexpected(failure: RpcFailure) -> RequestRefused:
    # If the failure is a defect in a conductor, the ID is the one in that conductor's log.
    error_id = failure.metadata.get("error_id") or new_error_id()
    _log.error("call failed", error_id=error_id, code=failure.code.name, reason=failure.reason, why=failure.message)
    return defect(error_id)
