"""The gRPC door: what may be repeated, how long a call may take, and who else can speak through it."""

from __future__ import annotations

import asyncio
import re
import struct
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING

import grpc
import pytest
from grpc import aio
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from tests.envoy.killable import killable
from tests.envoy.scripted import CONDUCTOR, UNREPEATABLE, Scripted
from tests.support.callers.buf_curl import buf_curl
from tests.support.callers.caller import LIMIT_S, ask, report
from tests.support.deployments.envoys import RunningEnvoy, running_envoy
from vimesh.v1 import conductor_service_pb2 as pb
from vimesh.v1 import vim_service_pb2 as vims
from vimesh.v1.conductor_service_pb2_grpc import ConductorServiceStub
from vimesh.v1.vim_pb2 import Vim
from vimesh.v1.vim_service_pb2_grpc import VimServiceStub

if TYPE_CHECKING:
    from vimesh.v1.conductor_service_pb2_grpc import ConductorServiceAsyncStub
    from vimesh.v1.vim_service_pb2_grpc import VimServiceAsyncStub


@pytest.fixture
def conductor(channel: aio.Channel) -> ConductorServiceAsyncStub:
    return ConductorServiceStub(channel)


@pytest.fixture
def vim_service(channel: aio.Channel) -> VimServiceAsyncStub:
    return VimServiceStub(channel)


def registration(name: str) -> vims.RegisterVimRequest:
    return vims.RegisterVimRequest(vim=Vim(name=name))


@pytest.mark.alone
async def test_three_thousand_calls_at_once_on_one_connection(conductor: ConductorServiceAsyncStub) -> None:
    answers = await asyncio.gather(*(conductor.UpdateVim(report(), timeout=20) for _ in range(3000)))

    assert len({answer.newest_observation for answer in answers}) == 2


async def test_an_unavailable_report_is_repeated_once_at_the_other_conductor(
    conductor: ConductorServiceAsyncStub, first: Scripted, second: Scripted
) -> None:
    with pytest.raises(aio.AioRpcError) as raised:
        await conductor.UpdateVim(report("VIM_UNAVAILABLE"), timeout=LIMIT_S)

    assert (raised.value.code(), raised.value.details()) == (grpc.StatusCode.UNAVAILABLE, "says the script")
    assert (len(first.calls), len(second.calls)) == (1, 1)


async def test_others_are_asked_at_the_other_conductor_unless_somebody_has_answered(
    conductor: ConductorServiceAsyncStub, first: Scripted, second: Scripted
) -> None:
    # As many as a call may have: the front has to keep all of the request.
    many = [pb.FailedVim(vim_id=vim_id, action_id="x" * 255) for vim_id in ["VIM_UNAVAILABLE"] * 500]
    with pytest.raises(aio.AioRpcError) as raised:
        await conductor.ConfirmFailures(pb.ConfirmFailuresRequest(vims=many), timeout=LIMIT_S).read()

    assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
    assert (len(first.calls), len(second.calls)) == (1, 1)

    answered = [pb.FailedVim(vim_id=vim_id) for vim_id in ("m2", "VIM_UNAVAILABLE")]
    call = conductor.ConfirmFailures(pb.ConfirmFailuresRequest(vims=answered), timeout=LIMIT_S)
    response = await call.read()
    assert isinstance(response, pb.ConfirmFailuresResponse)
    with pytest.raises(aio.AioRpcError):
        await call.read()
    assert response.opinions[0].monitor_id == "m2"
    assert len(first.calls + second.calls) == 4


async def test_an_unavailable_that_says_so_is_not_repeated(
    conductor: ConductorServiceAsyncStub, first: Scripted, second: Scripted
) -> None:
    with pytest.raises(aio.AioRpcError) as raised:
        await conductor.UpdateVim(report("VIM_UNAVAILABLE_FINAL"), timeout=LIMIT_S)

    assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
    assert len(first.calls + second.calls) == 1
    assert UNREPEATABLE not in dict(raised.value.trailing_metadata() or ())


async def test_a_registration_that_may_have_happened_is_not_repeated(
    vim_service: VimServiceAsyncStub, first: Scripted, second: Scripted
) -> None:
    with pytest.raises(aio.AioRpcError):
        await vim_service.RegisterVim(registration("VIM_UNAVAILABLE"), timeout=LIMIT_S)

    assert len(first.calls + second.calls) == 1


async def test_a_database_that_is_away_takes_no_conductor_out(
    envoy: RunningEnvoy, conductor: ConductorServiceAsyncStub, first: Scripted, second: Scripted
) -> None:
    calls = [conductor.UpdateVim(report("VIM_UNAVAILABLE"), timeout=LIMIT_S) for _ in range(100)]
    failures = await asyncio.gather(*calls, return_exceptions=True)

    assert {str(one.details()) for one in failures if isinstance(one, aio.AioRpcError)} == {"says the script"}
    assert len(first.calls + second.calls) <= 200
    assert await envoy.stat("cluster.reports.outlier_detection.ejections_enforced_total") == 0
    assert (await conductor.UpdateVim(report(), timeout=LIMIT_S)).newest_observation


