"""Runs the bridge: serves Tacker's oslo.messaging RPC until it is stopped."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING, Never

import grpc
import structlog

from vimesh.bridge.amqp.broker import Broker, silence_the_client
from vimesh.bridge.amqp.broker_enquiries import BrokerEnquiries
from vimesh.bridge.amqp.calls_queue import delete_calls_queue
from vimesh.bridge.amqp.declare_queues import QueueDeclarer
from vimesh.bridge.amqp.dialer import Dialer, limits_from
from vimesh.bridge.calls.call_consumer import DEFAULT_TIMEOUT_S, CallConsumer
from vimesh.bridge.calls.call_dispatcher import CallDispatcher
from vimesh.bridge.calls.conductor_client import ConductorClient
from vimesh.bridge.calls.delayed_replies import DelayedReplies
from vimesh.bridge.calls.reply_sender import ReplyLimits, ReplySender
from vimesh.bridge.calls.unnamed_reports import format_policies
from vimesh.bridge.calls.update_vim import UpdateRules, Updates
from vimesh.bridge.config.deployment import Deployment, describe_settings
from vimesh.bridge.kills.kill_casts import KillCasts
from vimesh.bridge.kills.state_dir import StateDir, state_dir
from vimesh.bridge.kills.unwanted_actions import UnwantedActions
from vimesh.bridge.kills.watermark import Watermark
from vimesh.bridge.service.end_action import Ending
from vimesh.domain.fleet.process_announcements import ProcessKind
from vimesh.rpc.action_watch import ActionWatch, FollowLimits
from vimesh.rpc.channels import channel
from vimesh.rpc.process_reports import FrontLink
from vimesh.runtime.background import beside
from vimesh.runtime.supervisor import supervise
from vimesh.runtime.task_crew import TaskCrew, crew
from vimesh.tracing.spans import Tracer
from vimesh.v1.conductor_service_pb2_grpc import ConductorServiceStub
from vimesh.v1.vim_service_pb2_grpc import VimServiceStub
from vimesh.watchdog.process_announcer import announced

if TYPE_CHECKING:
    from vimesh.metrics.exposition import Exposition  # needs packages that are only used with --metrics

_log = structlog.get_logger()

_STORE_EVERY_S = 1.0
_STOP_S = 2.0


@dataclass(frozen=True, slots=True)
class BridgeSettings:
    address: str
    """Address of the mesh's front: `host:port`."""
    deployment: Deployment
    state_dir: Path
    credentials: Path | None = None
    """Folder with what this process shows to the front; None: the front asks for nothing."""
    rules: UpdateRules = field(default_factory=UpdateRules)
    concurrency: int = 1000
    """Maximum number of calls in flight, including those with held answers."""
    grace_s: float = 5.0
    """How long calls under way may take when the process is stopping. The rest return to the broker."""


async def run_bridge(
    settings: BridgeSettings,
    stopped: Callable[[], Awaitable[object]],
    exposition: Exposition | None = None,
    tracer: Tracer | None = None,
) -> None:
    """Run until `stopped` returns. Waits for a front or a broker that is away. Raises BadSetting.

    `exposition`: gets the collectors of the bridge; None: metrics are not served. `tracer`: None: no call is
    traced.
    """
    silence_the_client()
    with state_dir(settings.state_dir) as state:
        stored = state.read()
        watermark = Watermark(stored.number, stored.log_id)
        try:
            async with channel(settings.address, settings.credentials) as front, crew() as workers:
                await _run(settings, stopped, front, workers, watermark, state, exposition, tracer)
        finally:
            # Unfinished work, such as kills that wait for the broker, is left to the bridge that resumes from here.
            state.write(watermark.revision, watermark.log_id)


async def _run(  # noqa: PLR0913, PLR0917 - the place where all parts are assembled
    settings: BridgeSettings,
    stopped: Callable[[], Awaitable[object]],
    front: grpc.aio.Channel,
    workers: TaskCrew,
    watermark: Watermark,
    state: StateDir,
    exposition: Exposition | None,
    tracer: Tracer | None,
) -> None:
    random = SystemRandom()
    reports = ConductorServiceStub(front)
    deployment = settings.deployment
    limits = limits_from(deployment.options)
    dial = Dialer(deployment, limits).dial
    broker = Broker(deployment.transport.nodes, dial, random=random, limits=limits)
    enquiries = BrokerEnquiries(broker, dial)
    delayed_replies = DelayedReplies(capacity=max(1, settings.concurrency * 3 // 4))
    conductors = ConductorClient(reports, VimServiceStub(front), random=random)
    kills = KillCasts(enquiries, workers)
    ending = Ending(conductors, kills, delayed_replies, random=random)
    unwanted_actions = UnwantedActions(ending.end, watermark, workers)
    dispatcher = CallDispatcher(Updates(conductors, kills, delayed_replies, unwanted_actions, settings.rules))
    replies = ReplySender(broker, workers, random=random, limits=_reply_limits(deployment))
    consumer = CallConsumer(
        dispatcher.serve,
        replies,
        QueueDeclarer(deployment.topology, enquiries),
        workers,
        concurrency=settings.concurrency,
        default_timeout_s=deployment.rpc_response_timeout_s or DEFAULT_TIMEOUT_S,
        tracer=tracer,
    )
    action_watch = ActionWatch(reports, FollowLimits(), meanwhile="actions go on", clock=time.monotonic, random=random)
    if exposition is not None:
        from vimesh.bridge.metrics.bridge_collector import BridgeCollector  # noqa: PLC0415 - see above

        exposition.register(BridgeCollector(broker, consumer, kills, action_watch))
    work = (
        supervise("broker", lambda: broker.run(consumer.work)),
        supervise("watch", lambda: action_watch.run(unwanted_actions)),
        supervise("state", lambda: _store(watermark, state)),
    )

    def facts() -> dict[str, str]:
        return {"broker": f"{broker.node.host}:{broker.node.port}"}

    async with announced(ProcessKind.BRIDGE, FrontLink(front), facts), beside(*work):
        _log.info(
            "bridge started",
            address=settings.address,
            **describe_settings(deployment),
            hold=f"{settings.rules.hold_s:g}s",
            policy=format_policies(settings.rules.policies),
            mapped_users=len(settings.rules.users.projects),
            concurrency=settings.concurrency,
            state_dir=str(settings.state_dir),
        )
        await stopped()
        await consumer.stop(_STOP_S)
        delayed_replies.close()
        if not await consumer.wait_until_idle(settings.grace_s):
            _log.warning("calls are still under way: they go back to the broker")
        # End the background tasks before closing the connections that they use.
        await workers.end(_STOP_S)
        await delete_calls_queue(enquiries, consumer.queue_state)
        await enquiries.close()


def _reply_limits(deployment: Deployment) -> ReplyLimits:
    own = ReplyLimits()
    given_s = deployment.options.kombu_missing_consumer_retry_timeout
    return own if given_s is None else replace(own, unclaimed_s=float(given_s))


async def _store(watermark: Watermark, state: StateDir) -> Never:
    while True:
        state.write(watermark.revision, watermark.log_id)
        await asyncio.sleep(_STORE_EVERY_S)
