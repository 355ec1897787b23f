"""The embedded engine: hosts the ping actions of one shard until it is cancelled."""

from __future__ import annotations

import asyncio
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import metadata
from random import SystemRandom

import structlog

from vimesh.domain.actions import Action, ActionScope, Shard
from vimesh.domain.vims import Engine
from vimesh.monitor.host import Host
from vimesh.monitor.hosting import HostSettings, hosting
from vimesh.monitor.reporter import Reporter, ReporterLimits
from vimesh.monitor.supervisor import supervise
from vimesh.monitor.watcher import ActionSet, Watcher, WatcherLimits
from vimesh.rpc.channels import channel
from vimesh.v1 import conductor_service_pb2_grpc

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class MonitorSettings:
    address: str
    """Where the front of the mesh is: `host:port`."""
    shard: Shard = field(default_factory=Shard)
    reporter: ReporterLimits = field(default_factory=ReporterLimits)
    watcher: WatcherLimits = field(default_factory=WatcherLimits)


async def run_monitor(settings: MonitorSettings) -> None:
    """Probe and report whatever the conductors want, until cancelled. Waits for conductors that are away."""
    _allow_all_files()
    clock, random = time.monotonic, SystemRandom()
    async with channel(settings.address) as to_conductors:
        stub = conductor_service_pb2_grpc.ConductorServiceStub(to_conductors)
        reporter = Reporter(stub, clock=clock, random=random, limits=settings.reporter)
        with hosting(reporter.note, HostSettings(user_agent=f"vimesh/{metadata.version('vimesh')}")) as host:
            reporter.on_bad_action(host.stop)
            scope = ActionScope(Engine.EMBEDDED, settings.shard)
            actions = ActionSet(starting(host, reporter), stopping(host, reporter), host.actions)
            watcher = Watcher(stub, scope, actions, clock=clock, random=random, limits=settings.watcher)
            _say_hello(settings, host)
            async with asyncio.TaskGroup() as parts:
                parts.create_task(supervise("reporter", reporter.run))
                parts.create_task(supervise("watcher", watcher.run))


def starting(host: Host, reporter: Reporter) -> Callable[[Action], None]:
    """Return what runs an action and reports for it."""

    def start(action: Action) -> None:
        if host.start(action):
            reporter.adopt(action.vim_id, action.action_id, action.observation)

    return start


def stopping(host: Host, reporter: Reporter) -> Callable[[str, str], None]:
    """Return what ends an action."""

    def stop(vim_id: str, action_id: str) -> None:
        host.stop(vim_id, action_id)
        reporter.forget(vim_id, action_id)

    return stop


def _allow_all_files() -> None:
    """Each probe under way over TCP is an open file: use what the administrator allows."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _say_hello(settings: MonitorSettings, host: Host) -> None:
    _log.info(
        "monitor started",
        address=settings.address,
        shard=f"{settings.shard.index}/{settings.shard.count}",
        methods=list(host.abilities.methods),
        missing=dict(host.abilities.missing),
    )
