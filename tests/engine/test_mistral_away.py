"""What is said when Mistral cannot be asked, or does not want to."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from tests.engine.scripted_http import Answer, http_server, json_answer, silent_server
from tests.engine.world import action, stop_of
from tests.support.clouds.targets import free_port
from tests.support.mistral.mistrals import running_mistral
from vimesh.domain.errors import BadSetting
from vimesh.engine.engine_errors import EngineRefused, EngineUnavailable
from vimesh.engine.mistral_access import MistralAccess
from vimesh.engine.mistral_engine import mistral_engine
from vimesh.engine.workflow_engine import Stopped


async def test_a_mistral_that_is_down_is_unavailable_and_asked_again_when_it_is_back(tmp_path: Path) -> None:
    port = free_port()
    async with mistral_engine(MistralAccess(f"http://127.0.0.1:{port}/v2")) as engine:
        with pytest.raises(EngineUnavailable, match="cannot connect"):
            await engine.start(action())

        async with running_mistral(tmp_path, {}, port=port):
            assert await engine.stop(stop_of(action())) == Stopped()


async def test_a_mistral_that_never_answers_is_unavailable_within_the_timeout() -> None:
    async with silent_server() as url, mistral_engine(MistralAccess(url, call_timeout_s=0.2)) as engine:
        begin = time.monotonic()
        with pytest.raises(EngineUnavailable, match=r"no answer within 0\.2 s"):
            await engine.stop(stop_of(action()))

    assert time.monotonic() - begin < 5


async def test_who_gives_up_waiting_does_not_wait_for_the_thread() -> None:
    async with silent_server() as url, mistral_engine(MistralAccess(url, call_timeout_s=3)) as engine:
        begin = time.monotonic()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await engine.start(action())
        assert time.monotonic() - begin < 2.5


@pytest.mark.parametrize("code", [500, 502, 503, 429])
async def test_trouble_inside_mistral_is_unavailable(code: int) -> None:
    trouble = json_answer(code, '{"faultstring": "the database is away"}')
    async with http_server(lambda *_: trouble) as url, mistral_engine(MistralAccess(url)) as engine:
        with pytest.raises(EngineUnavailable, match=f"answered {code}: the database is away"):
            await engine.start(action())


async def test_a_refusal_carries_mistrals_words_but_not_too_many() -> None:
    refusal = json_answer(400, '{"faultstring": "Invalid DSL:\\n' + "x" * 5000 + '"}')
    async with http_server(lambda *_: refusal) as url, mistral_engine(MistralAccess(url)) as engine:
        with pytest.raises(EngineRefused, match=r"^Mistral refused \(400\): Invalid DSL: x+…$") as caught:
            await engine.start(action())

    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("body", ["<html>It works!</html>", "[]", "{}"])
async def test_something_else_that_answers_there_is_unavailable(body: str) -> None:
    async with http_server(lambda *_: Answer(200, body)) as url, mistral_engine(MistralAccess(url)) as engine:
        with pytest.raises(EngineUnavailable, match=r"not one of Mistral's|answered 200"):
            await engine.stop(stop_of(action()))


async def test_a_password_in_the_url_is_not_told() -> None:
    access = MistralAccess("http://user:secret@127.0.0.1:1/v2")
    async with mistral_engine(access) as engine:
        with pytest.raises(EngineUnavailable) as caught:
            await engine.start(action())

    assert str(caught.value) == "Mistral at http://127.0.0.1:1/v2: cannot connect"
    assert "secret" not in repr(access)


@pytest.mark.parametrize("url", ["", "127.0.0.1:8989/v2"])
def test_a_url_that_cannot_be_used_stops_the_start(url: str) -> None:
    with pytest.raises(BadSetting, match="--mistral-url"):
        MistralAccess(url)
