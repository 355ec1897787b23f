"""Calls the conductors, and retries for as long as the bridge's own caller may wait."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, TypeVar

import grpc

from vimesh.bridge.messages.caller_exceptions import BadReport, ConductorsAway, NotPermitted
from vimesh.domain.vims import Engine
from vimesh.runtime.backoff import Backoff
from vimesh.runtime.outage_log import OutageLog
from vimesh.tracing.current_request import request_metadata
from vimesh.v1 import conductor_service_pb2, vim_pb2, vim_service_pb2
from vimesh.wire.error_statuses import retry_delay_s
from vimesh.wire.wire_durations import seconds

if TYPE_CHECKING:  # exists for type checkers only
    from vimesh.v1.conductor_service_pb2_grpc import ConductorServiceAsyncStub
    from vimesh.v1.vim_service_pb2_grpc import VimServiceAsyncStub

_T = TypeVar("_T")
# Errors that a retry cannot fix.
_FINAL = (
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.PERMISSION_DENIED,
)
_ENGINES = {
    vim_pb2.Monitor.EMBEDDED: Engine.EMBEDDED,
    vim_pb2.Monitor.MISTRAL: Engine.MISTRAL,
    vim_pb2.Monitor.EXTERNAL: Engine.EXTERNAL,
}


@dataclass(frozen=True, slots=True)
class ConductorLimits:
    call_timeout_s: float = 10.0
    first_pause_s: float = 0.1
    longest_pause_s: float = 2.0


@dataclass(frozen=True, slots=True)
class RecordedStatus:
    """The result of a report that was recorded."""

    status: str
    """The status on record now."""
    contact_within_s: float


@dataclass(frozen=True, slots=True)
class WantedAction:
    """The action that is wanted for a VIM."""

    engine: Engine | None
    """None: an engine that only a later version knows."""
    action_id: str
    """Empty if the bridge may not know it."""
    project_id: str
    """The project of the VIM."""


class ConductorClient:
    """Reports statuses, and looks up and moves VIMs. Each `deadline` is a time of the running loop's clock.

    Every method raises ConductorsAway when the deadline has passed, NotPermitted for what the bridge's identity may not
    do, and BadReport for bad input.
    """

    def __init__(
        self,
        reports: ConductorServiceAsyncStub,
        vims: VimServiceAsyncStub,
        *,
        random: Random,
        limits: ConductorLimits | None = None,
    ) -> None:
        self._reports = reports
        self._vims = vims
        self._random = random
        self._limits = limits or ConductorLimits()
        self._outage_log = OutageLog("conductors", "reports", meanwhile="callers wait for as long as they can")

    async def report(self, vim_id: str, action_id: str, status: str, deadline: float) -> RecordedStatus | None:
        """Report a status for an action; return None if the action is not the wanted one."""
        try:
            status_value = vim_pb2.Vim.Status.Value(status)
        except ValueError:
            raise BadReport(f"status: {status[:100]!r} is not known") from None
        request = conductor_service_pb2.UpdateVimRequest(vim_id=vim_id, action_id=action_id, status=status_value)

        async def once(timeout_s: float) -> conductor_service_pb2.UpdateVimResponse:
            answer = await self._reports.UpdateVim(request, timeout=timeout_s, metadata=request_metadata())
            if answer.WhichOneof("outcome") is None:
                # An outcome that only a later version knows: its meaning for the action is unknown.
                raise ConductorsAway
            return answer

        answer = await self._retry_until(once, deadline)
        if answer.HasField("bad_action"):
            return None
        return RecordedStatus(vim_pb2.Vim.Status.Name(answer.status), seconds(answer.contact_within))

    async def get_wanted_action(self, vim_id: str, deadline: float) -> WantedAction | None:
        """Return the action that is wanted for a VIM; None if there is no such VIM."""
        request = vim_service_pb2.GetVimRequest(vim_id=vim_id)
        try:
            answer = await self._retry_until(
                lambda timeout_s: self._vims.GetVim(request, timeout=timeout_s, metadata=request_metadata()), deadline
            )
        except _NotFound:
            return None
        monitor = answer.vim.monitor
        return WantedAction(_ENGINES.get(monitor.engine), monitor.action_id, answer.vim.project_id)

    async def move_to_external(self, vim_id: str, deadline: float) -> None:
        """Move a VIM to the engine EXTERNAL, so that an outside action monitors it. Do nothing if the VIM is gone."""
        request = vim_service_pb2.ModifyVimRequest(vim=vim_pb2.Vim(id=vim_id), engine=vim_pb2.Monitor.EXTERNAL)
        try:
            await self._retry_until(
                lambda timeout_s: self._vims.ModifyVim(request, timeout=timeout_s, metadata=request_metadata()),
                deadline,
            )
        except _NotFound:
            return

    async def _retry_until(self, call: Callable[[float], Awaitable[_T]], deadline: float) -> _T:
        backoff = Backoff(
            first_s=self._limits.first_pause_s, longest_s=self._limits.longest_pause_s, random=self._random
        )
        now = asyncio.get_running_loop().time
        while (left_s := deadline - now()) > 0:
            try:
                answer = await call(min(left_s, self._limits.call_timeout_s))
            except grpc.aio.AioRpcError as error:
                self._raise_if_final(error)
                # Overloaded conductors state when to retry.
                pause_s = max(backoff.pause_s(), retry_delay_s(error))
            else:
                self._outage_log.note_success()
                return answer
            await asyncio.sleep(min(pause_s, max(0.0, deadline - now())))
        raise ConductorsAway

    def _raise_if_final(self, error: grpc.aio.AioRpcError) -> None:
        """Return if a retry may succeed. Raises _NotFound, NotPermitted, BadReport."""
        code, details = error.code(), error.details() or ""
        if code not in _FINAL:
            self._outage_log.note_failure(f"{code.name}: {details}")
            return
        self._outage_log.note_success()
        if code is grpc.StatusCode.NOT_FOUND:
            raise _NotFound from error
        if code is grpc.StatusCode.PERMISSION_DENIED:
            raise NotPermitted(f"the bridge may not do this: {details}") from error
        raise BadReport(details) from error


class _NotFound(Exception):
    """There is no such VIM."""
