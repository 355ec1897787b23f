"""Ends old actions with a cast to the queue that a VIM's action consumes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import StrEnum

import structlog
from aiormq.exceptions import ChannelAccessRefused, ChannelLockedResource

from vimesh.bridge.amqp.broker import BrokerAway, BrokerConnections, broker_faults
from vimesh.bridge.amqp.broker_refusals import failure_reason
from vimesh.bridge.amqp.rpc_queues import delete_unconsumed, delete_unused, kill_queue, publish_cast, read_usage
from vimesh.bridge.messages.oslo_messages import build_cast
from vimesh.runtime.complaint_log import ComplaintLog
from vimesh.runtime.task_crew import TaskCrew

_log = structlog.get_logger()

METHOD = "killAction"
UNKNOWN_HINT = "the fleet has no such VIM: if it should, import it, and start its action again"


class Why(StrEnum):
    """Why an action has to end."""

    DEREGISTERED = "deregistered"
    """Its VIM was deregistered."""
    MOVED = "moved"
    """Its VIM was moved to another engine."""
    NEW_TARGET = "new-target"
    """Its VIM is still EXTERNAL, but wants another action: its auth_url changed, or it was moved away and back."""
    UNKNOWN_VIM = "unknown-vim"
    """It reported on a VIM that is not registered."""
    POLICY_REJECT = "policy-reject"
    """It reported on a VIM of another engine, whose policy is to reject."""
    CHANGED = "changed-meanwhile"
    """Its VIM changed while its report was under way."""


class KillResult(StrEnum):
    """What became of an attempt to kill an action."""

    SENT = "sent"
    NO_ACTION = "no_action"
    """No action has its queue open."""
    DENIED = "denied"
    """The broker does not let this bridge use the queue."""
    NO_BROKER = "no_broker"


@dataclass(frozen=True, slots=True)
class KillLimits:
    at_once: int = 32
    """How many kills and clean-ups may be under way at the same time."""
    expires_s: float = 10.0
    """A kill that is not consumed by then expires: it must not wait for a later action."""
    max_kills_per_queue: int = 16
    """Maximum number of kills to one queue, one for each consumer. An action has one consumer."""
    most_cleaned: int = 10_000
    """How many queues may be cleaned up at the same time. Those of further actions stay."""
    connection_s: float = 5.0
    clean_up_pauses_s: tuple[float, ...] = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8)
    """An action ends within a ping, and leaves its queue behind. Only the bridge removes it."""
    slow_pause_s: float = 60.0
    slow_tries: int = 24 * 60
    """A day of slow attempts: after its end, Tacker's own action still consumes its queue until its executor exits."""


class KillCasts:
    """Sends kills, and removes the queues of killed actions. Actions that end by themselves are left alone."""

    def __init__(self, enquiries: BrokerConnections, crew: TaskCrew, limits: KillLimits | None = None) -> None:
        self._enquiries = enquiries
        self._crew = crew
        self._limits = limits or KillLimits()
        self._slots = asyncio.Semaphore(self._limits.at_once)
        self.results = dict.fromkeys(KillResult, 0)
        """Attempts to kill, by result."""
        self._kills_sent: dict[str, int] = {}
        """Kills sent to each VIM's action since the clean-up of its queue began, or became slow."""
        self._denied = ComplaintLog("a kill queue cannot be used: another client has it, or access is refused")

    async def kill(self, vim_id: str, why: Why) -> int:
        """Send a kill to whatever action of the VIM is running. Raises BrokerAway.

        Return how many kills it has been sent by now: 0 if there is no action, and more than 1 if it may be deaf.
        """
        queue = kill_queue(vim_id)
        try:
            result = await self._try_to_kill(vim_id, queue, why)
        except BrokerAway:
            self.results[KillResult.NO_BROKER] += 1
            raise
        self.results[result] += 1
        if result is not KillResult.SENT:
            return 0
        if vim_id not in self._kills_sent:
            if len(self._kills_sent) >= self._limits.most_cleaned:
                return 1
            self._kills_sent[vim_id] = 0
            self._crew.start(self._clean_up(vim_id, queue))
        self._kills_sent[vim_id] += 1
        return self._kills_sent[vim_id]

    async def _try_to_kill(self, vim_id: str, queue: str, why: Why) -> KillResult:
        async with self._slots:
            with broker_faults():
                try:
                    is_sent = await self._send_kill(vim_id, queue, why)
                except (ChannelLockedResource, ChannelAccessRefused) as error:
                    self._denied.add(queue=queue, why=failure_reason(error, None))
                    return KillResult.DENIED
        return KillResult.SENT if is_sent else KillResult.NO_ACTION

    async def _send_kill(self, vim_id: str, queue: str, why: Why) -> bool:
        connection = await self._enquiries.connection(self._limits.connection_s)
        timeout_s = self._enquiries.limits.call_timeout_s
        usage = await read_usage(connection, queue, timeout_s)
        if usage is None:
            return False
        if not usage.is_certain:
            _log.info("the state of a kill queue is unknown: the kill is sent anyway", queue=queue)
        # One kill for each consumer, as one may belong to a dead action in a live process. One even if there seems to
        # be no consumer: a busy broker reports that for a quorum queue whose action is alive.
        times = max(1, min(usage.consumers, self._limits.max_kills_per_queue))
        is_accepted = await publish_cast(
            connection, queue, build_cast(METHOD), times=times, expires_s=self._limits.expires_s, timeout_s=timeout_s
        )
        if not is_accepted or (not usage.consumers and await delete_unconsumed(connection, queue, timeout_s)):
            return False
        self._log_kill(vim_id, queue, why, times)
        return True

    def _log_kill(self, vim_id: str, queue: str, why: Why, consumers: int) -> None:
        fields = {"vim_id": vim_id, "why": str(why), "queue": queue, "consumers": consumers}
        if why is Why.UNKNOWN_VIM and vim_id not in self._kills_sent:
            # It was not deregistered a moment ago either: the clean-up of its queue would still be running.
            _log.warning("kill sent", **fields, hint=UNKNOWN_HINT)
        else:
            _log.info("kill sent", **fields)

    async def _clean_up(self, vim_id: str, queue: str) -> None:
        try:
            for pause_s in self._limits.clean_up_pauses_s:
                await asyncio.sleep(pause_s)
                if await self._delete_queue(queue):
                    return
            self._kills_sent[vim_id] = 0
            _log.info("a kill queue is still in use: its action did not end, or left it open", queue=queue)
            for _ in range(self._limits.slow_tries):
                await asyncio.sleep(self._limits.slow_pause_s)
                if await self._delete_queue(queue):
                    return
            _log.warning("a kill queue is left behind", queue=queue)
        finally:
            self._kills_sent.pop(vim_id, None)

    async def _delete_queue(self, queue: str) -> bool:
        try:
            async with self._slots:
                with broker_faults():
                    connection = await self._enquiries.connection(self._limits.connection_s)
                    return await delete_unused(connection, queue, self._enquiries.limits.call_timeout_s)
        except BrokerAway:
            return False
