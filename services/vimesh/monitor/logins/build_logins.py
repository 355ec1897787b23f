"""Builds what logs in to VIMs from its parts."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from vimesh.monitor.logins.clouds.bounded_client import BoundedClient, LookUpName
from vimesh.monitor.logins.clouds.login_attempt import LoginAttempts
from vimesh.monitor.logins.credential_calls import CredentialCalls
from vimesh.monitor.logins.login_loop import LoginLoop
from vimesh.monitor.logins.vim_logins import Conditions, LoginLimits, VimLogins
from vimesh.monitor.names.name_answers import Outcome
from vimesh.monitor.names.resolver import Resolver
from vimesh.monitor.probes.base.target_gate import TargetGate

if TYPE_CHECKING:  # exists for type checkers only
    from vimesh.v1.conductor_service_pb2_grpc import ConductorServiceAsyncStub


@dataclass(frozen=True, slots=True)
class Reach:
    """How clouds are connected to."""

    gate: TargetGate
    resolver: Resolver
    user_agent: str


@dataclass(frozen=True, slots=True)
class LoginSettings:
    limits: LoginLimits = field(default_factory=LoginLimits)
    monitors: Callable[[], int] = lambda: 1
    """How many monitors share the VIMs, and with them the budget of each cloud."""


@contextmanager
def logging_in(
    stub: ConductorServiceAsyncStub, conditions: Conditions, reach: Reach, settings: LoginSettings, random: Random
) -> Generator[VimLogins]:
    """Yield what logs in, as long as the block; the caller must run it. Enter it in the loop of the resolver."""
    with LoginLoop() as loop:
        client = BoundedClient(reach.gate, _names(loop, reach.resolver), reach.user_agent)
        yield VimLogins(
            CredentialCalls(stub),
            LoginAttempts(client),
            loop,
            conditions,
            clock=time.monotonic,
            random=random,
            limits=settings.limits,
            monitors=settings.monitors,
        )


def _names(loop: LoginLoop, resolver: Resolver) -> LookUpName:
    """Return what looks names up for the thread of logins: the resolver lives in the loop of probes."""

    async def look_up(name: str) -> Outcome:
        def ask(take: Callable[[Outcome], object]) -> None:
            if hosts := resolver.cached_hosts(name):
                take(hosts)
            else:
                resolver.look_up(name, object(), lambda outcome: _ignore(take(outcome)))

        return await loop.ask_callers(ask)

    return look_up


def _ignore(_: object) -> None:
    return None
