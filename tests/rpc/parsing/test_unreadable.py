"""What services of libraries say to what is no message."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionResponse

from tests.support.deployments.conductors import Client, conductor_at
from vimesh.wire.error_statuses import failure_of

NO_MESSAGE = b"\xff\xff\xff"


@pytest.fixture
async def client(tmp_path: Path) -> AsyncGenerator[Client]:
    async with conductor_at(tmp_path / "vimesh.sqlite") as conductor:
        yield conductor


async def test_health_refuses_it_in_the_words_of_the_contract(client: Client) -> None:
    check: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = client.channel.unary_unary("/grpc.health.v1.Health/Check")
    watch: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = client.channel.unary_stream("/grpc.health.v1.Health/Watch")
    for _ in range(40):
        for call in (check(NO_MESSAGE, timeout=30), watch(NO_MESSAGE, timeout=10).read()):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call
            failure = failure_of(caught.value)
            assert (failure.code, failure.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "BAD_INPUT")

    healthy = await HealthStub(client.channel).Check(HealthCheckRequest(), timeout=30)
    assert healthy.status == HealthCheckResponse.SERVING


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
async def test_reflection_answers_that_it_is_no_question(client: Client, version: str) -> None:
    ask: grpc.aio.StreamStreamMultiCallable[bytes, ServerReflectionResponse] = client.channel.stream_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        response_deserializer=ServerReflectionResponse.FromString,
    )
    stream = ask(timeout=30)
    await stream.write(NO_MESSAGE)
    answer = await stream.read()
    assert isinstance(answer, ServerReflectionResponse)
    await stream.done_writing()

    assert answer.error_response.error_code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    assert await stream.code() is grpc.StatusCode.OK


async def test_reflection_quotes_no_question_that_is_too_deep_to_be_parsed(client: Client) -> None:
    ask: grpc.aio.StreamStreamMultiCallable[bytes, ServerReflectionResponse] = client.channel.stream_stream(
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        response_deserializer=ServerReflectionResponse.FromString,
    )
    begin, end = 100 << 3 | 3, 100 << 3 | 4  # of a group with a number that no field has
    depth = 100  # as deep as the question itself can be parsed
    question = _varint(begin) * depth + _varint(end) * depth
    stream = ask(timeout=30)
    await stream.write(question)

    assert isinstance(await stream.read(), ServerReflectionResponse)
    await stream.done_writing()


def _varint(number: int) -> bytes:
    return bytes((number & 0x7F | 0x80, number >> 7))
