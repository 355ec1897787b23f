"""Runs a fleet whose notifiers and conductors are killed, and judges what its receivers got."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.simulation.notifications.fleet_calls import (
    alerts_to,
    create_receiver,
    email_to,
    get_receiver,
    list_events,
    list_vims,
    until_claimed,
)
from tests.simulation.notifications.judgement import (
    Expected,
    Judgement,
    expected_of,
    expected_until_end,
    is_complete,
    judge,
)
from tests.simulation.notifications.killer import Killer, SpareNotifier
from tests.simulation.notifications.moody_mailbox import MoodyMailbox, revisions_of
from tests.simulation.notifications.moody_receiver import Arrival, MoodyReceiver, moody_receiver
from tests.simulation.notifications.status_load import LABEL, StatusLoad
from tests.support.callers.running import fleet
from tests.support.deployments.conductors import Client, client_at
from tests.support.notifier.smtp_server import smtp_server
from tests.support.observability.alertmanager_server import Alertmanager, running_alertmanager
from vimesh.runtime.background import beside
from vimesh.v1 import receiver_service_pb2 as pb
from vimesh.v1.vim_pb2 import Vim, VimEvent

_TEMPLATE = '{"id": {{ id | tojson }}, "group": {{ group | tojson }}, "changes": {{ changes | tojson }}}'
MAIL, ENDING = "e-mail", "ending"


@dataclass(frozen=True, slots=True)
class Order:
    seed: int
    changes: int
    vims: int
    per_s: float
    kill_every_s: tuple[float, float]
    """The shortest and the longest pause between two kills."""
    folder: Path
    drain_s: float = 120.0
    """How long receivers may take for the rest, once all changes are made and nobody is killed any more."""
    ends_after: int = 10
    """Requests that one receiver takes before it wants no more (410)."""


@dataclass(frozen=True, slots=True)
class Result:
    judgements: Mapping[str, Judgement]
    """By the name of the receiver."""
    attempts: Mapping[str, int]
    kills: Mapping[str, int]
    firing: int
    """Alerts that fire at the end."""
    other_faults: Sequence[str]
    """Of the Alertmanager, and of the receiver that wanted no more."""

    @property
    def faults(self) -> list[str]:
        faults = [f"{name}: {fault}" for name, judgement in self.judgements.items() for fault in judgement.faults]
        return [*faults, *self.other_faults]

    def __str__(self) -> str:
        lines = [f"kills: {', '.join(f'{count} of {name}' for name, count in sorted(self.kills.items()))}"]
        lines += [f"{name}: {each}, {self.attempts[name]} attempts" for name, each in self.judgements.items()]
        lines += [f"Alertmanager: {self.firing} alerts fire at the end", *self.other_faults]
        return "\n".join(lines)


@dataclass
class _Receivers:
    """What is at the end of the fleet's receivers."""

    http: Mapping[str, MoodyReceiver]
    mailbox: MoodyMailbox
    alertmanager: Alertmanager
    ending: MoodyReceiver
    ending_id: str = ""
    requests_at_end: list[int] = field(default_factory=list)
    """Requests to the receiver that wants no more, when it was seen to be disabled."""

    def calm_down(self) -> None:
        for receiver in self.http.values():
            receiver.calm_down()
        self.mailbox.calm_down()

    @property
    def attempts(self) -> dict[str, int]:
        attempts = {name: receiver.attempts for name, receiver in self.http.items()}
        return attempts | {MAIL: self.mailbox.attempts, ENDING: self.ending.attempts}

    def arrivals(self, events: Sequence[VimEvent], vim_ids: Mapping[str, str]) -> dict[str, list[Arrival]]:
        """Return what arrived at all but the Alertmanager, which has alerts and no changes."""
        arrivals = {name: receiver.arrivals for name, receiver in self.http.items()}
        arrivals[MAIL] = self.mailbox.arrivals(revisions_of(events), vim_ids)
        return arrivals | {ENDING: self.ending.arrivals}


async def run(order: Order) -> Result:
    """Play an order."""
    random = Random(order.seed)
    async with AsyncExitStack() as stack:
        receivers = await stack.enter_async_context(_receivers(order))
        up = await asyncio.to_thread(stack.enter_context, fleet(order.folder, "--conductors", "2"))
        client = await stack.enter_async_context(client_at(up.address))
        spare = SpareNotifier(order.folder, up.data_dir)
        stack.callback(spare.close)
        load = StatusLoad(client, random)
        await load.register(order.vims)
        await _create_receivers(client, receivers)
        # They would be killed before they do anything.
        await until_claimed(client)
        killer = Killer(up, spare, random, order.kill_every_s)
        async with beside(_note_end(client, receivers)):
            async with beside(killer.run()):
                await load.run(order.changes, order.per_s)
                # All VIMs have changed equally often: without this, all would be as they were at first.
                await load.change(range(0, order.vims, 2))
            receivers.calm_down()
            async with beside(load.keep_confirming()):
                return await _settle(client, order, load, receivers, killer.kills)


