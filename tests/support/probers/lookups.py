"""Asks a resolver: the questions are real, and the test sets the time."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager

from tests.support.probers.verdicts import PATIENCE_S
from vimesh.monitor.names.lookup_queue import MOST_OPEN
from vimesh.monitor.names.name_answers import Outcome
from vimesh.monitor.names.name_lookup import NameLookup
from vimesh.monitor.names.resolver import Resolver


class Lookups:
    """Addresses age by `time`; waits take real time."""

    def __init__(self, look_up: NameLookup, most_open: int, resolution_delay_s: float) -> None:
        self._loop = asyncio.get_running_loop()
        self.time = 1000.0
        self.resolver = Resolver(
            look_up=look_up,
            call_later=self._loop.call_later,
            clock=lambda: self.time,
            most_open=most_open,
            resolution_delay_s=resolution_delay_s,
        )

    async def ask(self, name: str) -> Outcome:
        outcome: asyncio.Future[Outcome] = self._loop.create_future()
        self.resolver.look_up(name, object(), outcome.set_result)
        return await asyncio.wait_for(outcome, PATIENCE_S)

    async def renew(self, name: str) -> Outcome | None:
        """Look the name up again, or return None if its addresses are fresh enough."""
        outcome: asyncio.Future[Outcome] = self._loop.create_future()
        if not self.resolver.renew(name, object(), outcome.set_result):
            return None
        return await asyncio.wait_for(outcome, PATIENCE_S)

    async def ips(self, name: str) -> list[str]:
        return ips(await self.ask(name))

    def known(self, name: str) -> list[str]:
        return ips(self.resolver.cached_hosts(name) or ())


def ips(outcome: Outcome) -> list[str]:
    """Return the addresses. Fails if there are none."""
    assert isinstance(outcome, tuple), outcome
    return [host.ip for host in outcome]


@contextmanager
def lookups(*name_servers: str, most_open: int = MOST_OPEN, resolution_delay_s: float = 1.0) -> Generator[Lookups]:
    """Yield a resolver that asks these servers, or those of the system. `most_open` is the number of names at once.

    It waits longer for the second family than monitors do: on a busy machine it may come later than they wait.
    """
    with NameLookup(name_servers) as look_up:
        yield Lookups(look_up, most_open, resolution_delay_s)


def no_lookups() -> Resolver:
    """Return a resolver for targets that are given by address."""
    return Resolver(
        look_up=lambda _name, _on_answer: None, call_later=asyncio.get_running_loop().call_later, clock=lambda: 0.0
    )
