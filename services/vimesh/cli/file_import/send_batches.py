"""Registers the VIMs of a plan, with up to two batches in flight."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from random import SystemRandom

import grpc

from vimesh.cli.base.command_settings import ClientSettings
from vimesh.cli.client.existing_vims import ExistingVims
from vimesh.cli.client.explain_failures import failure
from vimesh.cli.client.front import connected
from vimesh.cli.client.interruption import obey
from vimesh.cli.client.repeat_calls import Retrying
from vimesh.cli.file_import.batch_results import Settler
from vimesh.cli.file_import.check_file import Waiting
from vimesh.cli.file_import.import_tally import ImportTally
from vimesh.cli.processes.stop_signals import stop_on_signals
from vimesh.runtime.background import beside
from vimesh.wire.limits import MAX_BATCH_VALUES

_BATCH = 500
_BATCH_BYTES = 4 * MAX_BATCH_VALUES
"""A value in a free-form field takes at least four bytes, so no batch exceeds MAX_BATCH_VALUES values."""
_IN_FLIGHT = 2


async def send(waiting: Sequence[Waiting], settings: ClientSettings, give_up_s: float, ledger: ImportTally) -> None:
    """Register all VIMs, unless nothing answers for `give_up_s` seconds. Raises Failure if interrupted twice."""
    batches = _batches(waiting)
    with stop_on_signals() as stopping:
        async with connected(settings.address, settings.call_timeout_s) as front:
            random = SystemRandom()
            patience = Retrying(
                settings.address,
                random,
                give_up_s=give_up_s,
                stopped=lambda: ledger.ended_early is not None,
                waiting=ledger.waits,
            )
            settler = Settler(ExistingVims(front, patience), settings.address, ledger)
            async with beside(obey(stopping, ledger.end)), asyncio.TaskGroup() as tasks:
                for _ in range(_IN_FLIGHT):
                    tasks.create_task(_settle_each(batches, settler, settings.address, ledger))


async def _settle_each(
    batches: Iterator[Sequence[Waiting]], settler: Settler, address: str, ledger: ImportTally
) -> None:
    for batch in batches:
        if ledger.ended_early is not None:
            return
        try:
            await settler.settle(batch)
        except* grpc.aio.AioRpcError as group:
            ledger.end(failure(_first(group), address))


def _first(group: BaseExceptionGroup[grpc.aio.AioRpcError]) -> grpc.aio.AioRpcError:
    found = group.exceptions[0]
    return _first(found) if isinstance(found, BaseExceptionGroup) else found


def _batches(waiting: Sequence[Waiting]) -> Iterator[Sequence[Waiting]]:
    batch: list[Waiting] = []
    size = 0
    for one in waiting:
        if batch and (len(batch) == _BATCH or size + len(one.request) > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(one)
        size += len(one.request)
    if batch:
        yield batch
