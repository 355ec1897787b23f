"""Registers the VIMs of a plan, with up to two batches in flight."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

import grpc

from vimesh.cli.base.client_settings import ClientSettings
from vimesh.cli.client.front import explained
from vimesh.cli.vim_import.file_source.batch_results import BatchRegistrar, FileTally
from vimesh.cli.vim_import.file_source.check_file import Waiting
from vimesh.cli.vim_import.fleet_connection import connected_fleet
from vimesh.wire.limits import MAX_BATCH_VALUES

_BATCH = 500
_BATCH_BYTES = 4 * MAX_BATCH_VALUES
"""A value in a free-form field takes at least four bytes, so no batch exceeds MAX_BATCH_VALUES values."""
_IN_FLIGHT = 2


async def send(waiting: Sequence[Waiting], settings: ClientSettings, give_up_s: float, tally: FileTally) -> None:
    """Register all VIMs, unless nothing answers for `give_up_s` seconds. Raises Failure if interrupted twice."""
    batches = _batches(waiting)
    async with connected_fleet(settings, tally, give_up_s=give_up_s) as fleet, asyncio.TaskGroup() as tasks:
        registrar = BatchRegistrar(fleet, settings.address, tally)
        for _ in range(_IN_FLIGHT):
            tasks.create_task(_register_each(batches, registrar, settings.address, tally))


async def _register_each(
    batches: Iterator[Sequence[Waiting]], registrar: BatchRegistrar, address: str, tally: FileTally
) -> None:
    for batch in batches:
        if tally.ended_early is not None:
            return
        try:
            await registrar.register(batch)
        except* grpc.aio.AioRpcError as failed:
            tally.end(explained(failed, address))


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
