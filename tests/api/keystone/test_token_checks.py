"""Answers of Keystone are remembered for a bounded time, in bounded memory, and no caller waits without a limit."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Generator

import pytest

from vimesh.api.keystone.token_cache import LONGEST_S, MAX_TOKENS, TokenCache
from vimesh.api.keystone.token_checks import THREADS, TokenChecks
from vimesh.api.keystone.token_claims import KeystoneUnavailable, TokenClaims
from vimesh.runtime.daemon_threads import DaemonThreads


def claims(valid_s: float = 3600.0, user_id: str = "ann") -> TokenClaims:
    return TokenClaims(user_id, "blue", ("member",), "default", "default", "", time.time() + valid_s)


class Keystone:
    """Says what a test wants."""

    def __init__(self) -> None:
        self.answers: dict[str, TokenClaims | Exception] = {}
        self.asked: list[str] = []

    def ask(self, token: str) -> TokenClaims | None:
        self.asked.append(token)
        answer = self.answers.get(token)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def threads() -> Generator[DaemonThreads]:
    with DaemonThreads(THREADS, "keystone") as threads:
        yield threads


async def test_an_answer_counts_for_a_minute(threads: DaemonThreads) -> None:
    keystone, clock = Keystone(), Clock()
    keystone.answers["good"] = claims()
    checks = TokenChecks(keystone.ask, threads, clock)

    async def ask_both() -> list[bool]:
        return [await checks.check(token) is not None for token in ("good", "bad")]

    assert await ask_both() == [True, False]
    clock.now += LONGEST_S - 1
    assert await ask_both() == [True, False]
    assert keystone.asked == ["good", "bad"]
    clock.now += 1
    assert await ask_both() == [True, False]
    assert keystone.asked == ["good", "bad"] * 2


async def test_a_token_counts_no_longer_than_it_is_valid(threads: DaemonThreads) -> None:
    keystone, clock = Keystone(), Clock()
    keystone.answers["brief"] = claims(valid_s=10)
    checks = TokenChecks(keystone.ask, threads, clock)

    assert await checks.check("brief") is not None
    clock.now += 10
    del keystone.answers["brief"]
    assert await checks.check("brief") is None


async def test_what_cannot_be_a_token_is_not_asked_about(threads: DaemonThreads) -> None:
    keystone = Keystone()
    checks = TokenChecks(keystone.ask, threads)

    for token in ("", "a b", "a\x7f", "ä", "a" * 16385):
        assert await checks.check(token) is None
    assert keystone.asked == []


async def test_an_outage_is_no_verdict_and_is_not_asked_about_again_at_once(threads: DaemonThreads) -> None:
    keystone, clock = Keystone(), Clock()
    keystone.answers["good"] = KeystoneUnavailable("answers 500")
    checks = TokenChecks(keystone.ask, threads, clock)

    for _ in range(3):
        with pytest.raises(KeystoneUnavailable):
            await checks.check("good")
    assert keystone.asked == ["good"]
    keystone.answers["good"] = claims()
    clock.now += 1
    assert await checks.check("good") is not None


async def test_known_tokens_count_while_keystone_is_away(threads: DaemonThreads) -> None:
    keystone, clock = Keystone(), Clock()
    keystone.answers = {"good": claims(), "other": KeystoneUnavailable("answers 500")}
    checks = TokenChecks(keystone.ask, threads, clock)
    await checks.check("good")

    with pytest.raises(KeystoneUnavailable):
        await checks.check("other")
    assert await checks.check("good") is not None


async def test_no_caller_waits_without_a_limit_nor_is_work_done_for_those_who_left() -> None:
    let_go, asked = threading.Event(), []

    def hang(token: str) -> TokenClaims | None:
        asked.append(token)
        let_go.wait(30)
        return None

    with DaemonThreads(1, "keystone") as threads:
        checks = TokenChecks(hang, threads, answer_within_s=0.2)
        answers = await asyncio.gather(*(checks.check(f"token-{n}") for n in range(5)), return_exceptions=True)
        let_go.set()
        with pytest.raises(KeystoneUnavailable):
            await checks.check("one-more")  # just after the outage

    assert [str(answer) for answer in answers] == ["does not answer within 0.2 s"] * 5
    assert asked == ["token-0"]


def test_a_stranger_pushes_no_valid_tokens_out() -> None:
    cache = TokenCache(Clock())
    cache.keep("good", claims(), 3600)
    for number in range(2 * MAX_TOKENS):
        cache.keep(f"bad-{number}", None, 3600)

    assert cache.find("good")[0]
    assert cache.find(f"bad-{2 * MAX_TOKENS - 1}") == (True, None)
    assert cache.find("bad-0") == (False, None)


def test_the_memory_is_bounded() -> None:
    cache = TokenCache(Clock())
    for number in range(MAX_TOKENS + 1):
        cache.keep(f"good-{number}", claims(), 3600)

    assert not cache.find("good-0")[0]
    assert cache.find("good-1")[0]
