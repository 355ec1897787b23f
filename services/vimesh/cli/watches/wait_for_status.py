"""Waits until a VIM has a status, by watching it."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass

import grpc

from vimesh.cli.base.durations import exact, seconds
from vimesh.cli.base.exits import ExitCode, Failure
from vimesh.cli.client.front import Front
from vimesh.cli.output.vim_columns import status
from vimesh.cli.watches.resumable_watch import watch
from vimesh.cli.watches.watched_vims import WatchedVims
from vimesh.domain.settings import BadFlag
from vimesh.v1 import vim_pb2
from vimesh.v1 import vim_service_pb2 as pb

_DELETED = "DELETED"
_STATUSES = ("REACHABLE", "UNREACHABLE", "UNKNOWN", "PENDING")


@dataclass(frozen=True, slots=True)
class Condition:
    word: str
    """A status, or DELETED."""

    @classmethod
    def parse(cls, flag: str, text: str, *, or_deleted: bool = False) -> Condition:
        """Read a status such as `REACHABLE` or `status=reachable`; with `or_deleted` also `deleted`. Raises BadFlag."""
        word = text.rpartition("=")[2].upper()
        word = _DELETED if word in {"DELETE", "DEREGISTERED", "GONE"} else word
        if word not in _STATUSES and not (or_deleted and word == _DELETED):
            known = f"{', '.join(_STATUSES)}{' or deleted' if or_deleted else ''}"
            raise BadFlag(flag, f"must be one of {known}, not {text[:50]!r}")
        return cls(word)

    @property
    def is_deleted(self) -> bool:
        return self.word == _DELETED

    def met_by(self, vim: vim_pb2.Vim | None) -> bool:
        return self.is_deleted if vim is None else status(vim.status) == self.word


def limit_s(flag: str, text: str) -> float:
    try:
        return seconds(text)
    except ValueError as error:
        raise BadFlag(flag, str(error)) from error


async def wait_for(front: Front, vim: vim_pb2.Vim, condition: Condition, within_s: float) -> vim_pb2.Vim | None:
    """Return the VIM as soon as the condition is met; None if the condition is that the VIM is deleted.

    Raises Failure after `within_s` seconds, or if the VIM is deleted and that is not the condition.
    """
    board = WatchedVims()
    try:
        async with asyncio.timeout(within_s):
            async with aclosing(watch(front, vim_id=vim.id)) as changes:
                async for shown in changes:
                    passed = {status(change.event.status) for change in board.take(shown)}
                    if not board.complete:
                        continue
                    present = board.vims.get(vim.id)
                    vim = present or vim
                    # A status that has passed already counts, too.
                    if condition.met_by(present) or condition.word in passed:
                        return present and await _whole(front, present)
                    if present is None:
                        raise Failure(f"{vim.name} ({vim.id}) was deregistered while waiting", code=ExitCode.NOT_FOUND)
    except TimeoutError:
        reason = f", {vim.reason}" if vim.reason else ""
        raise Failure(
            f"{vim.name} ({vim.id}) is {status(vim.status)}{reason} and not {condition.word} after {exact(within_s)}",
            code=ExitCode.NOT_MET,
        ) from None
    raise AssertionError("a watch never ends by itself")


async def _whole(front: Front, vim: vim_pb2.Vim) -> vim_pb2.Vim:
    """Return the VIM with the fields that events lack, such as the round trip, unless it has changed again."""
    try:
        read = (await front.vims.GetVim(pb.GetVimRequest(vim_id=vim.id), timeout=front.timeout_s)).vim
    except grpc.aio.AioRpcError:
        return vim  # the condition was met, so this must not fail
    return read if read.revision == vim.revision else vim
