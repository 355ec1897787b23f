"""Runs two conductors and the model next to each other: everything is done to both, and must give the same result."""

from __future__ import annotations

import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from enum import Enum
from typing import TypeVar

from tests.simulation.model.broken import Broken, require
from tests.simulation.model.conductors import Conductor, Fate, Seat, begin_anew
from tests.simulation.model.model import Model
from tests.simulation.model.readers import Readers
from tests.support.sql.stores import elapse, registration
from vimesh.domain.errors import StoreUnavailable, VimIdTaken, VimNotFound
from vimesh.domain.vims import (
    UNCHANGED,
    BadAction,
    Engine,
    Late,
    Modification,
    Outcome,
    Recorded,
    Report,
    Status,
    Unchanged,
)
from vimesh.store.sql_store import SqlStore

T = TypeVar("T")

TICK_S = 70
"""Time passes in steps that leave 10 s between any moment and the end, or two fifths, of any lease or grace."""
PACES_S = (20, 50)
"""Values of `contact_within_s` that fit these steps."""
_REAL_TIME_S = 5.0
"""If an example takes longer, the clocks of the database and the model differ too much."""
_ALL = 10_000
LARGEST = 2**64 - 1
"""The greatest observation that a store may hold: older versions took any number; newer ones bound it on arrival."""


class Disturbed(Exception):
    """The machine was busy for so long that the result means nothing."""


class Meanwhile(Enum):
    """What another conductor does between the read and the write of a transaction."""

    NOTHING = "nothing"
    NEW_TARGET = "new target"
    DEREGISTERED = "deregistered"
    REPORTED = "reported"
    LAPSED_AND_SWEPT = "lapsed and swept"


async def _record(store: SqlStore, reports: Sequence[Report], pace_s: int) -> list[Outcome]:
    return await store.record_reports(reports, contact_within_s=pace_s)


async def _repeat_or_record(store: SqlStore, reports: Sequence[Report], pace_s: int) -> list[Outcome]:
    """Handle the reports of a monitor as a conductor does."""
    cached_standings = store.cached_standings
    repeats = [
        (report.vim_id, standing, float(pace_s))
        for report in reports
        if (standing := cached_standings.get(report.vim_id)) is not None and standing.matches(report)
    ]
    if len(repeats) == len(reports) and await store.record_repeats(repeats):
        return [UNCHANGED[standing.status] for _, standing, _ in repeats]
    return await _record(store, reports, pace_s)


