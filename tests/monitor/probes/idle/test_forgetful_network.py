"""A network that forgets connections while they are idle makes no VIM unreachable."""

from __future__ import annotations

import asyncio

from tests.support.clouds.worker_server_in import server_in
from tests.support.networks.namespaces import Namespace
from tests.support.probers.actions import quick_policy
from tests.support.probers.prober import prober_in
from tests.support.probers.verdicts import PATIENCE_S
from vimesh.domain.vims import Status

POLICY = quick_policy(interval_s=1, timeout_s=0.8)


async def first_to_be_used_again(requests: asyncio.StreamReader) -> int:
    """Return the number of the connection that is asked a second time."""
    asked: set[int] = set()
    async with asyncio.timeout(PATIENCE_S):
        while (number := int(await requests.readline())) not in asked:
            asked.add(number)
    return number


async def test_a_connection_that_the_network_forgets_is_replaced_unnoticed(machine: Namespace) -> None:
    async with server_in(machine) as requests, prober_in(machine) as prober:
        prober.start("vim", "http://127.1.0.1:5000", POLICY)
        kept = await first_to_be_used_again(requests)

        # Of those that stand, no packet gets through any more; new ones are let through.
        standing = machine.run("ss", "-Htn", "state", "established", "dport", "=", ":5000").splitlines()
        ports = {line.split()[2].rpartition(":")[2] for line in standing}
        rule = f"ip daddr 127.1.0.1 tcp sport {{ {', '.join(ports)} }} drop"
        machine.run("nft", "add", "rule", "inet", "fall", "prerouting", *rule.split())

        assert await first_to_be_used_again(requests) > kept
        await prober.until(lambda: len(prober.told) == 1)

    assert [told.status for told in prober.told] == [Status.REACHABLE]
