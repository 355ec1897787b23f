"""VIMs flap for minutes: nothing is sent meanwhile, and what is still true afterwards is sent once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from tests.simulation.notifications.fleet_calls import (
    create_receiver,
    list_vims,
    until_claimed,
    until_nothing_is_pending,
)
from tests.simulation.notifications.moody_receiver import MoodyReceiver, moody_receiver
from tests.simulation.notifications.status_load import StatusLoad
from tests.support.deployments.conductors import Client
from tests.support.timing.waiting import until
from vimesh.runtime.background import beside
from vimesh.v1 import receiver_service_pb2 as pb

_REASON: Final = "TIMEOUT"
_FLIPS: Final = 8
"""Changes of the VIMs that flap, one a minute."""
_FLIPS_BEFORE: Final = 5
"""With the next one they flap: see `vimesh.domain.history.flapping`."""
_BACK, _LOST, _SAME, _CALM = range(4)
"""VIMs: in the end one is back, one is lost, and one is as the receiver was notified last; the last one never flaps."""
_WITHIN_S: Final = 60.0

BEFORE: Final = {_BACK: "PRPRP", _LOST: "PRPR", _SAME: "PRPRP", _CALM: ""}
"""Problems and their ends that are notified before the VIMs flap. That one was lost at first is not notified."""
AFTER: Final = {_BACK: "PRPRPR", _LOST: "PRPRP", _SAME: "PRPRP", _CALM: "P"}
ALL: Final = {_BACK: "PRPRPRPR", _LOST: "PRPRPRP", _SAME: "PRPRPRP", _CALM: "P"}
"""Of which a receiver is notified that wants those of VIMs that flap, too."""

Story = Mapping[int, str]
"""Initials of the kinds of changes that arrived, by the number of the VIM."""


@dataclass(frozen=True, slots=True)
class Outcome:
    before: Story
    """What had arrived when the VIMs began to flap."""
    meanwhile: Story
    """What had arrived when they flapped still."""
    after: Story
    eager: Story
    flapped_for: int
    """Minutes after the first change of those in which no notification was due."""

    @property
    def faults(self) -> Sequence[str]:
        compared = (
            ("before", self.before, BEFORE),
            ("while they flap", self.meanwhile, BEFORE),
            ("afterwards", self.after, AFTER),
            ("to a receiver that wants all", self.eager, ALL),
        )
        return [f"{when}: {story} was sent, not {right}" for when, story, right in compared if story != right]

    def __str__(self) -> str:
        counts = [sum(map(len, story.values())) for story in (self.before, self.meanwhile, self.after, self.eager)]
        text = "{} changes notified before, {} while they flapped, {} afterwards; all {} to a receiver that wants them"
        told = text.format(counts[0], counts[1] - counts[0], counts[2] - counts[1], counts[3])
        return "\n".join((f"{told}; they flapped for {self.flapped_for} minutes", *self.faults))


async def play(client: Client, pass_minute: Callable[[], Awaitable[object]]) -> Outcome:
    """Let VIMs flap, and wait until they do no more. `pass_minute`: returns a minute later."""
    load = StatusLoad(client, Random(1))
    await load.register(len(ALL), lost=[_LOST])
    async with moody_receiver() as quiet, moody_receiver() as eager, beside(load.keep_confirming()):
        for name, receiver in (("quiet", quiet), ("eager", eager)):
            target = pb.CloudEventsTarget(url=receiver.url)
            await create_receiver(client, name, cloud_events=target, notify_flapping=name == "eager")
        await until_claimed(client)
        for _ in range(_FLIPS_BEFORE):
            await load.change((_BACK, _LOST, _SAME), _REASON)
            await until_nothing_is_pending(client)
            await pass_minute()
        before = _story(load, quiet)
        for flip in range(_FLIPS_BEFORE, _FLIPS):
            await load.change((_BACK, _LOST, _SAME) if flip < _FLIPS - 1 else (_BACK, _LOST), _REASON)
            await pass_minute()
        await until_nothing_is_pending(client)
        minutes, meanwhile = _FLIPS - _FLIPS_BEFORE, before
        while True:
            story = _story(load, quiet)
            if not any(vim.flapping for vim in await list_vims(client)):
                break
            minutes, meanwhile = minutes + 1, story
            await pass_minute()
        await until(lambda: all(len(_story(load, quiet)[vim]) > len(before[vim]) for vim in (_BACK, _LOST)), _WITHIN_S)
        await load.change([_CALM], _REASON)
        await until(lambda: bool(_story(load, quiet)[_CALM] and _story(load, eager)[_CALM]), _WITHIN_S)
        return Outcome(before, meanwhile, _story(load, quiet), _story(load, eager), minutes)


def _story(load: StatusLoad, receiver: MoodyReceiver) -> Story:
    return {
        number: "".join(
            change.kind[0] for arrival in receiver.arrivals for change in arrival.changes if change.vim_id == vim_id
        )
        for number, vim_id in enumerate(load.vim_ids.values())
    }
