"""Defines what goes wrong for those who call a fleet, and lists it all.

ClientError
├── CallError                   a call that failed; also a grpc.aio.AioRpcError, by status code:
│   ├── InvalidRequest           INVALID_ARGUMENT: a field breaks its rule, see `violations`
│   ├── NotAuthenticated         UNAUTHENTICATED: the fleet does not know who calls
│   ├── NotAllowed               PERMISSION_DENIED: the caller may not do this
│   ├── NotFound                 NOT_FOUND
│   │   └── NameUnknown          nothing has the name or id that was looked up
│   ├── AlreadyExists            ALREADY_EXISTS: a name, id or default is taken
│   ├── Conflict                 ABORTED: it was changed since it was read
│   ├── PreconditionFailed       FAILED_PRECONDITION: the fleet or the thing is not in a state for this
│   ├── NotKept                  OUT_OF_RANGE: that part of the past is no longer kept
│   ├── LimitExceeded            RESOURCE_EXHAUSTED: a quota, a rate, or the fleet is overloaded
│   ├── DeadlineExceeded         no answer in time, all attempts together; the call may have succeeded
│   └── Unavailable              UNAVAILABLE, CANCELLED, or a connection that broke; the call may have succeeded
├── NameAmbiguous                several things have the name
├── EndlessList                  the pages of a list seem never to end
├── WaitExpired                  what was waited for did not come in time; also a TimeoutError
├── WatchedVimGone               the VIM was deregistered while it was waited for
└── LoginFailed                  there is no token: see `login.login_errors`
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import grpc

from vimesh.client.base_error import ClientError
from vimesh.domain.errors import Violation
from vimesh.tracing.current_request import REQUEST_ID, header_in
from vimesh.wire.error_statuses import failure_of, retry_delay_s


class CallError(grpc.aio.AioRpcError, ClientError):
    """A failed call, with what the fleet says about it. `code()` and `details()` are those of gRPC."""

    attempts = 1
    """How often the call was made."""

    @property
    def reason(self) -> str:
        """The reason in the ErrorInfo, such as `NAME_TAKEN`; empty if the error is one of Envoy or gRPC."""
        return failure_of(self).reason

    @property
    def metadata(self) -> Mapping[str, str]:
        """The facts in the ErrorInfo."""
        return failure_of(self).metadata

    @property
    def violations(self) -> Sequence[Violation]:
        """Fields of the request that break a rule."""
        return failure_of(self).violations

    @property
    def retry_after_s(self) -> float:
        """How long the fleet asks to wait before another attempt; 0 if it does not say."""
        return retry_delay_s(self)

    @property
    def request_id(self) -> str:
        """By which id the logs of the fleet name the call; empty if it did not get that far."""
        # The front puts it into the only headers of an answer, which gRPC has as trailing metadata of a failed call.
        return header_in([*(self.trailing_metadata() or ()), *(self.initial_metadata() or ())], REQUEST_ID) or ""

    def __str__(self) -> str:
        about = self.reason or self.code().name
        return f"{(self.details() or 'the call failed').strip()} ({about})"


class InvalidRequest(CallError):
    """A field breaks its rule. Nothing was done."""


class NotAuthenticated(CallError):
    """The fleet does not know who calls."""


class NotAllowed(CallError):
    """The caller may not do this."""


class NotFound(CallError):
    """No such thing exists for the caller."""


class AlreadyExists(CallError):
    """A name, an id, a default or a request id is taken."""


class Conflict(CallError):
    """It was changed since it was read: read it again and decide."""


class PreconditionFailed(CallError):
    """The fleet, or the thing, is not in a state for this."""


class NotKept(CallError):
    """That part of the past is no longer kept, or is of another log."""


class LimitExceeded(CallError):
    """A quota or a rate is exceeded, or the fleet has too much to do."""


class DeadlineExceeded(CallError):
    """No answer in time. The call may have succeeded."""


class Unavailable(CallError):
    """No answer. The call may have succeeded."""


class NameUnknown(NotFound):
    """Nothing has the name or id that was looked up."""

    def __init__(self, noun: str, given: str, project: str | None = None) -> None:
        where = f" in project {project}" if project else ""
        words = f"no {noun} has the id or name {given}{where}"
        super().__init__(grpc.StatusCode.NOT_FOUND, grpc.aio.Metadata(), grpc.aio.Metadata(), details=words)
        self.noun = noun
        self.given = given
        self.project = project

    @property
    def reason(self) -> str:
        return f"{self.noun.upper()}_NOT_FOUND"

    def __reduce__(self) -> tuple[type[NameUnknown], tuple[str, str, str | None]]:
        return type(self), (self.noun, self.given, self.project)


class NameAmbiguous(ClientError):
    """Several things have the name."""

    def __init__(self, noun: str, given: str, places: Sequence[str]) -> None:
        super().__init__(f"{len(places)} {noun}s are named {given}")
        self.places = places
        """The id and the project of each."""


class EndlessList(ClientError):
    """The pages of a list seem never to end."""

    def __init__(self, description: str, *, is_long: bool) -> None:
        super().__init__(description)
        self.is_long = is_long
        """Whether it might be read up to a limit."""


class WaitExpired(ClientError, TimeoutError):
    """What was waited for did not come in time."""


class WatchedVimGone(ClientError):
    """The VIM was deregistered while it was waited for."""


_BY_CODE: Final[Mapping[grpc.StatusCode, type[CallError]]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidRequest,
    grpc.StatusCode.UNAUTHENTICATED: NotAuthenticated,
    grpc.StatusCode.PERMISSION_DENIED: NotAllowed,
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.ALREADY_EXISTS: AlreadyExists,
    grpc.StatusCode.ABORTED: Conflict,
    grpc.StatusCode.FAILED_PRECONDITION: PreconditionFailed,
    grpc.StatusCode.OUT_OF_RANGE: NotKept,
    grpc.StatusCode.RESOURCE_EXHAUSTED: LimitExceeded,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    # A stopping conductor cancels calls.
    grpc.StatusCode.CANCELLED: Unavailable,
}


def call_error(error: grpc.aio.AioRpcError) -> CallError:
    """Return a failed call as the error of its status code."""
    if isinstance(error, CallError):
        return error
    kind = _BY_CODE.get(error.code(), CallError)
    if error.code() is grpc.StatusCode.INTERNAL and not failure_of(error).reason:
        kind = Unavailable  # the connection broke in the middle
    return kind(
        error.code(),
        error.initial_metadata(),
        error.trailing_metadata(),
        details=error.details(),
        debug_error_string=error.debug_error_string(),
    )
