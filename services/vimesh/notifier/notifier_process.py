"""Runs a notifier: claims receivers at conductors, watches VIMs for them, and notifies them, until it is cancelled."""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

from vimesh.domain.fleet.process_announcements import ProcessKind
from vimesh.domain.notifications.receivers import Receiver
from vimesh.notifier.notifier_engine import NotifierConfig, run_notifier
from vimesh.notifier.notifier_statistics import NotifierStatistics
from vimesh.notifier.senders.sender import Sender
from vimesh.notifier.senders.target_guard import TargetGuard
from vimesh.rpc.channels import channel
from vimesh.rpc.process_reports import FrontLink
from vimesh.runtime.background import beside
from vimesh.runtime.supervisor import supervise
from vimesh.target_rules.fleet_addresses import FleetAddresses
from vimesh.target_rules.networks import format_networks
from vimesh.target_rules.target_rules import NOTIFICATIONS, TargetRules
from vimesh.tracing.spans import Tracer
from vimesh.watchdog.process_announcer import announced

if TYPE_CHECKING:
    from vimesh.metrics.exposition import Exposition  # needs packages that are only used with --metrics

_log = structlog.get_logger()

_MAX_HOST: Final = 100


@dataclass(frozen=True, slots=True)
class NotifierSettings:
    address: str
    """Where the front of the mesh is: `host:port`, or `unix:` and the path of a socket."""
    credentials: Path | None = None
    """Folder with what this process shows to the front; None: the front asks for nothing."""
    notifier_id: str = ""
    """Name of this notifier, which no other has; empty: one that is new at each start."""
    rules: TargetRules = field(default_factory=lambda: TargetRules(purpose=NOTIFICATIONS))
    """Which addresses may be notified."""


async def run_notifier_process(
    settings: NotifierSettings,
    *,
    started: Callable[[], object] = lambda: None,
    exposition: Exposition | None = None,
    tracer: Tracer | None = None,
) -> None:
    """Notify receivers until cancelled. Waits while no conductor can be reached.

    `started` is called once, just before that. `exposition`: gets the collector of the notifier; None: metrics are not
    served. `tracer`: None: no delivery is traced. Raises BadSetting if the credentials cannot be used.
    """
    notifier_id = settings.notifier_id or _new_id()
    statistics = NotifierStatistics()
    fleet = FleetAddresses(clock=time.monotonic)
    await fleet.look_up_front(settings.address)
    guard = TargetGuard(settings.rules, fleet)

    def sender_for(receiver: Receiver) -> Sender:
        # Half of what a process takes to start, and a fleet may have no receivers.
        from vimesh.notifier.senders.open_sender import open_sender  # noqa: PLC0415

        wishes = receiver.settings
        return open_sender(
            wishes.target, guard=guard, repeat_interval_s=wishes.repeat_interval_s, project_id=wishes.project_id
        )

    async with channel(settings.address, settings.credentials) as front:
        if exposition is not None:
            from vimesh.notifier.metrics.notifier_collector import NotifierCollector  # noqa: PLC0415 - see above

            exposition.register(NotifierCollector(statistics, clock=time.monotonic))
        # In this order: when the log states that the notifier has started, `started` has been called.
        started()
        _log.info(
            "notifier started",
            address=settings.address,
            notifier_id=notifier_id,
            target_allow=format_networks(settings.rules.allow),
            target_deny=format_networks(settings.rules.deny),
        )
        try:
            async with (
                announced(ProcessKind.NOTIFIER, FrontLink(front), lambda: _facts(notifier_id, statistics)),
                beside(supervise("front addresses", lambda: fleet.follow_front(settings.address))),
            ):
                await supervise(
                    "notifications",
                    lambda: run_notifier(NotifierConfig(notifier_id), front, sender_for, statistics, tracer),
                )
        finally:
            await guard.close()


def _facts(notifier_id: str, statistics: NotifierStatistics) -> dict[str, str]:
    return {"id": notifier_id, "receivers": str(statistics.receivers)}


def _new_id() -> str:
    """Return a name that tells people where to look, and that no former process of the same machine had."""
    host = "".join(character for character in socket.gethostname() if "!" <= character <= "~")[:_MAX_HOST]
    return f"{host}-{os.getpid()}-{secrets.token_hex(4)}"
