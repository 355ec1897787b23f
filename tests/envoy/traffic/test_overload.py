"""What is too much is refused at once, in the words of the contract, and takes nothing from other classes of calls."""

from __future__ import annotations

import asyncio
import struct
from base64 import b64decode, b64encode
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc import aio

from tests.envoy.killable import killable
from tests.envoy.scripted import Scripted
from tests.support.callers.caller import LIMIT_S, Answer, Stubs, ask, get_vim, report, update_vim
from tests.support.deployments.envoys import RunningEnvoy, running_envoy
from tests.support.timing.waiting import eventually, until
from vimesh.envoy.traffic.call_classes import CHANGES, LISTS, READS
from vimesh.envoy.traffic.opening_rate import BURST
from vimesh.v1 import vim_service_pb2 as vims
from vimesh.v1.conductor_service_pb2_grpc import ConductorServiceStub
from vimesh.v1.vim_pb2 import Vim
from vimesh.v1.vim_service_pb2_grpc import VimServiceStub
from vimesh.wire.error_statuses import DETAILS_KEY

SURPLUS = 40
SAID = "too many calls are waiting; try again later"
Call = Callable[[Stubs], Any]


def hanging_read(stubs: Stubs) -> Any:  # noqa: ANN401 - gRPC's calls have no common type
    return stubs.vims.GetVim(vims.GetVimRequest(vim_id="HANG"), timeout=LIMIT_S)


def hanging_change(stubs: Stubs) -> Any:  # noqa: ANN401 - gRPC's calls have no common type
    return stubs.vims.RegisterVim(vims.RegisterVimRequest(vim=Vim(name="HANG")), timeout=LIMIT_S)


@pytest.fixture
def stubs(channel: aio.Channel) -> Stubs:
    return Stubs(ConductorServiceStub(channel), VimServiceStub(channel))


@asynccontextmanager
async def flood(call: Call, stubs: Stubs, limit: int, *, spare: int = 0) -> AsyncGenerator[Sequence[aio.AioRpcError]]:
    """Have as many calls under way as may be, and more; give how the surplus was refused.

    `spare`: how many more may be refused, as while connections are being made.
    """
    calls = [asyncio.ensure_future(_outcome(call(stubs))) for _ in range(limit + SURPLUS)]
    try:
        refused = []
        async with asyncio.timeout(LIMIT_S):
            for ended in asyncio.as_completed(calls):
                refused.append(await ended)
                if len(refused) == SURPLUS:
                    break
        yield refused
        assert SURPLUS <= sum(one.done() for one in calls) <= SURPLUS + spare
    finally:
        for one in calls:
            one.cancel()
        await asyncio.gather(*calls, return_exceptions=True)


async def _outcome(call: Any) -> aio.AioRpcError:  # noqa: ANN401 - gRPC's calls have no common type
    with pytest.raises(aio.AioRpcError) as raised:
        await call
    return raised.value


def check_refusal(status: Status) -> None:
    info, retry = ErrorInfo(), RetryInfo()
    assert (status.code, status.message) == (grpc.StatusCode.RESOURCE_EXHAUSTED.value[0], SAID)
    assert status.details[0].Unpack(info)
    assert status.details[1].Unpack(retry)
    assert (info.reason, info.domain) == ("OVERLOADED", "vimesh.v1")
    assert retry.retry_delay.ToSeconds() == 1


