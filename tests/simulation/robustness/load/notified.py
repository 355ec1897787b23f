"""A receiver that is notified of what callers report on some VIMs, and records what arrived."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from tests.simulation.notifications.fleet_calls import create_receiver, get_receiver, until_claimed
from tests.simulation.notifications.moody_receiver import MoodyReceiver, moody_receiver
from tests.simulation.robustness.history import History
from tests.simulation.robustness.load.calls import CALL_S
from tests.support.deployments.conductors import Client
from tests.support.timing.waiting import eventually
from vimesh.v1 import receiver_service_pb2 as receivers
from vimesh.v1 import vim_service_pb2 as pb

_NAMES = ("external-0", "external-1", "external-2")
_SETTLED_S = 240.0


class Notified:
    def __init__(self, client: Client, history: History, receiver: MoodyReceiver, receiver_id: str) -> None:
        self._client = client
        self._history = history
        self._receiver = receiver
        self._receiver_id = receiver_id

    async def note_arrivals(self) -> None:
        """Wait until everything in the log is delivered, and record what arrived."""
        page = await self._client.vims.ListVimEvents(pb.ListVimEventsRequest(page_size=1), timeout=CALL_S)
        newest = page.events[0].revision

        async def is_over() -> bool:
            receiver = await get_receiver(self._client, self._receiver_id)
            return receiver.revision >= newest and not receiver.HasField("pending_since")

        try:
            await eventually(is_over, _SETTLED_S)
        except TimeoutError:
            self._history.note("unfinished", what=f"notifications up to revision {newest} after {_SETTLED_S:g} s")
        for arrival in self._receiver.arrivals:
            changes = [(change.vim_id, change.revision, change.kind) for change in arrival.changes]
            self._history.note(
                "arrival",
                notification=arrival.notification_id,
                group=arrival.group,
                changes=changes,
                confirmed=arrival.is_confirmed,
            )


@asynccontextmanager
async def notified(client: Client, history: History) -> AsyncGenerator[Notified]:
    """Create a receiver of the VIMs with some names, which need not exist so far, and wait for its notifier."""
    async with moody_receiver() as receiver:
        chosen = " OR ".join(f'name = "{name}"' for name in _NAMES)
        created = await create_receiver(
            client, "on-call", filter=chosen, cloud_events=receivers.CloudEventsTarget(url=receiver.url)
        )
        await until_claimed(client)
        history.note("receiver", names=_NAMES)
        yield Notified(client, history, receiver, created.id)
