"""Reads the metrics of a process again and again, until they are as wanted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.support.scraping.scrapes import LIMIT_S, Scrape, scrape
from tests.support.timing.waiting import eventually

_PARTS = ("_bucket", "_count", "_sum")
"""What the samples of a histogram end in."""


class Scraped:
    """What a process said at one time."""

    def __init__(self, answer: Scrape) -> None:
        assert answer.status == 200
        self._values = {(name, frozenset(labels)): value for (name, labels), value in answer.values.items()}

    @property
    def names(self) -> set[str]:
        """The metrics that have a value, by the names that the catalogue gives them."""
        names = {name for name, _ in self._values}
        return names | {name.removesuffix(part) for name in names for part in _PARTS}

    def value(self, name: str, **labels: str) -> float:
        """Return the sum of all values with these labels, among others; 0 if there is none."""
        given = frozenset(labels.items())
        return sum(value for (of, has), value in self._values.items() if of == name and given <= has)


class MetricsOf:
    """The metrics of a process on a unix socket."""

    def __init__(self, path: Path) -> None:
        self._address = f"unix:{path}"

    async def until_served(self) -> None:
        """Wait until the process answers."""

        async def is_served() -> bool:
            try:
                await self.now()
            except OSError:
                return False
            return True

        await eventually(is_served, LIMIT_S)

    async def now(self) -> Scraped:
        return Scraped(await scrape(self._address))

    async def until(self, holds: Callable[[Scraped], bool]) -> Scraped:
        """Read them until the condition holds, and return what was read last."""
        scraped = await self.now()

        async def again() -> bool:
            nonlocal scraped
            scraped = await self.now()
            return holds(scraped)

        await eventually(again, LIMIT_S)
        return scraped
