"""What the history says of rounds, in simulated time: known delays and losses come back."""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Callable
from functools import partial

import pytest

from tests.support.probers.actions import action
from tests.support.probers.scripted_prober import Reply, SimulatedHost
from vimesh.domain.history.round_digests import RoundDigest, digests_of
from vimesh.domain.probing import Method, ProbePolicy, Reason
from vimesh.monitor.probes.base.prober import LocalFault
from vimesh.monitor.scheduling.stall_clock import StallClock
from vimesh.monitor.scheduling.timing_wheel import TimingWheel
from vimesh.monitor.targets.cohorts import Cohort, Cohorts
from vimesh.monitor.targets.round_history import RoundHistory
from vimesh.monitor.targets.target import Target

URL = "http://10.0.0.1:5000/v3"
TICK_S = 0.01


def digests(history: RoundHistory, slot: int = 1) -> dict[str, RoundDigest]:
    """End the minute, and return the digest of each VIM. No VIM has two."""
    made = [one for some in history.end_minute(slot) for one in some]
    assert len({target for target, _ in made}) == len(made)
    return {target.vim_id: next(digests_of(record)) for target, record in made}


def minute_of(network: Callable[[int], Reply], policy: ProbePolicy) -> tuple[RoundDigest, SimulatedHost]:
    """Return the digest of a minute in which `network` says what becomes of each probe, given its number."""
    history, numbers = RoundHistory(), itertools.count()
    host = SimulatedHost(lambda _, __: network(next(numbers)), history=history)
    host.start(action(URL, policy))
    host.run(60)
    return digests(history)["vim"], host


def test_known_delays_come_back() -> None:
    delays = [0.02, 0.05, 0.2]
    digest, host = minute_of(lambda number: delays[number % 3], ProbePolicy(interval_s=1))

    assert digest.rounds == digest.answered == len(host.sent)
    assert len(host.sent) == pytest.approx(60, abs=1)
    assert digest.lost == 0
    assert (digest.min_s, digest.max_s) == pytest.approx((0.02, 0.2), abs=TICK_S)
    assert digest.sum_s / digest.answered == pytest.approx(0.09, abs=TICK_S)
    assert digest.by_class[3:6] == pytest.approx((20, 20, 20), abs=1)


def test_lost_probes_of_rounds_that_are_answered_in_the_end_come_back() -> None:
    digest, host = minute_of(lambda number: None if number % 4 == 0 else 0.02, ProbePolicy(interval_s=2))

    assert digest.rounds == digest.answered == pytest.approx(30, abs=1)
    assert digest.lost == len(host.sent) - digest.answered
    assert digest.lost == pytest.approx(len(host.sent) / 4, abs=1)


def _fails_from_the_fifth(failure: Reply, number: int) -> Reply:
    return 0.02 if number < 5 else failure


def test_rounds_without_an_answer_come_back() -> None:
    """Whether the probes are silent or refused, and whether the verdict changes or not."""
    for failure in (None, (0.01, Reason.REFUSED)):
        digest, host = minute_of(partial(_fails_from_the_fifth, failure), ProbePolicy(interval_s=2))
        assert digest.answered == 5
        assert digest.rounds == pytest.approx(30, abs=1)
        assert digest.lost == pytest.approx(len(host.sent) - 5, abs=1)


def test_failures_that_are_tolerated_come_back() -> None:
    policy = ProbePolicy(interval_s=2, fall=1, fail_for_s=1000)
    digest, host = minute_of(lambda number: 0.02 if number < 5 else None, policy)

    assert len(host.statuses()) == 1
    assert digest.answered == 5
    assert digest.lost == digest.rounds - 5 == pytest.approx(25, abs=1)


def test_what_a_fault_of_ours_spoils_is_no_round() -> None:
    fault = LocalFault(Reason.LOCAL_RESOURCES, "no sockets")
    digest, _ = minute_of(lambda number: 0.02 if number < 5 else fault, ProbePolicy(interval_s=2))

    assert (digest.rounds, digest.answered, digest.lost) == (5, 5, 0)


