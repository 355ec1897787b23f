"""Ends old actions: by a cast to the queue that the action of a VIM consumes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import StrEnum

import structlog
from aiormq.exceptions import ChannelAccessRefused, ChannelLockedResource

from vimesh.bridge.amqp.broker import BrokerAway, BrokerConnections, broker_faults
from vimesh.bridge.amqp.broker_refusals import reason
from vimesh.bridge.amqp.rpc_queues import delete_left, delete_untaken, kill_queue, publish_cast, usage_of
from vimesh.bridge.messages.oslo_messages import cast
from vimesh.runtime.complaint_log import ComplaintLog
from vimesh.runtime.task_crew import TaskCrew

_log = structlog.get_logger()

METHOD = "killAction"
UNKNOWN_HINT = "the fleet has no such VIM: if it should, import it, and start its action again"


class Why(StrEnum):
    """Why an action is to end."""

    DEREGISTERED = "deregistered"
    """Its VIM was deregistered."""
    MOVED = "moved"
    """Its VIM was moved to another engine."""
    NEW_TARGET = "new-target"
    """Its VIM is EXTERNAL still, and wants another action: it got another auth_url, or was away in between."""
    UNKNOWN_VIM = "unknown-vim"
    """It reported on a VIM that the fleet does not have."""
    POLICY_REJECT = "policy-reject"
    """It reported on a VIM of another engine, whose policy is to reject."""
    CHANGED = "changed-meanwhile"
    """Its VIM changed while its report was under way."""


@dataclass(frozen=True, slots=True)
class KillLimits:
    at_once: int = 32
    """Kills on their way at the same time."""
    expires_s: float = 10.0
    """A kill that nobody took by then is no use any more. It must not wait for a later action."""
    most_told: int = 16
    """Consumers of one queue that are told: an action has one."""
    most_cleaned: int = 10_000
    """Queues that are looked after at the same time. Those of other actions stay."""
    connection_s: float = 5.0
    clean_up_pauses_s: tuple[float, ...] = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8)
    """An action ends within a ping. Then its queue is left, which nobody else removes."""
    slow_pause_s: float = 60.0
    slow_tries: int = 24 * 60
    """Tacker's own action consumes its queue when it has ended, until the executor that it ran in ends."""


class KillCasts:
    """Kills, and removes what killed actions leave behind. Actions that end by themselves are left alone."""

    def __init__(self, enquiries: BrokerConnections, crew: TaskCrew, limits: KillLimits | None = None) -> None:
        self._enquiries = enquiries
        self._crew = crew
        self._limits = limits or KillLimits()
        self._slots = asyncio.Semaphore(self._limits.at_once)
        self._cleaning: dict[str, int] = {}
        """How often each VIM's action was told to end since it was last seen to be gone."""
        self._denied = ComplaintLog("a kill queue cannot be used: it belongs to somebody else")

    async def kill(self, vim_id: str, why: Why) -> int:
        """Tell whatever action of the VIM is there to end. Raises BrokerAway.

        Returns how often it was told by now: 0 if there is nobody to tell, and more than once if it may be deaf.
        """
        queue = kill_queue(vim_id)
        async with self._slots:
            with broker_faults():
                try:
                    told = await self._kill(vim_id, queue, why)
                except (ChannelLockedResource, ChannelAccessRefused) as error:
                    self._denied.add(queue=queue, why=reason(error, None))
                    return 0
        if not told:
            return 0
        if vim_id not in self._cleaning:
            if len(self._cleaning) >= self._limits.most_cleaned:
                return 1
            self._cleaning[vim_id] = 0
            self._crew.start(self._clean_up(vim_id, queue))
        self._cleaning[vim_id] += 1
        return self._cleaning[vim_id]

    async def _kill(self, vim_id: str, queue: str, why: Why) -> bool:
        connection = await self._enquiries.connection(self._limits.connection_s)
        timeout_s = self._enquiries.limits.call_timeout_s
        usage = await usage_of(connection, queue, timeout_s)
        if usage is None:
            return False
        if not usage.certain:
            _log.info("the broker does not hear from a kill queue: its action is told all the same", queue=queue)
        # One for each: what consumes may be dead, in a process that lives. And one if there seems to be nobody: a busy
        # broker says that of a quorum queue whose action is alive.
        times = max(1, min(usage.consumers, self._limits.most_told))
        taken = await publish_cast(
            connection, queue, cast(METHOD), times=times, expires_s=self._limits.expires_s, timeout_s=timeout_s
        )
        if not taken or (not usage.consumers and await delete_untaken(connection, queue, timeout_s)):
            return False
        self._say_kill(vim_id, queue, why, times)
        return True

    def _say_kill(self, vim_id: str, queue: str, why: Why, consumers: int) -> None:
        said = {"vim_id": vim_id, "why": str(why), "queue": queue, "consumers": consumers}
        if why is Why.UNKNOWN_VIM and vim_id not in self._cleaning:
            # Nor was it deregistered a moment ago.
            _log.warning("kill", **said, hint=UNKNOWN_HINT)
        else:
            _log.info("kill", **said)

    async def _clean_up(self, vim_id: str, queue: str) -> None:
        try:
            for pause_s in self._limits.clean_up_pauses_s:
                await asyncio.sleep(pause_s)
                if await self._gone(queue):
                    return
            self._cleaning[vim_id] = 0
            _log.info("a kill queue is in use still: its action did not end, or left it open", queue=queue)
            for _ in range(self._limits.slow_tries):
                await asyncio.sleep(self._limits.slow_pause_s)
                if await self._gone(queue):
                    return
            _log.warning("a kill queue stays", queue=queue)
        finally:
            self._cleaning.pop(vim_id, None)

    async def _gone(self, queue: str) -> bool:
        try:
            async with self._slots:
                with broker_faults():
                    connection = await self._enquiries.connection(self._limits.connection_s)
                    return await delete_left(connection, queue, self._enquiries.limits.call_timeout_s)
        except BrokerAway:
            return False
