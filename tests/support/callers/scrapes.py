"""Scrapes the metrics of a process as Prometheus does, on its unix socket."""

from __future__ import annotations

import asyncio
import http.client
import socket
from collections.abc import Callable
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.support.timing.waiting import eventually

_WITHIN_S = 30.0


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=_WITHIN_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class Scraped:
    """The samples of one scrape."""

    def __init__(self, text: str) -> None:
        families = list(text_string_to_metric_families(text))
        self._samples = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in families
            for sample in family.samples
        }

    @property
    def names(self) -> set[str]:
        """The metrics by the names that a catalogue gives them: those of histograms without a suffix."""
        names = {name for name, _ in self._samples}
        return names | {name.removesuffix("_bucket") for name in names}

    def value(self, name: str, **labels: str) -> float:
        """Return the sum of all samples that have these labels, among others; 0 if there is none."""
        given = frozenset(labels.items())
        return sum(value for (of, has), value in self._samples.items() if of == name and given <= has)


class Scrapes:
    def __init__(self, path: Path) -> None:
        self._path = path

    async def until_served(self) -> None:
        """Wait until the process answers."""

        async def is_served() -> bool:
            try:
                await self.scrape()
            except OSError:
                return False
            return True

        await eventually(is_served, _WITHIN_S)

    async def scrape(self) -> Scraped:
        return await asyncio.to_thread(self._scrape)

    def _scrape(self) -> Scraped:
        connection = _Connection(self._path)
        try:
            connection.request("GET", "/metrics")
            answer = connection.getresponse()
            assert answer.status == http.HTTPStatus.OK
            return Scraped(answer.read().decode())
        finally:
            connection.close()

    async def until(self, holds: Callable[[Scraped], bool]) -> Scraped:
        """Scrape until the condition holds, and return that scrape."""
        scraped = await self.scrape()

        async def again() -> bool:
            nonlocal scraped
            scraped = await self.scrape()
            return holds(scraped)

        await eventually(again, _WITHIN_S)
        return scraped
