"""A login is renewed in time, once among all processes, and for as long as its issuer goes along."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from tests.support.identities.callers import LIMIT_S
from tests.support.timing.waiting import until
from vimesh.client.login import renew_login
from vimesh.client.login.login_errors import LoginEnded, LoginFailed
from vimesh.client.login.login_folder import LoginFolder
from vimesh.client.login.renew_login import keep_valid, renew_if_due
from vimesh.client.login.token_endpoint import IssuerClient, TokenAnswer
from vimesh.runtime.background import beside

LIFETIME_S = 300.0


class Issuer:
    """An issuer that is away unless it is told to answer; its tokens are numbered."""

    def __init__(self) -> None:
        self.url = ""
        self.is_away = True
        self.renewals: list[str] = []
        """The refresh tokens that came."""
        self.attempts = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            status, content = "200 OK", {"issuer": self.url, "token_endpoint": f"{self.url}/token"}
            self.attempts += 1
            if self.is_away:
                status = "503 Away"
            elif head.startswith("POST"):
                length = int(head.lower().partition("content-length: ")[2].partition("\r\n")[0])
                self.renewals += parse_qs((await reader.readexactly(length)).decode())["refresh_token"]
                number = len(self.renewals)
                content = {"access_token": f"a.b.{number}", "refresh_token": f"r{number}", "token_type": "Bearer"}
            body = json.dumps(content).encode()
            writer.write(f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)


@asynccontextmanager
async def issuing() -> AsyncGenerator[Issuer]:
    issuer = Issuer()
    server = await asyncio.start_server(issuer.answer, "127.0.0.1", 0)
    async with server:
        issuer.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield issuer


class Site:
    """A login whose clock stands still."""

    def __init__(self, path: Path, issuer: Issuer, refresh_token: str = "r0") -> None:
        self.now = 1_000_000.0
        self.folder = LoginFolder(path, lambda: self.now)
        answer = TokenAnswer("a.b.0", refresh_token, LIFETIME_S)
        self.folder.store(IssuerClient(issuer.url, "c"), answer, b"authorities")

    @property
    def token(self) -> str:
        return (self.folder.path / "token").read_text()


async def test_a_token_is_renewed_a_minute_before_its_end_and_not_earlier(tmp_path: Path) -> None:
    async with issuing() as issuer:
        issuer.is_away = False
        site = Site(tmp_path / "mesh", issuer)
        site.now += LIFETIME_S - 61
        await renew_if_due(site.folder)
        assert issuer.renewals == []
        site.now += 1

        renewed = await renew_if_due(site.folder)

        assert (issuer.renewals, site.token, renewed.refresh_token) == (["r0"], "a.b.1", "r1")
        assert renewed.expires_at == site.now + LIFETIME_S
        assert (site.folder.path / "ca.crt").read_bytes() == b"authorities"


async def test_many_who_find_it_due_renew_it_once(tmp_path: Path) -> None:
    async with issuing() as issuer:
        issuer.is_away = False
        site = Site(tmp_path / "mesh", issuer)
        site.now += LIFETIME_S

        await asyncio.gather(*(renew_if_due(LoginFolder(site.folder.path, lambda: site.now)) for _ in range(8)))

        assert issuer.renewals == ["r0"]


async def test_trouble_with_an_issuer_is_told_once_and_overcome(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renew_login, "_RETRY_S", 0.0)
    told: list[str] = []
    async with issuing() as issuer:
        site = Site(tmp_path / "mesh", issuer)
        site.now += LIFETIME_S
        async with beside(keep_valid(site.folder, told.append)):
            await until(lambda: issuer.attempts > 5, LIMIT_S)
            issuer.is_away = False
            await until(lambda: site.token == "a.b.1", LIMIT_S)

    assert len(told) == 1
    assert told[0].startswith("the login of profile mesh cannot be renewed: ")


async def test_without_a_refresh_token_a_login_ends(tmp_path: Path) -> None:
    async with issuing() as issuer:
        site = Site(tmp_path / "mesh", issuer, refresh_token="")
        site.now += LIFETIME_S - 1
        await renew_if_due(site.folder)
        site.now += 1

        with pytest.raises(LoginEnded, match="the login of profile mesh has ended"):
            await renew_if_due(site.folder)
        site.folder.remove()
        with pytest.raises(LoginEnded, match="not logged in to profile mesh"):
            await renew_if_due(site.folder)
        assert issuer.attempts == 0


@pytest.mark.parametrize("content", ["", "[]", "{}", "?", '{"issuer": 1}'])
def test_a_file_that_is_not_ours_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "login.json").write_text(content)

    with pytest.raises(LoginFailed, match=r"login\.json is not as vimesh login writes it"):
        LoginFolder(tmp_path).read()
