"""What answers in Mistral's place may be anything: bounded in bytes and time, and told in words."""

from __future__ import annotations

import asyncio
import json
import time
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from tests.engine.scripted_http import http_server, json_answer
from tests.engine.world import action, stop_of
from vimesh.api.workflows.run_task import TaskRunner
from vimesh.engine.engine_errors import EngineError, EngineUnavailable, bounded
from vimesh.engine.mistral_access import MistralAccess
from vimesh.engine.mistral_engine import mistral_engine
from vimesh.v1 import workflow_service_pb2 as pb

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
Drip = Callable[[], AsyncIterator[bytes]]
_PATIENCE_S = 30
_WHOLE_S = 0.5


@asynccontextmanager
async def dripping(pieces: Drip) -> AsyncGenerator[str]:
    """Answer each request with pieces, without an end of its own. Gives the URL."""
    served: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if task := asyncio.current_task():
            served.add(task)
        try:
            await reader.read(65536)
            async for piece in pieces():
                writer.write(piece)
                await writer.drain()
        except ConnectionError:
            pass  # the client hung up
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        await asyncio.wait_for(asyncio.gather(*served), _PATIENCE_S)


async def endless_body() -> AsyncIterator[bytes]:
    yield _HEAD + b"\r\n["
    while True:
        yield b" " * 65536


async def endless_chunks() -> AsyncIterator[bytes]:
    yield _HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    while True:
        yield b"10000\r\n" + b" " * 65536 + b"\r\n"


async def slow_body() -> AsyncIterator[bytes]:
    yield _HEAD + b"\r\n["
    while True:
        await asyncio.sleep(0.02)
        yield b" "


async def slow_head() -> AsyncIterator[bytes]:
    yield _HEAD + b"X: "
    while True:
        await asyncio.sleep(0.02)
        yield b"x"


async def bomb() -> AsyncIterator[bytes]:
    packed = zlib.compress(b" " * 2**20)
    yield _HEAD + f"Content-Encoding: deflate\r\nContent-Length: {len(packed)}\r\n\r\n".encode() + packed


async def broken_off() -> AsyncIterator[bytes]:
    yield _HEAD + b"Content-Length: 1000\r\n\r\n[]"


@pytest.mark.parametrize(
    ("pieces", "says"),
    [
        (endless_body, "has more than 16777216 bytes"),
        (endless_chunks, "has more than 16777216 bytes"),
        (slow_body, "no whole answer within 0.5 s"),
        (slow_head, "no whole answer within 0.5 s"),
        (bomb, "the answer is compressed"),
        (broken_off, "the answer broke off"),
    ],
)
async def test_an_answer_without_an_end_is_given_up(pieces: Drip, says: str) -> None:
    async with dripping(pieces) as url:
        # Enough time for the megabytes on a busy machine; what drips is cut short.
        whole_s = _WHOLE_S if pieces in {slow_body, slow_head} else 30
        async with mistral_engine(MistralAccess(url, call_timeout_s=20, total_timeout_s=whole_s)) as engine:
            begin = time.monotonic()
            with pytest.raises(EngineUnavailable, match=says):
                await engine.stop(stop_of(action()))

            assert time.monotonic() - begin < _PATIENCE_S


async def slow_handshake() -> AsyncIterator[bytes]:
    yield b"\x16\x03\x03\x40\x00"
    while True:
        await asyncio.sleep(0.02)
        yield b"\0"


async def test_a_handshake_without_an_end_is_given_up() -> None:
    async with dripping(slow_handshake) as url:
        # Long enough for the certificates of the system to be read before the handshake begins.
        access = MistralAccess(url.replace("http://", "https://"), call_timeout_s=10, total_timeout_s=4)
        async with mistral_engine(access) as engine:
            with pytest.raises(EngineUnavailable, match="no whole answer within 4 s"):
                await engine.stop(stop_of(action()))


async def test_redirects_come_to_an_end() -> None:
    asked = 0

    def elsewhere(_: str, __: str) -> object:
        nonlocal asked
        asked += 1
        return json_answer(302, "", f"Location: /v2/{asked}")

    async with http_server(elsewhere) as url, mistral_engine(MistralAccess(url)) as engine:  # type: ignore[arg-type]  # an Answer
        with pytest.raises(EngineError):
            await engine.stop(stop_of(action()))

    assert asked <= 5


def listed(*rows: object) -> str:
    return json.dumps({"executions": rows, "workflows": rows, "action_executions": rows})


_DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize(
    "body",
    [
        _DEEP,
        listed(7),
        listed(None),
        listed([]),
        listed({}),
        listed({"id": 7}),
        listed({"id": None, "input": "{}"}),
        '{"executions": ' + _DEEP + "}",
        '{"executions": [{"id": ' + "9" * 5000 + "}]}",
        '{"executions": 7}',
        "NaN",
        '"\\ud800"',
    ],
)
async def test_odd_json_is_not_one_of_mistrals(body: str) -> None:
    async with http_server(lambda *_: json_answer(200, body)) as url, mistral_engine(MistralAccess(url)) as engine:
        for ask in (engine.listing.executions, lambda: engine.start(action()), lambda: engine.stop(stop_of(action()))):
            with pytest.raises(EngineError):
                await ask()


@pytest.mark.parametrize(
    "told", [_DEEP, "9" * 5000, 7, [], {"ping_vim": 7}, {"ping_vim": {"vim_id": [], "action_id": {}}}]
)
async def test_executions_with_odd_inputs_are_nobodys(told: object) -> None:
    row = {"id": "1", "workflow_name": "vim_id_x", "input": told, "state": [], "state_info": {}}
    pages = iter([listed(row), listed()])
    async with (
        http_server(lambda *_: json_answer(200, next(pages))) as url,
        mistral_engine(MistralAccess(url)) as engine,
    ):
        assert await engine.listing.executions() == []


async def test_pages_that_repeat_have_an_end() -> None:
    body = listed({"id": "1"})
    async with http_server(lambda *_: json_answer(200, body)) as url, mistral_engine(MistralAccess(url)) as engine:
        with pytest.raises(EngineUnavailable, match="the list has no end: 1 rows"):
            await engine.listing.executions()


def test_what_mistral_says_is_one_line_that_can_be_printed_and_stored() -> None:
    assert bounded("a\ud800b\0c\x1b[31m\nd") == "a?b?c?[31m d"
    assert len(bounded("x" * 10**6)) == 300


async def test_words_that_are_no_unicode_do_not_keep_a_task_from_ending() -> None:
    refusal = json_answer(400, '{"faultstring": "\\ud800 is bad"}')
    wanted = action()
    task = pb.WorkflowTask(kind=pb.WorkflowTask.START)
    task.action.vim_id, task.action.action_id, task.action.auth_url = wanted.vim_id, wanted.action_id, wanted.auth_url
    async with http_server(lambda *_: refusal) as url, mistral_engine(MistralAccess(url)) as engine:
        answer = await TaskRunner(engine).run(task)

    assert answer.error == "Mistral refused (400): ? is bad"
