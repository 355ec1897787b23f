"""Ends actions that the conductors report as unwanted."""

from __future__ import annotations

import asyncio
from random import Random

import structlog

from vimesh.bridge.amqp.broker import BrokerAway
from vimesh.bridge.calls.conductor_client import ConductorClient
from vimesh.bridge.calls.delayed_replies import DelayedReplies
from vimesh.bridge.kills.kill_casts import KillCasts, Why
from vimesh.bridge.messages.caller_exceptions import CallFailed, ConductorsAway
from vimesh.domain.vims import Engine
from vimesh.runtime.backoff import Backoff

_log = structlog.get_logger()

_ATTEMPT_S = 10.0
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 5.0


class Ending:
    """Ends actions despite outages: each attempt is bounded in time, but their number is not."""

    def __init__(
        self, conductors: ConductorClient, kills: KillCasts, delayed_replies: DelayedReplies, *, random: Random
    ) -> None:
        self._conductors = conductors
        self._kills = kills
        self._delayed_replies = delayed_replies
        self._random = random

    async def end(self, vim_id: str, action_id: str) -> None:
        """Kill the action, unless it is wanted again, and release the answer that it waits for."""
        backoff = Backoff(first_s=_FIRST_PAUSE_S, longest_s=_LONGEST_PAUSE_S, random=self._random)
        while True:
            try:
                if (why := await self._why_unwanted(vim_id, action_id)) is not None:
                    await self._kills.kill(vim_id, why)
                    self._delayed_replies.release_unwanted(vim_id)
            except (BrokerAway, ConductorsAway):
                await asyncio.sleep(backoff.pause_s())
            except CallFailed as error:
                _log.error("an unwanted action cannot be ended", vim_id=vim_id, why=str(error))
                return
            else:
                return

    async def _why_unwanted(self, vim_id: str, action_id: str) -> Why | None:
        """Return why the action is unwanted; None if there is nothing to kill."""
        # A kill hits whatever action of the VIM is running, and the change may be an old one: changes are read again
        # after a restart, and a VIM that was moved away may have been moved back.
        deadline = asyncio.get_running_loop().time() + _ATTEMPT_S
        wanted = await self._conductors.get_wanted_action(vim_id, deadline)
        if wanted is None:
            return Why.DEREGISTERED
        if wanted.action_id in (action_id, vim_id):
            # The action that knows only its VIM is wanted. One with another id is rejected at its next report.
            return None
        return Why.NEW_TARGET if wanted.engine is Engine.EXTERNAL else Why.MOVED
