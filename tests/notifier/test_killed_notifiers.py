"""Notifiers that are killed at random, at a real conductor (G19)."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from itertools import chain
from random import Random

from google.protobuf.duration_pb2 import Duration
from sqlalchemy import Connection, update

from tests.support.deployments.conductors import Client
from tests.support.notifier.running_notifier import Endpoint, create_receiver, notifier_at
from tests.support.timing.waiting import eventually
from vimesh.store.schema.notification_tables import receivers
from vimesh.store.sql_store import SqlStore
from vimesh.v1 import receiver_service_pb2 as pb
from vimesh.v1.receiver_service_pb2_grpc import ReceiverServiceStub
from vimesh.v1.vim_pb2 import Vim

WITHIN_S = 30
_KILLS = 6
_VIMS = 20


async def test_notifiers_that_are_killed_lose_no_change_and_repeat_only_what_was_under_way(
    client: Client, store: SqlStore
) -> None:
    random = Random(20)
    pager = Endpoint(breaks_off=lambda: random.random() < 0.2)
    receiver = await create_receiver(client.channel, group_interval=Duration(seconds=1), group_by=["type"])
    vims = [await client.register() for _ in range(_VIMS)]
    expected: dict[str, list[int]] = defaultdict(list)

    async def live(observation: int) -> None:
        """Change VIMs, each one now and then."""
        for vim in random.sample(vims, 8):
            status = Vim.REACHABLE if len(expected[vim.id]) % 2 else Vim.UNREACHABLE
            await client.report(vim, status, observation, reason="" if status == Vim.REACHABLE else "TIMEOUT")
            expected[vim.id].append((await client.get(vim.id)).revision)

    for kill in range(_KILLS):
        async with notifier_at(client.address, f"n{kill}", {"pager": pager}) as notifier:
            attempts = pager.attempts
            await live(2 * kill + 1)
            await pager.until_tried(attempts + 1)
            await live(2 * kill + 2)
            for _ in range(random.randint(0, 5)):
                await asyncio.sleep(0)
            await notifier.kill()
        pager.in_doubt.add(len(pager.arrivals) - 1)
        await store._database.write(_end_claims)
    pager.breaks_off = bool
    async with notifier_at(client.address, "last", {"pager": pager}):

        async def is_all_recorded() -> bool:
            request = pb.GetReceiverRequest(receiver_id=receiver.id)
            shown = (await ReceiverServiceStub(client.channel).GetReceiver(request, timeout=WITHIN_S)).receiver
            return shown.revision >= max(map(max, expected.values()))

        await eventually(is_all_recorded, WITHIN_S)

    arrived = [[(change.vim_id, change.revision) for change in one.changes] for _, one in pager.arrivals]
    for vim_id, revisions in expected.items():
        told = [revision for changes in arrived for id_, revision in changes if id_ == vim_id]
        assert list(dict.fromkeys(told)) == revisions
    in_doubt = {change for place in pager.in_doubt for change in arrived[place]}
    assert {change for change, count in Counter(chain(*arrived)).items() if count > 1} <= in_doubt


def _end_claims(connection: Connection) -> None:
    connection.execute(update(receivers).values(claim_until=0))
