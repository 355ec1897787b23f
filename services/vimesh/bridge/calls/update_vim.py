"""Serves update_vim: records the report of an action, and decides what to answer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import structlog

from vimesh.bridge.amqp.broker import BrokerAway
from vimesh.bridge.calls.broker_users import ALL_PROJECTS, BrokerUsers
from vimesh.bridge.calls.conductor_client import ConductorClient, RecordedStatus
from vimesh.bridge.calls.delayed_replies import DelayedReplies
from vimesh.bridge.calls.unnamed_reports import REJECT_ALL, Policies, UnnamedReportPolicy
from vimesh.bridge.kills.kill_casts import UNKNOWN_HINT, KillCasts, Why
from vimesh.bridge.kills.unwanted_actions import UnwantedActions
from vimesh.bridge.messages.caller_exceptions import NotPermitted, NotWanted
from vimesh.domain.vims import Engine
from vimesh.runtime.complaint_log import ComplaintLog

_log = structlog.get_logger()

BAD_ACTION = "bad_action"
"""Only for actions that send their id: others take it for a status, and call again and again."""
HELD = "PENDING"
"""The status that an action assumes when it starts. Any result of its next ping differs, so it calls again."""
KILLED = "KILLED"
"""Differs from any ping's result, too: an action that missed its kill calls again, and is sent another one."""

_ACCEPT_TRIES = 3
_DEAF_AFTER = 3
"""An action that calls again after more kills than this is deaf to them. One may still have been on its way."""


@dataclass(frozen=True, slots=True)
class UpdateRules:
    hold_s: float = 5.0
    """Maximum time for which an answer to a call without action id is held back; 0: answer at once with the status."""
    policies: Policies = field(default_factory=lambda: REJECT_ALL)
    users: BrokerUsers = field(default_factory=BrokerUsers)
    patience_s: float = 45.0
    """Maximum time for which a call waits for conductors."""
    kill_pause_s: float = 0.5
    """How long to delay the answer after a kill: the action receives the kill in another thread."""


@dataclass(frozen=True, slots=True)
class UpdateVimCall:
    """The arguments of a call, and how long its caller waits."""

    vim_id: str
    status: str
    action_id: str | None
    """None: the action knows only its VIM."""
    waits: bool
    """Whether the caller waits for the answer."""
    timeout_s: float | None
    """How long it waits; None: not stated."""
    user: str = ""
    """The broker's user that it has proved to be; empty: none."""