class World:
    """One run. Call it in the loop of the seats, one call after the other."""

    def __init__(self, seats: tuple[Seat, Seat]) -> None:
        self._seats = seats
        self._began = time.monotonic()
        self.model = Model()
        self._readers = Readers(seats, self.model)
        self.actions: dict[str, list[str]] = {}
        """By VIM: all actions that were ever wanted, the newest last."""

    @property
    def disturbed(self) -> bool:
        """Whether so much real time has passed that leases have ended which the model takes for running."""
        return time.monotonic() - self._began > _REAL_TIME_S

    async def begin(self) -> None:
        await begin_anew(await self._conductors())

    # --- what people do

    async def register(self, seat: int, slot: int, engine: Engine, auth_url: str, fate: Fate) -> None:
        vim_id = vim_id_of(slot)
        wish = registration(name=f"vim-{slot}", vim_id=vim_id, engine=engine, auth_url=auth_url)
        expected = VimIdTaken if vim_id in self.model.vims else None
        if await self._change(seat, fate, expected, lambda at: at.store.register(wish)):
            action_id = await self._newest_action()
            self._wanted(vim_id, action_id, vim_id if engine is Engine.EXTERNAL else "")
            self.model.register(vim_id, engine, auth_url, action_id)
        await self.agree()

    async def modify(self, seat: int, slot: int, fate: Fate, **fields: str | Engine | None) -> None:
        vim_id, wish = vim_id_of(slot), Modification(**fields)  # type: ignore[arg-type]  # three fields by name
        expected = None if vim_id in self.model.vims else VimNotFound
        if await self._change(seat, fate, expected, lambda at: at.store.modify(vim_id, wish)):
            action_id = ""
            if self.model.moves(vim_id, wish.auth_url, wish.engine):
                action_id = await self._newest_action()
                self._wanted(vim_id, action_id, vim_id if self.model.opens(vim_id, wish.engine) else "")
            self.model.modify(vim_id, wish.auth_url, wish.description, wish.engine, action_id)
        await self.agree()

    async def deregister(self, seat: int, slot: int, fate: Fate) -> None:
        vim_id = vim_id_of(slot)
        expected = None if vim_id in self.model.vims else VimNotFound
        if await self._change(seat, fate, expected, lambda at: at.store.deregister(vim_id)):
            self.model.deregister(vim_id)
        await self.agree()

    async def _change(
        self,
        seat: int,
        fate: Fate,
        expected: type[Exception] | None,
        change: Callable[[Conductor], Awaitable[object]],
    ) -> bool:
        """Return whether the change is committed now."""
        try:
            await self._at(seat, fate, change)
        except (VimIdTaken, VimNotFound) as refusal:
            require("G8", type(refusal), expected)
            return False
        except StoreUnavailable as trouble:
            self._require_fate(fate, True, "G8", trouble)
            return fate is Fate.NOT_ANSWERED
        require("G2", fate, Fate.ANSWERED)
        require("G8", None, expected)
        return True

    # --- what actions report

    async def deliver(
        self,
        seat: int,
        reports: Sequence[Report],
        pace_s: int,
        fate: Fate,
        meanwhile: Meanwhile,
        *,
        recognized: bool = False,
    ) -> None:
        """Bring reports to a conductor in one call, as repeats if they are `recognized` and all of them are."""
        model, lease_s = self.model, 3 * pace_s
        # Reports with nothing to write are answered with what was read before; all others with what is true when it is
        # written.
        moving = {report.vim_id for report in reports if model.writes(report, lease_s)}
        early = [model.answer(report) for report in reports]
        target = reports[0].vim_id
        database = (await self._seats[seat].conductor()).database
        database.first = None
        try:
            said = await self._at(
                seat,
                fate,
                lambda at: (_repeat_or_record if recognized else _record)(at.store, reports, pace_s),
                lambda: self._meanwhile(meanwhile, 1 - seat, target),
            )
        except StoreUnavailable as trouble:
            self._require_fate(fate, bool(moving) or database.first == "write", "G1", trouble)
            said = None
        if database.first == "write":
            # The conductor expected to write: it read nothing before.
            moving = {report.vim_id for report in reports}
        if moving and said is not None:
            require("G3" if BadAction() in said else "G2", fate, Fate.ANSWERED)
        if fate is not Fate.NOT_COMMITTED or not moving:
            expected = [
                model.deliver(report, lease_s) if report.vim_id in moving else answer
                for report, answer in zip(reports, early, strict=True)
            ]
            if said is not None:
                self._require_answers(reports, said, expected)
        await self.agree()

    def _require_answers(self, reports: Sequence[Report], said: Sequence[Outcome], expected: Sequence[Outcome]) -> None:
        for report, got, right in zip(reports, said, expected, strict=True):
            plain = Recorded(got.status) if isinstance(got, Unchanged) else got
            if isinstance(got, Unchanged) and isinstance(right, Late) and right.status is report.status:
                continue  # another conductor has recorded a newer observation of the same status: both answers are fine
            kinds = {type(plain).__name__, type(right).__name__}
            guarantee = "G3" if "BadAction" in kinds else "G5"
            if plain != right:
                raise Broken(guarantee, f"{report} was answered {got}, not {right}")

    # --- what conductors do by themselves

    async def lapse(self, seat: int, limit: int, fate: Fate, meanwhile: Meanwhile) -> None:
        await self._look(
            seat, fate, meanwhile, self.model.silent, lambda at: at.store.record_lapses(limit), limit, "G6"
        )

    async def sweep(self, seat: int, limit: int, fate: Fate, meanwhile: Meanwhile) -> None:
        await self._look(
            seat, fate, meanwhile, self.model.replaceable, lambda at: at.store.replace_silent(limit), limit, "G7"
        )

    async def _look(  # noqa: PLR0917 - all of what the two looks differ in
        self,
        seat: int,
        fate: Fate,
        meanwhile: Meanwhile,
        due: Callable[[], dict[str, int]],
        look: Callable[[Conductor], Awaitable[int]],
        limit: int,
        guarantee: str,
    ) -> None:
        begins = due()
        target = min(begins, key=lambda vim_id: (begins[vim_id], vim_id), default="")
        try:
            count = await self._at(seat, fate, look, lambda: self._meanwhile(meanwhile, 1 - seat, target))
        except StoreUnavailable as trouble:
            self._require_fate(fate, bool(begins), guarantee, trouble)
            count = None
        if not begins or fate is Fate.NOT_COMMITTED:
            require(guarantee, count or 0, 0)
        else:
            await self._follow_look(due(), count, limit, guarantee)
        await self.agree()

    async def _follow_look(self, due: dict[str, int], count: int | None, limit: int, guarantee: str) -> None:
        """Follow the conductor: among leases that ended at the same time, it may choose."""
        events = await self._readers.news()
        chosen = [event.vim_id for event in events]
        require(guarantee, set(chosen) <= set(due), True)
        require(guarantee, (len(chosen), len(set(chosen))), (min(limit, len(due)),) * 2)
        require(guarantee, count in (None, len(chosen)), True)
        left = [end for vim_id, end in due.items() if vim_id not in chosen]
        require(guarantee, [due[vim_id] for vim_id in chosen], sorted(due.values())[: len(chosen)])
        require(guarantee, all(due[vim_id] <= end for vim_id in chosen for end in left), True)
        for event in events:
            if guarantee == "G6":
                self.model.lapse(event.vim_id)
            else:
                self._wanted(event.vim_id, event.action_id, "")
                self.model.replace(event.vim_id, event.action_id)

    async def pass_time(self, ticks: int) -> None:
        first, *others = await self._conductors()
        await elapse(first.store, TICK_S * ticks, *(other.store for other in others))
        self.model.now += TICK_S * ticks
        await self.agree()

    async def _conductors(self) -> list[Conductor]:
        return [await seat.conductor() for seat in self._seats]

    async def restart(self, seat: int) -> None:
        await self._seats[seat].restart()
        await self.agree()

    async def _meanwhile(self, what: Meanwhile, seat: int, vim_id: str) -> None:
        """Let something happen to the VIM that a transaction concerns."""
        vim = self.model.vims.get(vim_id)
        if vim is None:
            return
        slot = slot_of(vim_id)
        if what is Meanwhile.NEW_TARGET:
            await self.modify(seat, slot, Fate.ANSWERED, auth_url=vim.auth_url + "/moved")
        elif what is Meanwhile.DEREGISTERED:
            await self.deregister(seat, slot, Fate.ANSWERED)
        elif what is Meanwhile.REPORTED:
            number = min(vim.observation + 1, LARGEST)  # no greater one arrives over the wire
            report = Report(vim_id, vim.action_id, Status.UNREACHABLE, number, "RESET")
            await self.deliver(seat, [report], PACES_S[0], Fate.ANSWERED, Meanwhile.NOTHING)
        elif what is Meanwhile.LAPSED_AND_SWEPT:
            await self.lapse(seat, _ALL, Fate.ANSWERED, Meanwhile.NOTHING)
            await self.sweep(seat, _ALL, Fate.ANSWERED, Meanwhile.NOTHING)

    # --- what readers see

    async def watch(self, watcher: int, seat: int, limit: int) -> None:
        await self._readers.watch(watcher, seat, limit)

    async def agree(self) -> None:
        """Compare everything that can be seen with the model."""
        if self.disturbed:
            raise Disturbed
        await self._readers.agree()

    async def _newest_action(self) -> str:
        events = await self._readers.news()
        if not events:
            raise Broken("G8", "a change without an event")
        return events[-1].action_id

    def _wanted(self, vim_id: str, action_id: str, expected: str) -> None:
        """Note a new action, which was never wanted before, or is the expected one, which knows only its VIM.

        The latter is the same action in every life of the id, so it may have been wanted before. No other may.
        """
        known = {old for actions in self.actions.values() for old in actions}
        right = action_id == expected if expected else action_id not in {"", vim_id, *known}
        if not right:
            raise Broken("G11", f"{action_id} is no new action of {vim_id}")
        self.actions.setdefault(vim_id, []).append(action_id)

    def _require_fate(self, fate: Fate, writes: bool, guarantee: str, trouble: StoreUnavailable) -> None:
        """Reject trouble without a cause, and a write without anything to write."""
        if fate is Fate.ANSWERED:
            raise Broken("G2", "not answered, for no reason") from trouble
        if not writes:
            raise Broken(guarantee, "something was written") from trouble

    async def _at(
        self,
        seat: int,
        fate: Fate,
        call: Callable[[Conductor], Awaitable[T]],
        meanwhile: Callable[[], Awaitable[None]] | None = None,
    ) -> T:
        """Call a conductor with a fate, and with something happening in the meantime."""
        conductor = await self._seats[seat].conductor()
        conductor.database.fate, conductor.database.meanwhile = fate, meanwhile
        try:
            return await call(conductor)
        finally:
            conductor.database.fate, conductor.database.meanwhile = Fate.ANSWERED, None


def vim_id_of(slot: int) -> str:
    return str(uuid.UUID(int=slot + 1))


def slot_of(vim_id: str) -> int:
    return uuid.UUID(vim_id).int - 1