@pytest.mark.parametrize(("call", "limit"), [(hanging_read, READS.max_calls), (hanging_change, CHANGES.max_calls)])
async def test_a_flood_of_one_class_takes_nothing_from_the_others(
    stubs: Stubs, call: Call, limit: int, first: Scripted, second: Scripted
) -> None:
    async with flood(call, stubs, limit) as refused:
        for error in refused:
            assert (error.code(), error.details()) == (grpc.StatusCode.RESOURCE_EXHAUSTED, SAID)
            details = dict(error.trailing_metadata() or ())[DETAILS_KEY]
            assert isinstance(details, bytes)
            check_refusal(Status.FromString(details))
        await until(lambda: len(first.calls + second.calls) == limit, LIMIT_S)

        assert await update_vim(stubs)
        watch = stubs.vims.WatchVims(vims.WatchVimsRequest(start_revision=7), timeout=LIMIT_S)
        async for message in watch:
            assert message.revision == 7
            break
        watch.cancel()
        if call is hanging_change:
            await get_vim(stubs)
        else:
            changed = vims.RegisterVimRequest(vim=Vim(name="one"))
            assert (await stubs.vims.RegisterVim(changed, timeout=LIMIT_S)).vim.name == "one"


async def test_lists_wait_in_envoy_and_keep_nobody_from_looking_at_a_vim(
    stubs: Stubs, first: Scripted, second: Scripted
) -> None:
    def hanging_list(stubs: Stubs) -> Any:  # noqa: ANN401 - gRPC's calls have no common type
        return stubs.vims.ListVims(vims.ListVimsRequest(filter="HANG"), timeout=LIMIT_S)

    assert LISTS.streams is not None
    # The channel is one connection, and so of one of Envoy's workers.
    under_way = 2 * LISTS.streams
    async with flood(hanging_list, stubs, LISTS.max_calls + under_way, spare=under_way):
        await until(lambda: min(len(first.calls), len(second.calls)) == LISTS.streams, LIMIT_S)
        await get_vim(stubs)

        assert (first.calls + second.calls).count("HANG") == under_way


