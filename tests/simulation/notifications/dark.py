"""Thousands of VIMs are lost together, and come back: who is notified how often."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

from google.protobuf.duration_pb2 import Duration

from tests.simulation.notifications.fleet_calls import (
    alerts_to,
    create_receiver,
    email_to,
    until_claimed,
    until_nothing_is_pending,
)
from tests.simulation.notifications.moody_receiver import Arrival, MoodyReceiver, moody_receiver
from tests.simulation.notifications.status_load import StatusLoad
from tests.support.deployments.conductors import Client
from tests.support.notifier.smtp_server import Mailbox, smtp_server
from tests.support.observability.alertmanager_server import Alertmanager, running_alertmanager
from vimesh.runtime.background import beside
from vimesh.v1 import receiver_service_pb2 as pb

REASONS: Final = ("TIMEOUT", "REFUSED")
"""Of every other VIM."""
_STEPS: Final = 10
"""The VIMs are lost in so many steps, as rounds of probes see it one after another."""
_WITHIN_S: Final = 300.0
_LOOK_EVERY_S: Final = 0.2

Groups = Mapping[str, frozenset[str]]
"""Ids of VIMs that are lost for one reason."""


@dataclass(frozen=True, slots=True)
class Darkness:
    vims: int
    spread_s: float
    """From the first report of a lost VIM to the last one."""
    group_wait_s: int | None = None
    """How long receivers wait for more VIMs, and between two notifications; None: the defaults of receivers."""


@dataclass(frozen=True, slots=True)
class Aftermath:
    notifications: Mapping[str, int]
    """By receiver; those of the Alertmanager are not counted."""
    spread_s: float
    """From the first report that VIMs are lost to the last one, as it was."""
    lost_s: Mapping[str, float]
    """From the last report that VIMs are lost until a receiver was notified of all, by receiver."""
    back_s: Mapping[str, float]
    faults: Sequence[str]

    def __str__(self) -> str:
        counts = ", ".join(f"{name} {count}" for name, count in self.notifications.items())
        lost, back = (
            ", ".join(f"{name} {took_s:.1f} s" for name, took_s in times.items())
            for times in (self.lost_s, self.back_s)
        )
        times = f"lost within {self.spread_s:.1f} s; notified after that: {lost}; after they were back: {back}"
        return "\n".join((f"notifications: {counts}", times, *self.faults))


async def play(client: Client, darkness: Darkness, folder: Path) -> Aftermath:
    """Lose all VIMs and find them again. Raises TimeoutError if somebody is not notified in time."""
    load = StatusLoad(client, Random(1))
    await load.register(darkness.vims)
    async with _receivers(folder) as receivers:
        await receivers.create(client, darkness.group_wait_s)
        async with beside(load.keep_confirming()):
            spread_s = await _change_all(load, darkness)
            lost_s = await receivers.until_notified(client, 1, alerts=darkness.vims)
            await _change_all(load, darkness)
            back_s = await receivers.until_notified(client, 2, alerts=0)
        return Aftermath(receivers.counts, spread_s, lost_s, back_s, receivers.faults([*load.vim_ids.values()]))


@dataclass(frozen=True, slots=True)
class _Receivers:
    by_reason: MoodyReceiver
    together: MoodyReceiver
    mailbox: Mailbox
    alertmanager: Alertmanager

    async def create(self, client: Client, group_wait_s: int | None) -> None:
        """Create the fleet's receivers, and wait until a notifier works for them."""
        pause = None if group_wait_s is None else Duration(seconds=group_wait_s)
        create = partial(create_receiver, client, group_wait=pause, group_interval=pause)
        for name, http, group_by in (("by reason", self.by_reason, "reason"), ("together", self.together, "type")):
            await create(name, cloud_events=pb.CloudEventsTarget(url=http.url), group_by=[group_by])
        await create("e-mail", email=email_to(self.mailbox))
        await create("alertmanager", alertmanager=alerts_to(self.alertmanager))
        await until_claimed(client)

    @property
    def counts(self) -> dict[str, int]:
        mails = len(self.mailbox.mails)
        return {"by reason": self.by_reason.attempts, "together": self.together.attempts, "e-mail": mails}

    async def until_notified(self, client: Client, times: int, alerts: int) -> dict[str, float]:
        """Wait until each group was notified so often, and so many alerts fire; return the seconds that each took."""
        least = {"by reason": times * len(REASONS), "together": times, "e-mail": times * len(REASONS)}
        began, took_s = time.monotonic(), dict[str, float]()
        async with asyncio.timeout(_WITHIN_S):
            while len(took_s) <= len(least):
                await asyncio.sleep(_LOOK_EVERY_S)
                notified = [name for name, count in self.counts.items() if count >= least[name]]
                if len(await self.alertmanager.alerts()) == alerts:
                    notified.append("alertmanager")
                for name in notified:
                    took_s.setdefault(name, time.monotonic() - began)
        await until_nothing_is_pending(client)
        return took_s

    def faults(self, vim_ids: Sequence[str]) -> list[str]:
        groups = {reason: frozenset(vim_ids[place :: len(REASONS)]) for place, reason in enumerate(REASONS)}
        return [
            *judge_arrivals("by reason", self.by_reason.arrivals, groups.values()),
            *judge_arrivals("together", self.together.arrivals, [frozenset(vim_ids)]),
            *judge_subjects([str(mail.message["Subject"]) for mail in self.mailbox.mails], groups),
        ]


@asynccontextmanager
async def _receivers(folder: Path) -> AsyncGenerator[_Receivers]:
    async with (
        moody_receiver() as by_reason,
        moody_receiver() as together,
        smtp_server() as mailbox,
        running_alertmanager(folder / "alertmanager") as alertmanager,
    ):
        yield _Receivers(by_reason, together, mailbox, alertmanager)


def judge_arrivals(name: str, arrivals: Sequence[Arrival], groups: Iterable[frozenset[str]]) -> list[str]:
    """Compare with one notification that all VIMs of a group are lost, and one that they are back."""
    expected = Counter((kind, group) for group in groups for kind in ("PROBLEM", "RESOLVED"))
    arrived = Counter[tuple[str, frozenset[str]]]()
    for arrival in arrivals:
        kinds = "+".join(sorted({change.kind for change in arrival.changes}))
        arrived[kinds, frozenset(change.vim_id for change in arrival.changes)] += 1
    return [
        f"{name}: {count} {what} of {kinds} of {len(vims)} VIMs"
        for what, counts in (("missing", expected - arrived), ("too many", arrived - expected))
        for (kinds, vims), count in counts.items()
    ]


def judge_subjects(subjects: Sequence[str], groups: Groups) -> list[str]:
    expected = Counter(
        f"{len(vims)} VIMs changed: {len(vims)} {what} (reason {reason})"
        for reason, vims in groups.items()
        for what in ("with a problem", "resolved")
    )
    return [f"e-mail: {subject}" for subject in ((expected - Counter(subjects)) + (Counter(subjects) - expected))]


async def _change_all(load: StatusLoad, darkness: Darkness) -> float:
    """Lose or find all VIMs, and return how long that took, in seconds."""
    kinds, began = len(REASONS), time.monotonic()
    for step in range(_STEPS):
        for place, reason in enumerate(REASONS):
            await load.change(range(kinds * step + place, darkness.vims, kinds * _STEPS), reason)
        if step < _STEPS - 1:
            await asyncio.sleep(max(0.0, began + darkness.spread_s * (step + 1) / (_STEPS - 1) - time.monotonic()))
    return time.monotonic() - began
