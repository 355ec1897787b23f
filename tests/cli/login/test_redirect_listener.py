"""Only the browser of this login is listened to."""

from __future__ import annotations

import asyncio
import re
from urllib.parse import parse_qs, urlsplit

import pytest

from vimesh.cli.login.code_grant import log_in_by_browser
from vimesh.cli.login.redirect_listener import listening
from vimesh.client.login.issuer_http import IssuerHttp
from vimesh.client.login.issuer_metadata import IssuerMetadata
from vimesh.client.login.login_errors import LoginFailed, TokenRefused
from vimesh.client.login.token_endpoint import IssuerClient

ISSUER = "https://idp.example"


async def send(redirect_uri: str, request: bytes) -> bytes:
    server = urlsplit(redirect_uri)
    reader, writer = await asyncio.open_connection(server.hostname, server.port)
    writer.write(request)
    writer.write_eof()
    try:
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /?state=other&code=evil HTTP/1.1\r\n\r\n",
        b"GET /?code=evil HTTP/1.1\r\n\r\n",
        b"POST /?state=mine&code=evil HTTP/1.1\r\n\r\n",
        b"GET /?state=\xff HTTP/1.1\r\n\r\n",
        b"GET /?" + b"a=b&" * 100 + b"state=mine&code=evil HTTP/1.1\r\n\r\n",
        b"GET /" + b"x" * 100_000,
        b"\r\n",
        b"",
    ],
)
async def test_requests_of_others_are_not_the_answer(request_: bytes) -> None:
    async with listening("mine") as listener:
        said = await send(listener.redirect_uri, request_)
        assert said == b"" or said.startswith(b"HTTP/1.1 400 ")

        said = await send(listener.redirect_uri, b"GET /?state=mine&code=c HTTP/1.1\r\nhost: x\r\n\r\n")

        assert said.startswith(b"HTTP/1.1 200 ")
        assert (await listener.answer())["code"] == "c"


@pytest.mark.parametrize(
    ("query", "error", "says"),
    [
        ("error=access_denied&error_description=no", TokenRefused, "the issuer refuses: no"),
        ("code=c&iss=https://evil.example", LoginFailed, "the browser came back from another issuer"),
        ("", LoginFailed, "came back without a code"),
    ],
)
async def test_an_answer_without_a_code_of_this_issuer_ends_the_login(
    query: str, error: type[Exception], says: str
) -> None:
    metadata = IssuerMetadata(ISSUER, f"{ISSUER}/token", f"{ISSUER}/auth", "", "")
    shown: asyncio.Queue[str] = asyncio.Queue()
    login = asyncio.ensure_future(
        log_in_by_browser(IssuerHttp(None), metadata, IssuerClient(ISSUER, "c"), shown.put_nowait)
    )
    fields = parse_qs(urlsplit(await shown.get()).query)
    assert fields["code_challenge_method"] == ["S256"]
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", fields["code_challenge"][0])

    answer = f"GET /?state={fields['state'][0]}&{query} HTTP/1.1\r\n\r\n"
    await send(fields["redirect_uri"][0], answer.encode())

    with pytest.raises(error, match=says):
        await login
