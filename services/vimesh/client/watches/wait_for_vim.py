"""Waits until a VIM is as wanted, by watching it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Protocol

import grpc

from vimesh.client.calls.front_stubs import Front
from vimesh.client.client_errors import WaitExpired, WatchedVimGone
from vimesh.client.enum_names import status_name
from vimesh.client.watches.resumable_watch import watch
from vimesh.client.watches.watched_vims import WatchedVims
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.vim_pb2 import Vim, VimEvent


class VimCondition(Protocol):
    """What is waited for. As a text, it goes on with `the VIM is not`, such as `REACHABLE`."""

    def is_met_by(self, vim: Vim | None) -> bool:
        """Return whether the VIM is as wanted; None: it is deregistered."""

    def was_met_at(self, event: VimEvent) -> bool:
        """Return whether a change left the VIM as wanted, whatever followed."""


async def wait_for_vim(
    front: Front,
    vim: Vim,
    condition: VimCondition,
    within_s: float,
    *,
    describe_s: Callable[[float], str] = lambda seconds: f"{seconds:g} s",
) -> Vim | None:
    """Return the VIM as soon as the condition is met; None if the condition is met by a VIM that is deregistered.

    `describe_s` writes a time for an error. Raises WaitExpired after `within_s` seconds, WatchedVimGone if the VIM is
    deregistered and that does not meet the condition, and AioRpcError if the first connection fails.
    """
    board = WatchedVims()
    try:
        async with asyncio.timeout(within_s):
            async with aclosing(watch(front, vim_id=vim.id)) as changes:
                async for shown in changes:
                    passed = [change.event for change in board.take(shown)]
                    if not board.complete:
                        continue
                    present = board.vims.get(vim.id)
                    vim = present or vim
                    # A status that has passed already counts, too.
                    if condition.is_met_by(present) or any(map(condition.was_met_at, passed)):
                        return present and await _whole(front, present)
                    if present is None:
                        raise WatchedVimGone(f"{vim.name} ({vim.id}) was deregistered while waiting")
    except TimeoutError:
        reason = f", {vim.reason}" if vim.reason else ""
        status = status_name(vim.status)
        raise WaitExpired(
            f"{vim.name} ({vim.id}) is {status}{reason} and not {condition} after {describe_s(within_s)}"
        ) from None
    raise AssertionError("a watch never ends by itself")


async def _whole(front: Front, vim: Vim) -> Vim:
    """Return the VIM with the fields that events lack, such as the round trip, unless it has changed again."""
    try:
        read = (await front.ask(front.vims.GetVim, pb.GetVimRequest(vim_id=vim.id))).vim
    except grpc.aio.AioRpcError:
        return vim  # the condition was met, so this must not fail
    return read if read.revision == vim.revision else vim
