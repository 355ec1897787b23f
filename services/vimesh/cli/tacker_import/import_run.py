"""Runs an import from the first row to the last, with several VIMs at the same time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from random import SystemRandom
from typing import TypeVar

import grpc

from vimesh.cli.base.command_settings import ClientSettings
from vimesh.cli.base.exits import ExitCode, Failure
from vimesh.cli.client.existing_vims import ExistingVims
from vimesh.cli.client.explain_failures import failure
from vimesh.cli.client.front import connected
from vimesh.cli.client.interruption import obey
from vimesh.cli.client.repeat_calls import Retrying
from vimesh.cli.processes.stop_signals import stop_on_signals
from vimesh.cli.tacker_import.decide_imports import Decider
from vimesh.cli.tacker_import.import_outcome import Outcome, Result
from vimesh.cli.tacker_import.look_up_vims import Candidate, Looker
from vimesh.cli.tacker_import.register_rows import Taker
from vimesh.cli.tacker_import.row_to_request import Registrar
from vimesh.runtime.background import beside
from vimesh.tacker.credentials import CredentialsReader
from vimesh.tacker.selection import Selection
from vimesh.tacker.tacker_database import Row, TackerDatabase, tacker_database

_T = TypeVar("_T")
_R = TypeVar("_R")

_ATTEMPTS = 4
_BATCH = 100
"""Number of VIMs to look up before the first of them is registered."""


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
class TackerTally:
    """The results so far, also of an import that ended early."""

    told: Callable[[], None] = lambda: None
    """Called after each change."""
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


async def run_import(settings: ImportSettings, ledger: TackerTally) -> None:
    """Import the selected VIMs. Raises Failure, and TackerError if the database cannot be read."""
    client = settings.client
    with stop_on_signals() as stopping:
        async with (
            tacker_database(settings.database_url) as database,
            connected(client.address, client.call_timeout_s) as front,
        ):
            patience = Retrying(client.address, SystemRandom(), attempts=_ATTEMPTS)
            fleet = ExistingVims(front, patience)
            looker = Looker(fleet, settings.credentials, settings.registrar)
            taker = Taker(fleet) if settings.apply else None
            importing = _Import(looker, taker, ledger, client.address, settings.concurrency)
            async with beside(obey(stopping, importing.stop)):
                await importing.run(database, settings.selection)


class _Import:
    def __init__(
        self, looker: Looker, taker: Taker | None, ledger: TackerTally, address: str, concurrency: int
    ) -> None:
        self._looker = looker
        self._taker = taker
        """None in a dry run."""
        self._decider = Decider()
        self._ledger = ledger
        self._address = address
        self._places = asyncio.Semaphore(concurrency)

    def stop(self, why: Failure) -> None:
        """Start no further VIM."""
        self._ledger.ended_early = self._ledger.ended_early or why

    async def run(self, database: TackerDatabase, selection: Selection) -> None:
        if unknown := await database.unknown(selection):
            raise Failure(f"{database.place} has no live VIM {' or '.join(unknown)}", code=ExitCode.NOT_FOUND)
        self._ledger.total = await database.count(selection)
        self._ledger.looked = True
        async for page in database.pages(selection):
            for first in range(0, len(page), _BATCH):
                await self._settle(page[first : first + _BATCH])
                if self._ledger.ended_early is not None:
                    return

    async def _settle(self, rows: Sequence[Row]) -> None:
        """Look up all rows, decide in their order, then register: decisions must not depend on which call is faster."""
        looked = await self._each(rows, self._looker.look)
        if self._ledger.ended_early is not None:
            return
        chosen: list[Candidate] = []
        for each in looked:
            outcome = self._decider.decide(each)
            if self._taker is not None and isinstance(each, Candidate) and outcome.result is Result.IMPORT:
                chosen.append(each)
            else:
                self._ledger.take(outcome)
        if (taker := self._taker) is not None:
            await self._each(chosen, lambda candidate: self._noted(taker.take(candidate)))

    async def _noted(self, coming: Awaitable[Outcome]) -> None:
        self._ledger.take(await coming)

    async def _each(self, many: Sequence[_T], work: Callable[[_T], Awaitable[_R]]) -> list[_R]:
        """Work on up to `concurrency` items at once. Returns results in order; after a stop, some are missing."""
        async with asyncio.TaskGroup() as tasks:
            begun: list[asyncio.Task[_R | None]] = []
            for each in many:
                await self._places.acquire()
                if self._ledger.ended_early is not None:
                    self._places.release()
                    break
                begun.append(tasks.create_task(self._one(each, work)))
        return [result for task in begun if (result := task.result()) is not None]

    async def _one(self, each: _T, work: Callable[[_T], Awaitable[_R]]) -> _R | None:
        try:
            return await work(each)
        except grpc.aio.AioRpcError as error:
            # The fleet does not answer, so the next VIM would fail, too.
            self.stop(failure(error, self._address))
            return None
        finally:
            self._places.release()