class Volleys:
    """Cohorts over a network that answers each VIM after its delay; those without one are silent."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.history = RoundHistory()
        self.delays: dict[str, float] = {}
        self.left: list[str] = []
        self.sent = 0
        self._answers: list[tuple[float, int]] = []
        self._wheel: TimingWheel[Cohort] = TimingWheel(TICK_S)
        self.cohorts = Cohorts(
            prober=self, wheel=self._wheel, running=StallClock(lambda: self.time), singly=self, history=self.history
        )

    def join(self, vim_id: str, number: int, delay_s: float) -> Target:
        policy = ProbePolicy(Method.PING, interval_s=1, timeout_s=0.5)
        target = Target(action(f"http://127.0.0.{number}", policy, vim_id=vim_id))
        self.delays[vim_id] = delay_s
        assert self.cohorts.join(target)
        return target

    def run(self, seconds: float) -> None:
        end = self.time + seconds
        while self.time < end:
            self.time += TICK_S
            for at, token in [answer for answer in self._answers if answer[0] <= self.time]:
                self._answers.remove((at, token))
                # As the pinger does it.
                self.cohorts.take_answers([token], self.time)
            for cohort in self._wheel.take_due(self.time):
                self.cohorts.advance(cohort)

    def reaches(self, _: int) -> bool:
        return True

    def send_volley(self, _: int, tokens: array[int], __: bytes) -> list[int]:
        for token in tokens:
            member = self.cohorts.open_tokens[token].member_by_token(token)
            assert member is not None
            self.sent += 1
            if (delay_s := self.delays.get(member.vim_id)) is not None:
                self._answers.append((self.time + delay_s, token))
        return []

    def adopt(self, _: Target, __: int, ___: float) -> None:
        """Do nothing: the round goes on elsewhere."""

    def resume_round(self, target: Target, _: float) -> None:
        self.left.append(target.vim_id)
        # What the rounds then do, if the probe is lost and the next one is answered.
        self.history.note_answer(target, 0.02, lost=1)
        assert self.cohorts.join(target)

    def schedule_round(self, _: Target) -> None:
        raise AssertionError("everything can be sent")


def test_known_delays_of_steady_vims_come_back() -> None:
    volleys = Volleys()
    delays = {f"vim-{number}": 0.005 * number for number in range(1, 20)}
    for number, (vim_id, delay_s) in enumerate(delays.items(), start=1):
        volleys.join(vim_id, number, delay_s)

    volleys.run(60.4)

    made = digests(volleys.history)
    under_way = volleys.sent - sum(digest.rounds for digest in made.values())
    assert 0 <= under_way <= len(made)
    for vim_id, digest in made.items():
        assert digest.rounds == digest.answered == pytest.approx(60, abs=1)
        assert digest.lost == 0
        assert (digest.min_s, digest.max_s) == pytest.approx((delays[vim_id],) * 2, abs=TICK_S + 0.001)
        assert digest.sum_s == pytest.approx(delays[vim_id] * digest.answered, abs=(TICK_S + 0.001) * digest.answered)


def test_steady_vims_that_come_and_go_lose_no_round() -> None:
    volleys = Volleys()
    for number in range(1, 20):
        volleys.join(f"vim-{number}", number, 0.01)
    volleys.run(20)
    del volleys.delays["vim-3"], volleys.delays["vim-7"]
    volleys.run(2)
    volleys.delays.update({"vim-3": 0.01, "vim-7": 0.01})
    volleys.join("late", 77, 0.01)
    volleys.run(38.4)

    made = digests(volleys.history)

    assert sorted(set(volleys.left)) == ["vim-3", "vim-7"]
    under_way = volleys.sent - sum(digest.rounds for digest in made.values())
    assert 0 <= under_way <= len(made)
    assert sum(digest.lost for digest in made.values()) == len(volleys.left)
    assert made["vim-3"].lost == made["vim-7"].lost == 2
    assert made["late"].rounds == pytest.approx(38, abs=1)


def test_each_minute_begins_anew() -> None:
    volleys = Volleys()
    volleys.join("vim", 1, 0.01)
    volleys.run(20)
    digests(volleys.history)

    volleys.run(20)

    assert digests(volleys.history)["vim"].rounds == pytest.approx(20, abs=1)
    assert digests(volleys.history) == {}
