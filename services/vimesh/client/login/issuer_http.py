"""Asks an issuer by HTTPS. Each exchange is bounded as a whole, from the look-up of the host to the last byte.

Nothing is redirected, and no proxy is used: what an issuer answers is worth a token.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlencode

import httptools

from vimesh.client.login.login_errors import IssuerUnavailable, LoginFailed
from vimesh.domain.access.secure_urls import secure_url
from vimesh.files.file_errors import BadFile
from vimesh.files.json_values import read_json

EXCHANGE_S: Final = 15.0
MAX_ANSWER_BYTES: Final = 256 * 1024
_PART_BYTES: Final = 64 * 1024
_FORM: Final = "content-type: application/x-www-form-urlencoded\r\n"


@dataclass(frozen=True, slots=True)
class IssuerAnswer:
    status: int
    """The status code of HTTP."""
    document: Mapping[str, object]
    """The JSON object in the body; empty if there is none."""


class IssuerHttp:
    def __init__(self, authorities: Path | None) -> None:
        """`authorities`: file with those of the issuer's certificate, PEM; None for those of the system.

        Raises LoginFailed if the file cannot be used.
        """
        try:
            self._tls = ssl.create_default_context(cafile=authorities)
        except OSError as error:  # ssl.SSLError is one
            raise LoginFailed(f"{authorities} must hold certificates in PEM: {error.strerror or error}") from error

    async def get(self, url: str) -> IssuerAnswer:
        """Raises IssuerUnavailable, LoginFailed."""
        return await self._exchange("GET", url, "", b"")

    async def post(self, url: str, form: Mapping[str, str]) -> IssuerAnswer:
        """Send a form; fields that are empty are left out. Raises IssuerUnavailable, LoginFailed."""
        body = urlencode({name: value for name, value in form.items() if value}).encode("ascii")
        return await self._exchange("POST", url, f"{_FORM}content-length: {len(body)}\r\n", body)

    async def _exchange(self, method: str, url: str, headers: str, body: bytes) -> IssuerAnswer:
        try:
            server = secure_url(url)
        except ValueError as error:
            raise LoginFailed(f"{url[:200]} {error}") from error
        path = f"{server.path or '/'}?{server.query}" if server.query else server.path or "/"
        head = f"{method} {path} HTTP/1.1\r\nhost: {server.netloc}\r\naccept: application/json\r\nconnection: close\r\n"
        try:
            async with asyncio.timeout(EXCHANGE_S):
                return await self._ask(server, f"{head}{headers}\r\n".encode("ascii") + body)
        except TimeoutError:
            raise IssuerUnavailable(f"{server.netloc} did not answer within {EXCHANGE_S:g} s") from None
        except ssl.SSLCertVerificationError as error:
            raise LoginFailed(f"the certificate of {server.netloc} is not trusted: {error.verify_message}") from error
        except OSError as error:
            raise IssuerUnavailable(f"{server.netloc} cannot be reached: {error.strerror or error}") from error

    async def _ask(self, server: SplitResult, request: bytes) -> IssuerAnswer:
        secure = server.scheme == "https"
        port = server.port or (443 if secure else 80)
        reader, writer = await asyncio.open_connection(server.hostname, port, ssl=self._tls if secure else None)
        answer = _AnswerReader(server.netloc)
        try:
            writer.write(request)
            while not answer.is_complete and (part := await reader.read(_PART_BYTES)):
                answer.feed(part)
        finally:
            writer.transport.abort()
        return answer.answer()


class _AnswerReader:
    """Its public methods but two are what the parser calls."""

    def __init__(self, server: str) -> None:
        self.is_complete = False
        self._server = server
        self._body = bytearray()
        self._bytes_left = MAX_ANSWER_BYTES
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, part: bytes) -> None:
        """Raises LoginFailed."""
        self._bytes_left -= len(part)
        if self._bytes_left < 0:
            raise LoginFailed(f"{self._server} answers with more than {MAX_ANSWER_BYTES} bytes")
        try:
            self._parser.feed_data(part)
        except httptools.HttpParserError as error:
            raise LoginFailed(f"{self._server} does not speak HTTP") from error

    def answer(self) -> IssuerAnswer:
        """Return what was read until now: JSON that was cut off is none. Raises IssuerUnavailable."""
        if not (status := self._parser.get_status_code()):
            raise IssuerUnavailable(f"{self._server} ended the connection without an answer")
        return IssuerAnswer(status, _document(self._body))

    def on_body(self, part: bytes) -> None:
        self._body += part

    def on_message_complete(self) -> None:
        self.is_complete = True


def _document(content: bytearray) -> Mapping[str, object]:
    try:
        document = read_json(content.decode("utf-8"))
    except (UnicodeDecodeError, BadFile):
        return {}
    return document if isinstance(document, dict) else {}
