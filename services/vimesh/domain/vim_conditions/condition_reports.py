"""Defines what ping actions report of conditions, and what comes of it."""

from __future__ import annotations

from typing import NamedTuple

from vimesh.domain.conditions.conditions import Certificate, Condition
from vimesh.domain.vims import BadAction


class ConditionReport(NamedTuple):
    """What a ping action has seen of its VIM."""

    vim_id: str
    action_id: str
    conditions: tuple[Condition, ...]
    """Those on record of which nothing is said here stay."""
    certificate: Certificate | None = None
    """None: it is as before, or not known."""
    catalogue: frozenset[str] = frozenset()
    """The types of all services that the VIM has, if that is known: conditions of other services are removed."""
    reporter: str = ""
    """The identity that reported it, if it was proved."""


class ConditionsRecorded(NamedTuple):
    """The report is on record, or was before."""

    is_new: bool
    """Whether it changed something."""


ConditionOutcome = ConditionsRecorded | BadAction
