"""Processes that write into one database, and remember what they were answered."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, field

from tests.support.sql.stores import KEY, record, registration, report
from vimesh.domain.vims import BadAction, Modification, Status, Vim
from vimesh.store.rows.credential_encryption import Cipher
from vimesh.store.sql_store import SqlStore, sql_store

ROUNDS = 60


@dataclass
class Answered:
    """What one process was told."""

    registered: list[str] = field(default_factory=list)
    swapped: list[tuple[str, str, int]] = field(default_factory=list)
    """VIM, the action that a modification brought, and its revision."""
    recorded: int = 0
    bad_actions: int = 0


def write_much(database_url: str, vim_ids: list[str], number: int) -> Answered:
    """Be a process that registers, reports on and modifies VIMs that another one writes to as well."""
    return asyncio.run(_write_much(database_url, vim_ids, number))


async def _write_much(database_url: str, vim_ids: list[str], number: int) -> Answered:
    answered = Answered()
    async with sql_store(database_url, Cipher([KEY]), lock_timeout_s=30) as store, asyncio.TaskGroup() as tasks:
        for vim_id in vim_ids:
            tasks.create_task(_report(store, vim_id, number, answered))
        tasks.create_task(_modify(store, vim_ids, number, answered))
    return answered


async def _report(store: SqlStore, vim_id: str, number: int, answered: Answered) -> None:
    vim = await store.get(vim_id)
    for turn in range(1, ROUNDS + 1):
        status = Status.REACHABLE if (turn + number) % 2 else Status.UNREACHABLE
        [outcome] = await record(store, [report(vim, status, 2 * turn + number)])
        if isinstance(outcome, BadAction):
            answered.bad_actions += 1
            vim = await store.get(vim_id)
        else:
            answered.recorded += 1


async def _modify(store: SqlStore, vim_ids: list[str], number: int, answered: Answered) -> None:
    for turn in range(ROUNDS // 4):
        vim = await store.modify(
            vim_ids[turn % len(vim_ids)],
            Modification(auth_url=f"http://192.0.2.{number}:{turn + 1}/"),
        )
        answered.swapped.append((vim.id, vim.monitor.action_id, vim.revision))
        answered.registered.append((await store.register(registration())).id)


async def _report_until_killed(database_url: str) -> None:
    async with sql_store(database_url, Cipher([KEY])) as store:
        vims: list[Vim] = await store.vims_after("", 100)
        for turn in range(1, 1_000_000):
            status = Status.REACHABLE if turn % 2 else Status.UNREACHABLE
            await record(store, [report(vim, status, turn) for vim in vims])
            sys.stdout.write(f"{turn}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_report_until_killed(sys.argv[1]))
