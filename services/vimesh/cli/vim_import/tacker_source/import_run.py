"""Runs an import from the first row to the last, with several VIMs at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import grpc

from vimesh.cli.base.client_settings import ClientSettings
from vimesh.cli.base.exits import ExitCode, Failure
from vimesh.cli.client.explain_failures import failure
from vimesh.cli.vim_import.fleet_connection import connected_fleet
from vimesh.cli.vim_import.import_tally import Result
from vimesh.cli.vim_import.tacker_source.decide_imports import Candidate, Decider
from vimesh.cli.vim_import.tacker_source.import_outcome import Outcome, TackerTally
from vimesh.cli.vim_import.tacker_source.import_row import RowImporter
from vimesh.cli.vim_import.tacker_source.row_to_request import RowReader
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
    reader: RowReader
    concurrency: int
    apply: bool


async def run_import(settings: ImportSettings, tally: TackerTally) -> None:
    """Import the selected VIMs. Raises Failure, and TackerError if the database cannot be read."""
    async with (
        connected_fleet(settings.client, tally, attempts=_ATTEMPTS) as fleet,
        tacker_database(settings.database_url) as database,
    ):
        await _Import(RowImporter(fleet, settings.reader), settings, tally).run(database)


class _Import:
    def __init__(self, importer: RowImporter, settings: ImportSettings, tally: TackerTally) -> None:
        self._importer = importer
        self._settings = settings
        self._tally = tally
        self._decider = Decider()
        self._places = asyncio.Semaphore(settings.concurrency)

    async def run(self, database: TackerDatabase) -> None:
        selection = self._settings.selection
        if unknown := await database.unknown(selection):
            raise Failure(f"{database.place} has no live VIM {' or '.join(unknown)}", code=ExitCode.NOT_FOUND)
        self._tally.total = await database.count(selection)
        async for page in database.pages(selection):
            for first in range(0, len(page), _BATCH):
                await self._import(page[first : first + _BATCH])
                if self._tally.ended_early is not None:
                    return

    async def _import(self, rows: Sequence[Row]) -> None:
        """Look up all rows, decide in their order, then register: decisions must not depend on which call is faster."""
        candidates = await self._each(rows, self._importer.look_up)
        if self._tally.ended_early is not None:
            return
        chosen: list[Candidate] = []
        for candidate in candidates:
            outcome = candidate if isinstance(candidate, Outcome) else self._decider.decide(candidate)
            if self._settings.apply and isinstance(candidate, Candidate) and outcome.result is Result.IMPORT:
                chosen.append(candidate)
            else:
                self._count(outcome)
        await self._each(chosen, self._register)

    async def _register(self, candidate: Candidate) -> None:
        self._count(await self._importer.register(candidate))

    def _count(self, outcome: Outcome) -> None:
        self._tally.counts[outcome.result] += 1
        self._tally.outcomes.append(outcome)
        self._tally.on_change()

    async def _each(self, many: Sequence[_T], work: Callable[[_T], Awaitable[_R]]) -> list[_R]:
        """Work on up to `concurrency` items at once. Returns results in order; after a stop, some are missing."""
        async with asyncio.TaskGroup() as tasks:
            begun: list[asyncio.Task[_R | None]] = []
            for each in many:
                await self._places.acquire()
                if self._tally.ended_early is not None:
                    self._places.release()
                    break
                begun.append(tasks.create_task(self._one(each, work)))
        return [result for task in begun if (result := task.result()) is not None]

    async def _one(self, each: _T, work: Callable[[_T], Awaitable[_R]]) -> _R | None:
        try:
            return await work(each)
        except grpc.aio.AioRpcError as error:
            # The fleet does not answer, so the next VIM would fail, too.
            self._tally.end(failure(error, self._settings.client.address))
            return None
        finally:
            self._places.release()
