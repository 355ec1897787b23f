from __future__ import annotations

import asyncio
from typing import Never

from structlog.testing import capture_logs

from tests.support.verdicts import PATIENCE_S
from vimesh.monitor.supervisor import supervise


async def test_a_part_that_breaks_is_run_again_and_the_fault_is_logged() -> None:
    ran_again = asyncio.Event()
    runs: list[int] = []

    async def run() -> Never:
        runs.append(len(runs))
        if len(runs) == 1:
            raise ValueError("broken")
        ran_again.set()
        while True:
            await asyncio.Event().wait()

    with capture_logs() as logs:
        async with asyncio.TaskGroup() as parts:
            supervised = parts.create_task(supervise("watcher", run, restart_delay_s=0))
            async with asyncio.timeout(PATIENCE_S):
                await ran_again.wait()
            supervised.cancel()

    assert [(line["event"], line["part"]) for line in logs] == [("part broke, restarting", "watcher")]
