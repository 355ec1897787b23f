"""Makes logins as a monitor does, in the loop of a test."""

from __future__ import annotations

import time
from collections.abc import Mapping

from tests.support.probers.loopback_rules import LOOPBACK_RULES
from vimesh.domain.conditions.conditions import Condition
from vimesh.monitor.logins.clouds.bounded_client import BoundedClient
from vimesh.monitor.logins.clouds.login_attempt import LoginAttempts, LoginTask
from vimesh.monitor.logins.clouds.login_outcome import LoginOutcome
from vimesh.monitor.names.name_answers import NoSuchName, Outcome
from vimesh.monitor.probes.base.target_gate import TargetGate
from vimesh.target_rules.fleet_addresses import FleetAddresses
from vimesh.target_rules.target_rules import TargetRules


async def no_names(_: str) -> Outcome:
    return NoSuchName("no such name")


def login_client(rules: TargetRules = LOOPBACK_RULES) -> BoundedClient:
    return BoundedClient(TargetGate(rules, FleetAddresses(clock=time.monotonic)), no_names, "vimesh/test")


async def log_in(
    auth_url: str,
    auth_cred: Mapping[str, object],
    vim_project: Mapping[str, object] | None = None,
    *,
    attempts: LoginAttempts | None = None,
    kind: str = "openstack",
    regions: tuple[str, ...] = (),
    known_types: tuple[str, ...] = (),
) -> LoginOutcome:
    task = LoginTask(auth_url, kind, auth_cred, vim_project or {}, regions, known_types)
    return await (attempts or LoginAttempts(login_client())).attempt(task, lambda: None)


def words(outcome: LoginOutcome) -> dict[str, str]:
    """Return the status and reason of each condition, by its type."""
    return {one.type: f"{one.status} {one.reason}".strip() for one in outcome.conditions}


def condition(outcome: LoginOutcome, kind: str) -> Condition:
    return next(one for one in outcome.conditions if one.type == kind)
