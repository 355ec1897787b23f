"""Defines what can happen, in any order."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

from hypothesis import reject
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, RuleBasedStateMachine, initialize, multiple, precondition, rule

from tests.simulation.model.broken import Broken
from tests.simulation.model.conductors import Fate, Seat
from tests.simulation.model.world import LARGEST, PACES_S, Disturbed, Meanwhile, World, slot_of, vim_id_of
from vimesh.domain.vims import Engine, Report, Status

_STEP_S = 60.0

slots = st.integers(0, 2)
seats = st.integers(0, 1)
engines = st.sampled_from((Engine.EMBEDDED, Engine.EXTERNAL))
urls = st.sampled_from(("http://192.0.2.1/", "http://192.0.2.2/"))
# Most calls are answered, and most transactions are undisturbed.
fates = st.sampled_from((*[Fate.ANSWERED] * 4, Fate.NOT_COMMITTED, Fate.NOT_ANSWERED))
meanwhiles = st.sampled_from((*[Meanwhile.NOTHING] * 4, *Meanwhile))
changes: st.SearchStrategy[dict[str, str | Engine]] = st.one_of(
    st.fixed_dictionaries({"auth_url": urls}),
    st.fixed_dictionaries({"description": st.sampled_from("ab")}),
    st.fixed_dictionaries({"engine": engines}),
    st.fixed_dictionaries({"auth_url": urls, "engine": engines, "description": st.sampled_from("ab")}),
)
openings: st.SearchStrategy[dict[str, str | Engine]] = st.fixed_dictionaries(
    {"engine": st.just(Engine.EXTERNAL)}, optional={"auth_url": urls}
)
verdicts = st.sampled_from(
    (
        (Status.REACHABLE, ""),
        (Status.UNREACHABLE, "TIMEOUT"),
        (Status.UNREACHABLE, "REFUSED"),
        (Status.UNKNOWN, "LOCAL_NO_ROUTE"),
    )
)
paces = st.sampled_from(PACES_S)
few = st.integers(1, 3)
# None: an action that does not count. The last one is for code that compares numbers as if they were signed.
steps = st.sampled_from((1, 1, 1, 0, -1, -2, None, 2**63))
# 0 is the wanted action, or the last one of a deregistered VIM; the others were wanted before it.
ages = st.sampled_from((0, 0, 0, 1, 2))


class Protocol(RuleBasedStateMachine):
    """Runs in a thread of its own; the conductors run in the given loop."""

    sent: Bundle[Report] = Bundle("sent")
    """Each report can be delivered any number of times, at any later time, or never."""

    def __init__(self, seats: tuple[Seat, Seat], loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._loop = loop
        self._world = World(seats)
        self._counts: dict[str, int] = {}
        self._do(self._world.begin())

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            asyncio.run_coroutine_threadsafe(work, self._loop).result(_STEP_S)
        except Disturbed:
            reject()
        except Broken:
            if self._world.disturbed:
                reject()
            raise

    @initialize(engines=st.tuples(engines, engines))
    def begin(self, engines: Sequence[Engine]) -> None:
        for slot, engine in enumerate(engines):
            self._do(self._world.register(0, slot, engine, "http://192.0.2.1/", Fate.ANSWERED))

    @rule(seat=seats, slot=slots, engine=engines, url=urls, fate=fates)
    def register(self, seat: int, slot: int, engine: Engine, url: str, fate: Fate) -> None:
        self._do(self._world.register(seat, slot, engine, url, fate))

    @rule(seat=seats, slot=slots, change=changes, fate=fates)
    def modify(self, seat: int, slot: int, change: dict[str, str | Engine], fate: Fate) -> None:
        self._do(self._world.modify(seat, self._there(slot), fate, **change))

    @rule(seat=seats, slot=slots, url=urls, change=openings, fate=fates)
    def open(self, seat: int, slot: int, url: str, change: dict[str, str | Engine], fate: Fate) -> None:
        """Let an action report that knows only the VIM, when the VIM may have a new target by now, or get one."""
        there = self._there(slot)
        self._do(self._world.modify(seat, there, Fate.ANSWERED, auth_url=url))
        self._do(self._world.modify(1 - seat, there, fate, **change))

    @precondition(lambda self: len(self._world.model.vims) > 1)
    @rule(seat=seats, slot=slots, fate=fates, sure=st.booleans())
    def deregister(self, seat: int, slot: int, fate: Fate, sure: bool) -> None:
        """Skip every other time: a VIM that is gone has nothing to show."""
        if sure:
            self._do(self._world.deregister(seat, slot, fate))

    @rule(target=sent, slot=slots, age=ages, step=steps, verdict=verdicts)
    def send(self, slot: int, age: int, step: int | None, verdict: tuple[Status, str]) -> Report:
        return self._report(slot, age, step, verdict)

    @rule(target=sent, seat=seats, slot=slots, verdict=verdicts, pace=paces)
    def contact(self, seat: int, slot: int, verdict: tuple[Status, str], pace: int) -> Report:
        """Let the wanted action report something new, and be answered."""
        report = self._report(slot, 0, 1, verdict)
        self._do(self._world.deliver(seat, [report], pace, Fate.ANSWERED, Meanwhile.NOTHING))
        return report

    @rule(
        target=sent,
        seat=seats,
        slot=slots,
        said=st.lists(st.tuples(ages, steps, verdicts), min_size=1, max_size=4),
        pace=paces,
        fate=fates,
        meanwhile=meanwhiles,
    )
    def quarrel(  # noqa: PLR0917 - Hypothesis passes them by name
        self,
        seat: int,
        slot: int,
        said: list[tuple[int, int | None, tuple[Status, str]]],
        pace: int,
        fate: Fate,
        meanwhile: Meanwhile,
    ) -> MultipleResults[Report]:
        """Let actions of one VIM, wanted and unwanted, report in one call."""
        reports = [self._report(slot, *each) for each in said]
        self._do(self._world.deliver(seat, reports, pace, fate, meanwhile))
        return multiple(*reports)

    @precondition(lambda self: self._counts)
    @rule(seat=seats, reports=st.lists(sent, min_size=1, max_size=4), pace=paces, fate=fates, meanwhile=meanwhiles)
    def deliver(self, seat: int, reports: list[Report], pace: int, fate: Fate, meanwhile: Meanwhile) -> None:
        self._do(self._world.deliver(seat, reports, pace, fate, meanwhile))

    @precondition(lambda self: self._counts)
    @rule(
        seat=seats,
        reports=st.lists(sent, min_size=1, max_size=2),
        ticks=st.sampled_from((0, 0, 1)),
        pace=paces,
        fate=fates,
        meanwhile=meanwhiles,
    )
    def repeat(  # noqa: PLR0917 - Hypothesis passes them by name
        self, seat: int, reports: list[Report], ticks: int, pace: int, fate: Fate, meanwhile: Meanwhile
    ) -> None:
        """Deliver reports, and deliver the same reports again after some time."""
        self._do(self._world.deliver(seat, reports, pace, Fate.ANSWERED, Meanwhile.NOTHING))
        self._do(self._world.pass_time(ticks))
        self._do(self._world.deliver(seat, reports, pace, fate, meanwhile, recognized=True))

    @rule(ticks=st.sampled_from((1, 1, 1, 2, 3, 52)))
    def pass_time(self, ticks: int) -> None:
        self._do(self._world.pass_time(ticks))

    @rule(seat=seats, limit=few, fate=fates, meanwhile=meanwhiles)
    def lapse(self, seat: int, limit: int, fate: Fate, meanwhile: Meanwhile) -> None:
        self._do(self._world.lapse(seat, limit, fate, meanwhile))

    @rule(seat=seats, limit=few, fate=fates, meanwhile=meanwhiles)
    def sweep(self, seat: int, limit: int, fate: Fate, meanwhile: Meanwhile) -> None:
        self._do(self._world.sweep(seat, limit, fate, meanwhile))

    @rule(seat=seats, ticks=st.integers(1, 3), told=st.booleans(), meanwhile=meanwhiles)
    def silence(self, seat: int, ticks: int, told: bool, meanwhile: Meanwhile) -> None:
        """Let no action report, and let the conductors handle the silence."""
        self._do(self._world.pass_time(ticks))
        if told:
            self._do(self._world.lapse(seat, 3, Fate.ANSWERED, Meanwhile.NOTHING))
        self._do(self._world.sweep(seat, 3, Fate.ANSWERED, meanwhile))

    @rule(seat=seats)
    def restart(self, seat: int) -> None:
        self._do(self._world.restart(seat))

    @rule(watcher=seats, seat=seats, limit=few)
    def watch(self, watcher: int, seat: int, limit: int) -> None:
        self._do(self._world.watch(watcher, seat, limit))

    def _there(self, slot: int) -> int:
        """Prefer a registered VIM; the last slot is used as it is."""
        known = sorted(slot_of(vim_id) for vim_id in self._world.model.vims)
        return slot if slot == 2 or not known else known[slot % len(known)]

    def _report(self, slot: int, age: int, step: int | None, verdict: tuple[Status, str]) -> Report:
        vim_id, (status, reason) = vim_id_of(self._there(slot)), verdict
        actions = self._world.actions.get(vim_id, ["of a VIM that never was"])
        action_id = actions[max(-1 - age, -len(actions))]
        last = self._counts.get(action_id, 0)
        number = 0 if step is None else min(max(last + step, 1), LARGEST)
        self._counts[action_id] = max(last, number)
        return Report(vim_id, action_id, status, number, reason)
