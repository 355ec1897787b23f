"""Reads what to wait for from the command line, and waits."""

from __future__ import annotations

from dataclasses import dataclass

from vimesh.cli.base.durations import exact
from vimesh.cli.base.exits import ExitCode, Failure
from vimesh.cli.output.vim_columns import status
from vimesh.client.calls.front_stubs import Front
from vimesh.client.client_errors import WaitExpired
from vimesh.client.watches.wait_for_vim import wait_for_vim
from vimesh.domain.settings import BadFlag
from vimesh.v1.vim_pb2 import Vim, VimEvent

_DELETED = "DELETED"
_STATUSES = ("REACHABLE", "UNREACHABLE", "UNKNOWN", "PENDING")


@dataclass(frozen=True, slots=True)
class WaitCondition:
    word: str
    """A status, or DELETED."""

    @classmethod
    def parse(cls, flag: str, text: str, *, or_deleted: bool = False) -> WaitCondition:
        """Read a status such as `REACHABLE` or `status=reachable`; with `or_deleted` also `deleted`. Raises BadFlag."""
        word = text.rpartition("=")[2].upper()
        word = _DELETED if word in {"DELETE", "DEREGISTERED", "GONE"} else word
        if word not in _STATUSES and not (or_deleted and word == _DELETED):
            known = f"{', '.join(_STATUSES)}{' or deleted' if or_deleted else ''}"
            raise BadFlag(flag, f"must be one of {known}, not {text[:50]!r}")
        return cls(word)

    def __str__(self) -> str:
        return self.word

    @property
    def is_deleted(self) -> bool:
        return self.word == _DELETED

    def is_met_by(self, vim: Vim | None) -> bool:
        return self.is_deleted if vim is None else status(vim.status) == self.word

    def was_met_at(self, event: VimEvent) -> bool:
        return status(event.status) == self.word


async def wait_for(front: Front, vim: Vim, condition: WaitCondition, within_s: float) -> Vim | None:
    """Return the VIM as soon as the condition is met; None if the condition is that the VIM is deleted.

    Raises Failure after `within_s` seconds, WatchedVimGone if the VIM is deleted and that is not the condition.
    """
    try:
        return await wait_for_vim(front, vim, condition, within_s, describe_s=exact)
    except WaitExpired as error:
        raise Failure(str(error), code=ExitCode.NOT_MET) from error
