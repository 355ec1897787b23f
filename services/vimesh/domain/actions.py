"""Defines ping actions: what a host is asked to run."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from vimesh.domain.probing import ProbePolicy
from vimesh.domain.views.vantages import DEFAULT_VANTAGE
from vimesh.domain.vims import Engine

WORKFLOW_PREFIX = "vim_id_"


@dataclass(frozen=True, slots=True)
class Action:
    """One wanted ping action."""

    vim_id: str
    action_id: str
    auth_url: str
    """Free of credentials."""
    policy: ProbePolicy
    observation: int
    """The newest observation on record: the host that runs the action counts on from above it."""
    vantage: str = DEFAULT_VANTAGE
    """From where it is to probe. Only conductors know it."""
    vim_type: str = ""
    """`Vim.type`: which service is judged, if that is wanted; empty: not known."""


@dataclass(frozen=True, slots=True)
class CurrentAction:
    """Which action of a VIM is wanted, and where the VIM belongs."""

    action_id: str
    engine: Engine
    project_id: str
    of_views: frozenset[str] = frozenset()
    """The wanted actions of a VIM that several vantages look at; `action_id` is empty then."""

    def wants(self, action_id: str) -> bool:
        return action_id == self.action_id or action_id in self.of_views


@dataclass(frozen=True, slots=True)
class Shard:
    """One of `count` equal parts of the VIMs."""

    index: int = 0
    count: int = 1

    def contains(self, key: int) -> bool:
        return key % self.count == self.index


@dataclass(frozen=True, slots=True)
class ActionScope:
    """Which actions a host runs."""

    engine: Engine
    shard: Shard = Shard()
    projects: frozenset[str] | None = None
    """The projects whose VIMs it runs them for; None: all."""
    vantage: str = DEFAULT_VANTAGE
    """From where it probes."""


def workflow_name(vim_id: str) -> str:
    """Return the name of the Mistral workflow that runs the action of a VIM."""
    return WORKFLOW_PREFIX + vim_id


def shard_key(vim_id: str) -> int:
    """Return a key that spreads VIMs evenly over any number of shards; the same in every process and language."""
    return zlib.crc32(vim_id.encode())
