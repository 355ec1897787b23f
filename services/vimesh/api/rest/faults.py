"""Failed calls of the conductors as answers of the REST door: the only place that knows both."""

from __future__ import annotations

from typing import Final

import grpc
import structlog

from vimesh.api.rest.refusals import BAD_REQUEST, Refused, bad_request, defect, new_error_id
from vimesh.rpc.status import BAD_INPUT, RpcFailure, failure_of

_log = structlog.get_logger()

_AWAY: Final = (503, "ServiceUnavailable")
_RETRY: Final = {"Retry-After": "1"}

_NAMES: Final = {"project_id": "tenant_id", "page_token": "marker"}

_BY_REASON: Final = {
    BAD_INPUT: (400, BAD_REQUEST),
    "VIM_NOT_FOUND": (404, "VimNotFoundException"),
    "NAME_TAKEN": (409, "DuplicateEntity"),
    "DEFAULT_TAKEN": (409, "VimDefaultDuplicateException"),
    "ETAG_MISMATCH": (409, "HTTPConflict"),
    "STORE_UNAVAILABLE": _AWAY,
    "EVENT_UNREADABLE": _AWAY,
    "OVERLOADED": _AWAY,
}

# What was not said by a conductor, but on the way: the words there name addresses of ours.
_BY_CODE: Final = {
    grpc.StatusCode.UNAVAILABLE: (*_AWAY, "no conductor can be reached; try again later"),
    grpc.StatusCode.RESOURCE_EXHAUSTED: (*_AWAY, "too much is asked for at the moment; try again later"),
    grpc.StatusCode.DEADLINE_EXCEEDED: (
        504,
        "GatewayTimeout",
        "the conductors did not answer in time; a change may have been made all the same",
    ),
}


def explained(error: grpc.aio.AioRpcError) -> Refused:
    """Say to the caller what a failed call means."""
    found = failure_of(error)
    if found.violations:
        return bad_request("; ".join(_violation(v.field, v.description) for v in found.violations))
    if found.reason in _BY_REASON:
        status, type_ = _BY_REASON[found.reason]
        return Refused(status, type_, found.message, headers=_RETRY if status == 503 else None)
    if not found.reason and found.code in _BY_CODE:
        status, type_, message = _BY_CODE[found.code]
        return Refused(status, type_, message, headers=_RETRY if status == 503 else None)
    return _unexpected(found)


def _violation(field: str, description: str) -> str:
    name = field.removeprefix("vim.")
    return f"Invalid input for {_NAMES.get(name, name)}. Reason: {description}."


def _unexpected(found: RpcFailure) -> Refused:
    # A conductor names a line of its own log.
    error_id = found.metadata.get("error_id") or new_error_id()
    _log.error("call failed", error_id=error_id, code=found.code.name, reason=found.reason, why=found.message)
    return defect(error_id)
