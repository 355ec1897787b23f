"""Explains a failed call to the user who typed the command."""

from __future__ import annotations

from typing import Final

import grpc

from vimesh.cli.base.exits import ExitCode, Failure
from vimesh.cli.base.explain_login import login_failure
from vimesh.cli.client.typed_fields import typed_name
from vimesh.cli.command_line import typed
from vimesh.client.base_error import ClientError
from vimesh.client.calls.repeat_calls import NOT_PASSING
from vimesh.client.calls.unreachable_front import nothing_listens, unresolvable
from vimesh.client.client_errors import (
    EndlessList,
    NameAmbiguous,
    NameUnknown,
    WatchedVimGone,
    call_error,
)
from vimesh.client.login.login_errors import LoginFailed
from vimesh.wire.error_statuses import RpcFailure, failure_of

_CODES: Final = {
    grpc.StatusCode.NOT_FOUND: ExitCode.NOT_FOUND,
    grpc.StatusCode.UNAVAILABLE: ExitCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED: ExitCode.UNAVAILABLE,
    grpc.StatusCode.RESOURCE_EXHAUSTED: ExitCode.UNAVAILABLE,
}

_HINTS: Final = {
    "IDENTITY_REQUIRED": "this fleet answers only callers with a certificate or a token",
    "IDENTITY_MISSING": "vimesh login gets a token, vimesh certs issue makes a certificate",
    "TOKEN_INVALID": "vimesh login gets a new token",
    "PERMISSION_DENIED": "vimesh whoami shows what you may do",
    "VIM_NOT_FOUND": "vimesh vim list shows all VIMs",
    "NAME_TAKEN": "choose another --name, or change the existing VIM: vimesh vim set",
    "DEFAULT_TAKEN": "unset the other default first: vimesh vim set OTHER --no-default",
    "REQUEST_ID_REUSED": "omit --request-id to generate a new one",
    "ETAG_MISMATCH": "read the VIM again, then retry: vimesh vim show",
    "STORE_UNAVAILABLE": "the conductors' logs show what is wrong with the database; try again later",
    "OVERLOADED": "try again in a moment",
    "QUOTA_EXCEEDED": "deregister VIMs that are not needed, or ask the operator of the fleet for a higher quota",
    "CHANGE_RATE_EXCEEDED": "try again in a second",
}


_IN_LOGS: Final = frozenset({"STORE_UNAVAILABLE", "OVERLOADED", "INTERNAL"})
"""Reasons that only the logs of the fleet explain further."""


def client_failure(error: grpc.aio.AioRpcError | ClientError, address: str) -> Failure:
    """Explain what was raised by a call, or by vimesh.client."""
    match error:
        case grpc.aio.AioRpcError():
            return failure(error, address)
        case LoginFailed():
            return login_failure(error)
        case NameAmbiguous():
            return Failure(str(error), details=error.places, hint="specify the id, or use --project")
        case EndlessList(is_long=True):
            return Failure(str(error), hint="use --limit")
        case WatchedVimGone():
            return Failure(str(error), code=ExitCode.NOT_FOUND)
        case _:
            return Failure(str(error))


def failure(error: grpc.aio.AioRpcError, address: str) -> Failure:
    if isinstance(error, NameUnknown):
        shown_by = f"vimesh {error.noun.lower()} list shows all {error.noun}s"
        return Failure(str(error), code=ExitCode.NOT_FOUND, hint=shown_by)
    found = failure_of(error)
    code = ExitCode.ERROR if found.reason in NOT_PASSING else _CODES.get(found.code, ExitCode.ERROR)
    if found.violations:
        return _invalid(found)
    if found.reason:
        return Failure(
            f"{found.message} ({found.reason})",
            code=code,
            details=_lookup(error) if found.reason in _IN_LOGS else (),
            hint=_HINTS.get(found.reason, ""),
        )
    return _without_reason(found.code, found.message, address, code)


