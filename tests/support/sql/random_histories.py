"""Makes random changes to VIMs, of every kind."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Final

from sqlalchemy import update

from tests.support.sql.maintenance import keep_up, new_window
from tests.support.sql.stores import record, registration, report
from vimesh.domain.errors import VimeshError
from vimesh.domain.filters.vim_filter import EVERY_VIM, Filter
from vimesh.domain.queries import VimQuery
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import Engine, Modification, MonitorState, Status, Vim
from vimesh.store.schema.tables import leases
from vimesh.store.sql.sql_functions import NowMicros
from vimesh.store.sql_store import SqlStore

_NAMES = [f"{letter}-{number}" for letter in "abc" for number in range(4)]
_WHENEVER: Final = dt.datetime(9999, 12, 31, tzinfo=dt.UTC)
_LABELS: list[Mapping[str, str]] = [{}, {"region": "eu"}, {"region": "us", "owner": "ops"}]


class History:
    def __init__(self, store: SqlStore, rng: random.Random) -> None:
        self._store = store
        self._rng = rng
        self._gone: list[str] = []
        self._windows: list[str] = []
        self._observation = 0
        self.done = set[str]()
        """The kinds of changes that were made."""

    async def step(self) -> None:
        kinds: dict[str, Callable[[], Awaitable[object]]] = {
            name.removeprefix("_do_"): getattr(self, name) for name in dir(self) if name.startswith("_do_")
        }
        kind = self._rng.choice([*kinds, "report", "modify", "modify", "register", "register"])
        try:
            await kinds[kind]()
        except (VimeshError, IndexError):
            # A name is taken, or there is no VIM.
            return
        self.done.add(kind)

    async def _vim(self) -> Vim:
        return self._rng.choice((await self._store.list_vims(VimQuery(page_size=1000))).vims)

    async def _do_register(self, vim_id: str = "") -> None:
        rng = self._rng
        await self._store.register(
            registration(
                name=rng.choice(_NAMES),
                engine=rng.choice([Engine.EMBEDDED, Engine.EXTERNAL]),
                labels=rng.choice(_LABELS),
                description=rng.choice(["", "the lab"]),
                auth_cred={"username": "u", "password": str(rng.random())},
                extra={"rack": rng.randint(1, 9)},
                vim_id=vim_id,
            )
        )

    async def _do_register_again(self) -> None:
        await self._do_register(self._rng.choice(self._gone))

    async def _do_modify(self) -> None:
        rng = self._rng
        changes: list[dict[str, object]] = [
            {"name": rng.choice(_NAMES)},
            {"description": rng.choice(["", "x", "moved"])},
            {"labels": rng.choice(_LABELS)},
            {"extra": {"rack": rng.randint(10, 99), "token": "secret"}},
            {"auth_url": f"http://192.0.2.{rng.randint(1, 9)}:5000/v3"},
            {"is_default": True},
            {"engine": rng.choice([Engine.EMBEDDED, Engine.EXTERNAL])},
            {"auth_cred": {"username": "v", "password": "***"}},
        ]
        chosen = {name: value for change in rng.sample(changes, 2) for name, value in change.items()}
        await self._store.modify((await self._vim()).id, Modification(**chosen))  # type: ignore[arg-type]  # by name

    async def _do_deregister(self) -> None:
        vim = await self._vim()
        await self._store.deregister(vim.id)
        self._gone.append(vim.id)

    async def _do_report(self) -> None:
        rng = self._rng
        self._observation += 1
        status = rng.choice([Status.REACHABLE, Status.UNREACHABLE])
        reason = rng.choice(["TIMEOUT", "REFUSED"]) if status is Status.UNREACHABLE else ""
        one = report(await self._vim(), status, self._observation, reason=reason, age_s=rng.choice([0.0, 2.5]))
        await record(self._store, [one])

    async def _do_silence(self) -> None:
        """End the leases of all VIMs now. What was read until now stays true."""
        end = update(leases).where(leases.c.lease_until > NowMicros()).values(lease_until=NowMicros())
        await self._store._database.write(lambda connection: connection.execute(end))
        for held in self._store._reports.cache.snapshot.standings.values():
            held.lease_until = 0
        if self._rng.random() < 0.5:
            await self._do_sweep()

    async def _do_sweep(self) -> None:
        await self._store.record_lapses(100)

    async def _do_replace(self) -> None:
        await self._do_silence()
        await self._do_sweep()
        await self._store.replace_silent(100)

    async def _do_maintain(self) -> None:
        window = new_window(vim_ids=[(await self._vim()).id], reason=f"work {self._rng.randint(1, 9)}")
        self._windows.append((await self._store.maintenance.create(window)).window.id)
        await keep_up(self._store)

    async def _do_end_maintenance(self) -> None:
        await self._store.maintenance.end(self._rng.choice(self._windows))
        await keep_up(self._store)


async def now_between_changes(store: VimStore) -> dt.datetime:
    """Return a time of the database's clock that is after all changes so far, and before all to come."""
    time = await _later_than(store, await store.clock())
    await _later_than(store, time)
    return time


async def _later_than(store: VimStore, time: dt.datetime) -> dt.datetime:
    # The clock of SQLite counts milliseconds.
    while (now := await store.clock()) <= time:
        pass
    return now


def as_recorded(vim: Vim) -> Vim:
    """Return what of a VIM the log records."""
    monitor = replace(vim.monitor, state=MonitorState.STARTING, last_error="", contact_time=None)
    # A window that is ended early has ended then, whatever was planned.
    maintenance = vim.maintenance and replace(vim.maintenance, end_time=_WHENEVER)
    return replace(vim, detail="", round_trip_s=None, valid_until=None, monitor=monitor, maintenance=maintenance)


async def list_as_of(
    store: VimStore, time: dt.datetime, vim_filter: Filter = EVERY_VIM, page_size: int = 1000
) -> list[Vim]:
    """Return all VIMs as they were, as `as_recorded` does."""
    query, vims = VimQuery(vim_filter, page_size=page_size), list[Vim]()
    while True:
        page = await store.as_of.list_vims(query, time)
        vims += map(as_recorded, page.vims)
        if not page.next_page_token:
            return vims
        query = replace(query, page_token=page.next_page_token)