async def test_watches_that_are_opened_too_often_are_refused_and_calls_go_on(first: Scripted) -> None:
    # Ten more each second instead of two hundred: fewer than any machine opens, so that the burst comes to its end.
    seldom = {"tokens_per_fill: 20": "tokens_per_fill: 1"}
    async with running_envoy([first.address], instead=seldom) as envoy, aio.insecure_channel(envoy.address) as channel:
        await envoy.until_healthy([first.address])
        stubs = Stubs(ConductorServiceStub(channel), VimServiceStub(channel))
        watches = []

        async def refusal() -> aio.AioRpcError | None:
            watches.append(watch := stubs.vims.WatchVims(vims.WatchVimsRequest(start_revision=7), timeout=LIMIT_S))
            try:
                await watch.read()
            except aio.AioRpcError as error:
                return error
            return None

        refused = list[aio.AioRpcError]()
        async with asyncio.timeout(LIMIT_S):
            while not refused:
                outcomes = await asyncio.gather(*(refusal() for _ in range(BURST // 4)))
                refused = [outcome for outcome in outcomes if outcome is not None]

        assert len(watches) > BURST
        assert {(error.code(), error.details()) for error in refused} == {(grpc.StatusCode.RESOURCE_EXHAUSTED, SAID)}
        details = dict(refused[0].trailing_metadata() or ())[DETAILS_KEY]
        assert isinstance(details, bytes)
        check_refusal(Status.FromString(details))
        assert await update_vim(stubs)
        await get_vim(stubs)
        for watch in watches:
            watch.cancel()


async def test_json_callers_are_told_when_to_come_back(envoy: RunningEnvoy, stubs: Stubs) -> None:
    async with flood(hanging_read, stubs, READS.max_calls):
        answer = await ask(envoy.address, "GET", "/v1/vims/some")

    assert (answer.status, answer.headers["retry-after"]) == (429, "1")
    assert answer.json() == {
        "code": 8,
        "message": SAID,
        "details": [
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "OVERLOADED",
                "domain": "vimesh.v1",
                "metadata": {},
            },
            {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retry_delay": "1s"},
        ],
    }
    assert not tells_of_envoy(answer)


@pytest.mark.parametrize("text", [False, True])
async def test_browsers_are_told_by_the_same_status(envoy: RunningEnvoy, stubs: Stubs, text: bool) -> None:
    kind = "application/grpc-web-text+proto" if text else "application/grpc-web+proto"
    message = vims.GetVimRequest(vim_id="some").SerializeToString()
    frame = b"\0" + struct.pack(">I", len(message)) + message
    async with flood(hanging_read, stubs, READS.max_calls):
        answer = await ask(
            envoy.address,
            "POST",
            "/vimesh.v1.VimService/GetVim",
            b64encode(frame) if text else frame,
            {"content-type": kind, "accept": kind},
        )

    details = answer.headers[DETAILS_KEY]
    assert (answer.status, answer.headers["grpc-status"], answer.headers["grpc-message"]) == (200, "8", SAID)
    check_refusal(Status.FromString(b64decode(details + "=" * (-len(details) % 4))))
    assert not tells_of_envoy(answer)


async def test_tackers_callers_are_told_in_tackers_form(first: Scripted) -> None:
    async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            # Until Envoy leaves.
            await reader.read()

    async with await asyncio.start_server(silence, "127.0.0.1", 0) as server:
        api = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with running_envoy([first.address], api=[api], instead={"max_requests: 256": "max_requests: 1"}) as envoy:
            waiting = asyncio.ensure_future(ask(envoy.address, "GET", "/v1.0/vims"))
            await eventually(lambda: has_begun(envoy), LIMIT_S)
            answer = await ask(envoy.address, "GET", "/v1.0/vims")
    await asyncio.gather(waiting, return_exceptions=True)

    assert (answer.status, answer.headers["retry-after"]) == (429, "1")
    assert answer.json() == {"TackerError": {"type": "HTTPError", "message": f"HTTP 429 {SAID}", "detail": ""}}


async def has_begun(envoy: RunningEnvoy) -> bool:
    return await envoy.stat("cluster.api.upstream_rq_active") == 1


async def refuses(envoy: RunningEnvoy) -> bool:
    return (await ask(envoy.address, "GET", "/v1/vims/some")).status != 200


async def test_an_envoy_whose_memory_ends_refuses_people_before_reporters(first: Scripted) -> None:
    little = {"max_heap_size_bytes: 1073741824": "max_heap_size_bytes: 1000000"}
    async with running_envoy([first.address], instead=little) as envoy:
        await envoy.until_healthy([first.address])
        await eventually(lambda: refuses(envoy), LIMIT_S)
        answer = await ask(envoy.address, "GET", "/v1/vims/some")
        async with aio.insecure_channel(envoy.address) as channel, aio.insecure_channel(envoy.reports_address) as own:
            error = await _outcome(ConductorServiceStub(channel).UpdateVim(report(), timeout=LIMIT_S))
            said = await ConductorServiceStub(own).UpdateVim(report(), timeout=LIMIT_S)

    assert (answer.status, answer.json()["message"]) == (429, SAID)
    assert (error.code(), error.details()) == (grpc.StatusCode.RESOURCE_EXHAUSTED, SAID)
    assert said.newest_observation == first.port


async def test_what_breaks_off_is_told_without_envoys_words() -> None:
    async with (
        killable() as dying,
        running_envoy([dying.address]) as envoy,
        aio.insecure_channel(envoy.address) as channel,
    ):
        await envoy.until_healthy([dying.address])
        deadly = vims.RegisterVimRequest(vim=Vim(name="DIE"))
        broken = await _outcome(VimServiceStub(channel).RegisterVim(deadly, timeout=LIMIT_S))
        nobody = await ask(envoy.address, "GET", "/v1/vims/some")

    assert broken.code() is grpc.StatusCode.UNAVAILABLE
    assert broken.details() == "the connection to a conductor broke; it is not known whether the call succeeded"
    assert (nobody.status, nobody.headers["retry-after"]) == (503, "1")
    assert nobody.json()["message"] == "no conductor answers"
    assert not tells_of_envoy(nobody)


def tells_of_envoy(answer: Answer) -> bool:
    whole = f"{answer.headers} {answer.body!r}".lower()
    return any(word in whole for word in ("envoy", "upstream", "overflow", "reset"))
