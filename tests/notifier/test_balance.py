"""Notifiers have about as many receivers each, whenever they were started, and nobody is told less or twice for it."""

from __future__ import annotations

from tests.support.deployments.conductors import Client
from tests.support.notifier.running_notifier import Endpoint, create_receiver, notifier_at
from tests.support.timing.waiting import until
from vimesh.v1.vim_pb2 import Vim

WITHIN_S = 60
COUNT = 10


async def test_a_notifier_that_is_started_later_gets_half_but_nothing_that_is_being_delivered(client: Client) -> None:
    busy, pagers = Endpoint(), {f"pager-{number}": Endpoint() for number in range(1, COUNT)}
    busy.is_open.clear()
    endpoints = {"busy": busy, **pagers}
    for name in endpoints:
        await create_receiver(client.channel, name)
    vim = await client.register()
    async with notifier_at(client.address, "one", endpoints) as first:
        await until(lambda: first.statistics.receivers == COUNT, WITHIN_S)
        await client.report(vim, Vim.UNREACHABLE, 1)
        await busy.until_tried(1)
        for pager in pagers.values():
            await pager.until(1)
        async with notifier_at(client.address, "two", endpoints) as second:
            await until(lambda: (first.statistics.receivers, second.statistics.receivers) == (5, 5), WITHIN_S)
            busy.is_open.set()
            await busy.until(1)
            await client.report(vim, Vim.REACHABLE, 2)
            for pager in endpoints.values():
                await pager.until(2)
            assert (first.statistics.receivers, second.statistics.receivers) == (5, 5)
        await until(lambda: first.statistics.receivers == COUNT, WITHIN_S)

    assert busy.arrivals[0][0] == "one"
    assert all(pager.kinds(vim.id) == ["PROBLEM", "RESOLVED"] for pager in endpoints.values())
    assert {pager.arrivals[1][0] for pager in pagers.values()} == {"one", "two"}
