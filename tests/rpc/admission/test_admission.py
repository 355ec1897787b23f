"""What a conductor takes, and what it refuses at once when there is no room for it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Awaitable, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pool
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.reflection_pb2_grpc import ServerReflectionStub
from structlog.testing import capture_logs

from tests.support.deployments.conductors import Client, client_at, conductor_at
from tests.support.timing.waiting import eventually, once_available
from vimesh.conductor.conductor_process import SERVICES, ConductorSettings
from vimesh.rpc.admission.call_gate import CallAdmission, CallAdmissionLimits, CallLimit, CallLimiter, StreamLimit
from vimesh.rpc.admission.overload_answers import NO_RETRY
from vimesh.v1 import conductor_service_pb2, vim_pb2
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.wire.error_statuses import DETAILS_KEY, failure_of
from vimesh.wire.wire_durations import seconds

PLENTY = CallLimit(1000, 1 << 30)
ONE = CallAdmissionLimits(
    reports=PLENTY,
    changes=CallLimit(1, 1 << 30),
    reads=PLENTY,
    action_streams=StreamLimit(2, 2),
    watches=StreamLimit(3, 2),
)
NEW = pb.RegisterVimRequest(vim=vim_pb2.Vim(name="one", type="openstack", auth_url="http://127.0.0.1:5000/v3"))


@asynccontextmanager
async def limited(folder: Path, limits: CallAdmissionLimits = ONE) -> AsyncGenerator[Client]:
    settings = ConductorSettings(drain_s=0, grace_s=1, admission=limits)
    async with conductor_at(folder / "vimesh.sqlite", settings) as client:
        # Calls of one method come in as they were made, but for those that waited for the connection.
        await client.channel.channel_ready()
        yield client


@contextmanager
def writer_held(folder: Path) -> Generator[None]:
    """Be somebody else who writes: the conductor's changes wait meanwhile, and what they have under way stays so."""
    with sqlite3.connect(folder / "vimesh.sqlite", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            other.execute("ROLLBACK")


async def refusal(call: Awaitable[object]) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    return caught.value


def retry_after_s(error: grpc.aio.AioRpcError) -> float:
    packed = dict(error.trailing_metadata() or ())[DETAILS_KEY]
    assert isinstance(packed, bytes)
    retry = error_details_pb2.RetryInfo()
    assert any(detail.Unpack(retry) for detail in status_pb2.Status.FromString(packed).details)
    return seconds(retry.retry_delay)


def register(client: Client, name: str) -> Any:  # noqa: ANN401 - a call, which stubs do not name
    request = pb.RegisterVimRequest()
    request.CopyFrom(NEW)
    request.vim.name = name
    return client.vims.RegisterVim(request, timeout=30)


async def test_a_change_above_the_limit_is_refused_at_once_and_the_others_go_on(tmp_path: Path) -> None:
    async with limited(tmp_path) as client:
        vim = await client.register()
        with writer_held(tmp_path):
            first = asyncio.ensure_future(register(client, "first"))
            error = await refusal(register(client, "second"))
            assert not first.done()
            assert (await client.get(vim.id)).id == vim.id
            assert (await HealthStub(client.channel).Check(HealthCheckRequest(), timeout=30)).status == (
                HealthCheckResponse.SERVING
            )
        await first
        assert (await register(client, "second")).vim.name == "second"

    failure = failure_of(error)
    assert failure.reason == "OVERLOADED"
    assert NO_RETRY in tuple(error.trailing_metadata() or ())
    assert 1 <= retry_after_s(error) <= 2


async def test_what_is_refused_is_not_even_parsed(tmp_path: Path) -> None:
    async with limited(tmp_path) as client:
        raw: Any = client.channel.unary_unary("/vimesh.v1.VimService/RegisterVim")
        with writer_held(tmp_path):
            first = asyncio.ensure_future(register(client, "first"))
            assert failure_of(await refusal(raw(b"\xff" * 100, timeout=30))).reason == "OVERLOADED"
        await first
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await raw(b"\xff" * 100, timeout=30)

    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_many_bytes_are_refused_as_many_calls_are(tmp_path: Path) -> None:
    async with limited(tmp_path, CallAdmissionLimits(changes=CallLimit(1000, 2000))) as client:
        large = NEW.SerializeToString() + b"\x7a\x80\x20" + bytes(4096)  # of a field that nobody knows
        raw: Any = client.channel.unary_unary("/vimesh.v1.VimService/RegisterVim")
        await raw(large, timeout=30)  # alone, it is taken however long it is
        with writer_held(tmp_path):
            first = asyncio.ensure_future(register(client, "first"))
            await refusal(raw(large, timeout=30))
            second = asyncio.ensure_future(register(client, "second"))
        assert {(await first).vim.name, (await second).vim.name} == {"first", "second"}


async def test_a_refused_call_leaves_no_trace_in_the_count(tmp_path: Path) -> None:
    async with limited(tmp_path) as client:
        with writer_held(tmp_path):
            first = asyncio.ensure_future(register(client, "first"))
            await asyncio.gather(*(refusal(register(client, f"no-{number}")) for number in range(20)))
            first.cancel()
            # Its caller is gone, and so is its place, while the writer is still held.
            await eventually(lambda: _waits(client), within_s=10)


async def _waits(client: Client) -> bool:
    """Say whether a change is taken while the writer is held."""
    try:
        await client.vims.RegisterVim(NEW, timeout=0.1)
    except grpc.aio.AioRpcError as error:
        return error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    return False


def watch(client: Client, address: str = "") -> Any:  # noqa: ANN401 - a call, which stubs do not name
    metadata = (("x-forwarded-for", address),) if address else ()
    return client.vims.WatchVims(pb.WatchVimsRequest(), timeout=30, metadata=metadata)


async def opened(stream: Any) -> Any:  # noqa: ANN401 - a call, which stubs do not name
    await stream.read()
    return stream


async def test_watches_are_limited_for_each_caller_and_in_all(tmp_path: Path) -> None:
    async with limited(tmp_path) as client:
        mine = [await opened(watch(client, "192.0.2.1")) for _ in range(2)]
        error = await refusal(watch(client, "192.0.2.1").read())
        assert 5 <= retry_after_s(error) <= 10
        other = await opened(watch(client, "10.9.9.9, 192.0.2.2"))
        await refusal(watch(client, "192.0.2.3").read())
        # Reports and their streams have room of their own, and so have calls.
        request = conductor_service_pb2.WatchActionsRequest(engine=vim_pb2.Monitor.EMBEDDED)
        await opened(client.conductor.WatchActions(request, timeout=30))
        await client.register()

        other.cancel()
        await eventually(lambda: _opens(client, "192.0.2.3"), within_s=10)
        mine[0].cancel()
        await eventually(lambda: _opens(client, "192.0.2.1"), within_s=10)


async def _opens(client: Client, address: str) -> bool:
    try:
        stream = await opened(watch(client, address))
    except grpc.aio.AioRpcError:
        return False
    stream.cancel()
    return True


async def opened_once_there_is_room(client: Client) -> Any:  # noqa: ANN401 - a call, which stubs do not name
    """A watch that stays open. The conductor hears a moment later that an earlier one was cancelled."""
    later = (grpc.StatusCode.RESOURCE_EXHAUSTED,)
    return await once_available(lambda: opened(watch(client)), within_s=10, later=later)


async def test_streams_that_are_opened_and_cancelled_at_once_leave_nothing(tmp_path: Path) -> None:
    async with limited(tmp_path) as client:
        for _ in range(20):
            streams = [watch(client) for _ in range(50)]
            # Some have come as far as the conductor by then, and some have not.
            reading = asyncio.ensure_future(_opens(client, ""))
            for stream in streams:
                stream.cancel()
            await reading
        streams = [await opened_once_there_is_room(client) for _ in range(2)]
        await refusal(watch(client).read())
        assert not any(stream.done() for stream in streams)


async def test_reflection_and_watches_of_health_are_watches_and_a_check_is_always_answered(tmp_path: Path) -> None:
    async with limited(tmp_path) as client:
        health, reflection = HealthStub(client.channel), ServerReflectionStub(client.channel)
        watching = health.Watch(HealthCheckRequest(), timeout=30)
        await watching.read()
        asking = reflection.ServerReflectionInfo(timeout=30)
        await asking.write(reflection_pb2.ServerReflectionRequest(list_services=""))
        await asking.read()

        await refusal(watch(client).read())
        await refusal(health.Watch(HealthCheckRequest(), timeout=30).read())
        await refusal(reflection.ServerReflectionInfo(timeout=30).read())
        await health.Check(HealthCheckRequest(), timeout=30)


async def test_a_batch_counts_as_many_calls(tmp_path: Path) -> None:
    async with limited(tmp_path, CallAdmissionLimits(changes=CallLimit(65, 1 << 30))) as client:
        with writer_held(tmp_path):
            one = pb.RegisterVimsRequest(requests=[NEW])
            batch = asyncio.ensure_future(client.vims.RegisterVims(one, timeout=30))
            await refusal(client.vims.RegisterVims(one, timeout=30))
            first = asyncio.ensure_future(register(client, "first"))
            await refusal(register(client, "second"))
        await batch
        await first


async def test_the_log_says_now_and_then_that_calls_are_refused(tmp_path: Path) -> None:
    async with limited(tmp_path) as client:
        with capture_logs() as logs:
            await opened(watch(client))
            await opened(watch(client))
            for _ in range(50):
                await refusal(watch(client).read())

    told = [log for log in logs if "refused" in log["event"]]
    assert [(log["of"], log["refused"]) for log in told] == [("watches", 1)]


def test_each_method_has_a_class() -> None:
    admission = CallAdmission()
    for service in SERVICES:
        for method in descriptor_pool.Default().FindServiceByName(service).methods:
            gate = admission.stream_gate if method.server_streaming else admission.call_gate
            gate(method.name)


async def test_a_conductor_is_as_before_when_an_overload_has_ended(tmp_path: Path) -> None:
    limits = CallAdmissionLimits(changes=CallLimit(8, 1 << 30))
    async with limited(tmp_path, limits) as client, client_at(client.address) as reporter:
        vim = await client.register()
        with writer_held(tmp_path):
            calls = [asyncio.ensure_future(register(client, f"vim-{number}")) for number in range(200)]
            await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
            for call in calls:
                call.cancel()
        answer = await reporter.report(vim, vim_pb2.Vim.REACHABLE, 1)
        assert answer.status == vim_pb2.Vim.REACHABLE
        assert (await register(client, "after")).vim.name == "after"


async def test_headers_of_32_kb_are_always_taken_and_endless_ones_never(tmp_path: Path) -> None:
    async with limited(tmp_path) as client:
        vim = await client.register()
        request = pb.GetVimRequest(vim_id=vim.id)
        for _ in range(50):
            token = (("authorization", "Bearer " + "x" * 31_000),)
            assert (await client.vims.GetVim(request, metadata=token, timeout=30)).vim.id == vim.id
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await client.vims.GetVim(request, metadata=(("authorization", "x" * 300_000),), timeout=30)

    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_long_lists_leave_room_for_short_reads() -> None:
    limiter = CallLimiter(CallLimit(calls=256, request_bytes=1024))

    long_lists = [limiter.acquire(32, 1) for _ in range(8)]
    short_reads = [limiter.acquire(1, 1) for _ in range(65)]

    assert long_lists == [True] * 6 + [False] * 2
    assert short_reads == [True] * 64 + [False]
