from __future__ import annotations

import asyncio
from typing import Never

import pytest

from tests.support.probers.verdicts import PATIENCE_S
from vimesh.runtime.supervisor import supervise


async def test_a_part_that_breaks_is_run_again_and_a_fault_is_told_in_full_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    faults = iter([ValueError("broken"), ValueError("broken"), KeyError("other")])
    runs_on = asyncio.Event()

    async def run() -> Never:
        for fault in faults:
            raise fault
        runs_on.set()
        while True:
            await asyncio.Event().wait()

    async with asyncio.TaskGroup() as parts:
        supervised = parts.create_task(supervise("watcher", run, restart_delay_s=0))
        async with asyncio.timeout(PATIENCE_S):
            await runs_on.wait()
        supervised.cancel()

    assert [(line.getMessage(), bool(line.exc_info)) for line in caplog.records] == [
        ("watcher failed, restarting: ValueError('broken')", True),
        ("watcher failed, restarting: ValueError('broken')", False),
        ("watcher failed, restarting: KeyError('other')", True),
    ]
