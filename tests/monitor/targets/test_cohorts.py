"""Cohorts in simulated time: who is in one, when volleys go out, and how a VIM gets out again."""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Callable

import pytest

from tests.support.probers.actions import action
from vimesh.domain.probing import Method, ProbePolicy, Reason
from vimesh.domain.vims import Status
from vimesh.monitor.net.ip_addresses import pack_sockaddr, sockaddr_bytes
from vimesh.monitor.scheduling.stall_clock import StallClock
from vimesh.monitor.scheduling.timing_wheel import TimingWheel
from vimesh.monitor.statistics.probe_statistics import ProbeStatistics
from vimesh.monitor.targets.cohorts import MOST_MEMBERS, WIDTH_S, Cohort, Cohorts
from vimesh.monitor.targets.target import Stage, Target

TICK_S = 0.01
PING = ProbePolicy(Method.PING)


class Machine:
    """Cohorts with a network that answers what `answers` says, at once, and takes down what leaves its cohort."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.answers: Callable[[str], bool] = lambda _: True
        self.sends: Callable[[str], bool] = lambda _: True
        self.volleys: list[tuple[float, list[str]]] = []
        self.asked: dict[int, str] = {}
        self.resumed: list[tuple[str, float]] = []
        self.begun: list[str] = []
        self.adopted: list[tuple[Target, float]] = []
        self._wheel: TimingWheel[Cohort] = TimingWheel(TICK_S)
        self.statistics = ProbeStatistics()
        self.cohorts = Cohorts(
            prober=self,
            wheel=self._wheel,
            running=StallClock(lambda: self.time),
            singly=self,
            statistics=self.statistics,
        )

    def join(self, vim_id: str = "vim", url: str = "http://127.0.0.1", policy: ProbePolicy = PING) -> Target:
        target = Target(action(url, policy, vim_id=vim_id))
        assert self.cohorts.join(target)
        return target

    def run(self, seconds: float) -> None:
        end = self.time + seconds
        while self.time < end:
            self.time += TICK_S
            for cohort in self._wheel.take_due(self.time):
                self.cohorts.advance(cohort)

    def times(self, vim_id: str = "vim") -> list[float]:
        return [at for at, members in self.volleys if vim_id in members]

    def reaches(self, _: int) -> bool:
        return True

    def send_volley(self, family: int, tokens: array[int], names: bytes) -> list[int]:
        members = [self._member(token) for token in tokens]
        assert names == b"".join(pack_sockaddr(target.address) for target in members if target.address)
        assert len(names) == len(tokens) * sockaddr_bytes(family)
        self.volleys.append((self.time, [target.vim_id for target in members]))
        for token, target in zip(tokens, members, strict=True):
            self.asked[token] = target.vim_id
            if self.sends(target.vim_id) and self.answers(target.vim_id):
                del self.cohorts.open_tokens[token]
        return [place for place, target in enumerate(members) if not self.sends(target.vim_id)]

    def _member(self, token: int) -> Target:
        member = self.cohorts.open_tokens[token].member_by_token(token)
        assert member is not None
        return member

    def adopt(self, target: Target, token: int, sent_at: float) -> None:
        assert self.asked[token] == target.vim_id
        self.adopted.append((target, sent_at))

    def resume_round(self, target: Target, sent_at: float) -> None:
        self.resumed.append((target.vim_id, sent_at))

    def schedule_round(self, target: Target) -> None:
        self.begun.append(target.vim_id)


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_members_are_probed_once_per_interval_near_their_own_phase(machine: Machine) -> None:
    target = machine.join()

    machine.run(100)

    times = machine.times()
    assert len(times) == 10
    assert all(abs(at % 10 - target.phase_s) <= WIDTH_S + TICK_S for at in times)
    assert not machine.resumed


def test_a_volley_counts_a_round_and_a_probe_for_each_member_that_it_was_sent_to(machine: Machine) -> None:
    for number in range(5):
        machine.join(
            f"vim-{number}", f"http://127.0.0.{number + 1}", ProbePolicy(Method.PING, interval_s=1, timeout_s=0.5)
        )
    machine.run(1.5)
    before = machine.statistics.rounds
    machine.sends = lambda vim_id: vim_id != "vim-3"

    machine.run(10)

    asked = sum(len(members) for _, members in machine.volleys)
    assert before >= 5
    assert machine.begun == ["vim-3"]
    assert machine.statistics.rounds == machine.statistics.by_method[Method.PING].probes == asked - 1


def test_many_are_spread_over_the_interval_in_volleys_of_no_more_than_the_most(machine: Machine) -> None:
    for number in range(20_000):
        machine.join(f"vim-{number}", f"http://127.{number // 60_000 + 1}.{number % 60_000 // 250}.{number % 250 + 1}")

    machine.run(10 + WIDTH_S)

    sizes = [len(members) for _, members in machine.volleys]
    assert max(sizes) <= MOST_MEMBERS
    assert len({vim_id for _, members in machine.volleys for vim_id in members}) == 20_000
    per_second = [sum(len(members) for at, members in machine.volleys if int(at) == 1001 + s) for s in range(8)]
    assert min(per_second) >= 0.8 * 2000
    assert max(per_second) <= 1.2 * 2000


def test_one_address_is_not_probed_twice_in_a_volley(machine: Machine) -> None:
    names = [f"vim-{number}" for number in range(3000)]
    for name in names:
        machine.join(name)

    machine.run(11)

    assert all(len(members) == 1 for _, members in machine.volleys)
    assert {members[0] for _, members in machine.volleys} == set(names)


def test_who_does_not_answer_goes_on_with_the_round_that_the_volley_began(machine: Machine) -> None:
    silent, other = machine.join("silent", "http://127.0.0.1"), machine.join("other", "http://127.0.0.2")
    machine.run(20)
    machine.answers = lambda vim_id: vim_id != "silent"

    machine.run(11)

    ((vim_id, sent_at),) = machine.resumed
    assert (vim_id, sent_at) == ("silent", machine.times("silent")[-1])
    assert abs(silent.round_at - sent_at) <= WIDTH_S  # the next round comes an interval later
    assert (silent.stage, other.stage) == (Stage.IDLE, Stage.STEADY)
    assert machine.adopted == [(silent, sent_at)]
    assert not machine.cohorts.open_tokens


def test_who_is_silent_keeps_the_token_of_its_probe_when_others_have_left_before(machine: Machine) -> None:
    policy = ProbePolicy(Method.PING, interval_s=0.5, timeout_s=0.2)
    targets = {f"vim-{n}": machine.join(f"vim-{n}", f"http://127.0.0.{n + 1}", policy) for n in range(100)}
    machine.answers = lambda _: False
    while not any(len(members) > 3 for _, members in machine.volleys):
        machine.run(TICK_S)

    gone = machine.volleys[-1][1][0]
    machine.cohorts.leave(targets[gone])
    machine.run(0.5)

    assert {vim_id for vim_id, _ in machine.resumed} == targets.keys() - {gone}


def test_the_token_of_one_member_says_nothing_about_those_of_others(machine: Machine) -> None:
    """Of 10 volleys of 100 tokens each, no two are near each other: random ones are, once in a billion runs."""
    policy = ProbePolicy(Method.PING, interval_s=0.5, timeout_s=0.2)
    for number in range(100):
        machine.join(f"vim-{number}", f"http://127.0.0.{number + 1}", policy)

    machine.run(5)

    tokens = sorted(machine.asked)
    assert len(tokens) >= 1000
    assert min(later - earlier for earlier, later in itertools.pairwise(tokens)) > 1000


def test_who_could_not_be_sent_to_begins_a_round_of_its_own(machine: Machine) -> None:
    machine.join("unsent", "http://127.0.0.1")
    machine.join("other", "http://127.0.0.2")
    machine.sends = lambda vim_id: vim_id != "unsent"

    machine.run(11)

    assert machine.begun == ["unsent"]
    assert not machine.resumed


def test_a_member_that_left_is_sent_nothing_and_its_place_is_taken(machine: Machine) -> None:
    policy = ProbePolicy(Method.PING, interval_s=0.5, timeout_s=0.2)
    targets = [machine.join(f"vim-{n}", f"http://127.0.0.{n + 1}", policy) for n in range(100)]
    for target in targets[::3]:
        machine.cohorts.leave(target)
    machine.volleys.clear()

    machine.run(1)

    probed = {vim_id for _, members in machine.volleys for vim_id in members}
    assert probed == {target.vim_id for target in targets if target not in targets[::3]}


def test_a_member_that_leaves_while_its_answer_is_awaited_is_not_missed(machine: Machine) -> None:
    machine.answers = lambda _: False
    target = machine.join()
    while not machine.volleys:
        machine.run(TICK_S)

    machine.cohorts.leave(target)
    machine.run(11)

    assert not machine.resumed
    assert not machine.cohorts.open_tokens
    assert len(machine.volleys) == 1


def test_a_cohort_whose_members_all_left_takes_new_ones_until_it_is_gone(machine: Machine) -> None:
    machine.cohorts.leave(machine.join("first"))
    machine.cohorts.leave(machine.join("second", policy=ProbePolicy(Method.PING, interval_s=5)))
    machine.join("third")
    machine.run(11)
    machine.join("fourth", policy=ProbePolicy(Method.PING, interval_s=5))
    machine.run(10)

    assert machine.times("first") == machine.times("second") == []
    assert len(machine.times("third")) == len(machine.times("fourth")) == 2


def test_a_vim_that_is_slow_by_nature_is_given_its_time(machine: Machine) -> None:
    slow = Target(action("http://127.0.0.1", PING))
    slow.round_trip_s = 0.3
    machine.answers = lambda _: False
    machine.cohorts.join(slow)

    while not machine.resumed:
        machine.run(TICK_S)

    assert 0.6 <= machine.time - machine.times()[0] <= 0.75 + 2 * TICK_S


@pytest.mark.parametrize("url", ["http://vim.example", "http://127.0.0.1"])
def test_names_and_other_methods_are_probed_by_themselves(machine: Machine, url: str) -> None:
    method = Method.PING if "example" in url else Method.TCP

    assert not machine.cohorts.join(Target(action(url, ProbePolicy(method))))


def test_a_target_leaves_with_the_track_of_a_reachable_vim(machine: Machine) -> None:
    target = machine.join()

    machine.cohorts.leave(target)

    assert target.track.status is Status.REACHABLE
    target.track.begin()
    assert target.track.has_more
    target.track.sent += 3
    target.track.record_silence(machine.time)
    assert (target.track.status, target.track.reason) == (Status.UNREACHABLE, Reason.TIMEOUT)
