"""Defines what an agenda asks for: each step is done, and its result given back, before the next one is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vimesh.domain.notifications.delivery_store import Delivery
from vimesh.domain.notifications.notifications import Notification


@dataclass(frozen=True, slots=True)
class LookUp:
    """Read VIMs as they are now."""

    vim_ids: Sequence[str]


@dataclass(frozen=True, slots=True)
class Send:
    notification: Notification


@dataclass(frozen=True, slots=True)
class Record:
    """Put on record how far the receiver was told."""

    delivery: Delivery


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing until a time, or until something new comes."""

    until: float


Step = LookUp | Send | Record | Wait


@dataclass(frozen=True, slots=True)
class Delivered:
    """The receiver has taken the notification."""


@dataclass(frozen=True, slots=True)
class Delayed:
    """It has not, but may later."""

    error: str
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """It never will."""

    error: str


@dataclass(frozen=True, slots=True)
class Gone:
    """It wants no more notifications at all."""

    error: str


SendResult = Delivered | Delayed | Refused | Gone
