"""How a command with many calls ends when it is told to stop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Never

from vimesh.cli.base.exits import ExitCode, Failure
from vimesh.cli.processes.stop_signals import Stopping


async def obey(stopping: Stopping, stop: Callable[[Failure], None]) -> Never:
    """Call `stop` with the first signal: calls that are under way may end. Raise Failure with the second one."""
    await stopping.asked()
    stop(Failure("interrupted", code=ExitCode.INTERRUPTED))
    await stopping.urged()
    raise Failure("interrupted; what was under way may have gone through", code=ExitCode.INTERRUPTED)
