from __future__ import annotations

from tests.support.networks.namespaces import Namespace
from tests.support.probers.prober import prober_in
from vimesh.domain.probing import Method, ProbePolicy, Reason
from vimesh.domain.vims import Status


async def test_a_loop_that_stands_still_calls_nobody_unreachable(machine: Namespace) -> None:
    policy = ProbePolicy(Method.PING, interval_s=0.5, timeout_s=0.2)
    vims = {f"vim-{number}": f"127.4.0.{number + 1}" for number in range(200)}
    async with prober_in(machine) as prober:
        for vim_id, address in vims.items():
            prober.start(vim_id, f"http://{address}", policy)
        await prober.until(lambda: len(prober.now) == len(vims))

        prober.stall(1.5)
        # The first to be told dark after the stall: by then every other VIM had a round as well.
        machine.drop(["127.4.0.1"])
        await prober.until_status("vim-0", Status.UNREACHABLE)
        machine.undrop(["127.4.0.1"])
        prober.stall(1.5)
        await prober.until_status("vim-0", Status.REACHABLE)

    others = [told for told in prober.told if told.vim_id != "vim-0"]
    assert {told.status for told in others} == {Status.REACHABLE}
    assert [told.reason for told in prober.told if told.status is Status.UNREACHABLE] == [Reason.TIMEOUT]
