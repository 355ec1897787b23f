"""Defines notices: what a receiver was told last of a VIM."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from vimesh.domain.vims import Status


@dataclass(frozen=True, slots=True)
class Notice:
    vim_id: str
    vim_name: str
    """To tell of the VIM once it is gone."""
    group_key: str
    status: Status | None
    """The status that the receiver was told of; None if it was told of none."""
    reason: str
    since: dt.datetime | None
    """When the problem began."""
    revision: int
    """Revision of the newest change of the VIM that this includes."""
    told_time: dt.datetime | None
    """When the receiver was told last; None if it never was."""
    muted: bool = False
    """Whether a change was left out because the VIM was in maintenance, or flapping."""
    resolved: bool = False
    """Whether nothing more is to be told: the notice goes once `Receiver.revision` has reached it."""