async def _settle(
    client: Client, order: Order, load: StatusLoad, receivers: _Receivers, kills: Mapping[str, int]
) -> Result:
    """Wait until receivers have everything, or have had enough time for that, and judge."""
    deadline = time.monotonic() + order.drain_s
    while True:
        # Leases that ended while the fleet was busy are changes, too.
        events = await list_events(client)
        expected = _expected_of_each(receivers, expected_of(events), load)
        arrivals = receivers.arrivals(events, load.vim_ids)
        has_all = all(is_complete(expected[name], arrivals[name]) for name in expected)
        faults = [*await _alert_faults(client, receivers), *await _end_faults(client, receivers)]
        if (has_all and not faults) or time.monotonic() > deadline:
            break
        await asyncio.sleep(0.5)
    return Result(
        {name: judge(expected[name], arrivals[name]) for name in expected},
        receivers.attempts,
        dict(kills),
        len(await _firing(receivers)),
        faults,
    )


def _expected_of_each(receivers: _Receivers, expected: Expected, load: StatusLoad) -> dict[str, Expected]:
    mailed = {vim_id: expected.get(vim_id, ()) for vim_id in load.labeled_ids}
    ended = expected_until_end(expected, receivers.ending.arrivals)
    return dict.fromkeys(receivers.http, expected) | {MAIL: mailed, ENDING: ended}


@asynccontextmanager
async def _receivers(order: Order) -> AsyncGenerator[_Receivers]:
    moods = {"calm": None, "moody": Random(order.seed), "binary": Random(order.seed + 1)}
    mailbox = MoodyMailbox(Random(order.seed + 2))
    async with (
        AsyncExitStack() as stack,
        moody_receiver(ends_after=order.ends_after) as ending,
        running_alertmanager(order.folder / "alertmanager") as alertmanager,
        smtp_server(mailbox),
    ):
        http = {name: await stack.enter_async_context(moody_receiver(mood)) for name, mood in moods.items()}
        yield _Receivers(http, mailbox, alertmanager, ending)


async def _create_receivers(client: Client, receivers: _Receivers) -> None:
    for name, receiver in receivers.http.items():
        mode = pb.CloudEventsTarget.BINARY if name == "binary" else pb.CloudEventsTarget.STRUCTURED
        await create_receiver(client, name, cloud_events=pb.CloudEventsTarget(url=receiver.url, mode=mode))
    webhook = pb.WebhookTarget(url=receivers.ending.url, body_template=_TEMPLATE)
    receivers.ending_id = (await create_receiver(client, ENDING, webhook=webhook)).id
    # So few VIMs that a mail lists all of their changes.
    await create_receiver(client, MAIL, filter=f"labels.{LABEL[0]} = {LABEL[1]}", email=email_to(receivers.mailbox))
    # Nothing is repeated, and so no alert ends by itself: one whose end was lost would fire still.
    await create_receiver(client, "alertmanager", alertmanager=alerts_to(receivers.alertmanager))


async def _note_end(client: Client, receivers: _Receivers) -> None:
    while not (await get_receiver(client, receivers.ending_id)).disabled:  # noqa: ASYNC110 - a fleet sets no event
        await asyncio.sleep(0.5)
    receivers.requests_at_end.append(receivers.ending.attempts)


async def _end_faults(client: Client, receivers: _Receivers) -> list[str]:
    shown = await get_receiver(client, receivers.ending_id)
    if not (shown.disabled and shown.disabled_reason and receivers.requests_at_end):
        return [f"{ENDING}: it is not disabled after {receivers.ending.attempts} requests"]
    faults = []
    if late := receivers.ending.attempts - receivers.requests_at_end[0]:
        faults.append(f"{ENDING}: {late} requests came after it was disabled")
    if shown.dead_count != 1:
        faults.append(f"{ENDING}: {shown.dead_count} notifications are dead, and not only the one that it refused")
    return faults


async def _alert_faults(client: Client, receivers: _Receivers) -> list[str]:
    lost = {vim.id for vim in await list_vims(client) if vim.status in {Vim.UNREACHABLE, Vim.UNKNOWN}}
    firing = await _firing(receivers)
    faults = []
    if missing := lost - firing:
        faults.append(f"Alertmanager: no alert fires for {len(missing)} of {len(lost)} VIMs, such as {min(missing)}")
    if extra := firing - lost:
        faults.append(f"Alertmanager: alerts fire for {len(extra)} VIMs that are reachable, such as {min(extra)}")
    return faults


async def _firing(receivers: _Receivers) -> set[str]:
    return {alert["labels"]["vim_id"] for alert in await receivers.alertmanager.alerts()}


def new_seed() -> int:
    return int(time.time())
