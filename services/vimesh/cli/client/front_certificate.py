"""Reads until when the certificate of a front is valid, as a client is shown it."""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
from pathlib import Path

from vimesh.files.certificate_files import CERTIFICATE, KEY, TRUSTED


async def certificate_end(address: str, credentials: Path, timeout_s: float) -> dt.datetime:
    """Connect once, as any client does, and return the end of the front's certificate.

    Raises OSError, also if the handshake fails (`ssl.SSLError`) or takes too long (`TimeoutError`).
    """
    async with asyncio.timeout(timeout_s):
        _, writer = await _connect(address, _context(credentials))
        try:
            shown = writer.get_extra_info("peercert")
        finally:
            # Nothing was said that an orderly end would matter to.
            writer.transport.abort()
            await writer.wait_closed()
    return dt.datetime.fromtimestamp(ssl.cert_time_to_seconds(shown["notAfter"]), dt.UTC)


def _context(credentials: Path) -> ssl.SSLContext:
    trusted, shown = credentials / TRUSTED, credentials / CERTIFICATE
    context = ssl.create_default_context(cafile=str(trusted) if trusted.exists() else None)
    context.set_alpn_protocols(["h2"])
    if shown.exists():
        context.load_cert_chain(shown, credentials / KEY)
    return context


async def _connect(address: str, context: ssl.SSLContext) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if address.startswith("unix:"):
        # A certificate names hosts, and a socket of this machine has none: see `vimesh.rpc.channels`.
        path = address.removeprefix("unix:")
        return await asyncio.open_unix_connection(path, ssl=context, server_hostname="localhost")
    host, _, port = address.rpartition(":")
    return await asyncio.open_connection(host.strip("[]"), int(port), ssl=context)
