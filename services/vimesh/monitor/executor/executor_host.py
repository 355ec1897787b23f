"""Runs the ping actions of one Mistral executor: a host in a loop of its own, next to the executor's threads."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from random import SystemRandom
from typing import Never

import structlog

from vimesh.domain.actions import Action
from vimesh.domain.fleet.process_announcements import ProcessKind
from vimesh.monitor.executor.completion_notifier import CompletionLimits, CompletionNotifier
from vimesh.monitor.executor.executor_settings import ExecutorSettings
from vimesh.monitor.host.reporting_host import ReportingHost, reporting_host
from vimesh.monitor.reporting.reporter import ReporterLimits
from vimesh.rpc.process_reports import FrontLink
from vimesh.runtime.daemon_threads import DaemonThreads
from vimesh.runtime.supervisor import supervise
from vimesh.watchdog.process_announcer import announced

_log = structlog.get_logger()

START_LIMIT_S = 30.0
"""A start takes milliseconds: one that takes longer than this means that the loop is stuck."""
OnEnd = Callable[[str], None]
"""Called in the loop with the id of the action execution whose action has ended."""


class HostStalled(Exception):
    """The loop does not answer, or did not come up. The message states why."""


class ExecutorHost:
    """Runs actions until the conductors answer bad_action (G10). Its daemon threads do not keep the process alive."""

    def __init__(self, settings: ExecutorSettings, end_execution: Callable[[str], None]) -> None:
        """Start the loop. `end_execution` blocks until it has notified Mistral that an action execution is over."""
        self._settings = settings
        self._end_execution = end_execution
        self._actions_future: Future[_Actions] = Future()
        self._thread = threading.Thread(target=self._run_loop, name="vimesh-actions", daemon=True)
        self._thread.start()

    @property
    def is_broken(self) -> bool:
        """Whether the loop is gone, so that a new host is needed."""
        return not self._thread.is_alive()

    def start(self, action: Action, execution_id: str) -> None:
        """Run an action, and notify Mistral when it has ended. Raises HostStalled, AuthUrlInvalid."""
        actions = self._actions()
        self._call_in_loop(actions, lambda: actions.start(action, execution_id, actions.notifier.add))

    def run(self, action: Action, execution_id: str) -> None:
        """Run an action, and wait until it has ended. Raises HostStalled, AuthUrlInvalid."""
        ended = threading.Event()
        actions = self._actions()
        self._call_in_loop(actions, lambda: actions.start(action, execution_id, lambda _: ended.set()))
        ended.wait()  # no limit: only bad_action may end it (G10)

    def _actions(self) -> _Actions:
        try:
            return self._actions_future.result(START_LIMIT_S)
        except Exception as error:
            raise HostStalled(f"the host of the ping actions did not start: {error!r}") from error

    def _call_in_loop(self, actions: _Actions, call: Callable[[], None]) -> None:
        async def called() -> None:
            call()

        future = asyncio.run_coroutine_threadsafe(called(), actions.loop)
        try:
            future.result(START_LIMIT_S)
        except TimeoutError as error:
            future.cancel()  # Mistral is told that it failed, so it must not begin when the loop runs again
            raise HostStalled(f"the host of the ping actions did not answer within {START_LIMIT_S:g} s") from error

    def _run_loop(self) -> None:
        try:
            asyncio.run(self._run_host())
        except Exception as error:  # noqa: BLE001 - raised in the threads that wait for the host
            self._actions_future.set_exception(error)

    async def _run_host(self) -> Never:
        limits = CompletionLimits()
        waiting = _WaitingExecutions()
        settings = self._settings
        async with reporting_host(
            settings.address,
            ReporterLimits(),
            settings.rules,
            references=settings.references,
            credentials=settings.credentials,
            on_bad_action=waiting.end,
        ) as reporting:
            with DaemonThreads(limits.calls, "vimesh-endings") as threads:
                notifier = CompletionNotifier(
                    self._end_execution, threads.submit, clock=time.monotonic, random=SystemRandom(), limits=limits
                )
                actions = _Actions(reporting, notifier, waiting)
                _log.info(
                    "ping actions run in this executor",
                    address=settings.address,
                    methods=list(reporting.host.abilities.methods),
                    missing=dict(reporting.host.abilities.missing),
                )
                async with (
                    announced(ProcessKind.EXECUTOR, FrontLink(reporting.front), actions.facts),
                    asyncio.TaskGroup() as parts,
                ):
                    parts.create_task(supervise("reporter", reporting.reporter.run))
                    parts.create_task(supervise("front addresses", reporting.follow_front))
                    parts.create_task(supervise("endings", notifier.run))
                    self._actions_future.set_result(actions)
                    while True:
                        await asyncio.Event().wait()


class _WaitingExecutions:
    """The action executions that wait for the end of their action."""

    def __init__(self) -> None:
        self._by_action: dict[tuple[str, str], dict[str, OnEnd]] = {}

    def add(self, vim_id: str, action_id: str, execution_id: str, on_end: OnEnd) -> None:
        self._by_action.setdefault((vim_id, action_id), {})[execution_id] = on_end

    def end(self, vim_id: str, action_id: str) -> None:
        """Notify all executions of an action that has ended."""
        _log.info("action ended: bad_action", vim_id=vim_id, action_id=action_id)
        for execution_id, on_end in self._by_action.pop((vim_id, action_id), {}).items():
            on_end(execution_id)


class _Actions:
    """The host's state, for other threads."""

    def __init__(self, reporting: ReportingHost, notifier: CompletionNotifier, waiting: _WaitingExecutions) -> None:
        self.loop = asyncio.get_running_loop()
        self.notifier = notifier
        self._reporting = reporting
        self._waiting = waiting

    def start(self, action: Action, execution_id: str, on_end: OnEnd) -> None:
        """Run an action. If it already runs, as after a redelivery, one more execution waits for its end."""
        self._reporting.start(action)
        self._waiting.add(action.vim_id, action.action_id, execution_id, on_end)

    def facts(self) -> dict[str, str]:
        """Return what the fleet is told of this executor."""
        return {"actions": str(len(self._reporting.host))}
