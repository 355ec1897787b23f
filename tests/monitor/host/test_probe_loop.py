"""What is due together is done together, and yet lets others have their turn."""

from __future__ import annotations

import asyncio
from array import array

from tests.support.probers.actions import action
from tests.support.probers.scripted_prober import SimulatedHost
from vimesh.domain.probing import Method, ProbePolicy
from vimesh.monitor.host.probe_loop import ProbeLoop
from vimesh.monitor.scheduling.stall_clock import StallClock
from vimesh.monitor.scheduling.timing_wheel import TimingWheel
from vimesh.monitor.targets.cohorts import Cohort, Cohorts
from vimesh.monitor.targets.target import Target

VOLLEYS = 3


class Network:
    """Answers at once, and notes each volley, and that another callback had its turn after it."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.happened: list[str] = []
        self.ended = asyncio.Event()
        # Whatever falls due within a minute falls due together.
        self.wheel: TimingWheel[Cohort] = TimingWheel(60)
        self.running = StallClock(lambda: self.time)
        self.rounds = SimulatedHost(lambda *_: None).rounds
        self.cohorts = Cohorts(prober=self, wheel=self.wheel, running=self.running, singly=self.rounds)

    def reaches(self, _: int) -> bool:
        return True

    def send_volley(self, _: int, tokens: array[int], __: bytes) -> list[int]:
        for token in tokens:
            del self.cohorts.open_tokens[token]
        self.happened.append("volley")
        asyncio.get_running_loop().call_soon(self.happened.append, "other")
        if self.happened.count("volley") == VOLLEYS:
            self.ended.set()
        return []

    def adopt(self, target: Target, token: int, sent_at: float) -> None:  # noqa: ARG002 - as the protocol says
        raise AssertionError(f"{target.vim_id} was answered")


async def test_volleys_that_are_due_together_let_others_have_their_turn_in_between() -> None:
    network = Network()
    for number in range(VOLLEYS):
        # Of one address, so that no two are in one volley.
        target = Target(action("http://127.0.0.1", ProbePolicy(Method.PING), vim_id=f"vim-{number}"))
        assert network.cohorts.join(target)
    pulse = ProbeLoop(
        loop=asyncio.get_running_loop(),
        running=network.running,
        wheel=TimingWheel(0.01),
        rounds=network.rounds,
        cohort_wheel=network.wheel,
        cohorts=network.cohorts,
    )
    due = network.wheel.next_due()
    assert due is not None
    network.time = due

    pulse.arm()
    async with asyncio.timeout(10):
        await network.ended.wait()
    pulse.close()

    assert network.happened[:5] == ["volley", "other", "volley", "other", "volley"]