def _invalid(found: RpcFailure) -> Failure:
    """Explain a request that breaks rules: by what was typed, if that alone is to blame, which is wrong usage."""
    line = typed()
    names = [typed_name(violation.field, line) for violation in found.violations]
    lines = [
        f"{name or violation.field}: {violation.description}"
        for name, violation in zip(names, found.violations, strict=True)
    ]
    code = ExitCode.USAGE if all(names) else ExitCode.ERROR
    if len(lines) == 1:
        return Failure(f"{lines[0]} ({found.reason})", code=code)
    # The message of the fleet would only repeat the violations.
    return Failure(f"the request is invalid ({found.reason})", code=code, details=lines)


def _lookup(error: grpc.aio.AioRpcError) -> list[str]:
    """Return by which id the logs name the call, if it got that far."""
    request_id = call_error(error).request_id
    return [f"request id, as in the logs: {request_id}"] if request_id else []


def failure_line(error: grpc.aio.AioRpcError, address: str) -> str:
    """Return the explanation in one line, without the hint."""
    explained = failure(error, address)
    return ": ".join(filter(None, [str(explained), "; ".join(explained.details)]))


def _without_reason(status: grpc.StatusCode, message: str, address: str, code: ExitCode) -> Failure:
    """Explain an error that does not come from vimesh, but from gRPC or Envoy."""
    if status is grpc.StatusCode.DEADLINE_EXCEEDED:
        return Failure(
            f"{address} did not answer in time (DEADLINE_EXCEEDED)",
            code=code,
            hint="the call may have succeeded; use --call-timeout to wait longer",
        )
    if status is grpc.StatusCode.UNAVAILABLE and (known := _away(message, address)) is not None:
        return known
    if status in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL):
        return Failure(
            f"the connection to {address} broke: {_first_line(message)} ({status.name})",
            code=ExitCode.UNAVAILABLE,
            hint="the call may have succeeded",
        )
    if status is grpc.StatusCode.UNIMPLEMENTED:
        return Failure(f"{address} is not a vimesh front: {_first_line(message)} (UNIMPLEMENTED)", code=code)
    return Failure(f"{_first_line(message) or 'the call failed'} ({status.name})", code=code)


def _away(message: str, address: str) -> Failure | None:
    if unresolvable(message):
        return Failure(
            f"the host name in {address} cannot be resolved (UNAVAILABLE)",
            code=ExitCode.UNAVAILABLE,
            hint="check --address or VIMESH_ADDRESS",
        )
    if (broken := _handshake(message, address)) is not None:
        return broken
    if nothing_listens(message):
        return Failure(
            f"no gRPC server answers at {address} (UNAVAILABLE)",
            code=ExitCode.UNAVAILABLE,
            hint="is the fleet running? start it with `vimesh up`, or set VIMESH_ADDRESS",
        )
    if "no conductor" in message:
        return Failure(
            f"{address} answers, but no conductor behind it does: {_first_line(message)} (UNAVAILABLE)",
            code=ExitCode.UNAVAILABLE,
            hint="see the conductors' logs; try again in a moment",
        )
    return None


def _handshake(message: str, address: str) -> Failure | None:
    """Explain a failed TLS handshake. Only the message text shows what failed."""
    if "WRONG_VERSION_NUMBER" in message:
        why, hint = f"{address} does not use TLS", "omit --credentials and unset VIMESH_CREDENTIALS"
    elif "CERTIFICATE_VERIFY_FAILED" in message:
        reason = message.partition("CERTIFICATE_VERIFY_FAILED: ")[2].rpartition(": ")[0] or "it cannot be verified"
        why = f"the certificate of {address} is not trusted: {reason}"
        hint = "ca.crt in the folder of --credentials must hold the authority of the front"
    elif "hostname" in message.lower() and "verif" in message.lower():
        why, hint = f"the certificate of the front is not for {address}", "use a host name that is in the certificate"
    elif "failed to connect" in message and "Socket closed" in message:
        why = f"{address} ends the connection, and may require a valid certificate"
        hint = "set --credentials or VIMESH_CREDENTIALS to a folder with one; vimesh certs issue makes it"
    else:
        return None
    return Failure(f"{why} (UNAVAILABLE)", code=ExitCode.UNAVAILABLE, hint=hint)


def _first_line(message: str) -> str:
    return message.strip().partition("\n")[0]