async def test_callers_without_patience_take_no_conductor_out(
    envoy: RunningEnvoy, conductor: ConductorServiceAsyncStub
) -> None:
    hasty = (("grpc-timeout", "50m"),)
    calls = [conductor.UpdateVim(report("HANG"), metadata=hasty, timeout=LIMIT_S) for _ in range(40)]
    given_up = [conductor.UpdateVim(report("HANG"), timeout=LIMIT_S) for _ in range(40)]
    await asyncio.gather(*calls, return_exceptions=True)
    for call in given_up:
        call.cancel()
    await asyncio.gather(*given_up, return_exceptions=True)

    assert (await conductor.UpdateVim(report(), timeout=LIMIT_S)).newest_observation
    assert await envoy.stat("cluster.reports.outlier_detection.ejections_enforced_total") == 0


async def test_the_callers_deadline_holds_at_the_front(vim_service: VimServiceAsyncStub) -> None:
    # As metadata: the caller's own clock does not end the call.
    with pytest.raises(aio.AioRpcError) as raised:
        await vim_service.RegisterVim(registration("HANG"), metadata=(("grpc-timeout", "100m"),))

    assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_a_deadline_that_is_over_is_told_in_our_words() -> None:
    message = registration("STOP").SerializeToString()
    async with killable() as halting, running_envoy([halting.address]) as envoy:
        await envoy.until_healthy([halting.address])
        answer = await ask(
            envoy.address,
            "POST",
            "/vimesh.v1.VimService/RegisterVim",
            b"\0" + struct.pack(">I", len(message)) + message,
            {"content-type": "application/grpc-web+proto", "grpc-timeout": "1S"},
        )

    assert (answer.headers["grpc-status"], answer.headers["grpc-message"]) == (
        *("4", "no conductor answered in time; it is not known whether the call succeeded"),
    )


async def test_callers_cannot_change_how_often_a_call_is_tried(
    conductor: ConductorServiceAsyncStub, first: Scripted, second: Scripted
) -> None:
    wanted = (("x-envoy-retry-grpc-on", "internal"), ("x-envoy-max-retries", "9"))
    with pytest.raises(aio.AioRpcError):
        await conductor.UpdateVim(report("VIM_INTERNAL"), metadata=wanted, timeout=LIMIT_S)
    impatient = (("x-envoy-upstream-rq-per-try-timeout-ms", "50"), ("x-envoy-hedge-on-per-try-timeout", "true"))
    with pytest.raises(aio.AioRpcError):
        await conductor.UpdateVim(report("HANG"), metadata=impatient, timeout=1)

    assert sorted(first.calls + second.calls) == ["HANG", "VIM_INTERNAL"]


async def test_a_service_that_is_not_there_is_unimplemented(channel: aio.Channel) -> None:
    with pytest.raises(aio.AioRpcError) as raised:
        await channel.unary_unary("/some.Other/Method", bytes, bytes)(b"", timeout=LIMIT_S)

    assert (raised.value.code(), raised.value.details()) == (grpc.StatusCode.UNIMPLEMENTED, "no such path")


async def test_health_is_asked_through_the_front(channel: aio.Channel) -> None:
    answer = await HealthStub(channel).Check(HealthCheckRequest(service=CONDUCTOR), timeout=LIMIT_S)

    assert answer.status == HealthCheckResponse.SERVING


async def test_a_watch_goes_on_without_an_end(vim_service: VimServiceAsyncStub) -> None:
    watch = vim_service.WatchVims(vims.WatchVimsRequest(start_revision=7))
    messages = aiter(watch)
    async with asyncio.timeout(LIMIT_S):
        seen = [(await anext(messages)).revision for _ in range(2)]
    watch.cancel()

    assert seen == [7, 8]


@pytest.mark.parametrize("text", [False, True])
async def test_grpc_web(envoy: RunningEnvoy, text: bool) -> None:
    message = report().SerializeToString()
    frame = b"\0" + struct.pack(">I", len(message)) + message
    kind = "application/grpc-web-text" if text else "application/grpc-web+proto"

    answer = await ask(
        envoy.address,
        "POST",
        "/vimesh.v1.ConductorService/UpdateVim",
        b64encode(frame) if text else frame,
        {"content-type": kind, "accept": kind, "x-grpc-web": "1"},
    )

    # In text each frame is encoded alone, and may end with padding.
    body = b"".join(map(b64decode, re.findall(rb"[^=]+=*", answer.body))) if text else answer.body
    assert answer.status == 200
    assert answer.headers["content-type"] == kind.removesuffix("+proto") + "+proto"
    assert b"grpc-status:0" in body


async def test_a_foreign_client_lists_and_calls_by_reflection(envoy: RunningEnvoy) -> None:
    assert "vimesh.v1.VimService" in (await buf_curl(envoy.address, "", "--list-services")).split()
    said = await buf_curl(envoy.address, f"/{CONDUCTOR}/UpdateVim", data='{"vim_id": "a", "status": "REACHABLE"}')
    assert '"status": "REACHABLE"' in said or '"status":"REACHABLE"' in said
