"""Breaks what a script names, waits until it is noticed, named and told, mends it, and says what there was to see."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field

from tests.simulation.notifications.fleet_calls import list_vims, newest_revision, until_nothing_is_pending
from tests.simulation.places.faults import Name, Script
from tests.simulation.places.world import World
from tests.support.timing.waiting import eventually
from vimesh.domain.notifications.notifications import Notification
from vimesh.v1.vim_pb2 import Vim, VimCause, VimEvent


@dataclass(frozen=True, slots=True)
class Patience:
    """Limits in seconds: what takes longer is judged as it is then."""

    noticed_s: float = 60.0
    named_s: float = 60.0
    told_s: float = 120.0


@dataclass(slots=True)
class Observation:
    """What was seen of one script. Times are in seconds."""

    names: list[Name] = field(default_factory=list)
    """The causes that were found, with the names of monitors instead of their ids."""
    delays_s: dict[str, float] = field(default_factory=dict)
    """From the fault to the moment at which a VIM was on record as UNREACHABLE, by its id."""
    opinion_delays_s: list[float] = field(default_factory=list)
    """Of each of these, the part between the verdict of its monitor and that moment."""
    missed: set[str] = field(default_factory=set)
    """VIMs that are truly lost, and were never called UNREACHABLE."""
    accused: set[str] = field(default_factory=set)
    """VIMs that were called UNREACHABLE, and are not lost."""
    doubted: dict[str, str] = field(default_factory=dict)
    """VIMs that were called UNKNOWN, and are not lost, and the reasons for that."""
    problems: int = 0
    """Notifications of something that is lost."""
    told: set[str] = field(default_factory=set)
    """The VIMs in them."""
    noticed_s: float = 0.0
    """From the fault to the last VIM that was called UNREACHABLE or UNKNOWN."""
    back_s: float = 0.0
    """From its end to the last VIM that was REACHABLE again."""


@dataclass(frozen=True, slots=True)
class _Course:
    """When a fault began and ended, which VIMs it lost, and when each of those was decided to be lost."""

    began: float
    ended: float
    lost: Collection[str]
    decided: Mapping[str, float]


async def observe(world: World, script: Script, patience: Patience) -> Observation:
    """Play a script on a world in which all VIMs are REACHABLE; they are so again afterwards."""
    seen = Observation()
    before = {cause.id for cause in await world.causes(ended=True)}
    revision, arrivals = await newest_revision(world.client), len(world.pager.arrivals)
    lost = {vim_id for vim_id, site in world.sites.items() if any(fault.is_lost(site) for fault in script)}
    named = sum(fault.name is not None for fault in script)

    async def new_names() -> list[Name]:
        return [
            (VimCause.Kind.Name(cause.kind), world.monitors.get(cause.subject, cause.subject))
            for cause in await world.causes(ended=True)
            if cause.id not in before
        ]

    async def is_noticed() -> bool:
        return (await world.counts()).unreachable >= len(lost) and len(await new_names()) >= named

    async with AsyncExitStack() as stack:
        began = time.time()
        for fault in script:
            await stack.enter_async_context(fault.broken(world.ground))
        with suppress(TimeoutError):
            await eventually(is_noticed, patience.noticed_s)
        # By then, what is named wrongly is named as well.
        await until_nothing_is_pending(world.client, patience.told_s)
        seen.names = await new_names()
        decided = {vim.id: vim.status_time.ToMicroseconds() / 1e6 for vim in await list_vims(world.client)}
    ended = time.time()
    await world.until_all_reachable(patience.noticed_s)
    await eventually(lambda: _has_no_cause(world), patience.named_s)
    await until_nothing_is_pending(world.client, patience.told_s)

    _note_events(seen, await world.events_since(revision), _Course(began, ended, lost, decided))
    _note_notifications(seen, (notification for _, notification in world.pager.arrivals[arrivals:]))
    return seen


def _note_events(seen: Observation, events: Iterable[VimEvent], course: _Course) -> None:
    for event in events:
        vim_id, at = event.vim_id, event.time.ToMicroseconds() / 1e6
        if event.status == Vim.REACHABLE:
            seen.back_s = at - course.ended
            continue
        if at < course.ended:
            seen.noticed_s = at - course.began
        if vim_id not in course.lost:
            if event.status == Vim.UNREACHABLE:
                seen.accused.add(vim_id)
            elif event.status == Vim.UNKNOWN:
                seen.doubted[vim_id] = event.reason
        elif event.status == Vim.UNREACHABLE and vim_id not in seen.delays_s:
            seen.delays_s[vim_id] = at - course.began
            seen.opinion_delays_s.append(at - course.decided[vim_id])
    seen.missed = set(course.lost) - set(seen.delays_s)


def _note_notifications(seen: Observation, notifications: Iterable[Notification]) -> None:
    for notification in notifications:
        if notification.problem_count:
            seen.problems += 1
            seen.told.update(change.vim_id for change in notification.changes if change.is_problem)


async def _has_no_cause(world: World) -> bool:
    return not await world.causes(ended=False)
