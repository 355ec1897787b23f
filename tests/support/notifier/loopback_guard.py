"""A guard for the receivers of tests, which are on this machine: nobody is notified there by default."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from tests.support.networks.name_server import NameServer
from vimesh.notifier.senders.target_guard import TargetGuard
from vimesh.target_rules.networks import parse_networks
from vimesh.target_rules.target_rules import NOTIFICATIONS, TargetRules

LOOPBACK_TARGETS = TargetRules(allow=parse_networks("127.0.0.0/8,::1"), purpose=NOTIFICATIONS)


@asynccontextmanager
async def guarding(
    rules: TargetRules = LOOPBACK_TARGETS, names: NameServer | None = None
) -> AsyncGenerator[TargetGuard]:
    guard = (
        TargetGuard(rules, frozenset())
        if names is None
        else TargetGuard(rules, frozenset(), name_servers=(names.ip,), name_port=names.port)
    )
    try:
        yield guard
    finally:
        await guard.close()
