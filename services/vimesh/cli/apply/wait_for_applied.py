"""Waits until VIMs that were applied have a status, by watching their apply set."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing

from vimesh.cli.base.durations import exact
from vimesh.cli.base.exits import ExitCode, Failure
from vimesh.cli.output.vim_columns import status
from vimesh.cli.watches.wait_for_status import WaitCondition
from vimesh.client.calls.front_stubs import Front
from vimesh.client.watches.resumable_watch import watch
from vimesh.client.watches.watched_vims import WatchedVims
from vimesh.domain.filters.filter_terms import quoted

_SHOWN = 20


async def wait_for_applied(
    front: Front, apply_set: str, vim_ids: Sequence[str], condition: WaitCondition, within_s: float
) -> None:
    """Return as soon as each of the VIMs has had the status. Raises Failure after `within_s` seconds."""
    board, waiting = WatchedVims(), set(vim_ids)
    try:
        async with asyncio.timeout(within_s):
            async with aclosing(watch(front, filter_=f"apply_set = {quoted(apply_set)}")) as changes:
                async for shown in changes:
                    board.take(shown)
                    if not board.complete:
                        continue
                    # A VIM that somebody deregisters meanwhile will have no status.
                    present = [board.vims[one] for one in waiting if one in board.vims]
                    waiting = {vim.id for vim in present if not condition.is_met_by(vim)}
                    if not waiting:
                        return
    except TimeoutError:
        left = [board.vims[one] for one in waiting if one in board.vims]
        lines = sorted(f"{vim.name} ({vim.id}) is {status(vim.status)}" for vim in left)
        raise Failure(
            f"{len(waiting)} of {len(vim_ids)} VIMs are not {condition.word} after {exact(within_s)}",
            code=ExitCode.NOT_MET,
            details=[*lines[:_SHOWN], *(["..."] if len(lines) > _SHOWN else [])],
        ) from None
