"""The action that Mistral runs for each VIM: entry points vimesh.vim_ping_action and tacker.vim_ping_action.

Mistral's engine imports this too, and its executors before they fork: nothing is begun here, and what does the work
is imported by run().
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
    """Probes a VIM and reports to the conductors until they say that it is not wanted any more.

    The engine makes it, its attributes travel as JSON, and the executor makes it again without calling __init__.
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
        # As they are, and no deeper: a copy of what is nested deeply would fail here, in the engine.
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
        """Say whether the end of run() is the end of the action.

        The engine asks when it makes the action, and then expects heartbeats; the executor asks after run().
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
        return False  # said by the executor, where the action fails of it
