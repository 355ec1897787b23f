"""What an issuer answers is bounded, and taken for what it is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from vimesh.cli.login.device_grant import log_in_by_device
from vimesh.client.login import issuer_http
from vimesh.client.login.issuer_http import MAX_ANSWER_BYTES, IssuerHttp
from vimesh.client.login.issuer_metadata import IssuerMetadata, discover
from vimesh.client.login.login_errors import IssuerUnavailable, LoginFailed, TokenRefused
from vimesh.client.login.token_endpoint import IssuerClient, request_token

OK = b"HTTP/1.1 200 OK\r\n"


@asynccontextmanager
async def answering(*parts: bytes, stays: bool = False) -> AsyncGenerator[str]:
    """Serve these bytes to each connection; yields the URL. `stays`: do not end the connection after that."""
    gone = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            await reader.readuntil(b"\r\n\r\n")
            for part in parts:
                writer.write(part)
            if stays:
                await gone.wait()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        gone.set()


def document(content: object, status: str = "200 OK") -> bytes:
    body = json.dumps(content).encode()
    return f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


@pytest.mark.parametrize(
    "answer",
    [
        OK + b'content-length: 8\r\n\r\n{"a": 1}',
        OK + b'transfer-encoding: chunked\r\n\r\n8\r\n{"a": 1}\r\n0\r\n\r\n',
    ],
)
async def test_an_answer_ends_where_it_says_even_if_the_connection_does_not(answer: bytes) -> None:
    async with answering(answer, stays=True) as url:
        got = await IssuerHttp(None).get(f"{url}/x?y")

        assert (got.status, got.document) == (200, {"a": 1})


@pytest.mark.parametrize(
    "answer",
    [
        OK + b'\r\n{"a": 1',
        OK + b"\r\n[1]",
        OK + b"\r\n\xff",
        OK + b"\r\n" + b"[" * 1000 + b"]" * 1000,
        b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
    ],
)
async def test_what_is_no_object_is_empty_and_nothing_is_redirected(answer: bytes) -> None:
    async with answering(answer) as url:
        got = await IssuerHttp(None).get(url)

        assert (got.status, got.document) == (int(answer.split()[1]), {})


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (b"SSH-2.0-x\r\n", LoginFailed, "does not speak HTTP"),
        (b"", IssuerUnavailable, "ended the connection without an answer"),
        (OK + b"\r\n" + b" " * MAX_ANSWER_BYTES, LoginFailed, "answers with more than"),
        (OK + b"x: y\r\n" * MAX_ANSWER_BYTES, LoginFailed, "answers with more than"),
    ],
)
async def test_what_is_no_answer_or_too_much_is_refused(answer: bytes, error: type[Exception], says: str) -> None:
    async with answering(answer) as url:
        with pytest.raises(error, match=says):
            await IssuerHttp(None).get(url)


async def test_an_answer_has_to_end_in_time_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issuer_http, "EXCHANGE_S", 0.2)
    async with answering(OK, stays=True) as url:
        with pytest.raises(IssuerUnavailable, match=r"did not answer within 0.2 s"):
            await IssuerHttp(None).get(url)


@pytest.mark.parametrize(
    "url", ["http://idp.example/", "http://localhost:1/", "https://u:p@idp/", "ftp://127.0.0.1/", "/"]
)
async def test_only_tls_proves_who_answers_unless_it_is_this_machine(url: str) -> None:
    with pytest.raises(LoginFailed, match="must be an https URL, or http on a loopback address"):
        await IssuerHttp(None).get(url)


@pytest.mark.parametrize("url", ["https://idp.example/a b", "https://idp.example/\r\nx: y", f"https://{'a' * 2000}/"])
async def test_what_would_be_more_than_a_url_is_refused(url: str) -> None:
    with pytest.raises(LoginFailed, match="must be a URL of at most 1,024 printable ASCII characters"):
        await IssuerHttp(None).get(url)


def test_authorities_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    file = tmp_path / "ca.crt"
    file.write_text("?")

    for path in (file, tmp_path / "none"):
        with pytest.raises(LoginFailed, match=str(path)):
            IssuerHttp(path)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"issuer": "https://evil.example"}, "is of another issuer: https://evil.example"),
        ({"token_endpoint": "http://idp.example/token"}, "the token_endpoint of the issuer must be an https URL"),
        ({"revocation_endpoint": "javascript:1"}, "the revocation_endpoint of the issuer must be an https URL"),
        ({"token_endpoint": ""}, "names no token_endpoint"),
        ({"issuer": None}, "is of another issuer"),
    ],
)
async def test_metadata_of_somebody_else_are_not_used(changes: dict[str, object], says: str) -> None:
    content: dict[str, object] = {}

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(document(content))

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        content.update({"issuer": url, "token_endpoint": f"{url}/token"})
        assert (await discover(IssuerHttp(None), url)).token_endpoint == f"{url}/token"
        content.update(changes)

        with pytest.raises(LoginFailed, match=says):
            await discover(IssuerHttp(None), url)


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (document({"access_token": "a.b.c", "token_type": "mac"}), LoginFailed, "gave no bearer token"),
        (document({"access_token": "opaque", "token_type": "Bearer"}), LoginFailed, "is no JWT"),
        (document({"access_token": "a.b.c\r\nx", "token_type": "Bearer"}), LoginFailed, "is no JWT"),
        (document({"access_token": "a.b." + "c" * 20_000, "token_type": "Bearer"}), LoginFailed, "more than 16384"),
        (
            document({"access_token": "a.b.c", "token_type": "Bearer", "refresh_token": "a b"}),
            LoginFailed,
            "a refresh token that cannot be used",
        ),
        (document({"error": "invalid_grant", "error_description": "gone"}, "400 Bad"), TokenRefused, "refuses: gone"),
        (document({"error": ["x"]}, "400 Bad"), LoginFailed, "status 400, and does not say why"),
        (document({}, "503 Away"), IssuerUnavailable, "status 503"),
    ],
)
async def test_a_token_that_cannot_be_used_is_none(answer: bytes, error: type[Exception], says: str) -> None:
    async with answering(answer) as url:
        with pytest.raises(error, match=says):
            await request_token(IssuerHttp(None), metadata_of(url), IssuerClient(url, "c"), {"grant_type": "x"})


async def test_an_issuer_that_says_little_gives_a_token_for_five_minutes() -> None:
    async with answering(document({"access_token": "a.b.c", "token_type": "bearer", "expires_in": "soon"})) as url:
        token = await request_token(IssuerHttp(None), metadata_of(url), IssuerClient(url, "c"), {"grant_type": "x"})

    assert (token.access_token, token.refresh_token, token.lifetime_s) == ("a.b.c", "", 300.0)
    assert "a.b.c" not in repr(token)


async def test_a_page_to_approve_at_is_one_that_proves_itself() -> None:
    odd = {"device_code": "d", "user_code": "u", "verification_uri": "http://idp.example/device"}
    async with answering(document(odd)) as url:
        with pytest.raises(LoginFailed, match="the verification_uri of the issuer must be an https URL"):
            await log_in_by_device(IssuerHttp(None), metadata_of(url), IssuerClient(url, "c"), lambda _: None)


async def test_an_approval_is_not_waited_for_longer_than_the_issuer_waits() -> None:
    prompt = {"device_code": "d", "user_code": "u", "verification_uri": "https://idp.example/", "expires_in": 0.2}
    async with answering(document(prompt)) as url:
        with pytest.raises(LoginFailed, match=r"nobody approved within 0.2 s"):
            await log_in_by_device(IssuerHttp(None), metadata_of(url), IssuerClient(url, "c"), lambda _: None)


def metadata_of(url: str) -> IssuerMetadata:
    return IssuerMetadata(url, f"{url}/token", "", f"{url}/device", "")
