"""Lets calls in: finds out who calls, refuses what the caller's roles do not allow, and has the audit record it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final

import grpc

from vimesh.domain.access.audit_entry import SUCCESS, AuditEntry, AuditTrail, ChangeSubject
from vimesh.domain.access.caller import OPEN_CALLER, Caller
from vimesh.domain.errors import IdentityRequired, PermissionDenied, VimeshError
from vimesh.rpc.caller_metadata import FOR_CALL
from vimesh.rpc.caller_roles import EVERYONE
from vimesh.rpc.rpc_table import RPCS, TrafficClass, callers_of, is_for_others
from vimesh.tracing.current_request import REQUEST_ID, call_metadata, enter_request, header_in
from vimesh.wire.error_statuses import STATUS

_Context = grpc.aio.ServicerContext[Any, Any]
_Unary = Callable[[bytes, _Context], Awaitable[Any]]
_Stream = Callable[[bytes, _Context], AsyncIterator[Any]]
Identify = Callable[[_Context], Caller]
"""Returns who makes a call. Raises IdentityRequired."""
Represent = Callable[[Caller], Caller]
"""Returns for whom a caller calls, mostly itself. Raises IdentityRequired or PermissionDenied."""

_CHANGES = frozenset(rpc.method for rpc in RPCS if rpc.traffic is TrafficClass.CHANGES)


@dataclass(slots=True)
class _Call:
    caller: Caller
    subjects: list[ChangeSubject] = field(default_factory=list)


_OPEN_CALL: Final = _Call(OPEN_CALLER)
_call: ContextVar[_Call] = ContextVar("call", default=_OPEN_CALL)
"""The call of the current task: gRPC runs each call in a task of its own."""


def current_caller() -> Caller:
    """Return who makes the call that is being served; everybody, in an open fleet."""
    return _call.get().caller


def note_change(  # noqa: PLR0913 - each is a field of the audit
    *,
    vim_id: str = "",
    project_id: str = "",
    request_id: str = "",
    window_id: str = "",
    receiver_id: str = "",
    monitor_id: str = "",
    outcome: str = "",
) -> ChangeSubject:
    """Note what the call is to change, for the audit. Fill in later what is not known yet."""
    subject = ChangeSubject(vim_id, project_id, request_id, window_id, receiver_id, outcome, monitor_id)
    if (call := _call.get()) is not _OPEN_CALL:
        call.subjects.append(subject)
    return subject


class CallEntrance:
    """The entrance of one conductor. Without `identify`, everybody may come in."""

    def __init__(
        self,
        identify: Identify | None = None,
        audit: AuditTrail | None = None,
        represent: Represent = lambda caller: caller,
    ) -> None:
        self._identify = identify
        self._represent = represent
        self._audit = audit

    def concerns(self, method: str) -> bool:
        """Return whether calls of a method pass through here: in an open fleet, only what is audited."""
        return self._identify is not None or (self._audit is not None and _name(method) in _CHANGES)

    def unary(self, method: str, serve: _Unary) -> _Unary:
        is_change, enter = _name(method) in _CHANGES, self._enter_by(method)

        async def entered(data: bytes, context: _Context) -> Any:  # noqa: ANN401 - a message, or its bytes
            call = enter(context)
            try:
                response = await serve(data, context)
            except BaseException as error:
                self._record_failure(method, call, error, is_change=is_change)
                raise
            if call.subjects:
                self._record(method, call, SUCCESS)
            return response

        return entered

    def stream(self, method: str, serve: _Stream) -> _Stream:
        enter = self._enter_by(method)

        async def entered(data: bytes, context: _Context) -> AsyncIterator[Any]:
            call = enter(context)
            try:
                async for response in serve(data, context):
                    yield response
            except VimeshError as error:
                self._record_failure(method, call, error, is_change=False)
                raise

        return entered

    def authorize(self, method: str, context: _Context) -> None:
        """Raise IdentityRequired or PermissionDenied unless the caller may call the method."""
        if self._identify is not None:
            self._enter_by(method)(context)

    def _enter_by(self, method: str) -> Callable[[_Context], _Call]:
        """Return the function that lets calls of the method in. What depends on the method alone is looked up here."""
        identify, represent = self._identify, self._represent if is_for_others(method) else None
        roles = callers_of(method)
        needs_role = roles != EVERYONE

        def enter(context: _Context) -> _Call:
            call = _Call(OPEN_CALLER)
            try:
                if identify is not None:
                    call.caller = identify(context)
                    if represent is not None:
                        call.caller = represent(call.caller)
                        if call.caller.by_api:
                            enter_request(header_in(call_metadata(), FOR_CALL))
                    if needs_role:
                        call.caller.require_role(roles, method)
            except VimeshError as error:
                self._record_failure(method, call, error, is_change=False)
                raise
            _call.set(call)
            return call

        return enter

    def _record_failure(self, method: str, call: _Call, error: BaseException, *, is_change: bool) -> None:
        is_refusal = isinstance(error, IdentityRequired | PermissionDenied)
        if not (is_change or is_refusal):
            return
        call.subjects = call.subjects or [ChangeSubject()]
        self._record(method, call, _outcome_of(error), is_refusal=is_refusal)

    def _record(self, method: str, call: _Call, outcome: str, *, is_refusal: bool = False) -> None:
        if self._audit is None:
            return
        caller, name = call.caller, method.removeprefix("/")
        call_id = header_in(call_metadata(), FOR_CALL if caller.by_api else REQUEST_ID)
        for subject in call.subjects:
            entry = AuditEntry(
                caller.identity,
                name,
                subject,
                subject.outcome or outcome,
                call_id,
                is_refusal=is_refusal,
                by_api=caller.by_api,
            )
            self._audit.record(entry)


def _name(method: str) -> str:
    return method.rpartition("/")[2]


def _outcome_of(error: BaseException) -> str:
    if isinstance(error, VimeshError):
        return STATUS[type(error)][1]
    # The change may have been made all the same.
    return "CANCELLED" if isinstance(error, asyncio.CancelledError) else "INTERNAL"
