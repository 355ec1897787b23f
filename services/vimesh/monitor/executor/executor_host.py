"""The ping actions of one Mistral executor: a host in a loop of its own, beside the executor's threads."""

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
from vimesh.monitor.executor.completion_notifier import CompletionLimits, CompletionNotifier
from vimesh.monitor.host.reporting_host import ReportingHost, reporting_host
from vimesh.monitor.reporting.reporter import ReporterLimits
from vimesh.runtime.daemon_threads import DaemonThreads
from vimesh.runtime.supervisor import supervise

_log = structlog.get_logger()

START_LIMIT_S = 30.0
"""A start is a matter of milliseconds. Whoever waits for longer waits for a loop that stands still."""
OnEnd = Callable[[str], None]
"""Called in the loop with the id of the action execution whose action has ended."""


class HostStalled(Exception):
    """The loop does not answer, or did not come up. The message says why."""


class ExecutorHost:
    """Runs actions until the conductors say bad_action (G10). Its threads are daemons: none keeps a process alive."""

    def __init__(self, address: str, end_execution: Callable[[str], None]) -> None:
        """Begin to live. `end_execution` blocks until it has told Mistral that an action execution is over."""
        self._address = address
        self._end_execution = end_execution
        self._up: Future[_Actions] = Future()
        self._thread = threading.Thread(target=self._live, name="vimesh-actions", daemon=True)
        self._thread.start()

    @property
    def broken(self) -> bool:
        """Whether the loop is gone; another host has to be made."""
        return not self._thread.is_alive()

    def start(self, action: Action, execution_id: str) -> None:
        """Run an action; when it has ended, Mistral is told. Raises HostStalled, AuthUrlInvalid."""
        actions = self._actions()
        self._in_loop(actions, lambda: actions.start(action, execution_id, actions.endings.add))

    def run(self, action: Action, execution_id: str) -> None:
        """Run an action, and wait for its end. Raises HostStalled, AuthUrlInvalid."""
        ended = threading.Event()
        actions = self._actions()
        self._in_loop(actions, lambda: actions.start(action, execution_id, lambda _: ended.set()))
        ended.wait()  # no limit: nothing but bad_action may end it (G10)

    def _actions(self) -> _Actions:
        try:
            return self._up.result(START_LIMIT_S)
        except Exception as error:
            raise HostStalled(f"the host of the ping actions did not come up: {error!r}") from error

    def _in_loop(self, actions: _Actions, call: Callable[[], None]) -> None:
        async def called() -> None:
            call()

        try:
            asyncio.run_coroutine_threadsafe(called(), actions.loop).result(START_LIMIT_S)
        except TimeoutError as error:
            raise HostStalled(f"the host of the ping actions did not answer within {START_LIMIT_S:g} s") from error

    def _live(self) -> None:
        try:
            asyncio.run(self._host())
        except Exception as error:  # noqa: BLE001 - whoever waits for it hears of it
            self._up.set_exception(error)

    async def _host(self) -> Never:
        limits = CompletionLimits()
        async with reporting_host(self._address, ReporterLimits()) as running:
            with DaemonThreads(limits.calls, "vimesh-endings") as threads:
                endings = CompletionNotifier(
                    self._end_execution, threads.submit, clock=time.monotonic, random=SystemRandom(), limits=limits
                )
                actions = _Actions(running, endings)
                _log.info(
                    "ping actions run in this executor",
                    address=self._address,
                    methods=list(running.host.abilities.methods),
                    missing=dict(running.host.abilities.missing),
                )
                async with asyncio.TaskGroup() as parts:
                    parts.create_task(supervise("reporter", running.reporter.run))
                    parts.create_task(supervise("endings", endings.run))
                    self._up.set_result(actions)
                    while True:
                        await asyncio.Event().wait()


class _Actions:
    """What the loop keeps: for each action that runs, the action executions that wait for its end."""

    def __init__(self, running: ReportingHost, endings: CompletionNotifier) -> None:
        self.loop = asyncio.get_running_loop()
        self.endings = endings
        self._running = running
        self._waiting: dict[tuple[str, str], dict[str, OnEnd]] = {}
        running.reporter.on_bad_action(self._end)

    def start(self, action: Action, execution_id: str, on_end: OnEnd) -> None:
        """Run an action. The same one again, as after a redelivery, only has one more execution wait for it."""
        self._running.start(action)
        key = (action.vim_id, action.action_id)
        self._waiting.setdefault(key, {})[execution_id] = on_end

    def _end(self, vim_id: str, action_id: str) -> None:
        self._running.stop(vim_id, action_id)
        _log.info("action ended: bad_action", vim_id=vim_id, action_id=action_id)
        for execution_id, on_end in self._waiting.pop((vim_id, action_id), {}).items():
            on_end(execution_id)
