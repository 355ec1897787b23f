"""Ends a command with many calls on signals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Never

from vimesh.cli.base.exits import ExitCode, Failure
from vimesh.cli.processes.stop_signals import Stopping


async def obey(stopping: Stopping, stop: Callable[[Failure], None]) -> Never:
    """On the first signal, call `stop`, so that calls in flight can finish; on the second one, raise Failure."""
    await stopping.asked()
    stop(Failure("interrupted", code=ExitCode.INTERRUPTED))
    await stopping.urged()
    raise Failure("interrupted; calls in progress may have succeeded", code=ExitCode.INTERRUPTED)
