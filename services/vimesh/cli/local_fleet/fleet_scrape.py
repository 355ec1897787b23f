"""Serves the metrics of all processes of a fleet on one port: each process has them on a socket of its own."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from vimesh.conductor.metrics.vim_page import may_read_vims
from vimesh.http.server_tls import ServerTls
from vimesh.http.unix_client import NoAnswer, read_unix
from vimesh.metrics.merged_metrics import merge
from vimesh.metrics.metrics_server import answering_scrapes
from vimesh.metrics.scrape_app import Page, PageUnavailable, Write, scrape_app

_WITHIN_S: Final = 3.0
"""How long a process may take for its metrics: it answers from a thread of its own."""
_VIMS_WITHIN_S: Final = 10.0
_MAX_BYTES: Final = 16 * 1024 * 1024
_MAX_VIMS_BYTES: Final = 1024 * 1024 * 1024


class FleetScrape:
    def __init__(self, processes: Mapping[str, Path], conductors: Sequence[str], envoy_admin: Path) -> None:
        """`processes`: the sockets with the metrics of each process, by its name; conductors among them."""
        self._processes = processes
        self._conductors = conductors
        self._envoy_admin = envoy_admin

    def pages(self) -> dict[str, Page]:
        own = {
            f"/metrics/{name}": _page(partial(self._passed_on, socket, "/metrics"))
            for name, socket in self._processes.items()
        }
        return {
            "/metrics": _page(self._merged),
            "/metrics/vims": Page(self._vims, may_read_vims),
            "/metrics/envoy": _page(partial(self._passed_on, self._envoy_admin, "/stats/prometheus")),
            **own,
        }

    async def _merged(self, _parameters: Mapping[str, str]) -> AsyncIterator[bytes]:
        texts = await asyncio.gather(*map(_text_of, self._processes.values()))
        # It takes about 20 ms, in which other scrapes would wait.
        yield await asyncio.to_thread(merge, dict(zip(self._processes, texts, strict=True)))

    async def _passed_on(self, socket: Path, target: str, _parameters: Mapping[str, str]) -> AsyncIterator[bytes]:
        try:
            async for part in read_unix(socket, target, timeout_s=_WITHIN_S, max_bytes=_MAX_BYTES):
                yield part
        except NoAnswer as error:
            raise PageUnavailable(str(error)) from error

    async def _vims(self, parameters: Mapping[str, str]) -> AsyncIterator[bytes]:
        """Ask the first conductor that answers: they all know the same."""
        target = f"/metrics/vims?{urlencode(parameters)}"
        refusal = NoAnswer("there is no conductor")
        for name in self._conductors:
            parts = read_unix(self._processes[name], target, timeout_s=_VIMS_WITHIN_S, max_bytes=_MAX_VIMS_BYTES)
            try:
                first = await anext(parts)
            except NoAnswer as error:
                refusal = error
                continue
            yield first
            async for part in parts:
                yield part
            return
        raise PageUnavailable(str(refusal)) from refusal


@asynccontextmanager
async def serving_fleet_metrics(
    scrape: FleetScrape, listener: socket.socket, credentials: Path | None
) -> AsyncGenerator[None]:
    """Serve while the block runs.

    `listener`: listens on a loopback address.

    `credentials`: the folder with the certificate to serve with, to those who have one; None: to everybody.
    """
    tls = None if credentials is None else ServerTls(credentials)
    async with answering_scrapes(scrape_app(scrape.pages()), listener, tls):
        yield


async def _text_of(path: Path) -> str | None:
    try:
        parts = [part async for part in read_unix(path, "/metrics", timeout_s=_WITHIN_S, max_bytes=_MAX_BYTES)]
    except NoAnswer:
        return None  # the metrics say that it is not up
    return b"".join(parts).decode()


def _page(write: Write) -> Page:
    return Page(write, lambda _caller: True)
