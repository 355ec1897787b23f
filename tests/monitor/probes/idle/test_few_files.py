"""When the process may open no more files, connections that are kept make room: no VIM is accused (G12)."""

from __future__ import annotations

import resource
from contextlib import AsyncExitStack

from tests.support.clouds.keeping import keeping_api
from tests.support.probers.actions import quick_policy
from tests.support.probers.prober import prober_here
from tests.support.probers.verdicts import PATIENCE_S
from tests.support.timing.waiting import until
from vimesh.domain.vims import Status

POLICY = quick_policy(interval_s=1, timeout_s=0.8)
ALONE = quick_policy(interval_s=1, timeout_s=0.8, fall=1)
"""Each probe takes a connection of its own."""
APIS = 40
FEW_FILES = 30
"""The process has about twenty that are not for probes."""
MOST = 30
"""Of the APIs: at one that is late once, as on a busy machine, no connection is kept for a minute."""


async def test_probes_get_the_files_of_connections_that_are_kept() -> None:
    async with AsyncExitStack() as scope:
        apis = [await scope.enter_async_context(keeping_api()) for _ in range(APIS)]
        others = [await scope.enter_async_context(keeping_api()) for _ in range(APIS)]
        prober = await scope.enter_async_context(prober_here())
        for number, api in enumerate(apis):
            prober.start(f"kept-{number}", api.url, POLICY)
        await until(lambda: sum(api.asked_again > 0 and api.open == 1 for api in apis) >= MOST, PATIENCE_S)

        _, most = resource.prlimit(prober.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(prober.pid, resource.RLIMIT_NOFILE, (FEW_FILES, most))
        for number, api in enumerate(others):
            prober.start(f"alone-{number}", api.url, ALONE)
        asked = [len(api.asked) for api in apis]
        await until(lambda: all(len(api.asked) > 6 for api in others), PATIENCE_S)
        await until(lambda: all(len(api.asked) > past + 3 for api, past in zip(apis, asked, strict=True)), PATIENCE_S)
        assert sum(api.open for api in (*apis, *others)) < FEW_FILES

        resource.prlimit(prober.pid, resource.RLIMIT_NOFILE, (most, most))
        await until(lambda: sum(api.open == 1 for api in apis) >= MOST, PATIENCE_S)
        await prober.until(lambda: len(prober.told) == 2 * APIS)

    assert {told.status for told in prober.told} == {Status.REACHABLE}
