"""Logins to a scripted API server by TLS: tokens, client certificates, and what it says to them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from tests.support.clouds.authorities import Authority, Signed
from tests.support.clouds.login_client import condition, log_in, words

TOKEN = "plum"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "authority")


@asynccontextmanager
async def api_server(authority: Authority, *, needs_certificate: bool = False) -> AsyncGenerator[str]:
    """Answer as kube-apiserver does: 200 to a user, 401 to a wrong token, 403 to nobody and to whoever may not read."""
    signed = authority.sign("api", "127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(signed.certificate, signed.key)
    context.load_verify_locations(authority.file)
    context.verify_mode = ssl.CERT_REQUIRED if needs_certificate else ssl.CERT_OPTIONAL

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
                return
            proof = next((line[15:] for line in head.split(b"\r\n") if line.startswith(b"Authorization: ")), b"")
            if not head.startswith(b"GET /api HTTP/1.1\r\n"):
                status = 404
            elif proof:
                status = {b"Bearer plum": 200, b"Basic YW5uOmtpd2k=": 200, b"Bearer stranger": 403}.get(proof, 401)
            else:
                status = 200 if writer.get_extra_info("peercert") else 403
            writer.write(b"HTTP/1.1 %d Said\r\nContent-Length: 2\r\n\r\n{}" % status)
            await writer.drain()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with listening:
        yield f"https://127.0.0.1:{listening.sockets[0].getsockname()[1]}"


async def said(url: str, authority: Authority, **auth_cred: str) -> str:
    outcome = await log_in(url, {"ssl_ca_cert": authority.file.read_text(), **auth_cred}, kind="kubernetes")
    assert len(outcome.conditions) == 1
    assert outcome.is_refusal == (outcome.conditions[0].reason in {"UNAUTHORIZED", "FORBIDDEN"})
    return words(outcome)["LoggedIn"]


def pair(signed: Signed) -> dict[str, str]:
    return {"client_cert": signed.certificate.read_text(), "client_key": signed.key.read_text()}


async def test_tokens_and_passwords(authority: Authority) -> None:
    async with api_server(authority) as url:
        assert await said(url, authority, bearer_token=TOKEN) == "TRUE"
        assert await said(f"{url}/", authority, bearer_token=TOKEN) == "TRUE"
        assert await said(url, authority, bearer_token="old") == "FALSE UNAUTHORIZED"
        assert await said(url, authority, bearer_token="stranger") == "FALSE FORBIDDEN"
        assert await said(url, authority, username="ann", password="kiwi") == "TRUE"
        assert await said(f"{url}/elsewhere", authority, bearer_token=TOKEN) == "FALSE HTTP_404"


async def test_client_certificates(authority: Authority) -> None:
    ann, other = authority.sign("ann"), authority.sign("other")
    async with api_server(authority) as url:
        assert await said(url, authority, **pair(ann)) == "TRUE"
        mixed = {"client_cert": ann.certificate.read_text(), "client_key": other.key.read_text()}
        assert await said(url, authority, **mixed) == "FALSE NO_CREDENTIALS"
    async with api_server(authority, needs_certificate=True) as url:
        assert await said(url, authority, **pair(ann)) == "TRUE"
        # Whether its alert is read before the connection is reset is chance.
        assert await said(url, authority, bearer_token=TOKEN) in {"FALSE TLS", "FALSE RESET"}
        assert await said(url, authority, cert_verify="False", **pair(ann)) == "TRUE"


async def test_a_certificate_that_is_not_valid_gets_no_credentials(authority: Authority, tmp_path: Path) -> None:
    other = Authority(tmp_path, "other")
    async with api_server(authority) as url:
        assert await said(url, other, bearer_token=TOKEN) == "FALSE TLS"
        assert await said(url.replace("127.0.0.1", "127.0.0.2"), authority, bearer_token=TOKEN) == "FALSE REFUSED"
        assert await said(url, authority, bearer_token=TOKEN, ssl_ca_cert="no PEM") == "FALSE NO_CREDENTIALS"
        outcome = await log_in(url, {"bearer_token": TOKEN}, kind="kubernetes")

    assert words(outcome) == {"LoggedIn": "FALSE TLS"}
    assert "certificate" in condition(outcome, "LoggedIn").message
