"""One request that ends or halts whatever reads it comes to two conductors at most, whatever the number of them."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import grpc
import pytest
from grpc import aio

from tests.envoy.killable import Killable, killable
from tests.envoy.scripted import Scripted, scripted
from tests.support.callers.caller import LIMIT_S, Stubs, report, update_vim
from tests.support.deployments.envoys import RunningEnvoy, running_envoy
from tests.support.timing.waiting import once_available, until
from vimesh.v1 import vim_service_pb2 as vims
from vimesh.v1.conductor_service_pb2 import UpdateVimsRequest
from vimesh.v1.conductor_service_pb2_grpc import ConductorServiceStub
from vimesh.v1.vim_pb2 import Vim
from vimesh.v1.vim_service_pb2_grpc import VimServiceStub

COUNT = 4
Send = Callable[[Stubs, str], Any]


def update(stubs: Stubs, script: str) -> Any:  # noqa: ANN401 - gRPC's calls have no common type
    return stubs.conductor.UpdateVim(report(script), timeout=LIMIT_S)


def update_many(stubs: Stubs, script: str) -> Any:  # noqa: ANN401 - gRPC's calls have no common type
    return stubs.conductor.UpdateVims(UpdateVimsRequest(reports=[report(script)]), timeout=LIMIT_S)


def get(stubs: Stubs, script: str) -> Any:  # noqa: ANN401 - gRPC's calls have no common type
    return stubs.vims.GetVim(vims.GetVimRequest(vim_id=script), timeout=LIMIT_S)


def register(stubs: Stubs, script: str) -> Any:  # noqa: ANN401 - gRPC's calls have no common type
    return stubs.vims.RegisterVim(vims.RegisterVimRequest(vim=Vim(name=script)), timeout=LIMIT_S)


REPEATED = (update, update_many, get)


@asynccontextmanager
async def fleet() -> AsyncGenerator[tuple[RunningEnvoy, list[Killable], Stubs]]:
    async with AsyncExitStack() as stack:
        conductors = [await stack.enter_async_context(killable()) for _ in range(COUNT)]
        addresses = [one.address for one in conductors]
        envoy = await stack.enter_async_context(running_envoy(addresses))
        await envoy.until_healthy(addresses)
        channel = await stack.enter_async_context(aio.insecure_channel(envoy.address))
        yield envoy, conductors, Stubs(ConductorServiceStub(channel), VimServiceStub(channel))


async def failing(call: Any) -> grpc.StatusCode:  # noqa: ANN401 - gRPC's calls have no common type
    with pytest.raises(aio.AioRpcError) as raised:
        await call
    return raised.value.code()


@pytest.mark.parametrize(("send", "visits"), [*((send, 2) for send in REPEATED), (register, 1)])
async def test_what_kills_a_conductor_is_tried_at_no_third_one(send: Send, visits: int) -> None:
    async with fleet() as (_, conductors, stubs):
        code = await failing(send(stubs, "DIE"))

        # The call ends a moment before this process hears of the second death.
        await until(lambda: len(dead_of(conductors)) >= visits, LIMIT_S)
        # Until both are known to be dead, a call may come from one to the other, and is not made a third time.
        assert await once_available(lambda: update_vim(stubs), LIMIT_S)
        assert (code, len(dead_of(conductors))) == (grpc.StatusCode.UNAVAILABLE, visits)


@pytest.mark.parametrize(("send", "visits"), [(update, 2), (register, 1)])
async def test_what_halts_a_conductor_is_tried_at_no_third_one(send: Send, visits: int) -> None:
    async with fleet() as (_, conductors, stubs):
        begun = asyncio.get_running_loop().time()
        code = await failing(send(stubs, "STOP"))

        assert code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
        assert asyncio.get_running_loop().time() - begun < LIMIT_S + 1
        assert sum(one.stopped for one in conductors) == visits
        # Others find the rest.
        assert await once_available(lambda: update_vim(stubs), LIMIT_S)


async def test_what_a_conductor_does_not_answer_in_time_is_never_made_again() -> None:
    async with AsyncExitStack() as stack:
        conductors: Sequence[Scripted] = [await stack.enter_async_context(scripted()) for _ in range(3)]
        addresses = [one.address for one in conductors]
        envoy = await stack.enter_async_context(running_envoy(addresses))
        await envoy.until_healthy(addresses)
        channel = await stack.enter_async_context(aio.insecure_channel(envoy.address))
        stubs = Stubs(ConductorServiceStub(channel), VimServiceStub(channel))

        codes = await asyncio.gather(*(failing(send(stubs, "HANG")) for send in (*REPEATED, register)))

        assert set(codes) == {grpc.StatusCode.DEADLINE_EXCEEDED}
        assert [call for one in conductors for call in one.calls] == ["HANG"] * len(codes)


def dead_of(conductors: Sequence[Killable]) -> list[Killable]:
    return [one for one in conductors if one.process.returncode == -signal.SIGKILL]
