"""Tokens of a function are shown over TLS, kept until shortly before their end, and asked for once at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest

from tests.support.callers.tls_server import NOW, issue, serving, who_on
from vimesh.certificates.certificate_folder import CertificateFolder
from vimesh.certificates.spiffe_ids import Role
from vimesh.client import BadSetting, BearerToken, TokenCredentials
from vimesh.client.credentials.token_credentials import TokenSource
from vimesh.rpc.channels import channel

PATIENCE_S = 20.0


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def front(tmp_path: Path) -> Path:
    """The files of a front."""
    folder = CertificateFolder(tmp_path / "certs")
    folder.init("vimesh", NOW)
    return issue(folder, Role.FRONT, "f")


@asynccontextmanager
async def shown(
    front: Path, source: TokenSource, clock: Clock
) -> AsyncGenerator[grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]]:
    credentials = TokenCredentials(source, front / "ca.crt", clock)
    async with (
        serving(front, requires_certificate=False) as (_, address),
        channel(address, credentials) as opened,
    ):
        yield who_on(opened)


async def test_a_text_is_shown_once_and_a_token_until_shortly_before_its_end(front: Path) -> None:
    clock, asked = Clock(), 0

    def text() -> str:
        nonlocal asked
        asked += 1
        return f"text{asked}"

    async with shown(front, text, clock) as who:
        assert await who(b"", timeout=PATIENCE_S) == b"nobody Bearer text1"
        assert await who(b"", timeout=PATIENCE_S) == b"nobody Bearer text2"

    async def token() -> BearerToken:
        nonlocal asked
        asked += 1
        return BearerToken(f"token{asked}", clock.now + 600)

    async with shown(front, token, clock) as who:
        answers = await asyncio.gather(*(who(b"", timeout=PATIENCE_S) for _ in range(5)))
        assert set(answers) == {b"nobody Bearer token3"}
        clock.now += 539
        assert await who(b"", timeout=PATIENCE_S) == b"nobody Bearer token3"
        clock.now += 2
        assert await who(b"", timeout=PATIENCE_S) == b"nobody Bearer token4"


async def test_a_function_that_fails_ends_the_call_and_not_the_next_one(front: Path) -> None:
    answers = ["late"]

    def token() -> str:
        if not answers:
            return "text"
        raise OSError(answers.pop())

    async with shown(front, token, Clock()) as who:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await who(b"", timeout=PATIENCE_S)
        assert failed.value.code() is grpc.StatusCode.UNAVAILABLE
        assert await who(b"", timeout=PATIENCE_S) == b"nobody Bearer text"


async def test_a_missing_file_of_authorities_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=r"ca\.crt.*cannot be read"):
        channel("127.0.0.1:9", TokenCredentials(lambda: "t", tmp_path / "ca.crt"))


def test_a_token_is_not_in_what_is_logged() -> None:
    assert "secret" not in repr(BearerToken("secret", 0.0))
