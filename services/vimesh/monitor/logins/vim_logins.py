"""Logs in to the VIMs of the actions that run here: at their times, within the budget of their clouds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Final, Never, Protocol

import structlog

from vimesh.domain.actions import Action
from vimesh.domain.conditions.conditions import ENDPOINT_PREFIX, Condition, ConditionStatus
from vimesh.domain.endpoints import AuthUrlInvalid, endpoint_of
from vimesh.domain.probing import Depth, Reason
from vimesh.monitor.logins.clouds.login_attempt import LoginAttempts, LoginTask
from vimesh.monitor.logins.clouds.login_outcome import HELD_BACK, LoginOutcome, logged_in
from vimesh.monitor.logins.credential_calls import CredentialCalls, CredentialsDelayed, FetchedCredentials
from vimesh.monitor.logins.lockout_guard import CredentialDigests, LockoutGuard, RefusedLogins
from vimesh.monitor.logins.login_loop import LoginLoop
from vimesh.monitor.logins.login_queue import LoginQueue, QueuedLogin
from vimesh.monitor.scheduling.stall_clock import Clock
from vimesh.monitor.targets.target import ActionKey

_log = structlog.get_logger()

AGAIN_S: Final = 15.0
"""When to try again if the conductors could not be asked."""


@dataclass(frozen=True, slots=True)
class LoginLimits:
    gap_s: float = 2.0
    """Time between two logins at one cloud, for each monitor that shares its VIMs."""
    most_at_once: int = 32
    """Logins under way at all clouds, with what looks at their services."""


class Conditions(Protocol):
    """Takes what logins show."""

    def note(self, action: ActionKey, condition: Condition) -> None: ...

    def note_catalogue(self, action: ActionKey, services: list[str]) -> None: ...


@dataclass(slots=True)
class _Vim:
    auth_url: str
    refused: RefusedLogins | None = None
    service_types: tuple[str, ...] = ()
    """The services in its newest catalogue."""


class VimLogins:
    """Use it only in its loop. Nothing of a fault here reaches the ping actions."""

    def __init__(  # noqa: PLR0913 - it connects all the parts
        self,
        calls: CredentialCalls,
        attempts: LoginAttempts,
        loop: LoginLoop,
        conditions: Conditions,
        *,
        clock: Clock,
        random: Random,
        limits: LoginLimits | None = None,
        monitors: Callable[[], int] = lambda: 1,
    ) -> None:
        """`monitors`: how many monitors share the VIMs; they share the budget of a cloud as well."""
        self._calls = calls
        self._attempts = attempts
        self._loop = loop
        self._conditions = conditions
        self._clock = clock
        self._monitors = monitors
        self._limits = limits or LoginLimits()
        self._queue = LoginQueue(gap_s=self._limits.gap_s, most_at_once=self._limits.most_at_once, random=random)
        self._guard = LockoutGuard()
        self._vims: dict[ActionKey, _Vim] = {}
        self._news = asyncio.Event()
        """Set when a login may be due earlier than it was."""

    def __len__(self) -> int:
        """Return how many VIMs are logged in to."""
        return len(self._vims)

    def start(self, action: Action) -> None:
        """Log in to the VIM of an action from now on, if its policy says so."""
        if action.policy.depth is not Depth.LOGIN:
            return
        try:
            endpoint = endpoint_of(action.auth_url)
        except AuthUrlInvalid:
            return  # it is not probed either
        key = (action.vim_id, action.action_id)
        self._vims[key] = _Vim(action.auth_url)
        self._queue.add(
            key,
            f"{endpoint.host}:{endpoint.port}",
            action.policy.login_interval_s,
            self._clock(),
            is_new=action.observation == 0,
        )
        self._news.set()

    def stop(self, vim_id: str, action_id: str) -> None:
        """Log in for an action no longer."""
        if self._vims.pop((vim_id, action_id), None) is not None:
            self._queue.remove((vim_id, action_id))

    async def run(self) -> Never:
        """Log in until cancelled."""
        async with asyncio.TaskGroup() as logins:
            while True:
                self._news.clear()
                self._queue.gap_s = self._limits.gap_s * max(1, self._monitors())
                for login, key, vim in self._take():
                    logins.create_task(self._log_in(login, key, vim))
                next_at = self._queue.next_at()
                with suppress(TimeoutError):
                    async with asyncio.timeout(None if next_at is None else max(0.0, next_at - self._clock())):
                        await self._news.wait()

    def _take(self) -> list[tuple[QueuedLogin, ActionKey, _Vim]]:
        taken = []
        for login in self._queue.take(self._clock()):
            key = login.key
            assert isinstance(key, tuple)  # noqa: S101 - what `start` has put in
            taken.append((login, key, self._vims[key]))
        return taken

    async def _log_in(self, login: QueuedLogin, key: ActionKey, vim: _Vim) -> None:
        progress = _Progress(self._queue, login, self._news)
        pause_s: float | None = None
        try:
            fetched = await self._calls.fetch(key)
            if isinstance(fetched, FetchedCredentials):
                try:
                    await self._try(key, vim, fetched, progress, login.cloud)
                finally:
                    fetched.clear()
            elif isinstance(fetched, Condition):
                self._conditions.note(key, fetched)
            elif isinstance(fetched, CredentialsDelayed):
                pause_s = AGAIN_S
        except Exception as error:  # noqa: BLE001 - one login must not end the others
            # Not the error itself: what it is about may be in its text.
            _log.error("a login failed on this machine", vim_id=key[0], error=type(error).__name__)
            message = f"the monitor failed: {type(error).__name__}; look at its log"
            self._note(key, vim, (logged_in(ConditionStatus.UNKNOWN, Reason.LOCAL_DEFECT, message),))
        finally:
            progress.release()
            self._queue.finish(login, self._clock(), pause_s)
            self._news.set()

    async def _try(
        self, key: ActionKey, vim: _Vim, fetched: FetchedCredentials, progress: _Progress, cloud: str
    ) -> None:
        """Log in, unless the same credentials were refused not long ago."""
        digests = self._guard.digests(cloud, fetched.auth_cred, fetched.vim_project)
        if (wait_until := self._guard.wait_until(digests, vim.refused)) > (now := self._clock()):
            if vim.refused is None or vim.refused.digest != digests.whole:
                minutes = max(1, round((wait_until - now) / 60))
                message = f"its account was refused for other VIMs: tried again in {minutes} minutes, or if changed"
                self._note(key, vim, (logged_in(ConditionStatus.UNKNOWN, HELD_BACK, message),))
            return
        progress.is_touched = True
        task = LoginTask(
            vim.auth_url, fetched.type, fetched.auth_cred, fetched.vim_project, fetched.regions, vim.service_types
        )
        outcome = await self._loop.run(self._attempts.attempt(task, lambda: self._loop.notify(progress.release)))
        self._learn(vim, digests, outcome)
        self._note(key, vim, outcome.conditions, outcome)

    def _learn(self, vim: _Vim, digests: CredentialDigests, outcome: LoginOutcome) -> None:
        if outcome.is_refusal:
            vim.refused = self._guard.refused(digests, vim.refused, self._clock())
        elif outcome.is_accepted:
            vim.refused = None
            self._guard.accepted(digests)

    def _note(
        self, key: ActionKey, vim: _Vim, conditions: tuple[Condition, ...], outcome: LoginOutcome | None = None
    ) -> None:
        if self._vims.get(key) is not vim:
            return  # the action has ended meanwhile
        if outcome is not None and outcome.service_types is not None:
            vim.service_types = outcome.service_types
            named = [
                one.type.removeprefix(ENDPOINT_PREFIX) for one in conditions if one.type.startswith(ENDPOINT_PREFIX)
            ]
            self._conditions.note_catalogue(key, named)
        for condition in conditions:
            self._conditions.note(key, condition)


@dataclass(slots=True)
class _Progress:
    """How far a login is. Its cloud may have the next one when it is released, once."""

    queue: LoginQueue
    login: QueuedLogin
    news: asyncio.Event
    is_touched: bool = False
    """Whether anything was sent to the cloud."""
    is_released: bool = False

    def release(self) -> None:
        if not self.is_released:
            self.is_released = True
            self.queue.release(self.login, untouched=not self.is_touched)
            self.news.set()
