"""A call has one time limit for all its attempts, and is repeated as the fleet asks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from vimesh.client import (
    AsyncClient,
    CallError,
    DeadlineExceeded,
    LimitExceeded,
    NotFound,
    Unavailable,
    Vim,
)
from vimesh.client.calls.retry_pace import AT_ONCE, PER_S, RetryPace
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1 import vim_service_pb2_grpc
from vimesh.wire.error_statuses import DETAILS_KEY, DOMAIN

Context = grpc.aio.ServicerContext[object, object]
Refusal = Callable[[Context], Awaitable[None]]
VIM_ID = "7b3ac6ab-1c53-46b2-8c61-86bcb9b2f7a1"


class Script(vim_service_pb2_grpc.VimServiceServicer):
    """Refuses calls as it is told, one refusal after the other, and answers all that follow."""

    def __init__(self) -> None:
        self.refusals: list[Refusal] = []
        self.requests: list[object] = []
        self.times: list[float] = []

    async def _take(self, request: object, context: Context) -> None:
        self.requests.append(request)
        self.times.append(time.monotonic())
        if self.refusals:
            await self.refusals.pop(0)(context)

    async def GetVim(self, request: pb.GetVimRequest, context: Context) -> pb.GetVimResponse:  # noqa: N802 - the RPC
        await self._take(request, context)
        return pb.GetVimResponse(vim=Vim(id=request.vim_id))

    async def RegisterVim(self, request: pb.RegisterVimRequest, context: Context) -> pb.RegisterVimResponse:  # noqa: N802 - the RPC
        await self._take(request, context)
        return pb.RegisterVimResponse(vim=Vim(id=VIM_ID))

    async def ModifyVim(self, request: pb.ModifyVimRequest, context: Context) -> pb.ModifyVimResponse:  # noqa: N802 - the RPC
        await self._take(request, context)
        return pb.ModifyVimResponse(vim=request.vim)

    async def DeregisterVim(self, request: pb.DeregisterVimRequest, context: Context) -> pb.DeregisterVimResponse:  # noqa: N802 - the RPC
        await self._take(request, context)
        return pb.DeregisterVimResponse()


def refused(code: grpc.StatusCode, reason: str = "", delay_s: float = 0.0) -> Refusal:
    async def refuse(context: Context) -> None:
        status = Status(code=code.value[0], message="as the test wants")
        if reason:
            status.details.add().Pack(ErrorInfo(reason=reason, domain=DOMAIN))
        if delay_s:
            retry = RetryInfo()
            retry.retry_delay.FromMilliseconds(int(delay_s * 1000))
            status.details.add().Pack(retry)
        await context.abort(code, "as the test wants", ((DETAILS_KEY, status.SerializeToString()),))

    return refuse


UNAVAILABLE = refused(grpc.StatusCode.UNAVAILABLE)


@asynccontextmanager
async def scripted(*refusals: Refusal, timeout_s: float = 20.0) -> AsyncGenerator[tuple[Script, AsyncClient]]:
    script = Script()  # type: ignore[abstract]  # the other RPCs are not called
    script.refusals.extend(refusals)
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    vim_service_pb2_grpc.add_VimServiceServicer_to_server(script, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with AsyncClient.connect(f"127.0.0.1:{port}", timeout_s=timeout_s, environment={}) as client:
            yield script, client
    finally:
        await server.stop(None)


async def test_a_call_is_repeated_until_it_is_answered() -> None:
    async with scripted(UNAVAILABLE, refused(grpc.StatusCode.CANCELLED), UNAVAILABLE) as (script, client):
        assert (await client.vims.get(VIM_ID)).id == VIM_ID

    assert len(script.requests) == 4


async def test_a_registration_is_repeated_with_the_same_request_id() -> None:
    async with scripted(UNAVAILABLE) as (script, client):
        await client.vims.register(Vim(name="lab"))

    first, second = script.requests
    assert isinstance(first, pb.RegisterVimRequest)
    assert first.request_id
    assert first == second


async def test_a_change_of_what_was_read_is_not_repeated() -> None:
    async with scripted(UNAVAILABLE) as (script, client):
        with pytest.raises(Unavailable) as failed:
            await client.vims.modify(VIM_ID, Vim(description="x"), etag="5")

    assert len(script.requests) == failed.value.attempts == 1


async def test_the_fleet_says_how_long_to_wait() -> None:
    async with scripted(refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "CHANGE_RATE_EXCEEDED", 0.7)) as (script, client):
        await client.vims.register(Vim(name="lab"))

    assert script.times[1] - script.times[0] >= 0.7


async def test_a_call_ends_in_time_and_not_after_a_pause_that_would_be_too_long() -> None:
    busy = refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED", 60.0)
    async with scripted(busy, timeout_s=10.0) as (script, client):
        with pytest.raises(LimitExceeded) as failed:
            await client.vims.get(VIM_ID)

    assert len(script.requests) == 1
    assert (failed.value.reason, failed.value.retry_after_s) == ("OVERLOADED", 60.0)


async def test_all_attempts_share_one_limit() -> None:
    never = asyncio.Event()

    async def silent(_: Context) -> None:
        await never.wait()

    async with scripted(UNAVAILABLE, silent, timeout_s=1.0) as (script, client):
        with pytest.raises(DeadlineExceeded) as failed:
            await client.vims.get(VIM_ID)
        never.set()

    assert len(script.requests) == failed.value.attempts == 2


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "QUOTA_EXCEEDED"),
        (grpc.StatusCode.INTERNAL, "INTERNAL"),
        (grpc.StatusCode.INVALID_ARGUMENT, "BAD_INPUT"),
        (grpc.StatusCode.FAILED_PRECONDITION, "ENGINE_NOT_SERVED"),
    ],
)
async def test_what_does_not_pass_is_not_repeated(code: grpc.StatusCode, reason: str) -> None:
    async with scripted(refused(code, reason)) as (script, client):
        with pytest.raises(CallError) as failed:
            await client.vims.register(Vim(name="lab"))

    assert len(script.requests) == 1
    assert (failed.value.code(), failed.value.reason) == (code, reason)


async def test_a_removal_whose_answer_was_lost_has_succeeded() -> None:
    gone = refused(grpc.StatusCode.NOT_FOUND, "VIM_NOT_FOUND")
    async with scripted(UNAVAILABLE, gone) as (_, client):
        await client.vims.deregister(VIM_ID)
    async with scripted(gone) as (_, client):
        with pytest.raises(NotFound):
            await client.vims.deregister(VIM_ID)


def test_repetitions_beyond_the_pace_wait_and_none_is_refused() -> None:
    now = 50.0
    pace = RetryPace(lambda: now)
    for _ in range(AT_ONCE):
        assert pace.wait_s() == pytest.approx(0, abs=1e-6)
        pace.note_retry()
    assert pace.wait_s() == pytest.approx(1 / PER_S)

    now += 1 / PER_S
    assert pace.wait_s() == pytest.approx(0, abs=1e-6)
    pace.note_retry()
    assert pace.wait_s() == pytest.approx(1 / PER_S)
    now += 3600
    for _ in range(AT_ONCE):
        assert pace.wait_s() == pytest.approx(0, abs=1e-6)
        pace.note_retry()
    assert pace.wait_s() > 0.01
