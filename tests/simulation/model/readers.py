"""Compares what readers see of two conductors with the model: lists, changes, and the state that follows from them."""

from __future__ import annotations

from tests.simulation.model.broken import require
from tests.simulation.model.conductors import Seat
from tests.simulation.model.model import Model
from tests.simulation.model.watcher import Watcher, change_of
from vimesh.domain.events import VimEvent
from vimesh.domain.probing import Reason

_ALL = 10_000


class Readers:
    """The readers of one run, at either conductor. Call them in the loop of the seats."""

    def __init__(self, seats: tuple[Seat, Seat], model: Model) -> None:
        self._seats = seats
        self._model = model
        self._checks = 0
        self._first = Watcher()
        self._watchers = [Watcher(), Watcher()]

    async def watch(self, watcher: int, seat: int, limit: int) -> None:
        """Let a watcher continue from its position, at any conductor (G8)."""
        follower = self._watchers[watcher]
        events = await (await self._seats[seat].conductor()).store.events_after(follower.revision, limit)
        require("G8", len(events), min(limit, self._model.newest - follower.revision))
        follower.see(events, self._model.log)
        if follower.revision == self._model.newest:
            self._require_folded(follower)

    async def agree(self) -> None:
        """Compare everything that can be seen with the model."""
        events = await self.news()
        require("G8", [change_of(event) for event in events], self._model.log[self._first.revision - 1 :])
        self._first.see(events, self._model.log)
        self._require_folded(self._first)
        self._checks += 1
        store = (await self._seats[self._checks % 2].conductor()).store
        vims = {vim.id: vim for vim in await store.vims_after("", _ALL)}
        known = self._model.vims
        require("G4", set(vims), set(known))
        for vim_id, vim in vims.items():
            right = known[vim_id]
            require("G11", (vim.monitor.engine, vim.monitor.action_id), (right.engine, right.action_id))
            shown = self._model.shown(right)
            about_silence = Reason.SILENT in (vim.reason, shown[1])
            require("G6" if about_silence else "G1", (vim.status, vim.reason), shown)
            require("G7", vim.monitor.state, self._model.state(right))
            require("G8", vim.revision, right.revision)
        counted = {action.action_id: action.observation for action in await store.actions_of(list(vims))}
        require("G5", counted, {vim.action_id: vim.observation for vim in known.values()})

    def _require_folded(self, watcher: Watcher) -> None:
        on_record = {
            vim.vim_id: (vim.status, vim.reason, vim.engine, vim.action_id) for vim in self._model.vims.values()
        }
        require("G8", watcher.seen, on_record)

    async def news(self) -> list[VimEvent]:
        return await (await self._seats[0].conductor()).store.events_after(self._first.revision, _ALL)
