"""Waits until a server answers at an address."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from pathlib import Path

from vimesh.files.certificate_files import CERTIFICATE, KEY, TRUSTED

_ASK_EVERY_S = 0.05
_ANSWER_WITHIN_S = 1.0


async def until_answering(path: str, address: str, credentials: Path | None = None) -> None:
    """Return as soon as what is served at a path of `host:port`, or at `unix:` and a path, answers with 200.

    `credentials`: folder with the certificates to use TLS with; None: without TLS.
    """
    context = None if credentials is None else _tls(credentials)
    while not await _answers(path, address, context):  # noqa: ASYNC110 - another process cannot set an event here
        await asyncio.sleep(_ASK_EVERY_S)


def _tls(credentials: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=credentials / TRUSTED)
    context.load_cert_chain(credentials / CERTIFICATE, credentials / KEY)
    return context


async def _answers(path: str, address: str, context: ssl.SSLContext | None) -> bool:
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(_ANSWER_WITHIN_S):
            reader, writer = await _connect(address, context)
            try:
                host = "localhost" if address.startswith("unix:") else address
                writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
                return (await reader.readline()).split()[1:2] == [b"200"]
            finally:
                writer.close()
    return False


async def _connect(address: str, context: ssl.SSLContext | None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if address.startswith("unix:"):
        return await asyncio.open_unix_connection(address.removeprefix("unix:"))
    host, _, port = address.rpartition(":")
    return await asyncio.open_connection(host.strip("[]"), int(port), ssl=context)
