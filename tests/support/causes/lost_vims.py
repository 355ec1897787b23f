"""Registers VIMs, and lets some of them be lost together."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import update

from tests.support.sql.stores import record, registration, report
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import Report, Status, Vim
from vimesh.store.schema.tables import standings
from vimesh.store.schema.timestamps import micros
from vimesh.store.sql_store import SqlStore


async def registered(store: VimStore, *auth_urls: str, project_id: str = "default", **labels: str) -> list[Vim]:
    return [
        await store.register(registration(auth_url=auth_url, project_id=project_id, labels=labels))
        for auth_url in auth_urls
    ]


async def become(
    store: VimStore, vims: Sequence[Vim], status: Status, observation: int, *, reason: str = "", ago_s: float = 5.0
) -> None:
    """Let VIMs take on a status, some time ago."""
    await record(store, [report(vim, status, observation, reason=reason) for vim in vims])
    await date_back(store, vims, ago_s)


async def say(store: VimStore, vim: Vim, status: Status, observation: int, *vantages: str) -> None:
    """Report from some of the vantages of a VIM."""
    wanted = {action.vantage: action.action_id for action in await store.actions_of([vim.id])}
    await record(store, [Report(vim.id, wanted[vantage], status, observation, "TIMEOUT") for vantage in vantages])


async def date_back(store: VimStore, vims: Sequence[Vim], ago_s: float) -> None:
    assert isinstance(store, SqlStore)
    shift = update(standings).where(standings.c.vim_id.in_([vim.id for vim in vims]))
    shift = shift.values(status_time=standings.c.status_time - micros(ago_s))
    await store._database.write(lambda connection: connection.execute(shift))


async def lose(store: VimStore, vims: Sequence[Vim], reason: str = "TIMEOUT", ago_s: float = 5.0) -> None:
    await become(store, vims, Status.UNREACHABLE, 2, reason=reason, ago_s=ago_s)


async def find_again(store: VimStore, vims: Sequence[Vim]) -> None:
    await become(store, vims, Status.REACHABLE, 3)


def hosts(prefix: str, count: int) -> list[str]:
    return [f"https://{prefix}.{number}:5000/v3" for number in range(1, count + 1)]