class Updates:
    """Serves update_vim in both forms: with an action id, and without one, as Tacker shipped it."""

    def __init__(
        self,
        conductors: ConductorClient,
        kills: KillCasts,
        delayed_replies: DelayedReplies,
        unwanted_actions: UnwantedActions,
        rules: UpdateRules,
    ) -> None:
        self._conductors = conductors
        self._unwanted_actions = unwanted_actions
        self._kills = kills
        self._delayed_replies = delayed_replies
        self._rules = rules
        self._out_of_project = ComplaintLog("a user of the broker reports on a VIM of another project: refused")

    async def update_vim(self, report: UpdateVimCall) -> str:
        """Return the answer. Raises CallFailed."""
        deadline = asyncio.get_running_loop().time() + self._patience_s(report)
        if not await self._is_of_callers_project(report, deadline):
            self._out_of_project.add(user=report.user, vim_id=report.vim_id)
            # As for a VIM that does not exist, except that nothing is killed: its action may be the wanted one.
            if report.action_id is None:
                raise NotWanted(report.vim_id)
            return BAD_ACTION
        if report.action_id is None:
            return await self._serve_unnamed(report, deadline)
        recorded = await self._conductors.report(report.vim_id, report.action_id, report.status, deadline)
        return BAD_ACTION if recorded is None else recorded.status

    async def _is_of_callers_project(self, report: UpdateVimCall, deadline: float) -> bool:
        """Return whether the caller may report on the VIM, if that exists. Raises NotPermitted for unknown users."""
        if not self._rules.users.projects:
            return True
        projects = self._rules.users.projects_of(report.user)
        if projects is None:
            raise NotPermitted(f"the user {report.user!r} of the broker has no project here")
        if ALL_PROJECTS in projects:
            return True
        wanted = await self._conductors.get_wanted_action(report.vim_id, deadline)
        return wanted is None or wanted.project_id in projects

    def _patience_s(self, report: UpdateVimCall) -> float:
        if report.timeout_s is None:
            return self._rules.patience_s
        return min(self._rules.patience_s, 0.8 * report.timeout_s)

    async def _serve_unnamed(self, report: UpdateVimCall, deadline: float) -> str:
        # A caller that knows only its VIM reports for the first action of an EXTERNAL VIM, whose id is the VIM's own.
        vim_id = report.vim_id
        with self._delayed_replies.track(vim_id.lower()) as reply:
            is_following = self._unwanted_actions.is_following
            recorded = await self._conductors.report(vim_id, vim_id.lower(), report.status, deadline)
            if recorded is not None and not is_following:
                self._unwanted_actions.check_again(vim_id.lower())
            outcome = recorded or await self._record_by_policy(report, deadline)
            if isinstance(outcome, RecordedStatus):
                delay_s = self._delay_s(report, outcome)
                if not delay_s and not reply.is_unwanted:
                    return outcome.status
                await reply.wait(delay_s)
                return KILLED if reply.is_unwanted else HELD
        return await self._kill(report, outcome)

    async def _record_by_policy(self, report: UpdateVimCall, deadline: float) -> RecordedStatus | Why:
        """Record a report that is not the wanted action's own, if the policy for the VIM's engine allows it."""
        wanted = await self._conductors.get_wanted_action(report.vim_id, deadline)
        if wanted is None:
            return Why.UNKNOWN_VIM
        if wanted.engine is None:
            return Why.MOVED
        match self._rules.policies[wanted.engine]:
            case UnnamedReportPolicy.ADOPT:
                await self._conductors.move_to_external(report.vim_id, deadline)
                recorded = await self._conductors.report(report.vim_id, report.vim_id.lower(), report.status, deadline)
                return recorded or Why.CHANGED
            case UnnamedReportPolicy.ACCEPT:
                return await self._report_as_wanted(report, wanted.action_id, deadline) or Why.CHANGED
            case _:
                return Why.NEW_TARGET if wanted.engine is Engine.EXTERNAL else Why.POLICY_REJECT

    async def _report_as_wanted(self, report: UpdateVimCall, action_id: str, deadline: float) -> RecordedStatus | None:
        # The action may be replaced between the look-up and the report.
        for _ in range(_ACCEPT_TRIES):
            recorded = await self._conductors.report(report.vim_id, action_id, report.status, deadline)
            wanted = recorded or await self._conductors.get_wanted_action(report.vim_id, deadline)
            if wanted is None or isinstance(wanted, RecordedStatus):
                return wanted
            action_id = wanted.action_id
        return None

    def _delay_s(self, report: UpdateVimCall, recorded: RecordedStatus) -> float:
        if not report.waits:
            return 0.0
        bounds = [self._rules.hold_s, recorded.contact_within_s / 2]
        if report.timeout_s is not None:
            bounds.append(report.timeout_s / 3)
        return min(bounds)

    async def _kill(self, report: UpdateVimCall, why: Why) -> str:
        try:
            kills_sent = await self._kills.kill(report.vim_id, why)
        except BrokerAway:
            kills_sent = 0
        if not kills_sent or kills_sent > _DEAF_AFTER:
            # An error ends the action, too.
            if not kills_sent and why is Why.UNKNOWN_VIM:
                _log.warning(
                    "an action is ended by an error, as no kill reaches it",
                    vim_id=report.vim_id,
                    why=str(why),
                    hint=UNKNOWN_HINT,
                )
            raise NotWanted(report.vim_id)
        if report.waits:
            await asyncio.sleep(self._rules.kill_pause_s)
        return KILLED
