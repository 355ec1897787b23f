"""Defines the names of vantages, and what each of them says of a VIM."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

from vimesh.domain.vims import Status

DEFAULT_VANTAGE: Final = "default"
"""The vantage of monitors that are started without one, and of VIMs whose policy names none."""


@dataclass(frozen=True, slots=True)
class View:
    """What one vantage says of a VIM that several look at."""

    vantage: str
    status: Status
    reason: str
    detail: str
    status_time: dt.datetime
    """Since when it has this status, by the database's clock."""
    valid_until: dt.datetime | None
    """When its lease ends; None before the first report of its action."""
    action_id: str
    """The action that is wanted from there."""
