"""Runs the engine of a notifier in the test's own process, with receivers that are objects of the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import grpc
from google.protobuf.duration_pb2 import Duration

from vimesh.domain.notifications.notifications import Notification
from vimesh.domain.notifications.receivers import Receiver
from vimesh.notifier.notifier_engine import NotifierConfig, run_notifier
from vimesh.notifier.notifier_statistics import NotifierStatistics
from vimesh.notifier.senders.sender import SendDelayed
from vimesh.rpc.channels import channel
from vimesh.tracing.spans import Tracer
from vimesh.v1 import receiver_service_pb2 as pb
from vimesh.v1.receiver_service_pb2_grpc import ReceiverServiceStub

_TEMPLATE = "{{ headline }}"


@dataclass
class Endpoint:
    """What is at the end of a receiver. Implements Sender."""

    arrivals: list[tuple[str, Notification]] = field(default_factory=list)
    """Everything that has arrived, and by which notifier."""
    failure: Exception | None = None
    """Raised in the place of taking a notification."""
    breaks_off: Callable[[], bool] = bool
    """Whether to take a notification, and to fail before saying so."""
    in_doubt: set[int] = field(default_factory=set)
    """The places in `arrivals` of those of which their notifier was not told."""
    is_open: asyncio.Event = field(default_factory=asyncio.Event)
    """Nothing is taken while this is not set."""
    attempts: int = 0
    cancelled: int = 0
    news: asyncio.Condition = field(default_factory=asyncio.Condition)

    def __post_init__(self) -> None:
        self.is_open.set()

    async def take(self, notifier_id: str, notification: Notification) -> None:
        self.attempts += 1
        try:
            await self._wake()
            await self.is_open.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.failure is not None:
            raise self.failure
        self.arrivals.append((notifier_id, notification))
        await self._wake()
        if self.breaks_off():
            self.in_doubt.add(len(self.arrivals) - 1)
            raise SendDelayed("the connection was closed half-way")

    async def _wake(self) -> None:
        async with self.news:
            self.news.notify_all()

    async def until(self, count: int, within_s: float = 30.0) -> list[Notification]:
        """Wait until so many notifications have arrived, and return them."""
        async with asyncio.timeout(within_s), self.news:
            await self.news.wait_for(lambda: len(self.arrivals) >= count)
        return [notification for _, notification in self.arrivals]

    async def until_tried(self, count: int, within_s: float = 30.0) -> None:
        async with asyncio.timeout(within_s), self.news:
            await self.news.wait_for(lambda: self.attempts >= count)

    def kinds(self, vim_id: str) -> list[str]:
        return [str(change.kind) for _, one in self.arrivals for change in one.changes if change.vim_id == vim_id]


@dataclass(frozen=True)
class EndpointSender:
    """The way of one notifier to an endpoint."""

    notifier_id: str
    endpoint: Endpoint

    async def send(self, notification: Notification) -> None:
        await self.endpoint.take(self.notifier_id, notification)

    async def close(self) -> None:
        pass


@dataclass
class RunningNotifier:
    statistics: NotifierStatistics
    channel: grpc.aio.Channel
    task: asyncio.Task[None]

    async def kill(self) -> None:
        """End it as if its process had died: conductors hear nothing more of it."""
        await self.channel.close()
        with suppress(grpc.aio.UsageError):
            await self.end()

    async def end(self) -> None:
        if self.task.done():
            return
        self.task.cancel()
        with suppress(asyncio.CancelledError):
            await self.task


Endpoints = dict[str, Endpoint]
"""By the names of their receivers."""


@asynccontextmanager
async def notifier_at(
    address: str, notifier_id: str, endpoints: Endpoints, tracer: Tracer | None = None
) -> AsyncGenerator[RunningNotifier]:
    """Run a notifier until the block ends."""

    def open_sender(receiver: Receiver) -> EndpointSender:
        return EndpointSender(notifier_id, endpoints[receiver.settings.name])

    statistics = NotifierStatistics()
    async with channel(address) as own:
        work = run_notifier(NotifierConfig(notifier_id), own, open_sender, statistics, tracer)
        running = RunningNotifier(statistics, own, asyncio.create_task(work))
        try:
            yield running
        finally:
            await running.end()


async def create_receiver(front: grpc.aio.Channel, name: str = "pager", **fields: object) -> pb.Receiver:
    """Create a receiver that is told without delay; `fields` override the defaults."""
    known: dict[str, object] = {
        "name": name,
        "webhook": pb.WebhookTarget(url="http://127.0.0.1:9/hook", body_template=_TEMPLATE),
        "group_wait": Duration(),
        "group_interval": Duration(seconds=1),
    }
    receiver = pb.Receiver(**(known | fields))  # type: ignore[arg-type]  # fields by name
    request = pb.CreateReceiverRequest(receiver=receiver)
    return (await ReceiverServiceStub(front).CreateReceiver(request, timeout=30)).receiver
