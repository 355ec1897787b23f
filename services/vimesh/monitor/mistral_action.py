"""Defines the action that Mistral runs for each VIM: entry points vimesh.vim_ping_action and tacker.vim_ping_action.

Mistral's engine imports this too, and its executors import it before they fork: nothing is started here, and run()
imports the modules that do the work.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mistral_lib.actions import Action, Result

from vimesh.domain.errors import BadSetting
from vimesh.monitor.executor.executor_settings import ActionMode, executor_settings

if TYPE_CHECKING:
    from mistral_lib.actions.context import ActionContext


class VimPingAction(Action):  # type: ignore[misc]  # mistral_lib ships no types
    """Probes a VIM and reports to the conductors until they answer that it is no longer wanted.

    The engine creates it, its attributes travel as JSON, and the executor recreates it without calling __init__.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - the inputs of the workflow; Mistral shows them to people
        self,
        count: str = "1",
        timeout: str = "1",
        interval: str = "1",
        targetip: str = "",
        vim_id: str = "",
        action_id: str = "",
        auth_url: str = "",
        method: str = "",
        probe_interval_s: float = 0,
        probe_timeout_s: float = 0,
        fall: int = 0,
        rise: int = 0,
        tls_verify: bool = False,
        observation: int = 0,
        fail_for_s: float = 0,
    ) -> None:
        super().__init__()
        # Kept as they are: a deep copy of a deeply nested value would fail here, in the engine.
        self.inputs: dict[str, object] = {
            "count": count,
            "timeout": timeout,
            "interval": interval,
            "targetip": targetip,
            "vim_id": vim_id,
            "action_id": action_id,
            "auth_url": auth_url,
            "method": method,
            "probe_interval_s": probe_interval_s,
            "probe_timeout_s": probe_timeout_s,
            "fall": fall,
            "rise": rise,
            "tls_verify": tls_verify,
            "observation": observation,
            "fail_for_s": fail_for_s,
        }
        self.synchronous = _engine_wants_sync()

    def is_sync(self) -> bool:
        """Return whether the action is over when run() returns.

        The engine calls this when it creates the action, and then expects heartbeats; the executor does after run().
        """
        return self.synchronous

    def run(self, context: ActionContext) -> object:
        from vimesh.monitor.executor import run_action  # noqa: PLC0415 - see the top

        done = run_action.run(
            self.inputs, context.execution.action_execution_id, os.environ, synchronous=self.synchronous
        )
        self.synchronous = done.synchronous
        return Result(error=done.error) if done.error else done.data


def _engine_wants_sync() -> bool:
    try:
        return executor_settings(os.environ).mode is ActionMode.SYNC
    except BadSetting:
        return False  # the executor reports it: the action fails there
