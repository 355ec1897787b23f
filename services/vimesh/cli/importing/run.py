"""An import from the first row to the last, some VIMs at the same time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Never

import grpc

from vimesh.cli.exits import ExitCode, Failure
from vimesh.cli.importing.deciding import Decider
from vimesh.cli.importing.fleet import Fleet
from vimesh.cli.importing.outcome import Outcome, Result
from vimesh.cli.importing.registering import Registrar
from vimesh.cli.settings import ClientSettings
from vimesh.cli.stopping import Stopping, stop_on_signals
from vimesh.cli.vim.failures import failure
from vimesh.cli.vim.front import connected
from vimesh.domain.background import beside
from vimesh.tacker.credentials import CredentialsReader
from vimesh.tacker.database import Row, TackerDatabase, tacker_database
from vimesh.tacker.selection import Selection


@dataclass(frozen=True, slots=True)
class ImportSettings:
    client: ClientSettings
    database_url: str = field(repr=False)
    selection: Selection
    credentials: CredentialsReader
    registrar: Registrar
    concurrency: int
    apply: bool


@dataclass(slots=True)
class Ledger:
    """What has come of the import so far. It is there also when the import ends before its time."""

    told: Callable[[], None] = lambda: None
    """Called with each news."""
    looked: bool = False
    """Whether it is known how many VIMs there are."""
    total: int = 0
    outcomes: list[Outcome] = field(default_factory=list)
    ended_early: Failure | None = None

    def take(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        self.told()

    def counts(self) -> Counter[Result]:
        return Counter(outcome.result for outcome in self.outcomes)


async def run_import(settings: ImportSettings, ledger: Ledger) -> None:
    """Raises Failure, and TackerError when the database cannot be read."""
    client = settings.client
    with stop_on_signals() as stopping:
        async with (
            tacker_database(settings.database_url) as database,
            connected(client.address, client.call_timeout_s) as front,
        ):
            decider = Decider(
                Fleet(front, Random()),  # noqa: S311 - spreads retries, guards nothing
                settings.credentials,
                settings.registrar,
                apply=settings.apply,
            )
            importing = _Import(decider, ledger, client.address, settings.concurrency)
            async with beside(_obey(stopping, importing)):
                await importing.run(database, settings.selection)


async def _obey(stopping: Stopping, importing: _Import) -> Never:
    """End with the first signal after the calls that are under way, with the second at once."""
    await stopping.asked()
    importing.stop(Failure("interrupted", code=ExitCode.INTERRUPTED))
    await stopping.urged()
    raise Failure("interrupted; what was under way may have gone through", code=ExitCode.INTERRUPTED)


class _Import:
    def __init__(self, decider: Decider, ledger: Ledger, address: str, concurrency: int) -> None:
        self._decider = decider
        self._ledger = ledger
        self._address = address
        self._places = asyncio.Semaphore(concurrency)

    def stop(self, why: Failure) -> None:
        """Begin no other VIM."""
        self._ledger.ended_early = self._ledger.ended_early or why

    async def run(self, database: TackerDatabase, selection: Selection) -> None:
        if unknown := await database.unknown(selection):
            what = f"{database.place} has no live VIM with the name or id {', '.join(unknown)}"
            raise Failure(what, code=ExitCode.NOT_FOUND)
        self._ledger.total = await database.count(selection)
        self._ledger.looked = True
        async for page in database.pages(selection):
            async with asyncio.TaskGroup() as tasks:
                for row in page:
                    await self._places.acquire()
                    if self._ledger.ended_early is not None:
                        return
                    tasks.create_task(self._settle(row))

    async def _settle(self, row: Row) -> None:
        try:
            self._ledger.take(await self._decider.settle(row))
        except grpc.aio.AioRpcError as error:
            # The fleet cannot be asked, and the next VIM would fare no better.
            self.stop(failure(error, self._address))
        finally:
            self._places.release()
